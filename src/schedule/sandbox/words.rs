//! Names of files in what a command says and in how it is written, which it may have missed. A guess: what a command reads
//! without a word is not found out.

use std::path::{Path, PathBuf};

use super::{Sandbox, cleaned, parent};

/// So many are named.
const MOST: usize = 3;
/// What stands around names in messages and scripts.
const AROUND: &[char] = &[
    ' ', '\t', '\n', '\'', '"', '`', '(', ')', '[', ']', '{', '}', ',', ';', ':', '=', '<', '>',
    '|', '&', '‘', '’', '“', '”',
];
/// How languages name their modules: without these.
const ENDINGS: [&str; 2] = ["", ".py"];

impl Sandbox {
    /// What these texts name that the stage does not declare: files and folders of the project, and files elsewhere.
    pub(super) fn undeclared<'a>(&self, texts: impl Iterator<Item = &'a str>) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for word in texts
            .flat_map(|it| it.split(AROUND))
            .filter(|it| !it.is_empty())
        {
            let places = ENDINGS
                .iter()
                .flat_map(|it| self.places_of(&format!("{word}{it}")));
            for path in places {
                if found.len() < MOST && !found.contains(&path) && self.is_missed(&path) {
                    found.push(path);
                }
            }
        }
        found
    }

    /// Where in the project a word may lead: from where the command starts, and from beside its scripts.
    fn places_of(&self, word: &str) -> Vec<PathBuf> {
        let path = Path::new(word);
        let path = match path.strip_prefix(&self.root) {
            Ok(short) => Path::new("/").join(short),
            Err(_) => path.to_owned(),
        };
        let near = self
            .programs
            .iter()
            .filter(|it| it.starts_with(&self.project));
        let folders = [self.folder.as_path()]
            .into_iter()
            .chain(near.map(|it| parent(it)));
        folders.map(|it| cleaned(&it.join(&path))).collect()
    }

    /// It is there, and was kept from the command.
    fn is_missed(&self, path: &Path) -> bool {
        let is_known = |known: &PathBuf| path.starts_with(known) || known.starts_with(path);
        let is_there = path.symlink_metadata();
        is_there.is_ok_and(|it| path.starts_with(&self.project) || it.is_file())
            && !self.outs.iter().chain(&self.reads).any(is_known)
    }
}
