//! Bytes as one file or several, for readers that take paths.

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

/// Several files: `name length` on a line, then so many bytes, again and again.
pub fn files(mut bytes: &[u8]) -> Vec<(String, &[u8])> {
    let mut files = Vec::new();
    while let Some(end) = bytes.iter().position(|it| *it == b'\n') {
        let (head, rest) = bytes.split_at(end);
        let rest = &rest[1..];
        let head = String::from_utf8_lossy(head);
        let Some((name, length)) = head.split_once(' ') else {
            break;
        };
        let length = length.parse().unwrap_or(0).min(rest.len());
        let (content, rest) = rest.split_at(length);
        if !name.contains("..") && !name.starts_with('/') {
            files.push((name.to_owned(), content));
        }
        bytes = rest;
    }
    files
}

/// A file of the corpus.
pub fn seed(name: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::read(root.join("corpus").join(name)).expect("the corpus has it")
}
