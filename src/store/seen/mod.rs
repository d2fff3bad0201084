//! What was looked at while nothing was stale: files with their stats, and names that were not there. As long as all of it
//! is as it was, the same questions have the same answers. Knows neither questions nor answers.

mod place;
mod witness;

use std::{
    collections::HashSet,
    io::ErrorKind,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
};

use rustix::fs::FileType;

pub use self::witness::{Finding, Witness};
use super::{
    Store,
    error::Result,
    filesystem::FileSystem,
    stat::{Moment, Stat},
    tree::{Kind, Node},
};

/// What is being looked at, from `Store::watch` on.
#[derive(Debug)]
pub(super) struct Watch {
    /// Before anything was looked at, on the store's file system and elsewhere.
    here: Moment,
    elsewhere: Moment,
    places: Vec<(Vec<u8>, Seen)>,
    looked: HashSet<Vec<u8>>,
    /// What it saw was looked at once more, and is as it was.
    again: Option<Arc<Witness>>,
    is_lost: bool,
}

/// What was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Nothing,
    /// The file itself, were it a link.
    Itself(Stat),
    /// What the path leads to.
    Behind(Stat),
}

impl Watch {
    /// Whether a file was seen, by any path.
    fn has_file(&self, stat: &Stat) -> bool {
        let mut seen = self.places.iter().filter_map(|it| it.1.stat());
        seen.any(|it| it.is_of(stat)) || self.again.as_ref().is_some_and(|it| it.has_file(stat))
    }
}

impl Seen {
    /// Whether this is all that the other one is: a file that is no link is what its path leads to.
    fn tells(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Itself(a), Self::Behind(b)) | (Self::Behind(a), Self::Itself(b)) => {
                a == b && a.kind() != FileType::Symlink
            }
            (a, b) => a == b,
        }
    }

    fn stat(&self) -> Option<&Stat> {
        match self {
            Self::Nothing => None,
            Self::Itself(stat) | Self::Behind(stat) => Some(stat),
        }
    }
}

impl Store {
    /// Remembers from now on what is looked at.
    pub fn watch(&self) {
        let root = self.root();
        let watch = Watch {
            here: self.moment_at(root, self.device),
            elsewhere: Moment::guess(FileSystem::is_local(root)),
            places: Vec::new(),
            looked: HashSet::new(),
            again: None,
            is_lost: false,
        };
        *self.watch.lock().unwrap_or_else(PoisonError::into_inner) = Some(watch);
    }

    /// Whether anybody wants to know what is looked at.
    pub fn is_watching(&self) -> bool {
        let watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        watch.as_ref().is_some_and(|it| !it.is_lost)
    }

    /// Notes what is at a path, links followed, if anything.
    pub fn look(&self, path: &Path) {
        self.look_as(path, |path| Stat::of(path).map(Seen::Behind));
    }

    /// Notes what is at a path itself.
    pub(super) fn look_at(&self, path: &Path) {
        self.look_as(path, |path| Stat::of_link(path).map(Seen::Itself));
    }

    fn look_as(&self, path: &Path, see: impl Fn(&Path) -> std::io::Result<Seen>) {
        self.with_watch(|watch| {
            if !watch.looked.insert(bytes_of(path)) {
                return;
            }
            match see(path) {
                Ok(seen) => watch.places.push((bytes_of(path), seen)),
                Err(error) if is_absent(error.kind()) => {
                    watch.places.push((bytes_of(path), Seen::Nothing));
                }
                Err(_) => watch.is_lost = true,
            }
        });
    }

    /// Notes a file that was looked at already.
    pub(super) fn saw(&self, path: &Path, stat: &Stat) {
        self.with_watch(|watch| watch.places.push((bytes_of(path), Seen::Itself(*stat))));
    }

    /// Notes what a path leads to.
    pub(super) fn saw_behind(&self, path: &Path, stat: &Stat) {
        self.with_watch(|watch| watch.places.push((bytes_of(path), Seen::Behind(*stat))));
    }

    /// Notes all that is in a folder.
    pub(super) fn saw_tree(&self, root: &Path, nodes: &[Node]) {
        self.with_watch(|watch| {
            watch.places.extend(nodes.iter().map(|node| {
                let seen = match node.kind {
                    Kind::Followed => Seen::Behind(node.stat),
                    _ => Seen::Itself(node.stat),
                };
                (bytes_of(&root.join(&node.path)), seen)
            }));
        });
    }

    /// What a witness saw is as it was, but for sources.
    pub fn saw_again(&self, witness: Arc<Witness>) {
        self.with_watch(|watch| watch.again = Some(witness));
    }

    /// Something was changed: what was seen is not how it is now.
    pub(super) fn lose_sight(&self) {
        self.with_watch(|watch| watch.is_lost = true);
    }

    fn with_watch(&self, work: impl FnOnce(&mut Watch)) {
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(watch) = watch.as_mut().filter(|it| !it.is_lost) {
            work(watch);
        }
    }

    /// Keeps what was found out since `watch` under a question, with all that was looked at. Where something may have
    /// changed meanwhile nothing is kept. Sources, which only the caller read, may change: what they say is for it to compare.
    pub fn keep_witness(
        &self,
        question: &str,
        finding: Finding,
        sources: &[PathBuf],
    ) -> Result<()> {
        self.write_notes();
        // Who changes links, results or the outs of jobs leaves a trace in one of these.
        self.look_at_journals()?;
        self.look(&self.layout.current());
        let Some(mut watch) = self.end_watch() else {
            return Ok(());
        };
        let mut alone = HashSet::new();
        for source in sources {
            let Ok(stat) = Stat::of(source) else {
                return Ok(());
            };
            if !watch.has_file(&stat) {
                alone.insert(bytes_of(source));
            }
            watch.places.push((bytes_of(source), Seen::Behind(stat)));
        }
        watch.places.sort_by(|a, b| a.0.cmp(&b.0));
        watch.places.dedup_by(|b, a| a.0 == b.0 && a.1.tells(&b.1));
        if !self.is_sure(&watch) {
            return Ok(());
        }
        self.write_witness(question, finding, &watch, &alone)
    }

    /// Ends the watch, if it saw everything and the store can keep it.
    fn end_watch(&self) -> Option<Watch> {
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        watch.take().filter(|it| !it.is_lost && self.is_writable)
    }

    /// Whether nothing that was looked at can have changed since the first look without a trace.
    fn is_sure(&self, watch: &Watch) -> bool {
        let mut parents = HashSet::new();
        watch.places.iter().all(|(path, seen)| {
            if let Some(stat) = seen.stat() {
                self.is_older(stat, watch)
            } else {
                // It may have been there and have gone.
                let path = Path::new(std::ffi::OsStr::from_bytes(path));
                let mut above = path.ancestors().skip(1);
                let folder = above.find_map(|it| Some((it, Stat::of(it).ok()?)));
                folder.is_none_or(|(it, stat)| !parents.insert(it) || self.is_older(&stat, watch))
            }
        })
    }

    /// Whether a change since the first look would have left a trace in this.
    fn is_older(&self, stat: &Stat, watch: &Watch) -> bool {
        let moment = if stat.dev == self.device {
            watch.here
        } else {
            watch.elsewhere
        };
        moment.is_after(stat)
    }
}

fn bytes_of(path: &Path) -> Vec<u8> {
    path.as_os_str().as_bytes().to_vec()
}

fn is_absent(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory)
}
