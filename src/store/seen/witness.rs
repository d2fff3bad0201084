//! What was seen, as one file: what was found out, and all places with what was there. Asked, it is compared with how
//! things are. Knows paths and stats, not why they were looked at.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::Read,
    os::unix::fs::FileExt,
    sync::atomic::{AtomicBool, Ordering},
};

use pipe_data::regular;
use rustix::{fd::AsFd, fs::CWD};
use sha2::{Digest as _, Sha256};

use super::{
    Watch, bytes_of,
    place::{self, Near, Place, near},
};
use crate::{
    store::{Store, disk, error::Result, record::children, replace::replace, stat::Stat},
    threads,
};

const MAGIC: &[u8] = b"pipe-seen/3\n";
const CHECKSUM_BYTES: usize = 32;
/// The magic, the length of the body, its checksum.
const HEAD_BYTES: usize = MAGIC.len() + 8 + CHECKSUM_BYTES;
/// Folders from which places are looked up.
const ANCHORS: usize = 2;
/// How many are kept: of the questions that were asked last.
const KEPT: usize = 16;
/// Places that one thread looks at; more of them are shared out.
const ENOUGH: usize = 2_000;
const MOST_THREADS: usize = 4;

/// What was found out: the caller's.
#[derive(Clone, Copy, Debug)]
pub struct Finding<'a> {
    pub text: &'a str,
    /// What is not always wanted, and is read only then.
    pub aside: &'a [u8],
}

/// What a run looked at that had nothing to do, with what it found out.
#[derive(Debug)]
pub struct Witness {
    /// A finding's.
    pub text: String,
    body: Vec<u8>,
    /// Where the places begin in it.
    from: usize,
    places: Vec<Place>,
    file: File,
}

impl Witness {
    /// A finding's, as far as it is whole.
    pub fn aside(&self) -> Option<Vec<u8>> {
        let from = (HEAD_BYTES + self.body.len()) as u64;
        let length = self.file.metadata().ok()?.len().checked_sub(from)?;
        let mut bytes = vec![0; usize::try_from(length).ok()?];
        self.file.read_exact_at(&mut bytes, from).ok()?;
        let aside = bytes.split_off(CHECKSUM_BYTES.min(bytes.len()));
        (bytes == Sha256::digest(&aside).as_slice()).then_some(aside)
    }

    /// Whether a file was seen that is no source.
    pub(super) fn has_file(&self, stat: &Stat) -> bool {
        let others = self.places.iter().filter(|it| !it.is_source());
        let mut stats = others.filter_map(|it| it.stat(&self.body));
        stats.any(|it| it.is_of(stat))
    }
}

impl Store {
    pub(super) fn write_witness(
        &self,
        question: &str,
        finding: Finding,
        watch: &Watch,
        sources: &HashSet<Vec<u8>>,
    ) -> Result<()> {
        let anchors = self.anchors();
        let mut places = Vec::new();
        let mut count = watch.places.len();
        for (path, seen) in &watch.places {
            let is_source = sources.contains(path);
            place::encode(&mut places, near(&anchors, path), seen, is_source);
        }
        if let Some(witness) = &watch.again {
            let looked = watch.places.iter();
            let anew: HashSet<(u8, Near)> = looked
                .map(|(path, seen)| (place::kind_of(seen), near(&anchors, path)))
                .collect();
            // What shows notes was looked at anew, whatever there was then.
            let shows_notes = self.shows_notes();
            for place in witness.places.iter().filter(|it| !it.is_source()) {
                let at = place.near(&witness.body);
                if !shows_notes(at) && !anew.contains(&(place.kind(), at)) {
                    places.extend(place.bytes(&witness.body));
                    count += 1;
                }
            }
        }
        let mut body = begin(finding.text);
        body.extend((count as u64).to_be_bytes());
        body.extend(places);
        let path = self.layout.witness(question);
        replace(&path, &sealed(&body, finding.aside))?;
        self.drop_old_witnesses()
    }

    /// Keeps what was seen with another text, and with the sources as they are now: they were read since `watch`. Where one
    /// may have changed meanwhile nothing is kept.
    pub fn renew_witness(&self, question: &str, text: &str, witness: &Witness) -> Result<()> {
        let Some(watch) = self.end_watch() else {
            return Ok(());
        };
        let anchors = self.anchors();
        let mut places = witness.body[witness.from..].to_vec();
        for place in witness.places.iter().filter(|it| it.is_source()) {
            let seen = place.look(&anchors, &witness.body);
            let Some(stat) = seen.ok().filter(|it| self.is_older(it, &watch)) else {
                return Ok(());
            };
            let at = place.stat_range();
            let at = at.start - witness.from..at.end - witness.from;
            let Some(old) = places.get_mut(at).filter(|it| it.len() == Stat::BYTES) else {
                return Ok(());
            };
            old.copy_from_slice(&stat.bytes());
        }
        let mut body = begin(text);
        body.extend(places);
        let aside = witness.aside().unwrap_or_default();
        replace(&self.layout.witness(question), &sealed(&body, &aside))
    }

    /// The store and the folder that it lies in, which is the project's as a rule.
    fn anchors(&self) -> [Vec<u8>; ANCHORS] {
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

    /// What was found out under a question, if that is known. It is true where all that was seen stands.
    pub fn witness(&self, question: &str) -> Option<Witness> {
        let mut file = regular::open(&self.layout.witness(question)).ok()?;
        let mut head = [0; HEAD_BYTES];
        file.read_exact(&mut head).ok()?;
        let (length, checksum) = head.strip_prefix(MAGIC)?.split_first_chunk::<8>()?;
        let length = u64::from_be_bytes(*length);
        if length > file.metadata().ok()?.len() {
            return None;
        }
        let mut body = vec![0; usize::try_from(length).ok()?];
        file.read_exact(&mut body).ok()?;
        if checksum != Sha256::digest(&body).as_slice() {
            return None;
        }
        let (length, rest) = body.split_first_chunk::<8>()?;
        let length = usize::try_from(u64::from_be_bytes(*length)).ok()?;
        let (text, rest) = rest.split_at_checked(length)?;
        let text = String::from_utf8(text.to_vec()).ok()?;
        let from = body.len() - rest.len();
        Some(Witness {
            text,
            places: place::decode(&body, from, ANCHORS)?,
            body,
            from,
            file,
        })
    }

    /// Whether the sources are as they were.
    pub fn sources_stand(&self, witness: &Witness) -> bool {
        self.stand(witness, Place::is_source)
    }

    /// Whether all else that was looked at is as it was.
    pub fn others_stand(&self, witness: &Witness) -> bool {
        self.stand(witness, |it| !it.is_source())
    }

    /// Whether nothing was noted since, nor a result taken away.
    pub fn journals_stand(&self, witness: &Witness) -> bool {
        let shows_notes = self.shows_notes();
        self.stand(witness, |it| shows_notes(it.near(&witness.body)))
    }

    /// Whether a place moves by what is noted: a journal, the folder of them, that of the links to results.
    fn shows_notes(&self) -> impl Fn(Near) -> bool {
        let anchors = self.anchors();
        let [journals, current] = [self.layout.journals(), self.layout.current()].map(|it| {
            let path = bytes_of(&it);
            let (anchor, short) = near(&anchors, &path);
            (anchor, short.to_owned())
        });
        move |(anchor, path)| {
            let below = path.strip_prefix(journals.1.as_slice());
            let is_journal = below.is_some_and(|it| it.is_empty() || it.starts_with(b"/"));
            anchor == journals.0 && is_journal || (anchor, path) == (current.0, &*current.1)
        }
    }

    fn stand(&self, witness: &Witness, which: impl Fn(&Place) -> bool) -> bool {
        let root = self.root();
        let Ok(above) = File::open(root.parent().unwrap_or(root)) else {
            return false;
        };
        let anchors = [CWD, self.folder.as_fd(), above.as_fd()];
        let places: Vec<&Place> = witness.places.iter().filter(|it| which(it)).collect();
        let shares: Vec<&[&Place]> = places.chunks(ENOUGH).collect();
        let has_changed = AtomicBool::new(false);
        let threads = match places.len() / ENOUGH {
            0 | 1 => 1,
            _ => threads::cores().min(MOST_THREADS),
        };
        threads::map(threads, &shares, |(), places| {
            for place in *places {
                if has_changed.load(Ordering::Relaxed) {
                    return;
                }
                if !place.stands(&anchors, &witness.body) {
                    has_changed.store(true, Ordering::Relaxed);
                }
            }
        });
        !has_changed.into_inner()
    }
}

/// A body as far as its places.
fn begin(text: &str) -> Vec<u8> {
    let mut body = (text.len() as u64).to_be_bytes().to_vec();
    body.extend(text.as_bytes());
    body
}

/// All of a witness's file.
fn sealed(body: &[u8], aside: &[u8]) -> Vec<u8> {
    [
        MAGIC,
        &(body.len() as u64).to_be_bytes(),
        &Sha256::digest(body),
        body,
        &Sha256::digest(aside),
        aside,
    ]
    .concat()
}
