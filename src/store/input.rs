//! Source files and folders as inputs: what they hold, and whether it stayed so while a job read them.
//! Asks the stat index first; reads only what it does not know for sure.

use std::{
    io::ErrorKind,
    iter,
    path::{Path, PathBuf},
    sync::PoisonError,
};

use pipe_schema::manifest::{Digest, Entry, Manifest};
use rustix::fs::FileType;
use sha2::{Digest as _, Sha256};

use super::{
    Store, copy,
    error::{At, Result, StoreError},
    filesystem::FileSystem,
    lock::{self, Hold},
    merkle,
    sources::Sources,
    stat::{self, Clock, Moment, Stat},
    tree::{self, Kind, Node, Read, Rules},
};

/// How often a file that changes while it is read is tried again.
const ATTEMPTS: usize = 3;

/// A source file or folder and what it held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathDigest {
    /// Absolute.
    pub path: PathBuf,
    /// Of the content, with executable bits and, in a folder, names; not of the path itself.
    pub digest: Digest,
    pub bytes: u64,
    pub is_directory: bool,
    /// Of the bytes of a file alone.
    pub sha256: Option<Digest>,
    /// Whether its times are not believed.
    is_always_read: bool,
    /// Over inodes, sizes, modes and times of modification.
    stamp: Digest,
    /// Over times of change, which a hard link or a rename also moves.
    touched: Digest,
    /// Whether another change would have shown in the stats: else it may have come within the same tick of the clock.
    is_sure: bool,
}

impl PathDigest {
    /// The same of a file or folder whose times are not believed, also after the job that read it.
    #[must_use]
    pub fn distrusted(self) -> Self {
        Self {
            is_always_read: true,
            ..self
        }
    }
}

impl Store {
    /// What a file or folder of the project holds. `__pycache__` and `.git` in a folder do not count.
    pub fn digest_path(&self, path: &Path) -> Result<PathDigest> {
        let path = std::path::absolute(path).at("read", path)?;
        let mut tries = 0;
        loop {
            tries += 1;
            match self.try_digest(&path) {
                Err(StoreError::Changing(_)) if tries < ATTEMPTS => {}
                digest => return digest,
            }
        }
    }

    /// What the stat index says of a file or folder, by its absolute path, is not believed any more: it is read when it is
    /// asked for. A run that says so never has nothing to do.
    pub fn distrust_path(&self, path: &Path) {
        self.lose_sight();
        if let Some(group) = path.to_str() {
            self.with_sources(|sources| sources.forget(group));
        }
    }

    /// Whether nothing changed it since; for after the job that read it.
    pub fn is_unchanged(&self, input: &PathDigest) -> Result<bool> {
        let (is_directory, nodes) = match look(&input.path) {
            Ok(found) => found,
            Err(error) if error.is_missing() => return Ok(false),
            Err(StoreError::Unfit { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
        if is_directory != input.is_directory || stamp(&nodes) != input.stamp {
            return Ok(false);
        }
        if input.is_always_read {
            self.distrust_path(&input.path);
        } else if input.is_sure && touched(&nodes) == input.touched {
            return Ok(true);
        }
        // A new name for the file, a mode set to what it was, a file of this very moment: only the bytes can say.
        match self.digest_path(&input.path) {
            Ok(now) => Ok(now.digest == input.digest && now.stamp == input.stamp),
            Err(StoreError::Changing(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn try_digest(&self, path: &Path) -> Result<PathDigest> {
        let (is_directory, nodes) = look(path)?;
        let group = group_of(path)?;
        let (digest, bytes, sha256, moment) = if is_directory {
            let (manifest, moment) = self.read_known(path, &group, &nodes)?;
            (manifest.digest, manifest.bytes, None, moment)
        } else {
            let stat = nodes[0].stat;
            let (sha256, moment) = self.sha256_of(path, &group, &stat)?;
            (
                merkle::file_digest(stat.is_executable(), stat.size, &sha256),
                stat.size,
                Some(sha256),
                moment,
            )
        };
        if is_directory {
            self.look(path);
            self.saw_tree(path, &nodes);
        } else {
            self.saw_behind(path, &nodes[0].stat);
        }
        let is_sure = |moment: Moment| {
            let mut files = nodes.iter().filter(|it| it.kind != Kind::Directory);
            files.all(|it| moment.is_sure_of(&it.stat))
        };
        Ok(PathDigest {
            path: path.to_owned(),
            digest,
            bytes,
            is_directory,
            sha256,
            is_always_read: false,
            stamp: stamp(&nodes),
            touched: touched(&nodes),
            // What the index knew it was sure of.
            is_sure: moment.is_none_or(is_sure),
        })
    }

    /// The digest of the artifact that a workspace out would be. Links are not followed.
    pub(super) fn out_digest(&self, path: &Path) -> Result<Digest> {
        Ok(self.out_manifest(path)?.digest)
    }

    /// The manifest of the artifact that a workspace out would be. Links are not followed.
    pub(super) fn out_manifest(&self, path: &Path) -> Result<Manifest> {
        let stat = Stat::of_link(path).at("read", path)?;
        let group = group_of(path)?;
        if stat.is_directory() {
            let nodes = tree::list(path, Rules::Artifact)?;
            self.saw(path, &stat);
            self.saw_tree(path, &nodes);
            return Ok(self.read_known(path, &group, &nodes)?.0);
        }
        let node = tree::lone(path, copy::name_of(path)?)?;
        self.saw(path, &node.stat);
        let entry = match &node.kind {
            Kind::Link { target } => Entry::Link {
                target: target.clone(),
            },
            _ => merkle::file_entry(&node.stat, self.sha256_of(path, &group, &node.stat)?.0),
        };
        merkle::manifest([(node.path, entry)].into())
            .ok_or_else(|| StoreError::Changing(path.to_owned()))
    }

    /// A folder's manifest, by the index where it is sure; and when what it was not sure of was read.
    pub(super) fn read_known(
        &self,
        path: &Path,
        group: &str,
        nodes: &[Node],
    ) -> Result<(Manifest, Option<Moment>)> {
        let known: Vec<Option<Digest>> = self.with_sources(|sources| {
            nodes
                .iter()
                .map(|it| sources.find(group, &it.path, &it.stat))
                .collect()
        });
        let is_all_known =
            (nodes.iter().zip(&known)).all(|(node, known)| known.is_some() || !node.is_file());
        // Taken before anything is read.
        let moment = if is_all_known {
            None
        } else {
            Some(self.moment(path, nodes))
        };
        let Read { entries, read } = tree::read(path, nodes, |at| known[at])?;
        let Some(moment) = moment else {
            return Ok((tree::manifest_of(path, entries)?, None));
        };
        let is_there = |file: &str| {
            // `nodes` are sorted by path.
            nodes
                .binary_search_by(|it| it.path.as_str().cmp(file))
                .is_ok()
        };
        self.with_sources(|sources| {
            sources.retain(group, is_there);
            sources.put(group, read.into_iter(), moment);
        });
        Ok((tree::manifest_of(path, entries)?, Some(moment)))
    }

    /// Notes what files of the project held, or the one at the path, that were read after `moment`.
    pub(super) fn learn(
        &self,
        path: &Path,
        is_directory: bool,
        nodes: &[Node],
        manifest: &Manifest,
        moment: Moment,
    ) {
        let Some(group) = path.to_str() else { return };
        self.with_sources(|sources| {
            let held = nodes.iter().filter_map(|node| {
                let Some(Entry::File { sha256, .. }) = manifest.entries.get(&node.path) else {
                    return None;
                };
                let file = if is_directory { &*node.path } else { "" };
                Some((file.to_owned(), node.stat, *sha256))
            });
            let held: Vec<_> = held.collect();
            sources.put(group, held.into_iter(), moment);
        });
    }

    /// The SHA-256 of a file's bytes, by the index where it is sure.
    pub(super) fn lone_sha256(&self, path: &Path, stat: &Stat) -> Result<Digest> {
        Ok(self.sha256_of(path, &group_of(path)?, stat)?.0)
    }

    /// Whether the stat index knows a file with another stat: a change of it left a trace.
    pub(super) fn shows_change(&self, path: &Path) -> bool {
        let (Some(group), Ok(stat)) = (path.to_str(), Stat::of(path)) else {
            return false;
        };
        self.with_sources(|sources| sources.shows_change(group, "", &stat))
    }

    /// And when it was read, where the index was not sure.
    fn sha256_of(&self, path: &Path, group: &str, stat: &Stat) -> Result<(Digest, Option<Moment>)> {
        if let Some(sha256) = self.with_sources(|it| it.find(group, "", stat)) {
            return Ok((sha256, None));
        }
        let moment = self.moment_at(path, stat.dev);
        let sha256 = tree::read_file(path, stat)?;
        let held = iter::once((String::new(), *stat, sha256));
        self.with_sources(|it| it.put(group, held, moment));
        Ok((sha256, Some(moment)))
    }

    /// What time it is by the clock that stamps files, in nanoseconds since 1970.
    pub fn file_time(&self) -> i64 {
        self.moment_at(self.root(), self.device).now
    }

    /// The time on the file system of these files: by a probe where that is the store's, else by a cautious guess.
    pub(super) fn moment(&self, path: &Path, nodes: &[Node]) -> Moment {
        let is_here = nodes.iter().all(|it| it.stat.dev == self.device);
        self.moment_at(path, if is_here { self.device } else { u64::MAX })
    }

    pub(super) fn moment_at(&self, path: &Path, device: u64) -> Moment {
        let guess = || Moment::guess(FileSystem::is_local(path));
        if device != self.device || !self.is_writable {
            return guess();
        }
        if let Some(clock) = self.clock.get() {
            return Moment::by(*clock);
        }
        let folder = self.layout.scratch();
        let before = stat::kernel_time();
        let Ok(moment) = super::with_parent(&folder.join("probe"), || Moment::probe(&folder))
        else {
            return guess();
        };
        // Where another machine stamps the files, its clock may go another way from here on.
        if FileSystem::is_local(&folder)
            && let Some(clock) = Clock::of(moment, before, stat::kernel_time())
        {
            let _ = self.clock.set(clock);
        }
        moment
    }

    /// Reads the stat index, for who will ask soon.
    pub fn read_sources(&self) {
        self.with_sources(|_| ());
    }

    /// Works with the stat index, which is read when it is first needed.
    fn with_sources<T>(&self, work: impl FnOnce(&mut Sources) -> T) -> T {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        work(sources.get_or_insert_with(|| Sources::load(&self.layout.sources())))
    }

    /// Writes what was learned, together with what other processes learned meanwhile.
    pub(super) fn save_sources(&self) -> Result<()> {
        let mut guard = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(own) = guard.as_mut().filter(|it| it.is_changed()) else {
            return Ok(());
        };
        if !self.is_writable {
            return Ok(());
        }
        let path = self.layout.sources();
        super::create_parent(&path)?;
        if path.is_dir() {
            self.set_aside(&path)?;
        }
        let _lock = lock::take(&self.layout.lock("sources"), Hold::Alone, true)?;
        own.merge(Sources::load(&path));
        own.save(&path)
    }
}

/// What is at `path`, a link followed: a file alone, or all in a folder.
fn look(path: &Path) -> Result<(bool, Vec<Node>)> {
    let stat = match Stat::of(path) {
        Ok(stat) => stat,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Err(StoreError::Missing(path.to_owned()));
        }
        Err(error) => return Err(StoreError::io("read", path, error)),
    };
    match stat.kind() {
        FileType::Directory => Ok((true, tree::list(path, Rules::Source)?)),
        FileType::RegularFile => {
            let kind = Kind::File { shared: false };
            Ok((
                false,
                vec![Node {
                    path: String::new(),
                    stat,
                    kind,
                }],
            ))
        }
        _ => Err(StoreError::Unfit {
            path: path.to_owned(),
            why: "is neither a file nor a folder",
        }),
    }
}

pub(super) fn group_of(path: &Path) -> Result<String> {
    path.to_str()
        .map(str::to_owned)
        .ok_or_else(|| StoreError::Unfit {
            path: path.to_owned(),
            why: "has a name that is not UTF-8",
        })
}

/// Names, and what only a change of content moves. Of folders only their names: a job may well write beside its inputs' folders.
fn stamp(nodes: &[Node]) -> Digest {
    let mut hasher = Sha256::new();
    for node in nodes {
        hasher.update((node.path.len() as u64).to_be_bytes());
        hasher.update(&node.path);
        if node.kind != Kind::Directory {
            hasher.update(
                Stat {
                    ctime: 0,
                    ..node.stat
                }
                .bytes(),
            );
        }
    }
    Digest(hasher.finalize().into())
}

fn touched(nodes: &[Node]) -> Digest {
    let mut hasher = Sha256::new();
    for node in nodes.iter().filter(|it| it.kind != Kind::Directory) {
        hasher.update(node.stat.ctime.to_be_bytes());
    }
    Digest(hasher.finalize().into())
}
