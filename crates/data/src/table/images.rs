//! Pictures into a table: a row each, with the folder it lies in as its label. Opens no picture.

use std::path::{Path, PathBuf};

use super::{
    Column, Fields, Table, Take,
    folders::{self, LABEL},
    missing_columns,
};
use crate::error::DataError;

const IMAGE: &str = "image";

/// The columns of the table.
pub fn columns() -> Vec<String> {
    vec![IMAGE.to_owned(), LABEL.to_owned()]
}

/// A row for each file; those that a desktop leaves in folders do not count.
pub fn read(paths: &[PathBuf], progress: &mut dyn FnMut(u64)) -> Result<Table, DataError> {
    let paths = folders::counting(paths);
    let mut label = Fields::default();
    for path in &paths {
        label.push(folders::label(path)?.as_bytes());
    }
    let mut table = Table::default();
    table.columns.push(Column {
        name: LABEL.to_owned(),
        fields: label,
    });
    add(&mut table, &paths);
    progress(0);
    Ok(table)
}

/// The pictures of a file or a folder, without labels.
pub fn read_wanted<E: From<DataError>>(
    path: &Path,
    wanted: &[&str],
    limit: usize,
    take: &mut Take<'_, E>,
) -> Result<(), E> {
    let lacking: Vec<&str> = wanted.iter().copied().filter(|it| *it != IMAGE).collect();
    if !lacking.is_empty() {
        return Err(missing_columns(path, &lacking, &[IMAGE.to_owned()]).into());
    }
    for paths in folders::files(path)?.chunks(limit) {
        let mut table = Table::default();
        add(&mut table, paths);
        take(table, &[])?;
    }
    Ok(())
}

fn add(table: &mut Table, paths: &[PathBuf]) {
    for (row, path) in paths.iter().enumerate() {
        table.places.start_single(row, path.display().to_string());
        table.close_row(1);
    }
    table.pictures = Some((IMAGE.to_owned(), paths.to_vec()));
}
