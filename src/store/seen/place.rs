//! One thing that was looked at, as bytes in the body of a witness. Knows its own form, not what stands around it.

use std::{
    ffi::OsStr,
    io::Error,
    ops::Range,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use rustix::{fd::BorrowedFd, fs::AtFlags};

use super::{Seen, is_absent};
use crate::store::stat::Stat;

/// The code, the anchor, the length of the path.
const HEAD_BYTES: usize = 6;
/// What the code says: whether anything was there, of which kind, and whether the caller compares what it says.
const NOTHING: u8 = 0;
const ITSELF: u8 = 1;
const BEHIND: u8 = 2;
const SOURCE: u8 = 4;

/// Something that was looked at.
#[derive(Debug)]
pub struct Place {
    code: u8,
    anchor: u8,
    /// Where its path stands in the body.
    path: Range<usize>,
    /// Where its stat stands; nowhere if nothing was there.
    stat: Range<usize>,
}

/// A path from an anchor, whose number counts from 1; 0 where none is near.
pub type Near<'a> = (u8, &'a [u8]);

/// The path from the nearest of the anchors: these folders are opened once, and a short path is found sooner than a long one.
pub fn near<'a>(anchors: &[Vec<u8>], path: &'a [u8]) -> Near<'a> {
    let near = anchors.iter().enumerate().find_map(|(at, anchor)| {
        let rest = path.strip_prefix(anchor.as_slice())?.strip_prefix(b"/")?;
        Some((at as u8 + 1, rest))
    });
    near.unwrap_or((0, path))
}

/// What a code says of what was there, and how it was looked at.
pub fn kind_of(seen: &Seen) -> u8 {
    match seen {
        Seen::Nothing => NOTHING,
        Seen::Itself(_) => ITSELF,
        Seen::Behind(_) => BEHIND,
    }
}

/// Adds a place to those of a body.
pub fn encode(out: &mut Vec<u8>, (anchor, path): Near, seen: &Seen, is_source: bool) {
    let source = if is_source { SOURCE } else { 0 };
    out.extend([kind_of(seen) | source, anchor]);
    out.extend((path.len() as u32).to_be_bytes());
    out.extend(path);
    out.extend(seen.stat().iter().flat_map(|it| it.bytes()));
}

/// The places of a body, whose number stands there. `most` is the largest anchor.
pub fn decode(body: &[u8], from: usize, most: usize) -> Option<Vec<Place>> {
    let (count, mut rest) = body.get(from..)?.split_first_chunk::<8>()?;
    let count = usize::try_from(u64::from_be_bytes(*count)).ok()?;
    let mut places = Vec::with_capacity(count.min(body.len()));
    for _ in 0..count {
        let ([code, anchor], after) = rest.split_first_chunk::<2>()?;
        let (length, after) = after.split_first_chunk::<4>()?;
        let (path, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        let is_there = code & (ITSELF | BEHIND) != 0;
        let length = if is_there { Stat::BYTES } else { 0 };
        let at = body.len() - after.len();
        let (_, after) = after.split_at_checked(length)?;
        if *code > BEHIND | SOURCE || usize::from(*anchor) > most {
            return None;
        }
        places.push(Place {
            code: *code,
            anchor: *anchor,
            path: at - path.len()..at,
            stat: at..at + length,
        });
        rest = after;
    }
    rest.is_empty().then_some(places)
}

impl Place {
    /// Whether the caller compares what it says.
    pub fn is_source(&self) -> bool {
        self.code & SOURCE != 0
    }

    /// As `kind_of` says it.
    pub fn kind(&self) -> u8 {
        self.code & !SOURCE
    }

    pub fn near<'a>(&self, body: &'a [u8]) -> Near<'a> {
        (self.anchor, &body[self.path.clone()])
    }

    pub fn path(&self, anchors: &[Vec<u8>], body: &[u8]) -> PathBuf {
        let (anchor, path) = self.near(body);
        let path = Path::new(OsStr::from_bytes(path));
        match anchor.checked_sub(1) {
            Some(at) => Path::new(OsStr::from_bytes(&anchors[usize::from(at)])).join(path),
            None => path.to_owned(),
        }
    }

    /// What was there, if anything was.
    pub fn stat(&self, body: &[u8]) -> Option<Stat> {
        body[self.stat.clone()].first_chunk().map(Stat::from_bytes)
    }

    /// Where its stat stands in the body.
    pub fn stat_range(&self) -> Range<usize> {
        self.stat.clone()
    }

    /// All of its bytes.
    pub fn bytes<'a>(&self, body: &'a [u8]) -> &'a [u8] {
        &body[self.path.start - HEAD_BYTES..self.stat.end]
    }

    /// What is at its path now.
    pub fn look(&self, anchors: &[Vec<u8>], body: &[u8]) -> std::io::Result<Stat> {
        let path = self.path(anchors, body);
        if self.code & ITSELF == 0 {
            Stat::of(&path)
        } else {
            Stat::of_link(&path)
        }
    }

    /// Whether what is there now is what was there. The anchors are open.
    pub fn stands(&self, anchors: &[BorrowedFd], body: &[u8]) -> bool {
        let flags = if self.code & ITSELF == 0 {
            AtFlags::empty()
        } else {
            AtFlags::SYMLINK_NOFOLLOW
        };
        let (anchor, path) = self.near(body);
        match rustix::fs::statat(anchors[usize::from(anchor)], path, flags) {
            Ok(stat) => Stat::from(&stat).bytes() == body[self.stat.clone()],
            Err(error) => self.stat.is_empty() && is_absent(Error::from(error).kind()),
        }
    }
}
