//! Getting what a job wrote ready to become artifacts: in one folder on the store's file system, alone in its bytes, hashed.
//! Changes nothing that others can see.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
};

use pipe_schema::{
    manifest::{Digest, Entry, Manifest},
    package,
    record::Output,
    report,
    stage::ArtifactType,
};

use super::{
    Store, closed, copy, disk,
    error::{At, Result, StoreError},
    journal::Note,
    lease::Scratch,
    pack, removal,
    stat::Stat,
    tree::{self, Kind, Node, Rules},
};

/// What is ready to become an artifact.
pub(super) struct Staged {
    pub digest: Digest,
    pub bytes: u64,
    pub form: Form,
    /// Whether the job wrote a file and no folder.
    pub is_file: bool,
}

pub(super) enum Form {
    /// The store has it already.
    Known,
    /// It waits in a folder.
    Tree(Tree),
    /// It is small, and all of it is here.
    Pack(Note),
}

pub(super) struct Tree {
    pub folder: PathBuf,
    pub manifest: Manifest,
    pub nodes: Vec<Node>,
}

impl Store {
    /// An output: a folder, which is moved, or a file, which gets a folder around it.
    pub(super) fn stage_output(
        &self,
        scratch: &dyn Fn() -> Result<Arc<Scratch>>,
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
                form: Form::Known,
                is_file: false,
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
        let scratch = scratch()?;
        let mut folder = path.to_owned();
        let is_file = !stat.is_directory();
        if !stat.is_directory() {
            folder = new_folder(&scratch)?;
            let to = folder.join(lone_file_name(r#type, name));
            if is_ours {
                disk::rename(path, &to).at("move", path)?;
            } else {
                copy::file(path, &to, &stat)?;
            }
        } else if !is_ours {
            folder = new_folder(&scratch)?;
            let nodes = tree::list(path, Rules::Artifact)?;
            copy::nodes(path, &nodes, &folder)?;
        }
        let staged = stage_folder(&scratch, folder)?;
        Ok(Staged { is_file, ..staged })
    }

    /// The name of the only file of a command's output, if the command wrote a file and no folder.
    pub fn lone_file(&self, output: &Output, name: &str) -> Result<Option<String>> {
        let file = lone_file_name(output.r#type, name);
        let is_file = if let Some(is_file) = output.is_file {
            is_file
        } else {
            // An older version did not note it.
            let manifest = self.manifest(&output.digest)?;
            let mut entries = manifest.entries.iter();
            let first = entries.next();
            let is_lone = |(path, entry): (&String, &Entry)| {
                path == file && matches!(entry, Entry::File { .. })
            };
            first.is_some_and(is_lone) && entries.next().is_none()
        };
        Ok(is_file.then(|| file.to_owned()))
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
    pub(super) fn digest_of_artifact(&self, path: &Path) -> Option<Digest> {
        let place = path.strip_prefix(self.layout.objects()).ok()?.to_str()?;
        let (folder, name) = place.split_once('/')?;
        super::layout::joined(folder, name)
    }
}

impl Store {
    /// A workspace out, of which a copy is made. Returns whether it is a folder.
    pub(super) fn stage_out(
        &self,
        scratch: &dyn Fn() -> Result<Arc<Scratch>>,
        name: &str,
        path: &Path,
    ) -> Result<(Staged, bool)> {
        let (is_directory, nodes) = match list_out(path) {
            Err(error) if error.is_missing() => {
                return Err(StoreError::OutputMissing {
                    output: name.to_owned(),
                    path: path.to_owned(),
                });
            }
            listed => listed?,
        };
        let folder = if is_directory {
            path
        } else {
            path.parent().unwrap_or(Path::new("/"))
        };
        // Taken before anything is read.
        let moment = self.moment(path, &nodes);
        if pack::is_small(&nodes) {
            let (manifest, note) = pack::read(folder, &nodes)?;
            self.learn(path, is_directory, &nodes, &manifest, moment);
            let staged = Staged {
                digest: manifest.digest,
                bytes: manifest.bytes,
                form: Form::Pack(note),
                is_file: !is_directory,
            };
            return Ok((staged, is_directory));
        }
        let scratch = scratch()?;
        let copied = new_folder(&scratch)?;
        copy::nodes(folder, &nodes, &copied)?;
        let staged = stage_folder(&scratch, copied)?;
        if let Form::Tree(tree) = &staged.form
            && list_out(path).is_ok_and(|it| it.1 == nodes)
        {
            // What was copied is what is there.
            self.learn(path, is_directory, &nodes, &tree.manifest, moment);
        }
        Ok((staged, is_directory))
    }
}

/// The name that an artifact gives to a file that is its only one.
fn lone_file_name(r#type: ArtifactType, output: &str) -> &str {
    match r#type {
        ArtifactType::Report => report::METRICS_FILE,
        ArtifactType::Model => package::TORCHSCRIPT_FILE,
        _ => output,
    }
}

/// What lies at a workspace path: all in a folder, or a file or link alone.
fn list_out(path: &Path) -> Result<(bool, Vec<Node>)> {
    let node = tree::lone(path, copy::name_of(path)?)?;
    if node.kind == Kind::Directory {
        return Ok((true, tree::list(path, Rules::Artifact)?));
    }
    Ok((false, vec![node]))
}

/// Hashes a folder that is on the store's file system.
fn stage_folder(scratch: &Scratch, folder: PathBuf) -> Result<Staged> {
    let mut nodes = list_readable(&folder)?;
    if unshare(&folder, &nodes, scratch)? {
        nodes = tree::list(&folder, Rules::Artifact)?;
    }
    let manifest: Manifest = tree::manifest(&folder, &nodes)?;
    Ok(Staged {
        digest: manifest.digest,
        bytes: manifest.bytes,
        form: Form::Tree(Tree {
            folder,
            manifest,
            nodes,
        }),
        is_file: false,
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
