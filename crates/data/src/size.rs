//! The bytes that columns and rows take, before they are made: told to people, and refused if there is no room.

use pipe_schema::{
    dataset::FittedStep,
    stage::preprocess::{BucketEncoding, Step},
    text::{count_words, size_words},
};

use crate::{
    error::DataError,
    frame::{Frame, Values},
    steps,
};

/// Returns the bytes of memory that may still be taken.
pub type Room<'a> = dyn Fn() -> u64 + 'a;

/// A column that becomes this many or more is told.
const MANY_COLUMNS: usize = 1000;
/// Bytes of a number of a dense column while steps work on it.
const STEP_NUMBER: u64 = 8;
/// Bytes of a number that is trained on.
const DENSE_NUMBER: u64 = 4;
/// Likewise with its column, in sparse rows.
const SPARSE_NUMBER: u64 = 8;

/// Tells of each column that a step makes very many of, before it does.
pub fn tell(step: &FittedStep, rows: usize, tell: &mut dyn FnMut(String)) {
    let mut one = |name: &str, count: usize, what: &str, remedy: &str| {
        if count < MANY_COLUMNS {
            return;
        }
        let dense = (count as u64).saturating_mul(rows as u64) * DENSE_NUMBER;
        tell(format!(
            "column `{name}` has {} {what}, each of which becomes a column: {} for {} rows if they were dense; {remedy}",
            count_words(count as u64),
            size_words(dense),
            count_words(rows as u64),
        ));
    };
    match step {
        FittedStep::OneHot {
            categories, rare, ..
        } => {
            for (name, seen) in categories {
                let count = seen.len() + usize::from(rare.contains_key(name));
                let remedy =
                    "`hash`, `ordinal` with a `tabular` network, or `min_count` take fewer";
                one(name, count, "categories", remedy);
            }
        }
        FittedStep::BagOfWords { columns, .. } => {
            for (name, vocabulary) in columns {
                let remedy = "`max_features` and `min_count` take fewer";
                one(name, vocabulary.terms.len(), "terms", remedy);
            }
        }
        FittedStep::Bucketize {
            edges,
            encode: BucketEncoding::OneHot,
        } => {
            for (name, edges) in edges {
                one(name, edges.len() + 1, "buckets", "`bins` says how many");
            }
        }
        FittedStep::Hash {
            columns, buckets, ..
        } => {
            for name in columns {
                one(
                    name,
                    *buckets as usize,
                    "buckets",
                    "`buckets` says how many",
                );
            }
        }
        _ => {}
    }
}

/// Refuses a step that would give sparse columns a number in each row if there is no room for these.
pub fn check_step(step: &Step, frame: &Frame, room: &Room<'_>) -> Result<(), DataError> {
    let columns = steps::scaled(step, frame)?;
    let sparse = columns
        .iter()
        .filter_map(|name| match frame.columns.get(name)? {
            Values::Sparse(column) => Some(column.rows() as u64),
            _ => None,
        });
    let rows: Vec<u64> = sparse.collect();
    let bytes = rows.iter().sum::<u64>().saturating_mul(STEP_NUMBER);
    let left = room();
    if bytes <= left {
        return Ok(());
    }
    Err(DataError::wrong(format!(
        "{} columns that are mostly zero would take {} once it changes their zeros, and {} of memory are left",
        count_words(rows.len() as u64),
        size_words(bytes),
        size_words(left)
    ))
    .hint("name the columns that it is for: `columns: [a, b]`; or make fewer columns: `max_features`, `min_count`"))
}

/// What the rows of a part will take as numbers.
pub struct FeaturesSize {
    pub rows: usize,
    /// Numbers a row.
    pub width: usize,
    /// Of sparse rows: how many numbers of each are not zero.
    pub counts: Option<Vec<u64>>,
}

impl FeaturesSize {
    /// All numbers, also those that are zero.
    pub fn numbers(&self) -> u64 {
        (self.rows as u64).saturating_mul(self.width as u64)
    }

    /// Bytes in memory and in the file.
    pub fn bytes(&self) -> u64 {
        match &self.counts {
            Some(counts) => counts.iter().sum::<u64>().saturating_mul(SPARSE_NUMBER),
            None => self.dense_bytes(),
        }
    }

    /// What they would take with all zeros.
    pub fn dense_bytes(&self) -> u64 {
        self.numbers().saturating_mul(DENSE_NUMBER)
    }

    /// Refuses rows for which there is no room.
    pub fn check(&self, room: &Room<'_>) -> Result<(), DataError> {
        let left = room();
        if self.bytes() <= left {
            return Ok(());
        }
        Err(DataError::wrong(format!(
            "the features would take {}, and {} of memory are left: {} rows of {} columns",
            size_words(self.bytes()),
            size_words(left),
            count_words(self.rows as u64),
            count_words(self.width as u64)
        ))
        .hint("make fewer columns: `hash`, `min_count`, or `ordinal` with a `tabular` network; or raise `resources.memory`"))
    }
}
