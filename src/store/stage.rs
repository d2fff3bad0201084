//! Getting what a job wrote ready to become artifacts: in one folder on the store's file system, alone in its bytes, hashed.
//! Changes nothing that others can see.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use pipe_schema::{
    manifest::{Digest, Manifest},
    package, report,
    stage::ArtifactType,
};

use super::{
    Store, closed, copy, disk,
    error::{At, Result, StoreError},
    lease::Scratch,
    object::write_manifest_to,
    removal,
    stat::Stat,
    tree::{self, Kind, Node, Rules},
};

/// A tree that is ready to become an artifact.
pub(super) struct Staged {
    pub digest: Digest,
    pub bytes: u64,
    /// Where it waits; None where the store has it already.
    pub tree: Option<Tree>,
}

pub(super) struct Tree {
    pub folder: PathBuf,
    pub manifest: PathBuf,
    pub nodes: Vec<Node>,
}

impl Store {
    /// An output: a folder, which is moved, or a file, which gets a folder around it.
    pub(super) fn stage_output(
        &self,
        scratch: &Scratch,
        name: &str,
        r#type: ArtifactType,
        path: &Path,
    ) -> Result<Staged> {
        if let Some(digest) = self.digest_of_artifact(path) {
            // What is in the store is named, never moved.
            let manifest = self.manifest(&digest)?;
            return Ok(Staged {
                digest,
                bytes: manifest.bytes,
                tree: None,
            });
        }
        let stat = match Stat::of(path) {
            Ok(stat) => stat,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(StoreError::OutputMissing {
                    output: name.to_owned(),
                    path: path.to_owned(),
                });
            }
            Err(error) => return Err(StoreError::io("read", path, error)),
        };
        // A link stands for what it leads to, which is somebody else's: it is copied, and left as it is.
        let is_link = Stat::of_link(path).at("read", path)? != stat;
        let is_ours =
            stat.dev == self.device && !is_link && !path.starts_with(self.layout.objects());
        let mut folder = path.to_owned();
        if !stat.is_directory() {
            let file_name = match r#type {
                ArtifactType::Report => report::METRICS_FILE,
                ArtifactType::Model => package::TORCHSCRIPT_FILE,
                _ => name,
            };
            folder = new_folder(scratch)?;
            let to = folder.join(file_name);
            if is_ours {
                disk::rename(path, &to).at("move", path)?;
            } else {
                copy::file(path, &to, &stat)?;
            }
        } else if !is_ours {
            folder = new_folder(scratch)?;
            let nodes = tree::list(path, Rules::Artifact)?;
            copy::nodes(path, &nodes, &folder)?;
        }
        stage_folder(scratch, folder)
    }

    /// Whether what lies at a path is what it was, if it is an artifact of this store; for after the job that read it.
    /// What is wrong with it, after it was set aside.
    pub fn harm_to(&self, path: &Path) -> Result<Option<String>> {
        match self.digest_of_artifact(path) {
            Some(digest) => self.check_object(&digest, false),
            None => Ok(None),
        }
    }

    /// The digest, if the path is an artifact of this store.
    fn digest_of_artifact(&self, path: &Path) -> Option<Digest> {
        let place = path.strip_prefix(self.layout.objects()).ok()?.to_str()?;
        let (folder, name) = place.split_once('/')?;
        super::layout::joined(folder, name)
    }
}

/// A workspace out, which is copied. Returns whether it is a folder.
pub(super) fn stage_out(scratch: &Scratch, name: &str, path: &Path) -> Result<(Staged, bool)> {
    let stat = match Stat::of_link(path) {
        Ok(stat) => stat,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(StoreError::OutputMissing {
                output: name.to_owned(),
                path: path.to_owned(),
            });
        }
        Err(error) => return Err(StoreError::io("read", path, error)),
    };
    let folder = new_folder(scratch)?;
    copy::out(path, &stat, &folder)?;
    Ok((stage_folder(scratch, folder)?, stat.is_directory()))
}

/// Hashes a folder that is on the store's file system, and writes its manifest beside it.
fn stage_folder(scratch: &Scratch, folder: PathBuf) -> Result<Staged> {
    let mut nodes = list_readable(&folder)?;
    if unshare(&folder, &nodes, scratch)? {
        nodes = tree::list(&folder, Rules::Artifact)?;
    }
    let manifest: Manifest = tree::read(&folder, &nodes, |_| None)?.manifest;
    let path = scratch.new_path("manifest");
    write_manifest_to(&path, &manifest)?;
    Ok(Staged {
        digest: manifest.digest,
        bytes: manifest.bytes,
        tree: Some(Tree {
            folder,
            manifest: path,
            nodes,
        }),
    })
}

fn new_folder(scratch: &Scratch) -> Result<PathBuf> {
    let folder = scratch.new_path("tree");
    disk::create_dir(&folder).at("create", &folder)?;
    removal::make_writable(&folder)?;
    Ok(folder)
}

/// Lists a tree that a job wrote. One that it made unreadable is made readable.
fn list_readable(folder: &Path) -> Result<Vec<Node>> {
    removal::make_writable(folder)?;
    let mut nodes = tree::list(folder, Rules::Artifact);
    if nodes.as_ref().is_err_and(StoreError::is_denied) {
        closed::open_folders(folder)?;
        nodes = tree::list(folder, Rules::Artifact);
    }
    let mut nodes = nodes?;
    let mut is_closed = false;
    for node in &nodes {
        let needed = if node.kind == Kind::Directory {
            0o700
        } else {
            0o400
        };
        if matches!(node.kind, Kind::File { .. } | Kind::Directory)
            && node.stat.mode & needed != needed
        {
            let path = folder.join(&node.path);
            copy::set_mode(&path, node.stat.mode & 0o7777 | needed)?;
            is_closed = true;
        }
    }
    if is_closed {
        nodes = tree::list(folder, Rules::Artifact)?;
    }
    Ok(nodes)
}

/// Gives files that have other names elsewhere bytes of their own: writing there must not change an artifact,
/// and making an artifact read-only must not change what is there.
fn unshare(folder: &Path, nodes: &[Node], scratch: &Scratch) -> Result<bool> {
    let mut is_any = false;
    // Not beside the file: any name there may be somebody's, or too long with a word more.
    let copy = scratch.path.join("alone");
    for node in nodes {
        if node.kind == (Kind::File { shared: true }) {
            let path = folder.join(&node.path);
            copy::file(&path, &copy, &node.stat)?;
            disk::rename(&copy, &path).at("replace", &path)?;
            is_any = true;
        }
    }
    Ok(is_any)
}
