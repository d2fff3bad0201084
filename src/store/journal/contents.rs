//! What the journals of a store say, all taken together: of frames about the same, the last one counts.
//! Knows names and places of frames; reads no file.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    hash::{BuildHasher, Hash},
};

use pipe_schema::{key::Key, manifest::Digest};

use super::{
    super::{by_digest::ByDigest, names::StageName},
    frame::{Head, Kind},
};

/// Where a frame lies. One without content takes back what the frame of its number says, and all earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which journal, by its place in the list of `Contents`.
    pub journal: u32,
    pub length: u32,
    pub at: u64,
    pub number: u64,
}

/// A journal as far as it was read.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    pub name: String,
    pub inode: u64,
    /// Behind the last whole frame.
    pub end: u64,
    /// Whether nobody writes to it any more.
    pub is_closed: bool,
    pub is_gone: bool,
}

/// What is known of an artifact since it was last seen whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// A digest over the stats of its files.
    pub stats: Digest,
    /// Absent where an older version wrote the stamp.
    pub read: Option<FullRead>,
}

/// When all bytes of an artifact were last read and were right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FullRead {
    /// The wall clock when the reading began, in nanoseconds since 1970.
    pub began: i64,
    /// The latest change time among its files and folders: what changes later and leaves a time has a later one.
    pub changed: i64,
}

impl Stamp {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let stats = words.next()?.parse().ok()?;
        let mut number = || words.next()?.parse().ok();
        let read = number().zip(number());
        Some(Self {
            stats,
            read: read.map(|(began, changed)| FullRead { began, changed }),
        })
    }

    /// As it is written down.
    pub fn text(&self) -> String {
        match self.read {
            Some(FullRead { began, changed }) => format!("{} {began} {changed}", self.stats),
            None => self.stats.to_string(),
        }
    }
}

/// What was said last, and when.
#[derive(Clone, Copy, Debug)]
struct Said<T> {
    number: u64,
    what: T,
}

/// The contents of all journals.
#[derive(Debug, Default)]
pub struct Contents {
    pub journals: Vec<Journal>,
    records: ByDigest<Key, Place>,
    trees: ByDigest<Digest, Place>,
    packs: ByDigest<Digest, Place>,
    /// By what identifies a stage.
    last: HashMap<String, Said<Key>>,
    /// By the other names under which the results of stages are found.
    aliases: HashMap<String, Said<Key>>,
    /// The specs whose stages have the links `current/<stage>`, by stage.
    owners: HashMap<String, Said<String>>,
    stamps: ByDigest<Digest, Said<Stamp>>,
    outs: ByDigest<Digest, Said<String>>,
    last_number: u64,
}

impl Contents {
    /// Takes a frame in. The content of one that is not small is not needed.
    pub fn take(&mut self, journal: u32, head: &Head, at: u64, content: &[u8]) {
        self.last_number = self.last_number.max(head.number);
        let place = Place {
            journal,
            length: head.length,
            at,
            number: head.number,
        };
        let text = || std::str::from_utf8(content).unwrap_or_default();
        match head.kind {
            Kind::Record => put_place(&mut self.records, Key(head.id), place),
            Kind::Tree => put_place(&mut self.trees, head.id, place),
            Kind::Pack => put_place(&mut self.packs, head.id, place),
            Kind::Last => {
                let key = Key(head.id);
                let name = StageName::parse(text());
                for alias in name.aliases() {
                    put(&mut self.aliases, alias, head.number, key);
                }
                if let Some(spec) = name.spec.filter(|_| name.is_owner) {
                    let stage = name.stage.to_owned();
                    put(&mut self.owners, stage, head.number, spec.to_owned());
                }
                put(&mut self.last, name.identity(), head.number, key);
            }
            Kind::Stamp => {
                if let Some(stamp) = Stamp::parse(text()) {
                    put(&mut self.stamps, head.id, head.number, stamp);
                }
            }
            Kind::Out => put(&mut self.outs, head.id, head.number, text().to_owned()),
        }
    }

    /// The number of a new frame.
    pub fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// All that counted and lay in a journal, with the numbers of the frames, but for what survives there.
    pub fn lost(
        &self,
        journal: u32,
        survivors: &HashSet<(Kind, Digest, u64)>,
    ) -> Vec<(Kind, Digest, u64)> {
        let records = self
            .records
            .iter()
            .map(|(key, it)| (Kind::Record, key.0, it));
        let trees = self.trees.iter().map(|(id, it)| (Kind::Tree, *id, it));
        let packs = self.packs.iter().map(|(id, it)| (Kind::Pack, *id, it));
        records
            .chain(trees)
            .chain(packs)
            .filter(|(_, _, place)| place.journal == journal)
            .map(|(kind, id, place)| (kind, id, place.number))
            .filter(|it| !survivors.contains(it))
            .collect()
    }

    /// Forgets what lies in a journal and is to be read whenever it is wanted.
    pub fn forget_journal(&mut self, journal: u32) {
        for places in [&mut self.trees, &mut self.packs] {
            places.retain(|_, it| it.journal != journal);
        }
        self.records.retain(|_, it| it.journal != journal);
    }

    /// Where the frame lies that counts, if there is one.
    pub fn place(&self, kind: Kind, id: &Digest) -> Option<Place> {
        self.newest(kind, id).filter(|it| it.length > 0)
    }

    /// Whether it was said that there is no such thing any more.
    pub fn is_revoked(&self, kind: Kind, id: &Digest) -> bool {
        self.newest(kind, id).is_some_and(|it| it.length == 0)
    }

    fn newest(&self, kind: Kind, id: &Digest) -> Option<Place> {
        match kind {
            Kind::Record => self.records.get(&Key(*id)),
            Kind::Tree => self.trees.get(id),
            Kind::Pack => self.packs.get(id),
            Kind::Last | Kind::Stamp | Kind::Out => None,
        }
        .copied()
    }

    /// Whether a frame of which this is the head is the one that counts.
    pub fn is_last(&self, head: &Head, content: &[u8]) -> bool {
        let number = match head.kind {
            Kind::Record | Kind::Tree | Kind::Pack => {
                let newest = self.newest(head.kind, &head.id);
                let is_alike = |it: &Place| (it.length == 0) == (head.length == 0);
                newest.filter(is_alike).map(|it| it.number)
            }
            Kind::Last => {
                let name = StageName::parse(std::str::from_utf8(content).unwrap_or_default());
                let said = self.said(&name.identity());
                said.map(|said| said.number)
            }
            Kind::Stamp => self.stamps.get(&head.id).map(|it| it.number),
            Kind::Out => self.outs.get(&head.id).map(|it| it.number),
        };
        number == Some(head.number)
    }

    /// The keys of all records.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        (self.records.iter())
            .filter(|(_, place)| place.length > 0)
            .map(|(key, _)| key)
    }

    /// The digests of all small artifacts that lie in journals.
    pub fn packed(&self) -> impl Iterator<Item = &Digest> {
        (self.packs.iter())
            .filter(|(_, place)| place.length > 0)
            .map(|(digest, _)| digest)
    }

    /// Whether there is such a frame.
    pub fn has(&self, kind: Kind, id: &Digest) -> bool {
        self.place(kind, id).is_some()
    }

    /// The record that was last made or used under a name: what identifies a stage, or an alias of it.
    pub fn last(&self, name: &str) -> Option<Key> {
        self.said(name).map(|said| said.what)
    }

    fn said(&self, name: &str) -> Option<&Said<Key>> {
        let all = [self.last.get(name), self.aliases.get(name)];
        all.into_iter().flatten().max_by_key(|said| said.number)
    }

    /// What identifies the stages that have results, with their last records.
    pub fn names(&self) -> impl Iterator<Item = (&str, Key)> {
        self.last.iter().map(|(name, it)| (name.as_str(), it.what))
    }

    /// The spec whose stage has the link `current/<stage>`, if any spec has it.
    pub fn owner(&self, stage: &str) -> Option<&str> {
        self.owners.get(stage).map(|said| said.what.as_str())
    }

    /// What the artifact's stats were when it was last seen whole.
    pub fn stamp(&self, digest: &Digest) -> Option<Stamp> {
        self.stamps.get(digest).map(|it| it.what)
    }

    /// When the artifact was last read as a whole, and the number of the frame that says so.
    pub fn last_full_read(&self, digest: &Digest) -> Option<(u64, FullRead)> {
        let stamp = self.stamps.get(digest)?;
        Some((stamp.number, stamp.what.read?))
    }

    /// What is known of a workspace out; empty where nothing is.
    pub fn out(&self, id: &Digest) -> &str {
        self.outs.get(id).map_or("", |it| it.what.as_str())
    }
}

fn put_place<K: Hash + Eq>(places: &mut ByDigest<K, Place>, id: K, place: Place) {
    let old = places.entry(id).or_insert(place);
    // The same frame may have been copied to another journal.
    let is_taken_back = old.number == place.number && old.length == 0;
    if old.number <= place.number && !is_taken_back {
        *old = place;
    }
}

fn put<K: Hash + Eq, T, S: BuildHasher>(
    said: &mut HashMap<K, Said<T>, S>,
    id: K,
    number: u64,
    what: T,
) {
    match said.entry(id) {
        Entry::Occupied(old) if old.get().number > number => {}
        entry => drop(entry.insert_entry(Said { number, what })),
    }
}
