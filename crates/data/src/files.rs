//! The files that a preprocess stage reads, by what they are for. Opens none of them.

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use pipe_schema::protocol::InputPath;

use crate::error::DataError;

/// How often folders may be reached again by links.
const MOST_REPEATED: usize = 10_000;

/// Files to read, in order, by role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    pub source: Vec<PathBuf>,
    pub train: Vec<PathBuf>,
    pub val: Vec<PathBuf>,
    pub test: Vec<PathBuf>,
    /// Of each table that is joined.
    pub joins: Vec<Vec<PathBuf>>,
}

impl Files {
    /// Sorts a job's inputs: roles `source`, `source/0`, `split/train/0`, `join/0/0` and so on. Of a folder, all files in it.
    pub fn from_inputs(inputs: &BTreeMap<String, InputPath>) -> Result<Self, DataError> {
        let mut roles: Vec<(&str, usize, &InputPath)> = inputs
            .iter()
            .map(|(role, input)| {
                let number = |it: &str| it.parse::<usize>().ok();
                match role.rsplit_once('/') {
                    Some((role, it)) if number(it).is_some() => {
                        (role, number(it).map_or(0, |it| it + 1), input)
                    }
                    _ => (role.as_str(), 0, input),
                }
            })
            .collect();
        roles.sort_by_key(|(_, number, _)| *number);
        let mut files = Self::default();
        for (role, _, input) in roles {
            if let Some(list) = files.list(role) {
                collect(Path::new(&input.path), list)?;
            }
        }
        Ok(files)
    }

    /// The files of a role without its number in a list, if it is one of preprocess stages.
    pub fn list(&mut self, role: &str) -> Option<&mut Vec<PathBuf>> {
        match role {
            "source" => Some(&mut self.source),
            "split/train" => Some(&mut self.train),
            "split/val" => Some(&mut self.val),
            "split/test" => Some(&mut self.test),
            _ => {
                let at: usize = role.strip_prefix("join/")?.parse().ok()?;
                if self.joins.len() <= at {
                    self.joins.resize(at + 1, Vec::new());
                }
                self.joins.get_mut(at)
            }
        }
    }
}

/// The file at a path, or all files below it but for hidden ones, links followed. A link to a folder that it lies in would never end.
pub fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), DataError> {
    Collector {
        above: Vec::new(),
        seen: HashSet::new(),
        repeated: 0,
        files,
    }
    .collect(path)
}

/// Lists files.
struct Collector<'a> {
    /// Identities of the folders that the current one lies in, as it was reached.
    above: Vec<FolderId>,
    seen: HashSet<FolderId>,
    /// How often a folder was reached again, by another link.
    repeated: usize,
    files: &'a mut Vec<PathBuf>,
}

/// The device and inode of a folder.
type FolderId = (u64, u64);

impl Collector<'_> {
    fn collect(&mut self, path: &Path) -> Result<(), DataError> {
        let fail = |it| DataError::io(path, &it);
        let found = fs::metadata(path).map_err(fail)?;
        if !found.is_dir() {
            self.files.push(path.to_owned());
            return Ok(());
        }
        let id = (found.dev(), found.ino());
        if self.above.contains(&id) {
            let message = format!("{}: leads back to a folder that it lies in", path.display());
            return Err(
                DataError::wrong(message).hint("remove the link, or name the folders to be read")
            );
        }
        self.repeated += usize::from(!self.seen.insert(id));
        if self.repeated > MOST_REPEATED {
            let message = format!(
                "{}: links lead to the same folders too often",
                path.display()
            );
            return Err(
                DataError::wrong(message).hint("remove the links, or name the folders to be read")
            );
        }
        let entries: Result<Vec<_>, _> = fs::read_dir(path).map_err(fail)?.collect();
        let entries = entries.map_err(fail)?;
        let mut paths: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
        paths.retain(|path| !is_hidden(path));
        paths.sort();
        self.above.push(id);
        let collected = paths.iter().try_for_each(|path| self.collect(path));
        self.above.pop();
        collected
    }
}

/// Whether the name begins with a dot.
fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.as_encoded_bytes().starts_with(b".")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn collected(folder: &Path) -> Result<Vec<String>, String> {
        let mut files = Vec::new();
        collect(folder, &mut files).map_err(|error| error.to_string())?;
        let inside = |path: &PathBuf| path.strip_prefix(folder).unwrap().display().to_string();
        Ok(files.iter().map(inside).collect())
    }

    #[test]
    fn collect_follows_links_and_refuses_those_that_lead_back() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("a/b/x"), "").unwrap();
        symlink("a", root.join("c")).unwrap();
        assert_eq!(collected(root).unwrap(), ["a/b/x", "c/b/x"]);
        for (target, link) in [("..", "a/b/up"), (".", "a/self"), ("../../a", "a/b/again")] {
            symlink(target, root.join(link)).unwrap();
            let error = collected(root).unwrap_err();
            assert!(
                error.contains(link) && error.contains("leads back"),
                "{error}"
            );
            fs::remove_file(root.join(link)).unwrap();
        }
    }

    #[test]
    fn collect_gives_up_where_links_double_what_is_listed() {
        let folder = tempfile::tempdir().unwrap();
        let place = |number: usize| folder.path().join(number.to_string());
        for number in 0..30 {
            fs::create_dir(place(number)).unwrap();
            for link in ["a", "b"] {
                symlink(place(number + 1), place(number).join(link)).unwrap();
            }
        }
        fs::create_dir(place(30)).unwrap();
        let error = collected(&place(0)).unwrap_err();
        assert!(error.contains("too often"), "{error}");
    }
}
