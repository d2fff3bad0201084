//! Files of the project by folder and by pattern, as a stage finds them. Reads folders, not files.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use pipe_schema::run::{Failure, FailureKind};
use walkdir::WalkDir;

use super::view::{Found, Layer, Unknown, View};
use crate::{exec::failure, plan::paths};

impl View<'_> {
    /// The files in a folder and below, hidden ones left out, in order. Links are followed.
    pub fn files_in(&self, folder: &Path) -> Vec<PathBuf> {
        if !self.has_changes() {
            return files_in(folder);
        }
        let mut files = Vec::new();
        self.add_files(folder, &mut Vec::new(), &mut files);
        files
    }

    /// Adds the files of a folder. `above` is where the folders lie that it was reached through.
    fn add_files(&self, folder: &Path, above: &mut Vec<PathBuf>, files: &mut Vec<PathBuf>) {
        let place = self.target_of(folder);
        if above.contains(&place) {
            return;
        }
        above.push(place);
        for name in self
            .names_in(folder)
            .iter()
            .filter(|it| !it.starts_with('.'))
        {
            let path = folder.join(name);
            if self.is_folder(&path) {
                self.add_files(&path, above, files);
            } else if self.executable_file(&path).is_some() {
                files.push(path);
            }
        }
        above.pop();
    }

    /// The names of what is in a folder.
    fn names_in(&self, folder: &Path) -> BTreeSet<String> {
        let first = |path: &str| path.split('/').next().unwrap_or(path).to_owned();
        let place = match self.find_behind(folder) {
            Found::Workspace(place) => place,
            Found::Restored(out, inner) => {
                return out.paths(&inner).iter().map(|it| first(it)).collect();
            }
        };
        let entries = fs::read_dir(place).into_iter().flatten().flatten();
        // What is not UTF-8 cannot be named by a key.
        let names = entries.filter_map(|it| it.file_name().into_string().ok());
        let below = self.below(folder).into_iter();
        let restored = below.filter(|(_, layer)| matches!(layer, Layer::Restored(_)));
        names
            .chain(restored.map(|(name, _)| first(&name)))
            .collect()
    }

    /// All that matches a pattern, in order.
    pub fn find(&self, pattern: &str) -> Result<Vec<PathBuf>, Failure> {
        if !self.has_changes() {
            return find(self.folder(), pattern);
        }
        let names: Vec<&str> = pattern.split('/').collect();
        let (fixed, rest) =
            names.split_at(names.iter().take_while(|it| !paths::is_glob(it)).count());
        let fixed = fixed.join("/");
        let base = self.folder().join(&fixed);
        for (name, layer) in self.below(&base) {
            if let Layer::Rewritten(stage) = layer
                && paths::reads(pattern, format!("{fixed}/{name}").trim_start_matches('/'))
            {
                self.note(Unknown::Stage(stage));
            }
        }
        let mut matches = Vec::new();
        self.add_matches(&base, rest, &mut Vec::new(), &mut |path| {
            if matches_path(self.folder(), pattern, &path) {
                matches.push(path);
            }
        });
        matches.sort();
        Ok(matches)
    }

    /// Offers all in a folder, and below as far as the names of a pattern lead. `above` is as in `add_files`.
    fn add_matches(
        &self,
        folder: &Path,
        names: &[&str],
        above: &mut Vec<PathBuf>,
        offer: &mut dyn FnMut(PathBuf),
    ) {
        let place = self.target_of(folder);
        if above.contains(&place) {
            return;
        }
        above.push(place);
        for name in self.names_in(folder) {
            let path = folder.join(&name);
            let further = match names {
                ["**", ..] => names,
                [first, rest @ ..]
                    if glob::Pattern::new(first)
                        .is_ok_and(|it| it.matches_with(&name, MATCHING)) =>
                {
                    rest
                }
                _ => &[],
            };
            if !further.is_empty() && self.is_folder(&path) {
                self.add_matches(&path, further, above, offer);
            }
            offer(path);
        }
        above.pop();
    }
}

const MATCHING: glob::MatchOptions = glob::MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// A pattern of the project's folder as one of whole paths.
fn whole(folder: &Path, pattern: &str) -> String {
    if Path::new(pattern).is_absolute() {
        return pattern.to_owned();
    }
    let base = glob::Pattern::escape(&folder.to_string_lossy());
    format!("{base}/{pattern}")
}

/// Whether a path is one that `find` would give, were it there.
fn matches_path(folder: &Path, pattern: &str, path: &Path) -> bool {
    glob::Pattern::new(&whole(folder, pattern)).is_ok_and(|it| it.matches_path_with(path, MATCHING))
}

/// All in the workspace that matches a pattern, in order.
pub fn find(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, Failure> {
    // The library passes hidden files over even if the pattern has the dot, so they are left out here.
    let listing = glob::MatchOptions {
        require_literal_leading_dot: false,
        ..MATCHING
    };
    let paths = glob::glob_with(&whole(folder, pattern), listing).map_err(|error| {
        let message = format!("`{pattern}` is no pattern: {}", error.msg);
        failure::plain(FailureKind::Wrong, message, None)
    })?;
    let mut matches = Vec::new();
    for path in paths {
        let path = path.map_err(|error| {
            failure::plain(
                FailureKind::Io,
                format!(
                    "cannot read `{}`: {}",
                    error.path().display(),
                    error.error()
                ),
                None,
            )
        })?;
        if matches_path(folder, pattern, &path) {
            matches.push(path);
        }
    }
    Ok(matches)
}

/// What is at a path, or matches it as a pattern, in order.
pub fn places(folder: &Path, path: &str) -> Vec<PathBuf> {
    let plain = folder.join(path);
    // A name may hold what looks like a pattern; if it is there, it is meant.
    if plain.exists() {
        vec![plain]
    } else if paths::is_glob(path) {
        find(folder, path).unwrap_or_default()
    } else {
        Vec::new()
    }
}

/// The first of the files that a stage reads at a path: itself, or of the files in a folder or of a pattern the first.
pub fn first_file(folder: &Path, path: &str) -> Option<PathBuf> {
    places(folder, path).into_iter().find_map(|place| {
        if place.is_dir() {
            walk(&place).next()
        } else {
            Some(place)
        }
    })
}

/// The files in a folder and below, hidden ones left out, in order.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    walk(folder).collect()
}

fn is_hidden(entry: &walkdir::DirEntry) -> bool {
    entry.file_name().as_encoded_bytes().starts_with(b".")
}

fn walk(folder: &Path) -> impl Iterator<Item = PathBuf> {
    WalkDir::new(folder)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry))
        .flatten()
        .filter(|entry| entry.file_type().is_file())
        .map(walkdir::DirEntry::into_path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_file_passes_hidden_files_over_as_a_run_does() {
        let place = tempfile::tempdir().unwrap();
        for name in [
            "data/.old.csv",
            "data/a.csv",
            "data/.cache/b.csv",
            "deep/.x/c.csv",
            "deep/y/d.csv",
            ".set/e.csv",
        ] {
            let path = place.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        let first = |path: &str| {
            let found = first_file(place.path(), path)?;
            let name = found.strip_prefix(place.path()).unwrap();
            Some(name.display().to_string())
        };
        for pattern in ["data/*.csv", "data/*", "data", "**/a.csv"] {
            assert_eq!(first(pattern).as_deref(), Some("data/a.csv"), "{pattern}");
        }
        for pattern in ["deep/*/*.csv", "deep", "deep/**/*.csv"] {
            assert_eq!(first(pattern).as_deref(), Some("deep/y/d.csv"), "{pattern}");
        }
        // Whoever writes the dot means what is hidden.
        assert_eq!(first("data/.*.csv").as_deref(), Some("data/.old.csv"));
        assert_eq!(first(".set").as_deref(), Some(".set/e.csv"));
        assert_eq!(first("*/e.csv"), None);
        assert!(places(place.path(), "*/e.csv").is_empty());
        assert_eq!(places(place.path(), "data/.old.csv").len(), 1);
    }
}
