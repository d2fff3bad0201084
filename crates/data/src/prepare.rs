//! The `preprocess` stage: read, split, fit, write. Knows no store.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use pipe_schema::{protocol::InputPath, stage::preprocess::Preprocess};

use crate::error::DataError;

/// Files to read, in order, by role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    pub source: Vec<PathBuf>,
    pub train: Vec<PathBuf>,
    pub val: Vec<PathBuf>,
    pub test: Vec<PathBuf>,
}

impl Files {
    /// Sorts a job's inputs: roles `source`, `source/0`, `split/train/0` and so on. Of a folder, all files in it.
    pub fn from_inputs(_inputs: &BTreeMap<String, InputPath>) -> Result<Self, DataError> {
        Ok(Self::default())
    }
}

/// What is told while the work goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    Progress {
        done: u64,
        total: u64,
        unit: &'static str,
    },
    /// A line for people.
    Log(String),
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Rows by part, in the order train, val, test.
    pub rows: Vec<(&'static str, u64)>,
    /// Columns of `features`.
    pub features: u64,
    /// Names of the classes; empty for a number.
    pub classes: Vec<String>,
}

/// Reads the files, splits the rows, fits the steps on the train part and writes the dataset into the folder `out`.
pub fn preprocess(
    block: &Preprocess,
    files: &Files,
    out: &Path,
    report: &mut dyn FnMut(Note),
) -> Result<Summary, DataError> {
    let _ = (block, files, out, report);
    Err(DataError::wrong("tables are not read yet"))
}
