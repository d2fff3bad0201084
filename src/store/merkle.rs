//! The digest of a tree, computed from its entries: of a folder from its names and the digests behind them, so that
//! each part of a tree has a digest of its own. Knows no file; raised domains would make every artifact another one.

use std::collections::{BTreeMap, HashMap};

use indexmap::IndexMap;
use pipe_schema::manifest::{Digest, Entry, Manifest};
use sha2::{Digest as _, Sha256};

use super::stat::Stat;

/// The digest of one file. A file and a folder never have the same.
pub fn file_digest(executable: bool, size: u64, sha256: &Digest) -> Digest {
    let mut hasher = domain(b"pipe-file/1");
    hasher.update([u8::from(executable)]);
    hasher.update(size.to_be_bytes());
    hasher.update(sha256.0);
    Digest(hasher.finalize().into())
}

/// The digest of a link: of the target as written.
pub fn link_digest(target: &str) -> Digest {
    let mut hasher = domain(b"pipe-link/1");
    hasher.update((target.len() as u64).to_be_bytes());
    hasher.update(target);
    Digest(hasher.finalize().into())
}

/// The digest of a folder: of its names, sorted by bytes, each with the digest of what it stands for. They are given from
/// the last to the first.
fn folder_digest(children: &[(&str, Digest)]) -> Digest {
    let mut hasher = domain(b"pipe-tree/1");
    hasher.update((children.len() as u64).to_be_bytes());
    for (name, digest) in children.iter().rev() {
        hasher.update((name.len() as u64).to_be_bytes());
        hasher.update(name);
        hasher.update(digest.0);
    }
    Digest(hasher.finalize().into())
}

fn domain(name: &[u8]) -> Sha256 {
    let mut hasher = Sha256::new();
    hasher.update((name.len() as u64).to_be_bytes());
    hasher.update(name);
    hasher
}

/// The digest of one entry.
pub fn entry_digest(entry: &Entry) -> Digest {
    match entry {
        Entry::File {
            size,
            executable,
            sha256,
        } => file_digest(*executable, *size, sha256),
        Entry::Link { target } => link_digest(target),
        Entry::Directory { digest } => *digest,
    }
}

/// A manifest of these entries: digests of folders are computed, those given are ignored.
/// None if an entry lies in a folder that is not there.
pub fn manifest(mut entries: BTreeMap<String, Entry>) -> Option<Manifest> {
    let mut bytes = 0u64;
    // Each name sorts behind those that come after it here.
    let mut children: HashMap<&str, Vec<(&str, Digest)>> = HashMap::from([("", Vec::new())]);
    let mut folders: HashMap<String, Digest> = HashMap::new();
    for (path, entry) in &entries {
        match entry {
            Entry::Directory { .. } => {
                children.insert(path, Vec::new());
            }
            Entry::File { size, .. } => bytes = bytes.checked_add(*size)?,
            Entry::Link { .. } => {}
        }
    }
    // From the back: what is in a folder sorts behind it.
    for (path, entry) in entries.iter().rev() {
        let digest = match entry {
            Entry::Directory { .. } => {
                let digest = folder_digest(children.get(path.as_str())?);
                folders.insert(path.clone(), digest);
                digest
            }
            _ => entry_digest(entry),
        };
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        if name.is_empty() || name == "." || name == ".." {
            return None;
        }
        children.get_mut(parent)?.push((name, digest));
    }
    let digest = folder_digest(children.get("")?);
    for (path, entry) in &mut entries {
        if let Entry::Directory { digest } = entry {
            *digest = *folders.get(path)?;
        }
    }
    Some(Manifest {
        digest,
        bytes,
        entries: entries.into_iter().collect::<IndexMap<_, _>>(),
    })
}

/// The entry of a file.
pub fn file_entry(stat: &Stat, sha256: Digest) -> Entry {
    Entry::File {
        size: stat.size,
        executable: stat.is_executable(),
        sha256,
    }
}
