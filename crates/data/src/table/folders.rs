//! What the place of a file tells: the label of its rows, and whether a desktop left it there. Opens no file.

use std::path::{Path, PathBuf};

use pipe_schema::stage::preprocess::Read;

use crate::{error::DataError, files::collect};

/// The column of labels.
pub const LABEL: &str = "label";

/// The files that count; those that a desktop leaves in folders do not.
pub fn counting(paths: &[PathBuf]) -> Vec<PathBuf> {
    paths.iter().filter(|it| !is_clutter(it)).cloned().collect()
}

/// How many of these files are read: of pictures and texts, those that a desktop leaves in folders are not.
pub fn count(paths: &[PathBuf], read: &Read) -> usize {
    if read.form().reads_names() {
        counting(paths).len()
    } else {
        paths.len()
    }
}

/// The file at a path, or all that count below it: one at least.
pub fn files(path: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut paths = Vec::new();
    collect(path, &mut paths)?;
    paths.retain(|it| !is_clutter(it));
    if paths.is_empty() {
        return Err(DataError::wrong(format!(
            "{}: has no files",
            path.display()
        )));
    }
    Ok(paths)
}

/// The name of the folder that a file lies in.
pub fn label(path: &Path) -> Result<&str, DataError> {
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

fn is_clutter(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.') || name == "Thumbs.db" || name == "desktop.ini"
}
