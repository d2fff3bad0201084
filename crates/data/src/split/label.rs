//! Rows by the value of a column, as numbers from 0. Knows texts, no types.

use crate::{
    error::DataError,
    infer::Missing,
    table::Table,
    words::{NO_WORD, Words},
};

/// For each row the number of its value, values in the order of their texts; a missing one is a value like others.
pub fn strata(table: &Table, name: &str) -> Vec<usize> {
    let Some(column) = table.column(name) else {
        return vec![0; table.rows()];
    };
    let words = Words::of(&column.fields, &Missing::default());
    let numbers = numbers(&words);
    let codes = words.codes.iter();
    codes
        .map(|it| numbers.get(*it as usize).map_or(0, |it| it + 1))
        .collect()
}

/// For each row the number of its group, groups in the order of their texts. A row without a group is refused.
pub fn groups(table: &Table, name: &str, missing: &Missing) -> Result<Vec<usize>, DataError> {
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
    let numbers = numbers(&words);
    let codes = words.codes.iter();
    Ok(codes
        .map(|it| numbers.get(*it as usize).copied().unwrap_or(0))
        .collect())
}

/// The place of each code's word among all words, sorted.
fn numbers(words: &Words) -> Vec<usize> {
    let mut names: Vec<(&str, usize)> = words.names().zip(0..).collect();
    names.sort_unstable();
    let mut numbers = vec![0; names.len()];
    for (number, (_, code)) in names.iter().enumerate() {
        numbers[*code] = number;
    }
    numbers
}
