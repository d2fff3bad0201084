//! The stat index: what source files held when they were last read, so that unchanged ones are not read again.
//! Knows stats and digests; reads no clock and no source file.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use pipe_data::regular;
use pipe_schema::manifest::Digest;
use sha2::{Digest as _, Sha256};

use super::{
    error::Result,
    replace::replace,
    stat::{Moment, Stat},
};

const MAGIC: &[u8] = b"pipe-stat/1\n";
const CHECKSUM_BYTES: usize = 32;

/// Files by the file or folder that was asked for, then by path in it (empty for a file).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    groups: HashMap<String, Group>,
    /// Folders that this process saw in full: what it did not see there is gone.
    seen: HashSet<String>,
    is_changed: bool,
}

/// What was asked for by one path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Group {
    /// It is a file.
    alone: Option<Known>,
    /// It is a folder: by path in it.
    inside: HashMap<String, Known>,
}

impl Group {
    fn get(&self, path: &str) -> Option<&Known> {
        if path.is_empty() {
            self.alone.as_ref()
        } else {
            self.inside.get(path)
        }
    }

    fn put(&mut self, path: String, known: Known) {
        if path.is_empty() {
            self.alone = Some(known);
        } else {
            self.inside.insert(path, known);
        }
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &Known)> {
        let alone = self.alone.iter().map(|it| ("", it));
        alone.chain(self.inside.iter().map(|(path, it)| (path.as_str(), it)))
    }

    fn len(&self) -> usize {
        usize::from(self.alone.is_some()) + self.inside.len()
    }
}

/// What a file held when it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    stat: Stat,
    /// A file whose times are before this had its last change seen.
    sure_before: i64,
    sha256: Digest,
}

impl Known {
    /// The racy rule: a file may have changed again within the tick in which it was read, and look the same.
    fn answers(&self, stat: &Stat) -> bool {
        self.stat == *stat && stat.mtime < self.sure_before && stat.ctime < self.sure_before
    }
}

impl Sources {
    /// Reads the index; one that is absent or damaged is empty, and files are read again.
    pub fn load(path: &Path) -> Self {
        regular::read(path)
            .ok()
            .and_then(|it| Self::decode(&it))
            .unwrap_or_default()
    }

    /// The content of a file that still has the `stat` it was read with.
    pub fn find(&self, group: &str, path: &str, stat: &Stat) -> Option<Digest> {
        let known = self.groups.get(group)?.get(path)?;
        known.answers(stat).then_some(known.sha256)
    }

    /// Whether a file is known with another stat than this: a change of it left a trace.
    pub fn shows_change(&self, group: &str, path: &str, stat: &Stat) -> bool {
        let known = self.groups.get(group).and_then(|files| files.get(path));
        known.is_some_and(|known| known.stat != *stat)
    }

    /// Forgets what a file or folder held: it is read again.
    pub fn forget(&mut self, group: &str) {
        self.is_changed |= self.groups.remove(group).is_some();
        // What another process knows of it is not taken over.
        self.seen.insert(group.to_owned());
    }

    /// Notes files that were read after `moment`.
    pub fn put(
        &mut self,
        group: &str,
        files: impl ExactSizeIterator<Item = (String, Stat, Digest)>,
        moment: Moment,
    ) {
        if files.len() == 0 {
            return;
        }
        self.is_changed = true;
        if !self.groups.contains_key(group) {
            self.groups.insert(group.to_owned(), Group::default());
        }
        let Some(known) = self.groups.get_mut(group) else {
            return;
        };
        // Most groups are of one file, which is not inside of anything.
        if files.len() > 1 {
            known.inside.reserve(files.len());
        }
        for (path, stat, sha256) in files {
            let held = Known {
                stat,
                sure_before: moment.sure_before(),
                sha256,
            };
            known.put(path, held);
        }
    }

    /// Forgets files of a folder that are no longer there.
    pub fn retain(&mut self, group: &str, is_there: impl Fn(&str) -> bool) {
        self.seen.insert(group.to_owned());
        if let Some(files) = self.groups.get_mut(group) {
            let before = files.len();
            files.alone.take_if(|_| !is_there(""));
            files.inside.retain(|path, _| is_there(path));
            self.is_changed |= files.len() != before;
        }
    }

    pub fn is_changed(&self) -> bool {
        self.is_changed
    }

    /// Takes over what another process learned later than this one.
    pub fn merge(&mut self, other: Self) {
        for (group, files) in other.groups {
            let is_seen = self.seen.contains(&group);
            let own = self.groups.entry(group).or_default();
            for (path, known) in files.iter() {
                let is_newer = match own.get(path) {
                    Some(own) => own.sure_before < known.sure_before,
                    None => !is_seen,
                };
                if is_newer {
                    own.put(path.to_owned(), *known);
                }
            }
        }
    }

    /// Replaces the file at `path`; the caller holds the lock that keeps other writers away.
    pub fn save(&mut self, path: &Path) -> Result<()> {
        replace(path, &self.encode())?;
        self.is_changed = false;
        Ok(())
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        let text = |out: &mut Vec<u8>, text: &str| {
            out.extend((text.len() as u32).to_be_bytes());
            out.extend(text.as_bytes());
        };
        for (group, files) in &self.groups {
            text(&mut out, group);
            out.extend((files.len() as u32).to_be_bytes());
            for (path, known) in files.iter() {
                text(&mut out, path);
                out.extend(known.stat.bytes());
                out.extend(known.sure_before.to_be_bytes());
                out.extend(known.sha256.0);
            }
        }
        let checksum = Sha256::digest(&out);
        out.extend(checksum);
        out
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (body, checksum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM_BYTES)?)?;
        if Sha256::digest(body).as_slice() != checksum {
            return None;
        }
        let mut rest = Reader(body.strip_prefix(MAGIC)?);
        let mut groups = HashMap::new();
        while !rest.0.is_empty() {
            let group = rest.text()?;
            let count = u32::from_be_bytes(rest.take()?);
            let mut files = Group::default();
            for _ in 0..count {
                let path = rest.text()?;
                let known = Known {
                    stat: Stat::from_bytes(&rest.take()?),
                    sure_before: i64::from_be_bytes(rest.take()?),
                    sha256: Digest(rest.take()?),
                };
                files.put(path, known);
            }
            groups.insert(group, files);
        }
        Some(Self {
            groups,
            ..Self::default()
        })
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk()?;
        self.0 = tail;
        Some(*head)
    }

    fn text(&mut self) -> Option<String> {
        let length = u32::from_be_bytes(self.take()?) as usize;
        let (head, tail) = self.0.split_at_checked(length)?;
        self.0 = tail;
        Some(std::str::from_utf8(head).ok()?.to_owned())
    }
}
