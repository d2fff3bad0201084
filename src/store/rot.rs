//! Rotten bytes: which parts of an artifact are not what they were, without a change time that says when they were changed,
//! and which records read them. Knows manifests, stats and records; reads nothing.

use std::collections::{HashMap, HashSet};

use pipe_schema::{
    key::Key,
    manifest::{Digest, Entry, Manifest},
    record::Record,
};

use super::{journal::FullRead, merkle, tree::Node};

/// Bytes that are not what they were, and by which digests stages depend on them.
pub struct Rot<'a> {
    pub place: RottenPlace<'a>,
    /// The digests of all rotten files and of the folders that hold them.
    pub digests: HashSet<Digest>,
}

/// Where rotten bytes were found.
#[derive(Clone, Copy)]
pub enum RottenPlace<'a> {
    /// An artifact. `is_whole` where it is not known which files of it are rotten.
    Artifact { digest: &'a Digest, is_whole: bool },
    /// A fetched file.
    File { digest: &'a Digest, name: &'a str },
    /// A file or folder of the project, under this name for people.
    Source(&'a str),
}

impl Rot<'_> {
    /// Whether an execution read these bytes, whenever it was.
    pub fn was_read_by(&self, record: &Record, producers: &[&Record]) -> bool {
        let upstream = &record.observed.upstream;
        match self.place {
            RottenPlace::Artifact { is_whole, .. } => {
                let mut keys = upstream.values();
                is_whole && keys.any(|key| producers.iter().any(|record| record.key == *key))
                    || upstream.keys().any(|role| {
                        digests_under(record, role).any(|digest| self.digests.contains(digest))
                    })
            }
            RottenPlace::File { .. } | RottenPlace::Source(_) => {
                record.parts.inputs.iter().any(|(role, digest)| {
                    self.digests.contains(digest) && role_upstream(record, role).is_none()
                })
            }
        }
    }
}

/// The record from which an input came, unless it is a file.
pub fn role_upstream(record: &Record, role: &str) -> Option<Key> {
    let upstream = &record.observed.upstream;
    let is_under = |name: &str| is_part_of(role, name);
    upstream
        .iter()
        .find(|(name, _)| is_under(name))
        .map(|(_, key)| *key)
}

/// The digests of all that was read under a role.
fn digests_under<'a>(record: &'a Record, role: &'a str) -> impl Iterator<Item = &'a Digest> {
    let inputs = record.parts.inputs.iter();
    inputs
        .filter(move |(name, _)| is_part_of(name, role))
        .map(|(_, digest)| digest)
}

/// Whether a name is the role, or a part of what is read under it.
fn is_part_of(name: &str, role: &str) -> bool {
    name.strip_prefix(role)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The rot in an artifact: what differs and carries no change time that says it was changed after the last full read. A file
/// that was changed later was right when its readers were checked at their end. None where all of it is explained so.
pub fn rot_of<'a>(
    digest: &'a Digest,
    manifest: Option<&Manifest>,
    found: &Manifest,
    nodes: &[Node],
    top_changed: i64,
    last_read: Option<FullRead>,
) -> Option<Rot<'a>> {
    let times: HashMap<&str, i64> = (nodes.iter())
        .map(|node| (node.path.as_str(), node.stat.ctime))
        .collect();
    let changed = |path: &str| {
        let above = path.rsplit_once('/').map_or("", |(above, _)| above);
        let above = times.get(above).copied().unwrap_or(top_changed);
        times.get(path).map_or(above, |own| (*own).max(above))
    };
    let is_explained = |path: &str| last_read.is_some_and(|read| changed(path) > read.changed);
    let Some(manifest) = manifest else {
        let mut all = nodes.iter().map(|node| node.path.as_str());
        let is_whole = !all.any(is_explained);
        return is_whole.then(|| Rot {
            place: RottenPlace::Artifact { digest, is_whole },
            digests: HashSet::from([*digest]),
        });
    };
    let mut digests = HashSet::new();
    let is_folder = |entry| matches!(entry, &Entry::Directory { .. });
    let paths: HashSet<&String> = manifest
        .entries
        .keys()
        .chain(found.entries.keys())
        .collect();
    for path in paths {
        let (was, is) = (manifest.entries.get(path), found.entries.get(path));
        let is_same = was == is || was.is_some_and(is_folder) && is.is_some_and(is_folder);
        if is_same || is_explained(path) {
            continue;
        }
        digests.insert(*digest);
        let mut path = path.as_str();
        loop {
            digests.extend(manifest.entries.get(path).map(merkle::entry_digest));
            match path.rsplit_once('/') {
                Some((above, _)) => path = above,
                None => break,
            }
        }
    }
    let place = RottenPlace::Artifact {
        digest,
        is_whole: false,
    };
    (!digests.is_empty()).then_some(Rot { place, digests })
}
