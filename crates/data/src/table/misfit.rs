//! The errors for files that do not fit the table that was read before them. Knows names.

use std::path::Path;

use super::Table;
use crate::{error::DataError, infer::listed};

/// The error for columns that a file should have, with what it has instead.
pub fn missing_columns(path: &Path, missing: &[&str], present: &[String]) -> DataError {
    let names: Vec<String> = missing.iter().map(|it| format!("`{it}`")).collect();
    let (noun, verb) = if names.len() == 1 {
        ("column", "is")
    } else {
        ("columns", "are")
    };
    let error = DataError::wrong(format!(
        "{}: {noun} {} {verb} missing",
        path.display(),
        names.join(", ")
    ));
    error.hint(format!("the file's columns are: {}", listed(present)))
}

/// The error for columns that a file has not, and the table before it has.
pub fn lacking_columns(
    table: &Table,
    path: &Path,
    missing: &[&str],
    present: &[String],
) -> DataError {
    let mut error = missing_columns(path, missing, present);
    error.message = format!("{}, which {} has", error.message, table.places.first());
    error
}

/// The error for a column that a file has and the table before it has not.
pub fn extra_column(table: &Table, path: &Path, extra: &str) -> DataError {
    DataError::wrong(format!(
        "{}: column `{extra}` is not in {}",
        path.display(),
        table.places.first()
    ))
    .hint("all files of a dataset must have the same columns; their order may differ")
}

/// The error for a column that has another shape in a later file.
pub fn other_shape(name: &str, path: &Path) -> DataError {
    DataError::wrong(format!(
        "{}: column `{name}` is a list of another length than in the files before it, or none",
        path.display()
    ))
}
