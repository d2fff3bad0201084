//! The files that a preprocess stage reads, by what they are for. Opens none of them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use pipe_schema::protocol::InputPath;

use crate::error::DataError;

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

    fn list(&mut self, role: &str) -> Option<&mut Vec<PathBuf>> {
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

/// The file at a path, or all files below it.
pub fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), DataError> {
    let fail = |it| DataError::io(path, &it);
    if !fs::metadata(path).map_err(fail)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let entries: Result<Vec<_>, _> = fs::read_dir(path).map_err(fail)?.collect();
    let mut paths: Vec<PathBuf> = entries
        .map_err(fail)?
        .iter()
        .map(fs::DirEntry::path)
        .collect();
    paths.sort();
    paths.iter().try_for_each(|it| collect(it, files))
}
