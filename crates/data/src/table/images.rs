//! Pictures into a table: a row each, with the folder it lies in as its label. Opens no picture.

use std::path::{Path, PathBuf};

use super::{Column, Fields, Table, Take, missing_columns};
use crate::{error::DataError, files::collect};

const IMAGE: &str = "image";
const LABEL: &str = "label";

/// The columns of the table.
pub fn columns() -> Vec<String> {
    vec![IMAGE.to_owned(), LABEL.to_owned()]
}

/// A row for each file; those that a desktop leaves in folders do not count.
pub fn read(paths: &[PathBuf], progress: &mut dyn FnMut(u64)) -> Result<Table, DataError> {
    let paths: Vec<PathBuf> = paths.iter().filter(|it| !is_clutter(it)).cloned().collect();
    let mut label = Fields::default();
    for path in &paths {
        label.push(folder(path)?.as_bytes());
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
    let mut paths = Vec::new();
    collect(path, &mut paths)?;
    paths.retain(|it| !is_clutter(it));
    if paths.is_empty() {
        return Err(DataError::wrong(format!("{}: has no files", path.display())).into());
    }
    for paths in paths.chunks(limit) {
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

fn is_clutter(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.') || name == "Thumbs.db" || name == "desktop.ini"
}

/// The name of the folder that a file lies in.
pub fn folder(path: &Path) -> Result<&str, DataError> {
    let name = path.parent().and_then(Path::file_name);
    name.and_then(|it| it.to_str())
        .filter(|it| !it.trim().is_empty())
        .ok_or_else(|| {
            DataError::wrong(format!(
                "{}: lies in no folder whose name could be its label",
                path.display()
            ))
        })
}
