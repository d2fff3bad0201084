//! Small artifacts that nobody reads where they lie: what commands leave in the workspace. They are kept in journals, without
//! a folder of their own, and are whole as long as their frame is. Knows trees and bytes, not whose outs they are.

use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io::ErrorKind,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use pipe_schema::manifest::{Digest, Entry, Manifest};
use sha2::{Digest as _, Sha256};

use super::{
    Store, disk,
    error::{At, Result, StoreError},
    hash::{self, Failure, Task},
    journal::{Content, Kind as FrameKind, Note},
    merkle, object,
    tree::{self, Kind, Node, Rules},
};

/// A larger artifact has a folder.
pub(super) const MOST_BYTES: u64 = 16 << 10;
const MOST_NODES: usize = 32;

/// Whether a listed tree is small enough.
pub(super) fn is_small(nodes: &[Node]) -> bool {
    let is_file = |it: &&Node| matches!(it.kind, Kind::File { .. } | Kind::Followed);
    let bytes: u64 = (nodes.iter().filter(is_file).map(|it| it.stat.size)).sum();
    nodes.len() <= MOST_NODES && bytes <= MOST_BYTES
}

/// Reads a small tree, which lies in `folder`.
pub(super) fn read(folder: &Path, nodes: &[Node]) -> Result<(Manifest, Note)> {
    let mut entries = BTreeMap::new();
    let mut bytes = Vec::new();
    for node in nodes {
        let entry = match &node.kind {
            Kind::Directory => Entry::Directory {
                digest: Digest([0; 32]),
            },
            Kind::Link { target } => Entry::Link {
                target: target.clone(),
            },
            Kind::File { .. } | Kind::Followed => {
                let path = folder.join(&node.path);
                let task = Task {
                    path: &path.to_string_lossy(),
                    stat: &node.stat,
                    follow: node.kind == Kind::Followed,
                };
                let content = hash::read(rustix::fs::CWD, task).map_err(|it| match it {
                    Failure::Io(error) => StoreError::io("read", &path, error),
                    Failure::Changed => StoreError::Changing(path.clone()),
                })?;
                let sha256 = Digest(Sha256::digest(&content).into());
                bytes.extend(content.iter().map(|it| !it));
                merkle::file_entry(&node.stat, sha256)
            }
        };
        entries.insert(node.path.clone(), entry);
    }
    let manifest =
        merkle::manifest(entries).ok_or_else(|| StoreError::Changing(folder.to_owned()))?;
    let mut content = object::encode(&manifest)?;
    content.push(b'\n');
    content.extend(bytes);
    let note = Note::new(FrameKind::Pack, manifest.digest, content);
    Ok((manifest, note))
}

/// The manifest of a small artifact that is about to be written down.
pub(super) fn manifest_of(note: &Note) -> Option<Manifest> {
    take_apart(&note.content).map(|(manifest, _)| manifest)
}

/// The manifest and the bytes of all files, in its order. Their bits are turned, so that an out that is a journal itself does
/// not look like one, should its frame be cut off.
fn take_apart(content: &[u8]) -> Option<(Manifest, &[u8])> {
    let end = content.iter().position(|it| *it == b'\n')?;
    let manifest: Manifest = serde_json::from_slice(&content[..end]).ok()?;
    let bytes = &content[end + 1..];
    (manifest.bytes == bytes.len() as u64).then_some((manifest, bytes))
}

/// Writes what is in a small artifact into a folder, which exists and is empty.
fn unfold(manifest: &Manifest, mut bytes: &[u8], folder: &Path) -> Result<()> {
    for (path, entry) in &manifest.entries {
        let place = folder.join(path);
        match entry {
            Entry::Directory { .. } => disk::create_dir(&place).at("create", &place)?,
            Entry::Link { target } => disk::symlink(target, &place).at("create", &place)?,
            Entry::File {
                size, executable, ..
            } => {
                let (content, rest) = bytes
                    .split_at_checked(*size as usize)
                    .ok_or_else(|| StoreError::NoArtifact(manifest.digest.to_string()))?;
                bytes = rest;
                let content: Vec<u8> = content.iter().map(|it| !it).collect();
                let mut options = OpenOptions::new();
                let mode = if *executable { 0o777 } else { 0o666 };
                options.write(true).create_new(true).mode(mode);
                let file = disk::open(&options, &place).at("create", &place)?;
                disk::write_all(&file, &place, &content).at("write", &place)?;
            }
        }
    }
    Ok(())
}

impl Store {
    /// Whether what was kept of an out is there and whole. None if it is; else what is wrong with it.
    pub(super) fn check_kept(&self, digest: &Digest) -> Result<Option<String>> {
        self.check_copy(digest, false)
    }

    /// The same by its bytes, whatever the index says.
    pub(super) fn check_kept_whole(&self, digest: &Digest) -> Result<Option<String>> {
        self.check_copy(digest, true)
    }

    fn check_copy(&self, digest: &Digest, deep: bool) -> Result<Option<String>> {
        if !self.with_contents(|it| it.has(FrameKind::Pack, digest))? {
            return self.check_object(digest, deep);
        }
        match self.content(FrameKind::Pack, digest)? {
            Content::Whole(_) => Ok(None),
            Content::Nothing => self.check_object(digest, deep),
            Content::Damaged => {
                self.lose_sight();
                let what = "its content is not what it was".to_owned();
                self.remember_damage(*digest, &what);
                Ok(Some(what))
            }
        }
    }

    /// Writes what was kept of an out into a folder, which exists and is empty. False where it has a folder of its own.
    pub(super) fn unpack_into(&self, digest: &Digest, folder: &Path) -> Result<bool> {
        match self.content(FrameKind::Pack, digest)? {
            Content::Whole(content) => {
                let Some((manifest, bytes)) = take_apart(&content) else {
                    return Err(StoreError::NoArtifact(digest.to_string()));
                };
                unfold(&manifest, bytes, folder).map(|()| true)
            }
            Content::Nothing | Content::Damaged => Ok(false),
        }
    }

    /// The manifest of a small artifact, if it is one.
    pub(super) fn packed_manifest(&self, digest: &Digest) -> Result<Option<Manifest>> {
        Ok(match self.content(FrameKind::Pack, digest)? {
            Content::Whole(content) => take_apart(&content).map(|it| it.0),
            Content::Nothing | Content::Damaged => None,
        })
    }

    /// Where people and programs can read what was kept of an out: a small one is given a folder for that.
    pub fn kept(&self, digest: &Digest) -> Result<PathBuf> {
        let object = self.layout.object(digest);
        if object.is_dir() {
            return Ok(object);
        }
        let scratch = self.own_scratch()?;
        let folder = scratch.new_path("tree");
        disk::create_dir(&folder).at("create", &folder)?;
        if !self.unpack_into(digest, &folder)? {
            return Err(StoreError::NoArtifact(digest.to_string()));
        }
        let _calm = self.calm()?;
        super::create_parent(&object)?;
        match disk::rename(&folder, &object) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => return Ok(object),
            Err(error) => return Err(StoreError::io("create", &object, error)),
        }
        object::seal(&object, &tree::list(&object, Rules::Artifact)?)?;
        Ok(object)
    }
}
