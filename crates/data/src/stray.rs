//! A column of numbers or dates with a few words in it: its inferred type hides that something may be wrong. Knows texts of
//! one column.

use std::collections::HashMap;

use pipe_schema::stage::preprocess::ColumnType;

use crate::{
    infer::{self, Missing},
    moment,
    table::{Fields, Places},
};

/// Words that are told apart at most.
const MOST_WORDS: usize = 5;
/// If there are more words, each of them has at least this many numbers beside it.
const NUMBERS_A_WORD: u64 = 10;

/// What the other values of the column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usual {
    Numbers,
    Dates,
}

/// The words among numbers or dates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stray {
    pub usual: Usual,
    /// The row of the first word.
    row: usize,
    /// The words with their rows, the first one first; of many, some.
    words: Vec<(String, u64)>,
    /// Rows with a number or a date.
    fitting: u64,
    values: u64,
}

/// Looks for stray words in a column whose type was inferred as one of words, in the rows where `counts` is true.
///
/// A single word is one at any share, a few words are if more different numbers than words are there, and more of them if
/// they are rare.
pub fn find(
    fields: &Fields,
    r#type: ColumnType,
    missing: &Missing,
    counts: &[bool],
) -> Option<Stray> {
    if !matches!(r#type, ColumnType::Categorical | ColumnType::Text) {
        return None;
    }
    let rows = fields.iter().enumerate().zip(counts);
    let values = rows.filter(|((_, text), counts)| **counts && !missing.has(text));
    let mut numbers = Tally::default();
    let mut dates = Tally::default();
    for ((row, text), _) in values {
        numbers.add(row, text, infer::number(text).is_some());
        dates.add(row, text, moment::parse(infer::text_of(text)).is_some());
        if numbers.is_hopeless() && dates.is_hopeless() {
            return None;
        }
    }
    let (usual, tally) = if dates.fitting > numbers.fitting {
        (Usual::Dates, dates)
    } else {
        (Usual::Numbers, numbers)
    };
    tally.stray(usual)
}

/// Counts what fits and what does not.
#[derive(Default)]
struct Tally<'a> {
    fitting: u64,
    /// Different texts that fit, as far as they matter.
    distinct: Vec<&'a [u8]>,
    /// Rows by word, with the first row; of many words, some.
    words: HashMap<&'a [u8], (usize, u64)>,
    strays: u64,
    has_more_words: bool,
}

impl<'a> Tally<'a> {
    fn add(&mut self, row: usize, text: &'a [u8], fits: bool) {
        if fits {
            self.fitting += 1;
            if self.distinct.len() <= MOST_WORDS && !self.distinct.contains(&text) {
                self.distinct.push(text);
            }
            return;
        }
        self.strays += 1;
        if let Some((_, count)) = self.words.get_mut(text) {
            *count += 1;
        } else if self.words.len() < MOST_WORDS {
            self.words.insert(text, (row, 1));
        } else {
            self.has_more_words = true;
        }
    }

    /// Whether the words can no longer be strays, if the rows that follow are like those before.
    fn is_hopeless(&self) -> bool {
        const ENOUGH: u64 = 10_000;
        self.has_more_words && self.strays > ENOUGH && self.fitting < self.strays
    }

    fn stray(self, usual: Usual) -> Option<Stray> {
        let is_stray = if self.has_more_words {
            self.strays * NUMBERS_A_WORD <= self.fitting
        } else {
            match self.words.len() {
                0 => false,
                1 => self.fitting > 0,
                words => self.distinct.len() > words,
            }
        };
        if !is_stray {
            return None;
        }
        let mut words: Vec<(&[u8], (usize, u64))> = self.words.into_iter().collect();
        words.sort_unstable_by_key(|(_, (row, _))| *row);
        Some(Stray {
            usual,
            row: words.first()?.1.0,
            words: words
                .into_iter()
                .map(|(word, (_, count))| (infer::text_of(word).to_owned(), count))
                .collect(),
            fitting: self.fitting,
            values: self.fitting + self.strays,
        })
    }
}

impl Stray {
    /// The words, the first one first.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(|(word, _)| word.as_str())
    }

    /// Whether the words are known and hardly values, as they are fewer than what is usual.
    pub fn is_mostly_fitting(&self) -> bool {
        self.has_all_words() && self.fitting * 2 >= self.values
    }

    /// Whether each of the words is known.
    pub fn has_all_words(&self) -> bool {
        let strays: u64 = self.words.iter().map(|(_, count)| count).sum();
        self.fitting + strays == self.values
    }

    /// What was found: `d.csv:7: column `x`: `inf` is no finite number, 119 of 120 values are`.
    pub fn finding(&self, column: &str, places: &Places) -> String {
        let place = places.of(self.row);
        let first = self.words().next().unwrap_or_default();
        let what = match self.usual {
            Usual::Numbers => "finite number",
            Usual::Dates => "date",
        };
        let (fitting, values) = (self.fitting, self.values);
        format!(
            "{place}: column `{column}`: `{first}` is no {what}, {fitting} of {values} values are"
        )
    }

    /// How often each word is there: `inf` in 1 row.
    pub fn counts(&self) -> String {
        let count = |(word, count): &(String, u64)| {
            let rows = if *count == 1 { "row" } else { "rows" };
            format!("`{word}` in {count} {rows}")
        };
        let mut counts: Vec<String> = self.words.iter().map(count).collect();
        if !self.has_all_words() {
            counts.push("…".to_owned());
        }
        counts.join(", ")
    }

    /// What was found, what was done, and what to do about it: a line each.
    pub fn told(&self, column: &str, places: &Places) -> [String; 2] {
        let words: Vec<&str> = self.words().collect();
        let list = words.join("`, `");
        let (verb, value) = match words.as_slice() {
            [_] => ("is", "a missing value"),
            _ => ("are", "missing values"),
        };
        let them = if words.len() == 1 { "it" } else { "them" };
        [
            format!(
                "{}: taken for words ({})",
                self.finding(column, places),
                self.counts()
            ),
            format!(
                "if `{list}` {verb} {value}, add {them} to `read.na`; if words are meant, set `columns: {{{column}: categorical}}`"
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is usual, the stray words with their counts, the values that fit and all of them.
    type Found = (Usual, Vec<(String, u64)>, u64, u64);

    fn found(texts: &[&str]) -> Option<Found> {
        let mut fields = Fields::default();
        for text in texts {
            fields.push(text.as_bytes());
        }
        let counts = vec![true; texts.len()];
        let r#type = ColumnType::Categorical;
        let stray = find(&fields, r#type, &Missing::default(), &counts)?;
        Some((stray.usual, stray.words, stray.fitting, stray.values))
    }

    fn numbers(words: &[(&str, u64)], fitting: u64, values: u64) -> Found {
        let words = words
            .iter()
            .map(|(word, count)| ((*word).to_owned(), *count));
        (Usual::Numbers, words.collect(), fitting, values)
    }

    #[test]
    fn a_single_stray_word_is_told_at_any_share() {
        assert_eq!(found(&["1", "?"]), Some(numbers(&[("?", 1)], 1, 2)));
        assert_eq!(
            found(&["?", "1", "?", "2", "?"]),
            Some(numbers(&[("?", 3)], 2, 5))
        );
        assert_eq!(found(&["a", "a"]), None);
        assert_eq!(found(&[]), None);
    }

    #[test]
    fn a_few_stray_words_are_told_where_more_numbers_are_there() {
        let words = [("-", 1), ("?", 2)];
        assert_eq!(
            found(&["1", "-", "2", "?", "3", "?"]),
            Some(numbers(&words, 3, 6))
        );
        assert_eq!(found(&["1", "S", "2", "M", "L"]), None);
    }

    #[test]
    fn many_stray_words_are_told_where_they_are_rare() {
        let words = ["a", "b", "c", "d", "e", "f"];
        let numbers: Vec<String> = (0..60).map(|it| it.to_string()).collect();
        let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
        assert_eq!(found(&[&words[..], &numbers].concat()).unwrap().2, 60);
        assert_eq!(found(&[&words[..], &numbers[..59]].concat()), None);
    }

    #[test]
    fn a_stray_word_among_dates_is_told() {
        let found = found(&["2024-01-01", "2024-01-02", "unknown"]).unwrap();
        assert_eq!(found.0, Usual::Dates);
        assert_eq!((found.2, found.3), (2, 3));
    }
}
