//! What rows have that the train part had not: categories that no row of it had, and missing values that a step filled.
//! Knows no files and no steps.

use indexmap::IndexMap;
use pipe_schema::dataset::RowFindings;

use crate::words::{NO_WORD, Words};

/// Rows by column, as steps meet them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Met {
    /// Rows with a category that the train part has not.
    pub unseen: IndexMap<String, Vec<usize>>,
    /// Rows whose missing value was filled.
    pub filled: IndexMap<String, Vec<usize>>,
}

impl Met {
    /// Notes the rows of a column whose category has no place.
    pub fn note_unseen(&mut self, column: &str, words: &Words, places: &[Option<usize>]) {
        let is_unseen =
            |code: u32| code != NO_WORD && matches!(places.get(code as usize), Some(None));
        let codes = words.codes.iter().enumerate();
        let rows: Vec<usize> = codes
            .filter(|(_, code)| is_unseen(**code))
            .map(|(row, _)| row)
            .collect();
        if !rows.is_empty() {
            self.unseen.insert(column.to_owned(), rows);
        }
    }

    /// Notes the rows of a column that are filled.
    pub fn note_filled(&mut self, column: &str, rows: Vec<usize>) {
        if !rows.is_empty() {
            self.filled.insert(column.to_owned(), rows);
        }
    }

    /// Counts the rows of a table with so many.
    pub fn findings(&self, rows: usize) -> RowFindings {
        let counts = |all: &IndexMap<String, Vec<usize>>| {
            let columns = all.iter();
            columns
                .map(|(name, rows)| (name.clone(), rows.len() as u64))
                .collect()
        };
        RowFindings {
            rows: rows as u64,
            unseen: counts(&self.unseen),
            filled: counts(&self.filled),
            unused: Vec::new(),
        }
    }
}
