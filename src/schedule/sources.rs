//! From the paths and globs of a spec to files. Reads folders, not files.

use std::path::{Path, PathBuf};

use pipe_schema::{
    manifest::Digest,
    run::{Failure, FailureKind},
    stage::Task,
};
use sha2::{Digest as _, Sha256};
use walkdir::WalkDir;

use super::{listing, view::View};
use crate::{
    exec::failure,
    plan::{Stage, paths::is_glob},
    store::Store,
};

/// What a path or glob stands for, as (name relative to the spec's folder, absolute path), sorted by name.
/// With `into_folders`, a folder stands for the files in it, hidden ones left out.
pub fn expand(
    view: &View<'_>,
    path: &str,
    into_folders: bool,
) -> Result<Vec<(String, PathBuf)>, Failure> {
    let folder = view.folder();
    let plain = folder.join(path);
    if !into_folders && !is_glob(path) {
        // Whether it is there is seen by who reads it.
        return Ok(vec![(name_of(folder, &plain), plain)]);
    }
    // A name may hold what looks like a pattern; if it is there, it is meant.
    let matches = if view.exists(&plain) {
        vec![plain]
    } else if is_glob(path) {
        view.find(path)?
    } else {
        return Err(not_there(path, folder));
    };
    if matches.is_empty() {
        return Err(missing(format!("nothing matches `{path}`"), folder));
    }
    let mut found = Vec::new();
    for place in matches {
        if into_folders && view.is_folder(&place) {
            let files = view.files_in(&place);
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
        matches = listing::find(folder, path)?;
        let names: Vec<&str> = path.split('/').collect();
        let first = names.iter().position(|it| is_glob(it)).unwrap_or(0);
        for end in first..names.len() {
            let above = match names[..end].join("/") {
                it if end == first => vec![folder.join(it)],
                it => listing::find(folder, &it)?,
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

/// The files of the project that a stage reads, each with its role; nothing if one of them is not there yet.
pub fn with_roles(stage: &Stage, store: &Store, folder: &Path) -> Option<Vec<(String, PathBuf)>> {
    let view = View::of_forecast(store, folder);
    let mut files = Vec::new();
    for input in &stage.files {
        if input.remote.is_some() {
            return None;
        }
        let found = expand(&view, &input.path, is_list(&input.role)).ok()?;
        let found = found.into_iter().map(|(_, path)| path);
        files.extend(found.map(|path| (input.role.clone(), path)));
    }
    Some(files)
}

/// The files and folders of the project that a stage reads, as far as they are there.
pub fn of_stage(stage: &Stage, store: &Store, folder: &Path) -> Vec<PathBuf> {
    let view = View::of_run(store, folder);
    let local = stage.files.iter().filter(|input| input.remote.is_none());
    let found = local.filter_map(|input| expand(&view, &input.path, is_list(&input.role)).ok());
    found.flatten().map(|(_, path)| path).collect()
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

/// Whether the names of the files themselves are kept by row.
pub fn keeps_names(task: &Task) -> bool {
    match task {
        Task::Preprocess(block) => {
            let read = block.reading();
            read.has_file_rows(read.form())
        }
        _ => false,
    }
}

/// What the names of files tell beside their content: the folder of each, and the file.
#[derive(Default)]
pub struct Names {
    folders: Sha256,
    files: Sha256,
}

impl Names {
    /// Adds the next file, with its name below the spec's folder.
    pub fn add(&mut self, path: &Path, name: &str) {
        let add = |hasher: &mut Sha256, name: &[u8]| {
            hasher.update((name.len() as u64).to_le_bytes());
            hasher.update(name);
        };
        let folder = path.parent().and_then(Path::file_name);
        let folder = folder.unwrap_or_default().as_encoded_bytes();
        add(&mut self.folders, folder);
        add(&mut self.files, name.as_bytes());
    }

    /// The digests of all folders and of all files.
    pub fn digests(self) -> [Digest; 2] {
        [self.folders, self.files].map(|hasher| Digest(hasher.finalize().into()))
    }
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
    use crate::store::Store;

    fn expanded(folder: &Path, path: &str, into: bool) -> Result<Vec<(String, PathBuf)>, Failure> {
        let store = tempfile::tempdir().unwrap();
        let store = Store::open(store.path()).unwrap();
        expand(&View::of_run(&store, folder), path, into)
    }

    fn names(folder: &Path, path: &str, into: bool) -> Vec<String> {
        let found = expanded(folder, path, into).unwrap();
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
        let failure = expanded(folder.path(), "data/*.csv", true).unwrap_err();
        assert_eq!(failure.message, "nothing matches `data/*.csv`");
        let failure = expanded(folder.path(), "data.csv", true).unwrap_err();
        assert_eq!(failure.message, "`data.csv` does not exist");
        assert_eq!(failure.kind, FailureKind::Wrong);
    }
}
