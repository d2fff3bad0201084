//! A column of numbers with a few words in it: its inferred type hides that something may be wrong. Knows texts of one column.

use pipe_schema::stage::preprocess::ColumnType;

use crate::{
    infer::{self, Missing},
    table::{Fields, Places},
};

/// For each word there are at least as many numbers.
const NUMBERS_A_WORD: u64 = 10;

/// The first word among numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stray {
    row: usize,
    word: String,
    numbers: u64,
    values: u64,
}

/// Looks for it in a column whose type was told to be one of words, in the rows where `counts` is true.
pub fn find(
    fields: &Fields,
    r#type: ColumnType,
    missing: &Missing,
    counts: &[bool],
) -> Option<Stray> {
    if matches!(r#type, ColumnType::Numeric | ColumnType::Boolean) {
        return None;
    }
    let most_words = counts.len() as u64 / NUMBERS_A_WORD;
    let (mut numbers, mut words, mut first) = (0, 0, None);
    let rows = fields.iter().enumerate().zip(counts);
    for ((row, text), _) in rows.filter(|(_, counts)| **counts) {
        if missing.has(text) {
            continue;
        }
        if infer::number(text).is_some() {
            numbers += 1;
            continue;
        }
        words += 1;
        if words > most_words {
            return None;
        }
        first.get_or_insert((row, text));
    }
    let (row, text) = first.filter(|_| numbers >= words * NUMBERS_A_WORD)?;
    Some(Stray {
        row,
        word: infer::text_of(text).to_owned(),
        numbers,
        values: numbers + words,
    })
}

impl Stray {
    /// What was found and what to do about it, a line each.
    pub fn told(&self, column: &str, places: &Places) -> [String; 2] {
        let Self {
            row,
            word,
            numbers,
            values,
        } = self;
        let place = places.of(*row);
        [
            format!(
                "{place}: column `{column}`: `{word}` is no finite number, {numbers} of {values} values are: taken for words"
            ),
            format!(
                "if `{word}` is a missing value, add it to `read.na`; if words are meant, set `columns: {{{column}: categorical}}`"
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(texts: &[&str]) -> Option<(usize, u64, u64)> {
        let mut fields = Fields::default();
        for text in texts {
            fields.push(text.as_bytes());
        }
        let counts = vec![true; texts.len()];
        let stray = find(
            &fields,
            ColumnType::Categorical,
            &Missing::default(),
            &counts,
        );
        stray.map(|it| (it.row, it.numbers, it.values))
    }

    #[test]
    fn a_word_among_ten_numbers_is_told_and_one_among_nine_is_not() {
        let numbers = ["1"; 10];
        assert_eq!(found(&[&numbers[..], &["?"]].concat()), Some((10, 10, 11)));
        assert_eq!(found(&[&numbers[1..], &["?"]].concat()), None);
        assert_eq!(found(&["a", "b", "a"]), None);
        assert_eq!(found(&[]), None);
    }
}
