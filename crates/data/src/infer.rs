//! What a column holds, told from its texts; and the texts as values of a type. Knows no parts and no files' form.
//!
//! A column is numeric if all its values are finite numbers, boolean if all are words for yes or no
//! (`true false yes no t f`, not `0 1`). One without values counts as numeric. Of other words it is datetime if all are
//! dates; text if more than half of the values are different ones, of three words at least on average; else categorical.

use std::collections::{BTreeMap, HashMap, HashSet};

use pipe_schema::stage::preprocess::{ColumnType, MissingWords, Read};

use crate::{
    moment,
    table::{Fields, NULL},
};

/// An integer column has at most this many distinct values if, as a target, it means classes.
pub const MOST_NUMBER_CLASSES: usize = 20;
/// Integers from here on may share a float with others.
pub const EXACT: f64 = 9_007_199_254_740_992.0;
const TRUE_WORDS: [&[u8]; 3] = [b"true", b"yes", b"t"];
const FALSE_WORDS: [&[u8]; 3] = [b"false", b"no", b"f"];

/// Tells which texts stand for a missing value: a null of the file does always.
#[derive(Clone, Debug)]
pub struct Missing {
    words: Vec<Vec<u8>>,
    /// The words that are numbers: they count by value.
    numbers: Vec<f64>,
    /// Whether a word starts with this byte.
    starts: [bool; 256],
    takes_empty: bool,
}

impl Missing {
    /// As a settled `read` says.
    pub fn of(read: &Read) -> Self {
        let takes_empty = match &read.na {
            // As schemas were before files with nulls of their own took the empty text for a value.
            MissingWords::List(_) => true,
            MissingWords::Only(words) => {
                !read.form().has_nulls() || words.iter().any(|word| word.trim().is_empty())
            }
        };
        let words = read.na.words().iter().map(|word| word.trim().as_bytes());
        let words: Vec<Vec<u8>> = words.map(<[u8]>::to_vec).collect();
        let mut starts = [false; 256];
        for first in words.iter().filter_map(|word| word.first()) {
            starts[usize::from(*first)] = true;
        }
        Self {
            numbers: words.iter().filter_map(|word| number(word)).collect(),
            words,
            starts,
            takes_empty,
        }
    }

    /// Whether a text stands for a missing value.
    pub fn has(&self, text: &[u8]) -> bool {
        let Some(first) = text.first() else {
            return self.takes_empty;
        };
        text == NULL
            || (self.starts[usize::from(*first)] && self.words.iter().any(|word| word == text))
            || (!self.numbers.is_empty()
                && number(text).is_some_and(|value| self.numbers.contains(&value)))
    }
}

impl Default for Missing {
    /// No words but the empty text.
    fn default() -> Self {
        Self {
            words: Vec::new(),
            numbers: Vec::new(),
            starts: [false; 256],
            takes_empty: true,
        }
    }
}

/// A finite number.
pub fn number(text: &[u8]) -> Option<f64> {
    let is_number = matches!(text.first()?, b'0'..=b'9' | b'-' | b'+' | b'.');
    let value: f64 = is_number.then(|| fast_float2::parse(text).ok())??;
    value.is_finite().then_some(value)
}

/// A word for yes or no.
pub fn truth(text: &[u8]) -> Option<bool> {
    let is_one_of = |words: &[&[u8]]| words.iter().any(|it| it.eq_ignore_ascii_case(text));
    if is_one_of(&TRUE_WORDS) {
        Some(true)
    } else {
        is_one_of(&FALSE_WORDS).then_some(false)
    }
}

/// A word for yes or no, or 0 or 1, as an explicitly boolean column may have.
pub fn truth_or_digit(text: &[u8]) -> Option<bool> {
    match text {
        b"0" => Some(false),
        b"1" => Some(true),
        _ => truth(text),
    }
}

/// The type of a column, told from the rows where `counts` is true; `words_type` tells more of a categorical one.
pub fn column_type(fields: &Fields, missing: &Missing, counts: &[bool]) -> ColumnType {
    let mut may_be_number = true;
    let mut may_be_truth = true;
    let mut is_empty = true;
    for (text, _) in fields.iter().zip(counts).filter(|(_, counts)| **counts) {
        if missing.has(text) {
            continue;
        }
        is_empty = false;
        may_be_number = may_be_number && number(text).is_some();
        may_be_truth = may_be_truth && !may_be_number && truth(text).is_some();
        if !may_be_number && !may_be_truth {
            return ColumnType::Categorical;
        }
    }
    if may_be_number || is_empty {
        ColumnType::Numeric
    } else {
        ColumnType::Boolean
    }
}

/// The type of a column of so many words, told from the different ones among them.
pub fn words_type<'a>(distinct: impl Iterator<Item = &'a str> + Clone, values: u64) -> ColumnType {
    const FEWEST_WORDS: u64 = 3;
    if distinct.clone().all(|it| moment::parse(it).is_some()) {
        return ColumnType::Datetime;
    }
    let (mut texts, mut words) = (0, 0);
    for text in distinct {
        texts += 1;
        words += words_in(text);
    }
    if texts * 2 > values && words >= texts * FEWEST_WORDS {
        ColumnType::Text
    } else {
        ColumnType::Categorical
    }
}

/// Words are what blanks divide.
fn words_in(text: &str) -> u64 {
    let mut words = 0;
    let mut after_blank = true;
    for byte in text.bytes() {
        let is_blank = byte.is_ascii_whitespace();
        words += u64::from(after_blank && !is_blank);
        after_blank = is_blank;
    }
    words
}

/// Whether a target without a given type means classes: words do, numbers with a fraction do not, and integers do
/// if they have at most 20 distinct values, each of them in two rows on average.
pub fn means_classes(fields: &Fields, missing: &Missing, counts: &[bool]) -> bool {
    let mut distinct = HashSet::new();
    let (mut rows, mut has_fraction) = (0, false);
    for (text, _) in fields.iter().zip(counts).filter(|(_, counts)| **counts) {
        if missing.has(text) {
            continue;
        }
        rows += 1;
        match number(text) {
            // A word after numbers with a fraction is one, too: the order of the rows must not matter.
            None => return true,
            Some(value) if value.fract() != 0.0 => has_fraction = true,
            Some(value) => {
                if distinct.len() <= MOST_NUMBER_CLASSES {
                    distinct.insert((value + 0.0).to_bits());
                }
            }
        }
    }
    !has_fraction && distinct.len() <= MOST_NUMBER_CLASSES && rows >= 2 * distinct.len()
}

/// What the texts of a column look like, for people.
#[derive(Clone, Debug, PartialEq)]
pub struct Glance {
    pub r#type: ColumnType,
    pub missing: u64,
    /// Distinct values that are not missing.
    pub distinct: u64,
    /// Rows by value, as read, if there are at most 1,000 distinct ones.
    pub counts: BTreeMap<String, u64>,
    /// Of a numeric column.
    pub min: Option<f64>,
    pub max: Option<f64>,
    /// Of a datetime column: the first and the last, as written.
    pub dates: Option<[String; 2]>,
    /// Whether, as a target, it means classes.
    pub means_classes: bool,
    /// Whether the values look like names of rows: all distinct words, or integers that count up by one.
    pub is_id: bool,
    /// Whether some values of a categorical column are numbers, or words for yes and no: seen alone, a part of its rows
    /// may look like another type.
    pub is_mixed: bool,
}

/// Looks at all rows of a column.
pub fn glance(fields: &Fields, missing: &Missing) -> Glance {
    const MOST_COUNTED: usize = 1000;
    let everywhere = vec![true; fields.iter().count()];
    let mut r#type = column_type(fields, missing, &everywhere);
    let mut counts: HashMap<&[u8], u64> = HashMap::new();
    let mut missing_count = 0;
    let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
    let mut counts_up = true;
    let mut is_mixed = false;
    let mut before: Option<f64> = None;
    for text in fields.iter() {
        if missing.has(text) {
            missing_count += 1;
            continue;
        }
        *counts.entry(text).or_default() += 1;
        is_mixed = is_mixed || number(text).is_some() || truth(text).is_some();
        if let Some(value) = number(text) {
            (min, max) = (min.min(value), max.max(value));
            counts_up = counts_up && before.is_none_or(|it| value == it + 1.0);
            before = Some(value);
        }
    }
    let values = everywhere.len() as u64 - missing_count;
    let distinct = counts.len() as u64;
    if r#type == ColumnType::Categorical {
        r#type = words_type(counts.keys().map(|it| text_of(it)), values);
    }
    let dates = (r#type == ColumnType::Datetime)
        .then(|| moment::ends(counts.keys().map(|it| text_of(it))))
        .flatten();
    let is_numeric = r#type == ColumnType::Numeric && values > 0;
    let is_distinct = distinct == values && missing_count == 0 && values >= 10;
    Glance {
        r#type,
        missing: missing_count,
        distinct,
        min: is_numeric.then_some(min),
        max: is_numeric.then_some(max),
        dates,
        means_classes: means_classes(fields, missing, &everywhere),
        is_mixed: is_mixed && r#type == ColumnType::Categorical,
        is_id: is_distinct
            && (r#type == ColumnType::Categorical || (counts_up && (min == 0.0 || min == 1.0))),
        counts: if counts.len() > MOST_COUNTED {
            BTreeMap::new()
        } else {
            let counts = counts.into_iter();
            counts
                .map(|(text, count)| (text_of(text).to_owned(), count))
                .collect()
        },
    }
}

/// A field's text; fields were checked to be UTF-8 when they were read.
pub fn text_of(field: &[u8]) -> &str {
    std::str::from_utf8(field).unwrap_or_default()
}

/// The shortest text of a number: `3`, `0.25`.
pub fn number_text(value: f64) -> String {
    format!("{}", value + 0.0)
}

/// Names for a message: the first ten, and how many more.
pub fn listed<T: AsRef<str>>(names: &[T]) -> String {
    const SHOWN: usize = 10;
    let mut text: Vec<String> = names
        .iter()
        .take(SHOWN)
        .map(|it| format!("`{}`", it.as_ref()))
        .collect();
    if names.len() > SHOWN {
        text.push(format!("… ({} in all)", names.len()));
    }
    text.join(", ")
}

/// The name that was probably meant.
pub fn closest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = names.into_iter().map(|name| {
        let (a, b) = (word.to_lowercase(), name.to_lowercase());
        (strsim::jaro_winkler(&a, &b), name)
    });
    scored
        .filter(|(score, _)| *score >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}
