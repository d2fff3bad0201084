//! Which rows belong to which part of a dataset.

use pipe_schema::stage::preprocess::Preprocess;

use super::Note;
use crate::{
    error::DataError,
    files::Files,
    frame::Frame,
    infer::Missing,
    size::FeaturesSize,
    split::{self, Parts},
    table::{self, Table},
    target,
    windows::{self, Series},
};

/// The rows by part, the train part first.
pub(super) struct Division {
    pub parts: Parts,
    /// The windows of each part, if rows are joined to windows.
    pub series: Option<Vec<Series>>,
    /// The rows that steps learn from: the train part before rows are joined to windows.
    pub train: Vec<usize>,
    /// Of each row, whether steps learn from it.
    pub is_train: Vec<bool>,
}

impl Division {
    pub fn of(
        block: &Preprocess,
        files: &Files,
        table: &Table,
        missing: &Missing,
        report: &mut dyn FnMut(Note),
    ) -> Result<Self, DataError> {
        let read = &block.reading();
        let counts = [&files.train, &files.val, &files.test].map(|files| table::count(files, read));
        let mut parts = split::divide(&block.split, counts, table, missing)?;
        target::folds::check(block, table, missing)?;
        let train = parts[0].1.clone();
        let mut is_train = vec![false; table.rows()];
        for row in &train {
            is_train[*row] = true;
        }
        let mut log = |text| report(Note::Log(text));
        let series = windows::divide(block, table, missing, &mut parts, &mut log)?;
        Ok(Self {
            parts,
            series,
            train,
            is_train,
        })
    }

    /// What the features of each part take.
    pub fn features_sizes(&self, frame: &Frame) -> Result<Vec<FeaturesSize>, DataError> {
        let parts = self.parts.iter().enumerate();
        parts
            .map(|(at, (_, rows))| match &self.series {
                Some(all) => Ok(all[at].size(frame)),
                None => frame.features_size(rows),
            })
            .collect()
    }
}
