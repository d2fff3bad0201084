//! Bytes as a file, for readers that take a path.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

thread_local! {
    static FOLDER: TempDir = folder();
}

/// A folder in memory where there is one.
pub fn folder() -> TempDir {
    let memory = tempfile::Builder::new()
        .prefix("pipe-fuzz-")
        .tempdir_in("/dev/shm");
    memory
        .or_else(|_| tempfile::tempdir())
        .expect("a temporary folder can be made")
}

/// Shows a file with these bytes to a reader.
pub fn with_file<T>(name: &str, bytes: &[u8], read: impl FnOnce(&Path) -> T) -> T {
    let path: PathBuf = FOLDER.with(|it| it.path().join(name));
    fs::write(&path, bytes).expect("a temporary file can be written");
    read(&path)
}
