//! Artifacts: immutable folders under the digest of their tree, each with a manifest in a journal.
//! Trusts nothing it did not see: stats that differ from the index mean that bytes are read again.

use std::{
    collections::BTreeMap,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::PoisonError,
    thread,
    time::Duration,
};

use pipe_schema::manifest::{Digest, Entry, Manifest};
use sha2::{Digest as _, Sha256};

use super::{
    Store, closed, disk,
    error::{At, Result, StoreError},
    journal::{Content, Contents, FullRead, Kind as FrameKind, Note, Stamp},
    merkle,
    revocation::wall_time,
    rot::rot_of,
    stat::Stat,
    tree::{self, Kind, Node, Rules},
};

const FILE_MODE: u32 = 0o444;
const EXECUTABLE_MODE: u32 = 0o555;

impl Store {
    /// The folder of an artifact.
    pub fn artifact(&self, digest: &Digest) -> PathBuf {
        self.layout.object(digest)
    }

    /// What is in an artifact. A manifest that is lost is made anew from its bytes.
    pub fn manifest(&self, digest: &Digest) -> Result<Manifest> {
        if let Some(manifest) = self.find_manifest(digest)? {
            return Ok(manifest);
        }
        if let Some(manifest) = self.packed_manifest(digest)? {
            return Ok(manifest);
        }
        let found = self.read_whole(digest)?;
        found.ok_or_else(|| StoreError::NoArtifact(digest.to_string()))
    }

    /// Digests of paths inside an artifact; those that it does not have are left out. The empty path is all of it.
    pub fn subdigest(&self, digest: &Digest, reads: &[String]) -> Result<BTreeMap<String, Digest>> {
        let manifest = self.manifest(digest)?;
        let find = |path: &str| match path.trim_end_matches('/') {
            "" => Some(manifest.digest),
            path => manifest.entries.get(path).map(merkle::entry_digest),
        };
        Ok(reads
            .iter()
            .filter_map(|path| Some((path.clone(), find(path)?)))
            .collect())
    }

    /// The manifest as it was written down; None where it was not, or cannot be believed.
    pub(super) fn find_manifest(&self, digest: &Digest) -> Result<Option<Manifest>> {
        let json = match self.content(FrameKind::Tree, digest)? {
            Content::Whole(json) => json,
            Content::Nothing | Content::Damaged => return Ok(None),
        };
        let manifest = serde_json::from_slice::<Manifest>(&json).ok();
        Ok(manifest.filter(|it| it.digest == *digest))
    }

    /// The manifest of an artifact by its bytes, if these are what its name says.
    fn read_whole(&self, digest: &Digest) -> Result<Option<Manifest>> {
        let folder = self.layout.object(digest);
        match tree::list(&folder, Rules::Artifact) {
            Ok(nodes) => Ok(Some(read_quiet(&folder, nodes)?).filter(|it| it.digest == *digest)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads all of an artifact. None if it is whole; else what is wrong with it, after it was set aside.
    pub fn check_whole(&self, digest: &Digest) -> Result<Option<String>> {
        self.check_object(digest, true)
    }

    /// Looks whether an artifact is there and whole. None if it is; else what is wrong with it, after it was set aside.
    /// `deep` reads all bytes, whatever the index says.
    pub(super) fn check_object(&self, digest: &Digest, deep: bool) -> Result<Option<String>> {
        match self.examine(digest, deep) {
            Err(error) if error.is_denied() && self.is_writable => {
                // Where that is not ours to do, what was refused is the better answer.
                closed::open_tree(&self.layout.object(digest)).map_err(|_| error)?;
                self.examine(digest, true)
            }
            examined => examined,
        }
    }

    fn examine(&self, digest: &Digest, deep: bool) -> Result<Option<String>> {
        let folder = self.layout.object(digest);
        // A link, too, even to the same bytes: who can write there can change them.
        let top = Stat::of_link(&folder);
        if top.as_ref().is_ok_and(|it| !it.is_directory()) {
            return self.set_object_aside(digest, "it is not a folder".to_owned());
        }
        let nodes = match tree::list(&folder, Rules::Artifact) {
            Ok(nodes) => nodes,
            Err(error) if error.is_missing() => {
                let known = self.known_damage(digest);
                return Ok(Some(known.unwrap_or_else(|| "it is gone".to_owned())));
            }
            Err(StoreError::Unfit { path, why }) => {
                let what = format!("`{}` {why}", inside(&folder, &path));
                return self.set_object_aside(digest, what);
            }
            Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::NotADirectory => {
                return self.set_object_aside(digest, "it is not a folder".to_owned());
            }
            Err(error) => return Err(error),
        };
        let top = top.at("read", &folder)?;
        if !deep && self.is_stamped(digest, &top, &nodes)? {
            return Ok(None);
        }
        self.lose_sight();
        let manifest = self.find_manifest(digest)?;
        let began = wall_time();
        let found = read_quiet(&folder, nodes)?;
        if found.digest != *digest {
            self.revoke_readers_of(digest, manifest.as_ref(), &found)?;
            let what = manifest.map_or_else(
                || "its content is not what its name says".to_owned(),
                |manifest| difference(&manifest, &found),
            );
            return self.set_object_aside(digest, what);
        }
        if self.is_writable {
            seal(&folder, &tree::list(&folder, Rules::Artifact)?)?;
            if manifest.is_none() {
                self.append(vec![tree_note(&found)?])?;
            }
            let nodes = tree::list(&folder, Rules::Artifact)?;
            self.note(self.stamp_note(digest, &nodes, began)?);
        }
        Ok(None)
    }

    /// Revokes what was made of an artifact that is not what it was. It is still in its place.
    fn revoke_readers_of(
        &self,
        digest: &Digest,
        manifest: Option<&Manifest>,
        found: &Manifest,
    ) -> Result<()> {
        let folder = self.layout.object(digest);
        let nodes = tree::list(&folder, Rules::Artifact)?;
        let top = Stat::of_link(&folder).at("read", &folder)?;
        let last_read = self.with_contents(|contents| contents.last_full_read(digest))?;
        let last_read = last_read.map(|(_, read)| read);
        match rot_of(digest, manifest, found, &nodes, top.ctime, last_read) {
            Some(rot) => self.revoke_readers(&rot),
            None => Ok(()),
        }
    }

    /// Whether the object's files are as they were when it was last seen whole.
    fn is_stamped(&self, digest: &Digest, top: &Stat, nodes: &[Node]) -> Result<bool> {
        let now = stamp_of(top, nodes);
        let is_known = |it: &Contents| {
            it.has(FrameKind::Tree, digest) && it.stamp(digest).map(|it| it.stats) == Some(now)
        };
        // Another process may have made it since the journals were read.
        let is_stamped = self.with_contents(is_known)? || self.with_fresh_contents(is_known)?;
        if is_stamped {
            let folder = self.layout.object(digest);
            self.saw(&folder, top);
            self.saw_tree(&folder, nodes);
        }
        Ok(is_stamped)
    }

    /// The stats of an object that is whole: these are its nodes. All of it was read, from `began` on.
    pub(super) fn stamp_note(&self, digest: &Digest, nodes: &[Node], began: i64) -> Result<Note> {
        let folder = self.layout.object(digest);
        let top = Stat::of_link(&folder).at("read", &folder)?;
        let times = nodes.iter().map(|node| node.stat.ctime);
        let stamp = Stamp {
            stats: stamp_of(&top, nodes),
            read: Some(FullRead {
                began,
                changed: times.fold(top.ctime, i64::max),
            }),
        };
        Ok(Note::new(FrameKind::Stamp, *digest, stamp.text()))
    }

    fn set_object_aside(&self, digest: &Digest, what: String) -> Result<Option<String>> {
        self.set_aside(&self.layout.object(digest))?;
        self.remember_damage(*digest, &what);
        Ok(Some(what))
    }

    pub(super) fn remember_damage(&self, digest: Digest, what: &str) {
        let mut damage = self.damage.lock().unwrap_or_else(PoisonError::into_inner);
        damage.insert(digest, what.to_owned());
    }

    pub(super) fn known_damage(&self, digest: &Digest) -> Option<String> {
        let damage = self.damage.lock().unwrap_or_else(PoisonError::into_inner);
        damage.get(digest).cloned()
    }

    /// It was made again.
    pub(super) fn forget_damage(&self, digest: &Digest) {
        let mut damage = self.damage.lock().unwrap_or_else(PoisonError::into_inner);
        damage.remove(digest);
    }
}

/// Reads all of a tree. Another run may be sealing it at this moment, which changes its stats but not its bytes.
fn read_quiet(folder: &Path, mut nodes: Vec<Node>) -> Result<Manifest> {
    for pause in [1, 10, 100, 1000] {
        match tree::manifest(folder, &nodes) {
            Err(StoreError::Changing(_)) => thread::sleep(Duration::from_millis(pause)),
            manifest => return manifest,
        }
        nodes = tree::list(folder, Rules::Artifact)?;
    }
    tree::manifest(folder, &nodes)
}

/// A manifest as JSON.
pub(super) fn encode(manifest: &Manifest) -> Result<Vec<u8>> {
    serde_json::to_vec(manifest).map_err(|error| StoreError::Damaged {
        path: manifest.digest.to_string().into(),
        what: format!("its manifest cannot be written as JSON: {error}"),
    })
}

/// A manifest, to be written down.
pub(super) fn tree_note(manifest: &Manifest) -> Result<Note> {
    let json = encode(manifest)?;
    Ok(Note::new(FrameKind::Tree, manifest.digest, json))
}

/// Makes a tree read-only: files 0444 or 0555, folders 0555.
pub(super) fn seal(folder: &Path, nodes: &[Node]) -> Result<()> {
    let top = tree::open_folder(rustix::fs::CWD, folder).at("read", folder)?;
    for node in nodes {
        let wanted = match &node.kind {
            Kind::Directory => EXECUTABLE_MODE,
            Kind::File { .. } if node.stat.is_executable() => EXECUTABLE_MODE,
            Kind::File { .. } => FILE_MODE,
            Kind::Link { .. } | Kind::Followed => continue,
        };
        if node.stat.mode & 0o7777 != wanted {
            disk::set_mode_at(&top, folder, &node.path, wanted)
                .at("change the mode of", folder.join(&node.path))?;
        }
    }
    let mode = Stat::of_file(&top).at("read", folder)?.mode;
    if mode & 0o7777 != EXECUTABLE_MODE {
        disk::set_mode(folder, EXECUTABLE_MODE).at("change the mode of", folder)?;
    }
    Ok(())
}

/// One digest over the stats of an object.
fn stamp_of(top: &Stat, nodes: &[Node]) -> Digest {
    let mut hasher = Sha256::new();
    // Without the device: its number may be another one after the machine was started again.
    hasher.update(&top.bytes()[8..]);
    for node in nodes {
        hasher.update((node.path.len() as u64).to_be_bytes());
        hasher.update(&node.path);
        hasher.update(&node.stat.bytes()[8..]);
    }
    Digest(hasher.finalize().into())
}

/// The first path at which a tree is not what its manifest says.
fn difference(manifest: &Manifest, found: &Manifest) -> String {
    let is_folder = |entry: &Entry| matches!(entry, Entry::Directory { .. });
    for (path, entry) in &manifest.entries {
        match found.entries.get(path) {
            None => return format!("`{path}` is gone"),
            Some(other) if is_folder(entry) && is_folder(other) => {}
            Some(other) if other != entry => return format!("`{path}` is not what it was"),
            Some(_) => {}
        }
    }
    match found
        .entries
        .keys()
        .find(|it| !manifest.entries.contains_key(*it))
    {
        Some(path) => format!("`{path}` does not belong to it"),
        None => "its content is not what it was".to_owned(),
    }
}

fn inside(folder: &Path, path: &Path) -> String {
    path.strip_prefix(folder)
        .unwrap_or(path)
        .display()
        .to_string()
}
