//! What was looked at while nothing was stale: files with their stats, and names that were not there. As long as all of it
//! is as it was, the same questions have the same answers. Knows neither questions nor answers.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::ErrorKind,
    os::unix::ffi::OsStrExt,
    path::Path,
    sync::{
        PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use rustix::{
    fd::{AsFd, BorrowedFd},
    fs::{AtFlags, CWD, FileType},
};
use sha2::{Digest as _, Sha256};

use super::{
    Store, disk,
    error::Result,
    filesystem::FileSystem,
    record::children,
    replace::replace,
    stat::{Moment, Stat},
    tree::{Kind, Node},
};

const MAGIC: &[u8] = b"pipe-seen/1\n";
const CHECKSUM_BYTES: usize = 32;
const STAT_BYTES: usize = 44;
/// How many are kept: of the questions that were asked last.
const KEPT: usize = 16;
/// Places that one thread looks at; more of them are shared out.
const ENOUGH: usize = 2_000;
const MOST_THREADS: usize = 4;

/// What is being looked at, from `Store::watch` on.
#[derive(Debug)]
pub(super) struct Watch {
    /// Before anything was looked at, on the store's file system and elsewhere.
    here: Moment,
    elsewhere: Moment,
    places: Vec<(Vec<u8>, Seen)>,
    looked: HashSet<Vec<u8>>,
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

    fn code(&self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::Itself(_) => 1,
            Self::Behind(_) => 2,
        }
    }
}

/// What a run looked at that had nothing to do, with what it found out.
#[derive(Debug)]
pub struct Witness {
    /// What was found out: the caller's.
    pub text: String,
    bytes: Vec<u8>,
    from: usize,
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
    /// changed meanwhile nothing is kept.
    pub fn keep_witness(&self, question: &str, text: &str) -> Result<()> {
        self.write_notes();
        // Who changes links, results or the outs of jobs leaves a trace in one of these.
        self.look_at_journals()?;
        self.look(&self.layout.current());
        let watch = {
            let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
            watch.take()
        };
        let Some(mut watch) = watch.filter(|it| !it.is_lost && self.is_writable) else {
            return Ok(());
        };
        watch.places.sort_by(|a, b| a.0.cmp(&b.0));
        watch.places.dedup_by(|b, a| a.0 == b.0 && a.1.tells(&b.1));
        if !self.is_sure(&watch) {
            return Ok(());
        }
        let path = self.layout.witness(question);
        replace(&path, &self.encode(text, &watch.places))?;
        self.drop_old_witnesses()
    }

    /// Whether nothing that was looked at can have changed since the first look without a trace.
    fn is_sure(&self, watch: &Watch) -> bool {
        let is_old = |stat: &Stat| {
            let moment = if stat.dev == self.device {
                watch.here
            } else {
                watch.elsewhere
            };
            moment.is_after(stat)
        };
        let mut parents = HashSet::new();
        watch.places.iter().all(|(path, seen)| match seen {
            Seen::Itself(stat) | Seen::Behind(stat) => is_old(stat),
            Seen::Nothing => {
                // It may have been there and have gone.
                let path = Path::new(std::ffi::OsStr::from_bytes(path));
                let mut above = path.ancestors().skip(1);
                let folder = above.find_map(|it| Some((it, Stat::of(it).ok()?)));
                folder.is_none_or(|(it, stat)| !parents.insert(it) || is_old(&stat))
            }
        })
    }

    fn encode(&self, text: &str, places: &[(Vec<u8>, Seen)]) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend([0; CHECKSUM_BYTES]);
        out.extend((text.len() as u64).to_be_bytes());
        out.extend(text.as_bytes());
        out.extend((places.len() as u64).to_be_bytes());
        let anchors = self.anchors();
        for (path, seen) in places {
            // Near folders are opened once: a short path is found sooner than a long one.
            let near = anchors.iter().enumerate().find_map(|(at, anchor)| {
                let rest = path.strip_prefix(anchor.as_slice())?.strip_prefix(b"/")?;
                Some((at as u8 + 1, rest))
            });
            let (anchor, path) = near.unwrap_or((0, path.as_slice()));
            out.extend([seen.code(), anchor]);
            out.extend((path.len() as u32).to_be_bytes());
            out.extend(path);
            if let Seen::Itself(stat) | Seen::Behind(stat) = seen {
                out.extend(stat.bytes());
            }
        }
        let (head, body) = out.split_at_mut(MAGIC.len() + CHECKSUM_BYTES);
        head[MAGIC.len()..].copy_from_slice(&Sha256::digest(body));
        out
    }

    /// The store and the folder that it lies in, which is the project's as a rule.
    fn anchors(&self) -> [Vec<u8>; 2] {
        let root = self.root();
        [root, root.parent().unwrap_or(root)].map(bytes_of)
    }

    fn drop_old_witnesses(&self) -> Result<()> {
        let folder = self.layout.witnesses();
        let mut all: Vec<_> = children(&folder)?
            .into_iter()
            .map(|name| folder.join(name))
            .map(|path| (fs::metadata(&path).and_then(|it| it.modified()).ok(), path))
            .collect();
        all.sort();
        for (_, path) in all.iter().rev().skip(KEPT) {
            // Another process may do the same.
            let _ = disk::remove_file(path);
        }
        Ok(())
    }

    /// What was found out under a question, if that is known. It is true where `still_holds` says so.
    pub fn witness(&self, question: &str) -> Option<Witness> {
        let bytes = fs::read(self.layout.witness(question)).ok()?;
        let rest = bytes.strip_prefix(MAGIC)?;
        let (checksum, rest) = rest.split_at_checked(CHECKSUM_BYTES)?;
        if checksum != Sha256::digest(rest).as_slice() {
            return None;
        }
        let (length, rest) = rest.split_first_chunk::<8>()?;
        let (text, rest) =
            rest.split_at_checked(usize::try_from(u64::from_be_bytes(*length)).ok()?)?;
        Some(Witness {
            text: String::from_utf8(text.to_vec()).ok()?,
            from: bytes.len() - rest.len(),
            bytes,
        })
    }

    /// Whether everything that was looked at is as it was.
    pub fn still_holds(&self, witness: &Witness) -> bool {
        let Some(places) = decode(&witness.bytes[witness.from..]) else {
            return false;
        };
        let root = self.root();
        let Ok(above) = File::open(root.parent().unwrap_or(root)) else {
            return false;
        };
        let anchors = [CWD, self.folder.as_fd(), above.as_fd()];
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let threads = (places.len() / ENOUGH).clamp(1, cores.min(MOST_THREADS));
        let share = places.len().div_ceil(threads).max(1);
        let has_moved = AtomicBool::new(false);
        let look = |places: &[Place]| {
            for place in places {
                if has_moved.load(Ordering::Relaxed) {
                    return;
                }
                if !place.is_as_it_was(&anchors) {
                    has_moved.store(true, Ordering::Relaxed);
                }
            }
        };
        thread::scope(|scope| {
            let mut shares = places.chunks(share);
            let own = shares.next().unwrap_or_default();
            for others in shares {
                scope.spawn(|| look(others));
            }
            look(own);
        });
        !has_moved.into_inner()
    }
}

/// Something that was looked at.
struct Place<'a> {
    code: u8,
    anchor: usize,
    path: &'a [u8],
    stat: &'a [u8],
}

impl Place<'_> {
    fn is_as_it_was(&self, anchors: &[BorrowedFd]) -> bool {
        let flags = if self.code == 1 {
            AtFlags::SYMLINK_NOFOLLOW
        } else {
            AtFlags::empty()
        };
        match rustix::fs::statat(anchors[self.anchor], self.path, flags) {
            Ok(stat) => self.code != 0 && Stat::from(&stat).bytes() == self.stat,
            Err(error) => self.code == 0 && is_absent(std::io::Error::from(error).kind()),
        }
    }
}

fn decode(bytes: &[u8]) -> Option<Vec<Place<'_>>> {
    let (count, mut rest) = bytes.split_first_chunk::<8>()?;
    let count = usize::try_from(u64::from_be_bytes(*count)).ok()?;
    let mut places = Vec::with_capacity(count.min(bytes.len()));
    for _ in 0..count {
        let ([code, anchor], after) = rest.split_first_chunk::<2>()?;
        let (length, after) = after.split_first_chunk::<4>()?;
        let (path, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        let stat_bytes = if *code == 0 { 0 } else { STAT_BYTES };
        let (stat, after) = after.split_at_checked(stat_bytes)?;
        if *code > 2 || *anchor > 2 {
            return None;
        }
        places.push(Place {
            code: *code,
            anchor: usize::from(*anchor),
            path,
            stat,
        });
        rest = after;
    }
    rest.is_empty().then_some(places)
}

fn bytes_of(path: &Path) -> Vec<u8> {
    path.as_os_str().as_bytes().to_vec()
}

fn is_absent(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory)
}
