//! The files of a preprocess stage, read into one table. Knows their order and sizes, and no form.

use std::{fs, path::PathBuf};

use pipe_schema::stage::preprocess::{Preprocess, Read, Split};

use crate::{
    error::DataError,
    files::Files,
    prepare::Note,
    table::{self, Selection, Table},
};

/// All files in the order in which rows are numbered.
pub fn paths(block: &Preprocess, files: &Files) -> Result<Vec<PathBuf>, DataError> {
    match &block.split {
        Split::Files(_) if files.train.is_empty() => {
            Err(DataError::wrong("the train part has no files"))
        }
        Split::Files(_) if !files.source.is_empty() => Err(DataError::wrong(
            "`source` names files and `split: {files: …}` does, too",
        )
        .hint("leave the files of `source` out: each part has files of its own")),
        Split::Files(_) => Ok([&files.train, &files.val, &files.test]
            .into_iter()
            .flatten()
            .cloned()
            .collect()),
        _ if files.source.is_empty() => Err(DataError::wrong("there are no files to read")
            .hint("name them: `source: {csv: data.csv}`")),
        _ => Ok(files.source.clone()),
    }
}

/// Reads files of one form into one table, and tells how far it is.
pub fn read_all(
    paths: &[PathBuf],
    read: &Read,
    selection: &Selection<'_>,
    report: &mut dyn FnMut(Note),
) -> Result<Table, DataError> {
    let sizes = paths
        .iter()
        .map(|path| fs::metadata(path).map_or(0, |it| it.len()));
    let total = sizes.sum();
    let mut progress = |done| {
        report(Note::Progress {
            done,
            total,
            unit: "bytes",
        });
    };
    table::read_selected(paths, read, selection, &mut progress)
}
