//! Steps that make numbers of texts and of dates.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::column::Columns;

/// Parts of a date, each a column `NAME_PART`. Dates are written as ISO 8601 has them, e.g. `2024-01-31 13:45`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DatetimeParts {
    /// Which columns.
    #[serde(default = "Columns::datetime")]
    pub columns: Columns,
    /// The parts. Where a date has an offset, they are those of the clock that it was written by.
    #[serde(default = "usual")]
    pub parts: Vec<DatetimePart>,
    /// Whether all but the year become two columns `NAME_PART_sin` and `NAME_PART_cos`, in which December is near January.
    #[serde(default)]
    pub cyclic: bool,
}

fn usual() -> Vec<DatetimePart> {
    use DatetimePart::{Day, Hour, Month, Weekday, Year};
    vec![Year, Month, Day, Weekday, Hour]
}

/// A part of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DatetimePart {
    Year,
    /// From 1.
    Month,
    /// Of the month, from 1.
    Day,
    /// From 0, Monday.
    Weekday,
    Hour,
    Minute,
}

impl DatetimePart {
    /// The word in a spec.
    pub fn name(self) -> &'static str {
        match self {
            Self::Year => "year",
            Self::Month => "month",
            Self::Day => "day",
            Self::Weekday => "weekday",
            Self::Hour => "hour",
            Self::Minute => "minute",
        }
    }
}

/// A column `NAME:TERM` for each term of the train part's texts. Terms are runs of two or more letters, digits and `_`,
/// in lower case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BagOfWords {
    /// Which columns.
    #[serde(default = "Columns::text")]
    pub columns: Columns,
    /// What is told of a term.
    #[serde(default)]
    pub weights: TermWeights,
    /// At most so many terms, the most frequent ones of the train part; of equally frequent ones the first by code point.
    #[serde(default = "thousand")]
    #[schemars(range(min = 1, max = 65536))]
    pub max_features: u32,
    /// A term must be in so many rows of the train part.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    pub min_count: u64,
    /// Fewest and most words of a term.
    #[serde(default = "single_words")]
    pub ngrams: [u32; 2],
}

/// The words of a text as a block of codes, in their order, for `embedding`: 0 after the last word of a short text, 1 for a
/// word that is not known, from 2 on the words of the train part, the most frequent first. Words are those of `bag_of_words`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    /// Which columns.
    #[serde(default = "Columns::text")]
    pub columns: Columns,
    /// So many words of a text, from its first; more are left out.
    #[serde(default = "usual_length")]
    #[schemars(range(min = 1, max = 65536))]
    pub length: u32,
    /// At most so many words are known, the most frequent ones of the train part; of equally frequent ones the first by code
    /// point.
    #[serde(default = "ten_thousand")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub vocabulary: u32,
    /// A known word must be in so many rows of the train part.
    #[serde(default = "two")]
    #[schemars(range(min = 1))]
    pub min_count: u64,
    /// Whether words that differ in capitals alone are one.
    #[serde(default = "yes")]
    pub lowercase: bool,
}

fn usual_length() -> u32 {
    64
}

fn ten_thousand() -> u32 {
    10_000
}

fn two() -> u64 {
    2
}

fn yes() -> bool {
    true
}

fn thousand() -> u32 {
    1000
}

fn one() -> u64 {
    1
}

fn single_words() -> [u32; 2] {
    [1, 1]
}

/// What is told of a term.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TermWeights {
    /// How often it occurs in the text.
    Counts,
    /// The same, less for terms that many texts have; each row has the length 1.
    #[default]
    TfIdf,
}
