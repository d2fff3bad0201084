//! Outs as they would lie in the workspace once a run has restored them: what is at a path, and its digest as an input.
//! Reads manifests and what lies there now; changes nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::Arc,
};

use pipe_schema::{
    manifest::{Digest, Entry, Manifest},
    record::Out,
};

use super::{
    Store,
    error::{Result, StoreError},
    input::group_of,
    merkle,
    tree::{self, Rules},
};

/// Links that are followed before a path counts as one that leads nowhere.
const MOST_LINKS: usize = 40;

/// An out that a run would restore, by its artifact.
#[derive(Clone, Debug)]
pub struct RestoredOut {
    manifest: Arc<Manifest>,
    /// The name under which the artifact holds an out that is a file or a link; none for a folder.
    name: Option<String>,
}

/// An out of a record, compared with what the workspace holds.
#[derive(Debug)]
pub enum ComparedOut {
    /// The workspace holds it. Of a file, the digest that `digest_path` would give.
    Held(Option<Digest>),
    /// A run would restore it.
    Restored(RestoredOut),
}

/// What is at a path in a restored out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestoredEntry {
    File { digest: Digest, is_executable: bool },
    Directory,
}

/// A link in a folder that leads to a restored out elsewhere.
#[derive(Debug)]
pub struct RestoredLink {
    /// Where it is, relative to the folder.
    pub path: String,
    /// Where it leads.
    pub out: RestoredOut,
    /// The path from there.
    pub inner: String,
}

/// Lists the links below a folder that leave it, by their paths from there.
pub fn links_that_leave(folder: &Path) -> Vec<String> {
    let is_counted = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_str();
        name.is_none_or(|name| !tree::IGNORED_IN_SOURCES.contains(&name))
    };
    let entries = walkdir::WalkDir::new(folder).min_depth(1).into_iter();
    let links = entries.filter_entry(is_counted).flatten();
    links
        .filter(walkdir::DirEntry::path_is_symlink)
        .filter_map(|link| {
            let path = link.path().strip_prefix(folder).ok()?.to_str()?;
            let target = fs::read_link(link.path()).ok()?;
            tree::leaves(path, target.to_str()?).then(|| path.to_owned())
        })
        .collect()
}

impl Store {
    /// Compares an out with what lies at `path`, where it would be restored.
    pub fn compare_out(&self, path: &Path, out: &Out) -> Result<ComparedOut> {
        // What cannot be read is no out of ours.
        if let Ok(held) = self.out_manifest(path)
            && held.digest == out.digest
        {
            let only = held.entries.values().next().filter(|_| !out.is_directory);
            let file = only.filter(|it| matches!(it, Entry::File { .. }));
            return Ok(ComparedOut::Held(file.map(merkle::entry_digest)));
        }
        let manifest = Arc::new(self.manifest(&out.digest)?);
        let name = if out.is_directory {
            None
        } else {
            manifest.entries.keys().next().cloned()
        };
        Ok(ComparedOut::Restored(RestoredOut { manifest, name }))
    }

    /// The digest that `digest_path` would give for the folder `path` once these outs are restored below it.
    /// Each comes with its path relative to the folder, as do links of the folder that would lead to restored files elsewhere.
    pub fn digest_with_restored(
        &self,
        path: &Path,
        outs: &[(String, RestoredOut)],
        links: &[RestoredLink],
    ) -> Result<Digest> {
        let mut entries = if path.is_dir() {
            let without = links.iter().map(|link| link.path.as_str()).collect();
            self.source_entries(path, &without)?
        } else {
            BTreeMap::new()
        };
        for link in links {
            let entry = link.out.file_entry(&link.inner);
            let entry = entry.ok_or_else(|| StoreError::Unfit {
                path: path.join(&link.path),
                why: "is a link that leaves its folder, and not to a file",
            })?;
            entries.insert(link.path.clone(), entry);
        }
        for (place, out) in outs {
            entries.retain(|entry, _| !is_within(entry, place));
            for (at, _) in place.match_indices('/') {
                entries
                    .entry(place[..at].to_owned())
                    .or_insert(folder_entry());
            }
            let Some(name) = &out.name else {
                entries.insert(place.clone(), folder_entry());
                let inside = out.source_entries("")?;
                entries.extend(
                    inside
                        .into_iter()
                        .map(|(it, entry)| (format!("{place}/{it}"), entry)),
                );
                continue;
            };
            entries.extend((out.manifest.entries.get(name)).map(|it| (place.clone(), it.clone())));
        }
        Ok(tree::manifest_of(path, entries)?.digest)
    }

    /// What is in a folder of the project as an input, by path, but for what is at some paths.
    fn source_entries(
        &self,
        path: &Path,
        without: &BTreeSet<&str>,
    ) -> Result<BTreeMap<String, Entry>> {
        let group = group_of(path)?;
        let nodes = tree::list_without(path, Rules::Source, without)?;
        let (manifest, _) = self.read_known(path, &group, &nodes)?;
        Ok(manifest.entries.into_iter().collect())
    }
}

impl RestoredOut {
    /// Where the out leads if it is a link itself.
    pub fn target(&self) -> Option<&str> {
        match self.manifest.entries.get(self.name.as_deref()?)? {
            Entry::Link { target } => Some(target),
            _ => None,
        }
    }

    /// What is at a path relative to the out, links followed. The empty path is the out itself.
    pub fn entry(&self, path: &str) -> Option<RestoredEntry> {
        let path = self.resolve(path)?;
        if path.is_empty() {
            return Some(RestoredEntry::Directory);
        }
        Some(match self.manifest.entries.get(&path)? {
            entry @ Entry::File { executable, .. } => RestoredEntry::File {
                digest: merkle::entry_digest(entry),
                is_executable: *executable,
            },
            _ => RestoredEntry::Directory,
        })
    }

    /// The entry of the file at a path relative to the out, links followed.
    fn file_entry(&self, path: &str) -> Option<Entry> {
        let entry = self.manifest.entries.get(&self.resolve(path)?)?;
        matches!(entry, Entry::File { .. }).then(|| entry.clone())
    }

    /// Whether there is anything at a path relative to the out, were it a link that leads nowhere.
    pub fn holds(&self, path: &str) -> bool {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if self.name.is_some() || path.is_empty() {
            return path.is_empty();
        }
        let folder = self.resolve(folder);
        folder.is_some_and(|it| self.manifest.entries.contains_key(&joined(&it, name)))
    }

    /// The digest that `digest_path` would give for a path relative to the out; none where nothing would be there.
    pub fn digest(&self, path: &str) -> Result<Option<Digest>> {
        Ok(match self.entry(path) {
            None => None,
            Some(RestoredEntry::File { digest, .. }) => Some(digest),
            Some(RestoredEntry::Directory) => {
                let folder = self.resolve(path).unwrap_or_default();
                let entries = self.source_entries(&folder)?;
                Some(tree::manifest_of(Path::new(path), entries)?.digest)
            }
        })
    }

    /// The paths of all that is in the folder at a path relative to the out, links to folders not followed.
    pub fn paths(&self, folder: &str) -> Vec<String> {
        if self.name.is_some() {
            return Vec::new();
        }
        let resolved = self.resolve(folder);
        let below = resolved.iter().flat_map(|it| self.below(it));
        below.map(|(path, _)| path.to_owned()).collect()
    }

    /// The entries of a folder in the artifact, as an input has them. No link leaves the artifact as a whole.
    fn source_entries(&self, folder: &str) -> Result<BTreeMap<String, Entry>> {
        let mut entries = BTreeMap::new();
        for (path, entry) in self.below(folder) {
            if path
                .split('/')
                .any(|it| tree::IGNORED_IN_SOURCES.contains(&it))
            {
                continue;
            }
            let entry = match entry {
                Entry::Link { target } if tree::leaves(path, target) => {
                    self.followed(folder, path)?
                }
                entry => entry.clone(),
            };
            entries.insert(path.to_owned(), entry);
        }
        Ok(entries)
    }

    /// The file that a link out of the folder stands for.
    fn followed(&self, folder: &str, path: &str) -> Result<Entry> {
        let place = joined(folder, path);
        let target = self.resolve(&place);
        match target.and_then(|it| self.manifest.entries.get(&it)) {
            Some(entry @ Entry::File { .. }) => Ok(entry.clone()),
            _ => Err(StoreError::Unfit {
                path: place.into(),
                why: "is a link that leaves its folder, and not to a file",
            }),
        }
    }

    /// What is below a folder of the artifact, by the path from there.
    fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a Entry)> {
        self.manifest
            .entries
            .iter()
            .filter_map(move |(path, entry)| {
                let rest = match folder {
                    "" => path,
                    _ => path.strip_prefix(folder)?.strip_prefix('/')?,
                };
                Some((rest, entry))
            })
    }

    /// The path in the artifact that a path relative to the out leads to.
    fn resolve(&self, path: &str) -> Option<String> {
        let start = match (&self.name, path) {
            (None, _) => path,
            (Some(name), "") => name,
            (Some(_), _) => return None,
        };
        let mut rest: Vec<String> = start.rsplit('/').map(str::to_owned).collect();
        let mut at = String::new();
        let mut followed = 0;
        while let Some(name) = rest.pop() {
            match name.as_str() {
                "" | "." => continue,
                ".." => {
                    at.truncate(at.rfind('/').unwrap_or(0));
                    continue;
                }
                _ => {}
            }
            let next = joined(&at, &name);
            match self.manifest.entries.get(&next)? {
                Entry::Link { target } => {
                    followed += 1;
                    if followed > MOST_LINKS {
                        return None;
                    }
                    rest.extend(target.rsplit('/').map(str::to_owned));
                }
                Entry::File { .. } if !rest.iter().all(String::is_empty) => return None,
                _ => at = next,
            }
        }
        Some(at)
    }
}

/// A folder, whose digest is computed when its tree is complete.
fn folder_entry() -> Entry {
    Entry::Directory {
        digest: Digest([0; 32]),
    }
}

fn is_within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|it| it.is_empty() || it.starts_with('/'))
}

fn joined(folder: &str, path: &str) -> String {
    match folder {
        "" => path.to_owned(),
        _ => format!("{folder}/{path}"),
    }
}
