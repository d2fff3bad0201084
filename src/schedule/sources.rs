//! From the paths and globs of a spec to files. Reads folders, not files.

use std::path::{Path, PathBuf};

use pipe_schema::{
    manifest::Digest,
    run::{Failure, FailureKind},
    stage::Task,
};
use sha2::{Digest as _, Sha256};
use walkdir::WalkDir;

use crate::exec::failure;

/// What a path or glob stands for, as (name relative to the spec's folder, absolute path), sorted by name.
/// With `into_folders`, a folder stands for the files in it, hidden ones left out.
pub fn expand(
    folder: &Path,
    path: &str,
    into_folders: bool,
) -> Result<Vec<(String, PathBuf)>, Failure> {
    let plain = folder.join(path);
    if !into_folders && !is_glob(path) {
        // Whether it is there is seen by who reads it.
        return Ok(vec![(name_of(folder, &plain), plain)]);
    }
    // A name may hold what looks like a pattern; if it is there, it is meant.
    let matches = if plain.symlink_metadata().is_ok() {
        vec![plain]
    } else if is_glob(path) {
        find(folder, path)?
    } else {
        return Err(not_there(path, folder));
    };
    if matches.is_empty() {
        return Err(missing(format!("nothing matches `{path}`"), folder));
    }
    let mut found = Vec::new();
    for place in matches {
        if into_folders && place.is_dir() {
            let files = files_in(&place);
            if files.is_empty() {
                let name = name_of(folder, &place);
                return Err(missing(format!("the folder `{name}` has no files"), folder));
            }
            found.extend(files);
        } else {
            found.push(place);
        }
    }
    Ok(found
        .into_iter()
        .map(|place| (name_of(folder, &place), place))
        .collect())
}

/// All that decides what a path or glob stands for: itself, and the folders in which names are looked for.
pub fn searched(folder: &Path, path: &str, into_folders: bool) -> Result<Vec<PathBuf>, Failure> {
    let plain = folder.join(path);
    let is_there = plain.symlink_metadata().is_ok();
    let mut places = vec![plain.clone()];
    let mut matches = vec![plain];
    if !is_there && is_glob(path) {
        matches = find(folder, path)?;
        let names: Vec<&str> = path.split('/').collect();
        let first = names.iter().position(|it| is_glob(it)).unwrap_or(0);
        for end in first..names.len() {
            let above = match names[..end].join("/") {
                it if end == first => vec![folder.join(it)],
                it => find(folder, &it)?,
            };
            if names[end] == "**" {
                places.extend(above.iter().flat_map(|it| folders_in(it)));
                break;
            }
            places.extend(above.into_iter().filter(|it| it.is_dir()));
        }
    }
    if into_folders {
        let folders = matches.iter().filter(|it| it.is_dir());
        places.extend(folders.flat_map(|it| folders_in(it)));
    }
    Ok(places)
}

/// The folder and all in it.
fn folders_in(folder: &Path) -> Vec<PathBuf> {
    WalkDir::new(folder)
        .follow_links(true)
        .into_iter()
        .flatten()
        .filter(|entry| entry.file_type().is_dir())
        .map(walkdir::DirEntry::into_path)
        .collect()
}

/// Whether what a stage reads under a role is a list of files, which are numbered.
pub fn is_list(role: &str) -> bool {
    role == "source" || role.starts_with("split/") || role.starts_with("join/")
}

/// Whether a task reads more of its files than their content: the names by which rows are labelled.
pub fn reads_names(task: &Task) -> bool {
    match task {
        Task::Preprocess(it) => it.reading().form().reads_names(),
        _ => false,
    }
}

/// What the names of files tell beside their content: the folder of each.
#[derive(Default)]
pub struct Names {
    hasher: Sha256,
}

impl Names {
    /// Adds the next file.
    pub fn add(&mut self, path: &Path) {
        let folder = path.parent().and_then(Path::file_name);
        let name = folder.unwrap_or_default().as_encoded_bytes();
        self.hasher.update((name.len() as u64).to_le_bytes());
        self.hasher.update(name);
    }

    /// The digest of all.
    pub fn digest(self) -> Digest {
        Digest(self.hasher.finalize().into())
    }
}

/// Whether a path may be a pattern.
pub fn is_glob(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

fn find(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, Failure> {
    let base = glob::Pattern::escape(&folder.to_string_lossy());
    let options = glob::MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    let whole = if Path::new(pattern).is_absolute() {
        pattern.to_owned()
    } else {
        format!("{base}/{pattern}")
    };
    let paths = glob::glob_with(&whole, options).map_err(|error| {
        let message = format!("`{pattern}` is no pattern: {}", error.msg);
        failure::plain(FailureKind::Wrong, message, None)
    })?;
    let mut matches = Vec::new();
    for path in paths {
        matches.push(path.map_err(|error| {
            failure::plain(
                FailureKind::Io,
                format!(
                    "cannot read `{}`: {}",
                    error.path().display(),
                    error.error()
                ),
                None,
            )
        })?);
    }
    Ok(matches)
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let is_hidden =
        |entry: &walkdir::DirEntry| entry.file_name().as_encoded_bytes().starts_with(b".");
    WalkDir::new(folder)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry))
        .flatten()
        .filter(|entry| entry.file_type().is_file())
        .map(walkdir::DirEntry::into_path)
        .collect()
}

fn name_of(folder: &Path, path: &Path) -> String {
    path.strip_prefix(folder)
        .unwrap_or(path)
        .to_string_lossy()
        .into_owned()
}

/// That there is nothing at a path.
pub fn not_there(path: &str, folder: &Path) -> Failure {
    missing(format!("`{path}` does not exist"), folder)
}

fn missing(message: String, folder: &Path) -> Failure {
    let hint = format!("paths are relative to {}", folder.display());
    failure::plain(FailureKind::Wrong, message, Some(&hint))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn names(folder: &Path, path: &str, into: bool) -> Vec<String> {
        let found = expand(folder, path, into).unwrap();
        found.into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn globs_and_folders_become_sorted_files() {
        let place = tempfile::tempdir().unwrap();
        let folder = &place.path().join("odd [name]");
        for name in [
            "b.csv",
            "a.csv",
            ".hidden.csv",
            "d/2.csv",
            "d/1.csv",
            "x[1].csv",
        ] {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        assert_eq!(names(folder, "*.csv", true), ["a.csv", "b.csv", "x[1].csv"]);
        assert_eq!(names(folder, "d", true), ["d/1.csv", "d/2.csv"]);
        assert_eq!(names(folder, "d", false), ["d"]);
        assert_eq!(names(folder, "x[1].csv", true), ["x[1].csv"]);
    }

    #[test]
    fn a_pattern_that_matches_nothing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let failure = expand(folder.path(), "data/*.csv", true).unwrap_err();
        assert_eq!(failure.message, "nothing matches `data/*.csv`");
        let failure = expand(folder.path(), "data.csv", true).unwrap_err();
        assert_eq!(failure.message, "`data.csv` does not exist");
        assert_eq!(failure.kind, FailureKind::Wrong);
    }
}
