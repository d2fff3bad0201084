//! Rows by the value of a column, as numbers from 0. Knows texts; where all of them are numbers, `1`, `1.0` and `01` are one.

use std::collections::HashMap;

use crate::{
    error::DataError,
    infer::{self, Missing},
    table::Table,
    words::{NO_WORD, Words},
};

/// The order in which values are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelOrder {
    /// By their texts.
    Text,
    /// By their numbers if all of them are numbers, else by their texts.
    Value,
}

/// Returns the number of each row's value; a missing one is a value like others.
pub fn strata(table: &Table, name: &str, missing: &Missing, order: LabelOrder) -> Vec<usize> {
    let Some(column) = table.column(name) else {
        return vec![0; table.rows()];
    };
    let words = Words::of(&column.fields, &Missing::default());
    let numbers = numbers(&words, missing, order);
    let codes = words.codes.iter();
    codes
        .map(|it| numbers.get(*it as usize).map_or(0, |it| it + 1))
        .collect()
}

/// Returns the number of each row's group. A row without a group is refused.
pub fn groups(
    table: &Table,
    name: &str,
    missing: &Missing,
    order: LabelOrder,
) -> Result<Vec<usize>, DataError> {
    let Some(column) = table.column(name) else {
        return Ok(vec![0; table.rows()]);
    };
    let words = Words::of(&column.fields, missing);
    if let Some(row) = words.codes.iter().position(|it| *it == NO_WORD) {
        return Err(DataError::wrong(format!(
            "{}: column `{name}` has no value here, so the row is of no group",
            table.places.of(row)
        ))
        .hint("give the row a group of its own, or leave the row out of the file"));
    }
    let numbers = numbers(&words, missing, order);
    let codes = words.codes.iter();
    Ok(codes
        .map(|it| numbers.get(*it as usize).copied().unwrap_or(0))
        .collect())
}

/// The place of each code's word among all words, sorted. Words of one number have one place.
fn numbers(words: &Words, missing: &Missing, order: LabelOrder) -> Vec<usize> {
    let number = |word: &str| infer::number(word.as_bytes());
    let mut present = words.names().filter(|it| !missing.has(it.as_bytes()));
    let are_numbers = present.all(|it| number(it).is_some());
    let mut names: Vec<(&str, usize)> = words.names().zip(0..).collect();
    names.sort_unstable();
    if are_numbers && order == LabelOrder::Value {
        // A missing value has no number and comes first.
        names.sort_by(|a, b| {
            let value = |name: &str| number(name).unwrap_or(f64::NEG_INFINITY);
            value(a.0).total_cmp(&value(b.0))
        });
    }
    let mut numbers = vec![0; names.len()];
    let mut known: HashMap<u64, usize> = HashMap::new();
    let mut places = 0;
    for (name, code) in names {
        // Two integers beyond 2^53 may be one float; their texts tell them apart.
        let value = number(name).filter(|it| are_numbers && it.abs() < infer::EXACT);
        let place = match value {
            Some(value) => *known.entry((value + 0.0).to_bits()).or_insert(places),
            None => places,
        };
        numbers[code] = place;
        places += usize::from(place == places);
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_apart_by_value_and_words_by_text() {
        let places = |texts: &[&str]| {
            let mut fields = crate::table::Fields::default();
            for text in texts {
                fields.push(text.as_bytes());
            }
            let read = pipe_schema::stage::preprocess::Read::default();
            let na = Missing::of(&read.settled(None, None, &[]));
            let words = Words::of(&fields, &Missing::default());
            let numbers = numbers(&words, &na, LabelOrder::Text);
            let codes = words.codes.iter();
            codes
                .map(|it| numbers.get(*it as usize).copied())
                .collect::<Vec<_>>()
        };
        let some = |them: &[usize]| them.iter().copied().map(Some).collect::<Vec<_>>();
        assert_eq!(
            places(&["2", "1", "1.0", "01", "NA"]),
            some(&[1, 0, 0, 0, 2])
        );
        assert_eq!(places(&["b", "1", "01"]), some(&[2, 1, 0]));
        let large = ["9007199254740992", "9007199254740993"];
        assert_eq!(places(&large), some(&[0, 1]));
    }
}
