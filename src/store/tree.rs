//! Trees of files: what is in a folder, and reading it. Knows no store: folders, names and bytes only.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io,
    path::Path,
};

use pipe_schema::manifest::{Digest, Entry, Manifest};
use rustix::{
    fd::AsFd,
    fs::{CWD, Dir, FileType, Mode, OFlags},
    io::Errno,
    path::Arg,
};

use super::{
    error::{At, Result, StoreError},
    hash::{self, Failure, Task},
    merkle::{self, file_entry},
    stat::{Stat, stat_at},
};
use crate::threads;

/// Caches that interpreters leave beside sources, and the repository itself: never an input.
pub const IGNORED_IN_SOURCES: [&str; 2] = ["__pycache__", ".git"];

/// Folders that are looked into by several threads: fewer are sooner done by one.
const ENOUGH_FOLDERS: usize = 16;
const MOST_THREADS: usize = 4;

/// Whose tree it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// An artifact: complete in itself, so that no link may leave it.
    Artifact,
    /// A folder of the project: a link that leaves it stands for the file it leads to.
    Source,
}

/// Something in a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Relative to the tree, with `/`.
    pub path: String,
    pub stat: Stat,
    pub kind: Kind,
}

impl Node {
    /// Whether it has bytes that count.
    pub fn is_file(&self) -> bool {
        matches!(self.kind, Kind::File { .. } | Kind::Followed)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Directory,
    /// `shared`: it has other names, so that writing to them would change it.
    File {
        shared: bool,
    },
    /// A file outside of the tree, through a link.
    Followed,
    Link {
        target: String,
    },
}

/// What is in the folder `root`, sorted by path. Reads no content.
pub fn list(root: &Path, rules: Rules) -> Result<Vec<Node>> {
    list_without(root, rules, &BTreeSet::new())
}

/// The same without what is at these paths.
pub fn list_without(root: &Path, rules: Rules, without: &BTreeSet<&str>) -> Result<Vec<Node>> {
    let lister = Lister {
        top: open_folder(CWD, root).at("read", root)?,
        root,
        rules,
        without,
    };
    let mut nodes = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        lister.list(&folder, &mut nodes, &mut folders)?;
        if folders.len() >= ENOUGH_FOLDERS {
            lister.share_out(&std::mem::take(&mut folders), &mut nodes)?;
        }
    }
    nodes.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(nodes)
}

/// Looks into folders of a tree.
struct Lister<'a> {
    /// The tree's own.
    top: File,
    root: &'a Path,
    rules: Rules,
    without: &'a BTreeSet<&'a str>,
}

impl Lister<'_> {
    /// Adds what is in one folder, and the folders among that.
    fn list(&self, folder: &str, nodes: &mut Vec<Node>, folders: &mut Vec<String>) -> Result<()> {
        let Self {
            top,
            root,
            rules,
            without,
        } = self;
        let opened = if folder.is_empty() {
            // It is read once: nobody minds that both are at the same place in it.
            top.try_clone()
        } else {
            open_folder(top, folder)
        };
        let opened = opened.at("read", root.join(folder))?;
        let trouble = |error: Errno| StoreError::io("read", root.join(folder), error.into());
        let mut entries = Dir::new(opened).map_err(trouble)?;
        while let Some(entry) = entries.read() {
            let entry = entry.map_err(trouble)?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            let Ok(name) = name.to_str() else {
                let name = name.to_string_lossy();
                return Err(StoreError::Unfit {
                    path: root.join(folder).join(&*name),
                    why: "has a name that is not UTF-8",
                });
            };
            if *rules == Rules::Source && IGNORED_IN_SOURCES.contains(&name) {
                continue;
            }
            let path = if folder.is_empty() {
                name.to_owned()
            } else {
                format!("{folder}/{name}")
            };
            if without.contains(path.as_str()) {
                continue;
            }
            let folder_fd = entries.fd().map_err(trouble)?;
            let node = node(folder_fd, name, path, *rules).map_err(|it| it.of(root))?;
            if node.kind == Kind::Directory {
                folders.push(node.path.clone());
            }
            nodes.push(node);
        }
        Ok(())
    }

    /// Adds what is in these folders and below, by several threads.
    fn share_out(&self, folders: &[String], nodes: &mut Vec<Node>) -> Result<()> {
        let threads = threads::cores().min(MOST_THREADS);
        let found = threads::map(threads, folders, |(), folder| -> Result<Vec<Node>> {
            let mut nodes = Vec::new();
            let mut below = vec![folder.clone()];
            while let Some(folder) = below.pop() {
                self.list(&folder, &mut nodes, &mut below)?;
            }
            Ok(nodes)
        });
        for found in found {
            nodes.extend(found?);
        }
        Ok(())
    }
}

/// A file, link or folder alone, as the only node of a tree.
pub fn lone(path: &Path, name: &str) -> Result<Node> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    node(CWD, path, name.to_owned(), Rules::Artifact).map_err(|it| it.of(folder))
}

/// One node, as it is found under `name` in an open folder.
fn node(
    folder: impl AsFd + Copy,
    name: impl Arg + Copy,
    path: String,
    rules: Rules,
) -> std::result::Result<Node, Trouble> {
    let unfit = |path: String, why| Trouble {
        path,
        why: Why::Unfit(why),
    };
    let raw = match stat_at(folder, name, false) {
        Ok(raw) => raw,
        Err(error) => {
            return Err(Trouble {
                path,
                why: Why::Io(error),
            });
        }
    };
    let mut stat = Stat::from(&raw);
    let kind = match stat.kind() {
        FileType::Directory => Kind::Directory,
        FileType::RegularFile => Kind::File {
            shared: raw.st_nlink > 1,
        },
        FileType::Symlink => {
            let target = match rustix::fs::readlinkat(folder, name, Vec::new()) {
                Ok(target) => target,
                Err(error) => {
                    return Err(Trouble {
                        path,
                        why: Why::Io(error.into()),
                    });
                }
            };
            let Ok(target) = target.into_string() else {
                return Err(unfit(path, "is a link to a name that is not UTF-8"));
            };
            if !leaves(&path, &target) {
                Kind::Link { target }
            } else if rules == Rules::Source {
                stat = match stat_at(folder, name, true) {
                    Ok(raw) => Stat::from(&raw),
                    Err(error) => {
                        return Err(Trouble {
                            path,
                            why: Why::Io(error),
                        });
                    }
                };
                match stat.kind() {
                    FileType::RegularFile => Kind::Followed,
                    _ => {
                        return Err(unfit(
                            path,
                            "is a link that leaves its folder, and not to a file",
                        ));
                    }
                }
            } else {
                return Err(unfit(path, "is a link that leaves its folder"));
            }
        }
        FileType::Fifo => return Err(unfit(path, "is a named pipe")),
        FileType::Socket => return Err(unfit(path, "is a socket")),
        _ => return Err(unfit(path, "is a device")),
    };
    Ok(Node { path, stat, kind })
}

struct Trouble {
    path: String,
    why: Why,
}

enum Why {
    Io(io::Error),
    Unfit(&'static str),
}

impl Trouble {
    fn of(self, root: &Path) -> StoreError {
        let path = root.join(self.path);
        match self.why {
            Why::Io(error) => StoreError::io("read", path, error),
            Why::Unfit(why) => StoreError::Unfit { path, why },
        }
    }
}

/// Whether a link at `path` may lead out of its tree. `..` may only stand at the front of a target:
/// behind a name, which may be a link itself, it would not mean what it says.
pub fn leaves(path: &str, target: &str) -> bool {
    if target.starts_with('/') {
        return true;
    }
    let mut depth = path.matches('/').count();
    let mut is_below = false;
    for word in target.split('/') {
        match word {
            "" | "." => {}
            ".." if is_below || depth == 0 => return true,
            ".." => depth -= 1,
            _ => is_below = true,
        }
    }
    false
}

/// Reads the files among `nodes` that `known` has no answer for, by their place.
pub fn read(root: &Path, nodes: &[Node], known: impl Fn(usize) -> Option<Digest>) -> Result<Read> {
    let mut hashes: Vec<Option<Digest>> = (0..nodes.len()).map(known).collect();
    let is_unknown = |at: &usize| nodes[*at].is_file() && hashes[*at].is_none();
    let unknown: Vec<usize> = (0..nodes.len()).filter(is_unknown).collect();
    let mut read = Vec::with_capacity(unknown.len());
    if !unknown.is_empty() {
        let top = open_folder(CWD, root).at("read", root)?;
        let tasks: Vec<Task<'_>> = (unknown.iter().map(|it| &nodes[*it]))
            .map(|it| Task {
                path: &it.path,
                stat: &it.stat,
                follow: it.kind == Kind::Followed,
            })
            .collect();
        for (at, answer) in unknown.iter().zip(hash::files(top.as_fd(), &tasks)) {
            let node = &nodes[*at];
            let sha256 = answer.map_err(|it| unread(it, &root.join(&node.path)))?;
            hashes[*at] = Some(sha256);
            read.push((node.path.clone(), node.stat, sha256));
        }
    }
    let entry = |(node, sha256): (&Node, Option<Digest>)| {
        let entry = match &node.kind {
            Kind::Directory => Entry::Directory {
                digest: Digest([0; 32]),
            },
            Kind::Link { target } => Entry::Link {
                target: target.clone(),
            },
            Kind::File { .. } | Kind::Followed => file_entry(&node.stat, sha256?),
        };
        Some((node.path.clone(), entry))
    };
    let entries: Option<_> = nodes.iter().zip(hashes).map(entry).collect();
    Ok(Read {
        // A file that nobody read is never left out unsaid.
        entries: entries.ok_or_else(|| StoreError::Changing(root.to_owned()))?,
        read,
    })
}

/// The manifest of the tree, all of whose files are read.
pub fn manifest(root: &Path, nodes: &[Node]) -> Result<Manifest> {
    manifest_of(root, read(root, nodes, |_| None)?.entries)
}

/// The manifest of a tree with these entries.
pub fn manifest_of(root: &Path, entries: BTreeMap<String, Entry>) -> Result<Manifest> {
    merkle::manifest(entries).ok_or_else(|| StoreError::Changing(root.to_owned()))
}

/// What `read` found.
pub struct Read {
    /// By path; digests of folders are not known yet.
    pub entries: BTreeMap<String, Entry>,
    /// The files that were read now, with what they were.
    pub read: Vec<(String, Stat, Digest)>,
}

/// Hashes a single file.
pub fn read_file(path: &Path, stat: &Stat) -> Result<Digest> {
    if path.to_str().is_none() {
        return Err(StoreError::Unfit {
            path: path.to_owned(),
            why: "has a name that is not UTF-8",
        });
    }
    let task = Task {
        path: &path.to_string_lossy(),
        stat,
        follow: true,
    };
    match hash::files(CWD, &[task]).pop() {
        Some(answer) => answer.map_err(|it| unread(it, path)),
        None => Err(StoreError::Changing(path.to_owned())),
    }
}

fn unread(failure: Failure, path: &Path) -> StoreError {
    match failure {
        Failure::Io(error) => StoreError::io("read", path, error),
        Failure::Changed => StoreError::Changing(path.to_owned()),
    }
}

/// Opens a folder, which the path must be without following a last link.
pub fn open_folder<P: rustix::path::Arg>(at: impl AsFd, path: P) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::openat(
        at,
        path,
        flags,
        Mode::empty(),
    )?))
}
