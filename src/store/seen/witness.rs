//! What was seen, as one file: what was found out, and all places with what was there. Asked, it is compared with how
//! things are. Knows paths and stats, not why they were looked at.

use std::{
    collections::HashSet,
    ffi::OsStr,
    fs::{self, File},
    io::Error,
    ops::Range,
    os::unix::ffi::OsStrExt,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use rustix::{
    fd::{AsFd, BorrowedFd},
    fs::{AtFlags, CWD},
};
use sha2::{Digest as _, Sha256};

use super::{Seen, bytes_of, is_absent};
use crate::store::{Store, disk, error::Result, record::children, replace::replace, stat::Stat};

const MAGIC: &[u8] = b"pipe-seen/2\n";
const CHECKSUM_BYTES: usize = 32;
const STAT_BYTES: usize = 44;
/// How many are kept: of the questions that were asked last.
const KEPT: usize = 16;
/// Places that one thread looks at; more of them are shared out.
const ENOUGH: usize = 2_000;
const MOST_THREADS: usize = 4;
/// What a place's code says: whether anything was there, of which kind, and whether the caller compares what it says.
const NOTHING: u8 = 0;
const ITSELF: u8 = 1;
const BEHIND: u8 = 2;
const SOURCE: u8 = 4;

/// What a run looked at that had nothing to do, with what it found out.
#[derive(Debug)]
pub struct Witness {
    /// What was found out: the caller's.
    pub text: String,
    bytes: Vec<u8>,
    from: usize,
}

/// How things are, beside how they were seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    AsItWas,
    /// Only sources changed, or may have.
    SourcesChanged,
    Changed,
}

impl Store {
    pub(super) fn write_witness(
        &self,
        question: &str,
        text: &str,
        places: &[(Vec<u8>, Seen)],
        sources: &HashSet<Vec<u8>>,
    ) -> Result<()> {
        let mut out = head(text);
        out.extend((places.len() as u64).to_be_bytes());
        let anchors = self.anchors();
        for (path, seen) in places {
            // Near folders are opened once: a short path is found sooner than a long one.
            let near = anchors.iter().enumerate().find_map(|(at, anchor)| {
                let rest = path.strip_prefix(anchor.as_slice())?.strip_prefix(b"/")?;
                Some((at as u8 + 1, rest))
            });
            let (anchor, short) = near.unwrap_or((0, path.as_slice()));
            let kind = match seen {
                Seen::Nothing => NOTHING,
                Seen::Itself(_) => ITSELF,
                Seen::Behind(_) => BEHIND,
            };
            let source = if sources.contains(path) { SOURCE } else { 0 };
            out.extend([kind | source, anchor]);
            out.extend((short.len() as u32).to_be_bytes());
            out.extend(short);
            out.extend(seen.stat().iter().flat_map(|it| it.bytes()));
        }
        seal(&mut out);
        replace(&self.layout.witness(question), &out)?;
        self.drop_old_witnesses()
    }

    /// Keeps what was seen with another text, and with the sources as they are now: they were read since `watch`. Where one
    /// may have changed meanwhile nothing is kept.
    pub fn renew_witness(&self, question: &str, text: &str, witness: &Witness) -> Result<()> {
        let Some(watch) = self.end_watch() else {
            return Ok(());
        };
        let anchors = self.anchors();
        let mut renewed = Vec::new();
        for place in decode(&witness.bytes, witness.from).unwrap_or_default() {
            if place.code & SOURCE == 0 {
                continue;
            }
            let path = Path::new(OsStr::from_bytes(place.path));
            let path = match place.anchor.checked_sub(1) {
                Some(at) => Path::new(OsStr::from_bytes(&anchors[at])).join(path),
                None => path.to_owned(),
            };
            let seen = if place.code & ITSELF == 0 {
                Stat::of(&path)
            } else {
                Stat::of_link(&path)
            };
            let Some(stat) = seen.ok().filter(|it| self.is_older(it, &watch)) else {
                return Ok(());
            };
            renewed.push((place.stat, stat.bytes()));
        }
        let mut seen = witness.bytes.clone();
        for (place, stat) in renewed {
            let Some(old) = seen.get_mut(place).filter(|it| it.len() == stat.len()) else {
                return Ok(());
            };
            old.copy_from_slice(&stat);
        }
        let mut bytes = head(text);
        bytes.extend(&seen[witness.from..]);
        seal(&mut bytes);
        replace(&self.layout.witness(question), &bytes)
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

    /// What was found out under a question, if that is known. It is true where `standing` says so.
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
    pub fn standing(&self, witness: &Witness) -> Standing {
        let Some(places) = decode(&witness.bytes, witness.from) else {
            return Standing::Changed;
        };
        let root = self.root();
        let Ok(above) = File::open(root.parent().unwrap_or(root)) else {
            return Standing::Changed;
        };
        let anchors = [CWD, self.folder.as_fd(), above.as_fd()];
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let threads = (places.len() / ENOUGH).clamp(1, cores.min(MOST_THREADS));
        let share = places.len().div_ceil(threads).max(1);
        let (has_changed, have_sources) = (AtomicBool::new(false), AtomicBool::new(false));
        let look = |places: &[Place]| {
            for place in places {
                if has_changed.load(Ordering::Relaxed) {
                    return;
                }
                if !place.is_as_it_was(&anchors, &witness.bytes) {
                    let changed = match place.code & SOURCE {
                        0 => &has_changed,
                        _ => &have_sources,
                    };
                    changed.store(true, Ordering::Relaxed);
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
        match (has_changed.into_inner(), have_sources.into_inner()) {
            (true, _) => Standing::Changed,
            (_, true) => Standing::SourcesChanged,
            _ => Standing::AsItWas,
        }
    }
}

/// What stands before the places.
fn head(text: &str) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend([0; CHECKSUM_BYTES]);
    out.extend((text.len() as u64).to_be_bytes());
    out.extend(text.as_bytes());
    out
}

/// Writes the checksum of what follows it.
fn seal(bytes: &mut [u8]) {
    let (head, body) = bytes.split_at_mut(MAGIC.len() + CHECKSUM_BYTES);
    head[MAGIC.len()..].copy_from_slice(&Sha256::digest(body));
}

/// Something that was looked at.
struct Place<'a> {
    code: u8,
    anchor: usize,
    path: &'a [u8],
    /// Where its stat stands; nowhere if nothing was there.
    stat: Range<usize>,
}

impl Place<'_> {
    fn is_as_it_was(&self, anchors: &[BorrowedFd], bytes: &[u8]) -> bool {
        let flags = if self.code & ITSELF == 0 {
            AtFlags::empty()
        } else {
            AtFlags::SYMLINK_NOFOLLOW
        };
        match rustix::fs::statat(anchors[self.anchor], self.path, flags) {
            Ok(stat) => Stat::from(&stat).bytes() == bytes[self.stat.clone()],
            Err(error) => self.stat.is_empty() && is_absent(Error::from(error).kind()),
        }
    }
}

/// The places of a witness, from here on in its bytes.
fn decode(bytes: &[u8], from: usize) -> Option<Vec<Place<'_>>> {
    let (count, mut rest) = bytes.get(from..)?.split_first_chunk::<8>()?;
    let count = usize::try_from(u64::from_be_bytes(*count)).ok()?;
    let mut places = Vec::with_capacity(count.min(bytes.len()));
    for _ in 0..count {
        let ([code, anchor], after) = rest.split_first_chunk::<2>()?;
        let (length, after) = after.split_first_chunk::<4>()?;
        let (path, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        let is_there = code & (ITSELF | BEHIND) != 0;
        let length = if is_there { STAT_BYTES } else { 0 };
        let at = bytes.len() - after.len();
        let (_, after) = after.split_at_checked(length)?;
        if *code > BEHIND | SOURCE || *anchor > 2 {
            return None;
        }
        places.push(Place {
            code: *code,
            anchor: usize::from(*anchor),
            path,
            stat: at..at + length,
        });
        rest = after;
    }
    rest.is_empty().then_some(places)
}
