//! Sources that are neither files nor folders: pipes, sockets, devices, and links to them. Opens nothing.

use std::{
    fs,
    path::{Path, PathBuf},
};

use pipe_data::regular;

/// Entries of a folder that are looked at: a run sees the rest.
const MAX_ENTRIES: usize = 1000;
/// Names in folders that are no part of a source.
const IGNORED: [&str; 2] = ["__pycache__", ".git"];

/// Finds something special at a path, links followed, or in the folder there; returns what it is.
pub fn find(path: &Path) -> Option<(PathBuf, &'static str)> {
    let is_counted = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_str();
        name.is_none_or(|name| !IGNORED.contains(&name))
    };
    // A folder that is reached by a link is looked into only if it is the source itself.
    let top = fs::canonicalize(path).ok()?;
    walkdir::WalkDir::new(&top)
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || is_counted(entry))
        .take(MAX_ENTRIES)
        .flatten()
        .find_map(|entry| {
            let kind = if entry.path_is_symlink() {
                fs::metadata(entry.path()).ok()?.file_type()
            } else {
                entry.file_type()
            };
            let what = regular::misfit(kind).filter(|_| !kind.is_dir())?;
            let inside = entry.path().strip_prefix(&top).ok()?;
            // Joining an empty path would add a slash.
            let place = match entry.depth() {
                0 => path.to_owned(),
                _ => path.join(inside),
            };
            Some((place, what))
        })
}
