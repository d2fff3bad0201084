//! The packed index: one append-only file of checksummed lines. It finds, it does not prove:
//! the records are the truth, and a line that is lost costs a look at a file or a rehash, never a wrong answer.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt,
    path::Path,
};

use pipe_schema::{key::Key, manifest::Digest};
use sha2::{Digest as _, Sha256};

use super::{disk, error::Result, replace::replace};

/// Hexadecimal digits of a line's checksum.
const CHECK_DIGITS: usize = 16;
/// An index is rewritten when it has this many lines more than it needs.
const MAX_IDLE_LINES: usize = 10_000;

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// This record was made or used for this stage, later than all above.
    Record { key: Key, stage: String },
    /// The object was whole when its files had these stats.
    Object { digest: Digest, stamp: Digest },
}

/// The index as read so far.
#[derive(Debug, Default)]
pub struct Index {
    last: HashMap<String, Key>,
    stamps: HashMap<Digest, Digest>,
    /// Which file was read, and how many bytes of it.
    inode: u64,
    position: u64,
    lines: usize,
    damaged: usize,
}

impl Index {
    /// Reads what was appended since the last time. None if there is no index.
    pub fn refresh(&mut self, path: &Path) -> io::Result<Option<()>> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let metadata = file.metadata()?;
        let length = metadata.len();
        if metadata.ino() != self.inode || length < self.position {
            // Another process rewrote it, or it is read for the first time.
            *self = Self {
                inode: metadata.ino(),
                ..Self::default()
            };
        }
        if length > self.position {
            file.seek(SeekFrom::Start(self.position))?;
            let mut bytes = Vec::with_capacity((length - self.position) as usize);
            file.read_to_end(&mut bytes)?;
            self.take(&bytes);
        }
        Ok(Some(()))
    }

    /// Reads lines. One without an end is left for the next time: it is being written, or was torn by a crash,
    /// in which case the next line, which brings its own beginning, shows it to be damaged.
    fn take(&mut self, bytes: &[u8]) {
        let end = bytes
            .iter()
            .rposition(|it| *it == b'\n')
            .map_or(0, |it| it + 1);
        self.position += end as u64;
        for line in bytes[..end].split(|it| *it == b'\n') {
            if line.is_empty() {
                continue;
            }
            match decode(line) {
                Some(line) => self.note(line),
                None => self.damaged += 1,
            }
        }
    }

    /// As if the line had been read.
    pub fn note(&mut self, line: Line) {
        self.lines += 1;
        match line {
            Line::Record { key, stage } => {
                self.last.insert(stage, key);
            }
            Line::Object { digest, stamp } => {
                self.stamps.insert(digest, stamp);
            }
        }
    }

    /// The record that was last made or used for a stage.
    pub fn last(&self, stage: &str) -> Option<Key> {
        self.last.get(stage).copied()
    }

    /// All stages with their last records.
    pub fn stages(&self) -> impl Iterator<Item = (&str, &Key)> {
        self.last.iter().map(|(stage, key)| (stage.as_str(), key))
    }

    /// What the object's stats were when it was last seen whole.
    pub fn stamp(&self, digest: &Digest) -> Option<Digest> {
        self.stamps.get(digest).copied()
    }

    /// Whether it says nothing: as if there were none.
    pub fn is_empty(&self) -> bool {
        self.lines == 0
    }

    /// Whether it should be written anew: because of damage, or because most of it is history.
    pub fn is_worn(&self) -> bool {
        self.damaged > 0 || self.lines > self.last.len() + self.stamps.len() + MAX_IDLE_LINES
    }

    /// The lines that say all this index says, but for what the caller does not want to keep.
    pub fn lines(
        &self,
        keeps_record: impl Fn(&Key) -> bool,
        keeps_object: impl Fn(&Digest) -> bool,
    ) -> Vec<Line> {
        let records = self.last.iter().filter(|(_, key)| keeps_record(key));
        let objects = self
            .stamps
            .iter()
            .filter(|(digest, _)| keeps_object(digest));
        records
            .map(|(stage, key)| Line::Record {
                key: *key,
                stage: stage.clone(),
            })
            .chain(objects.map(|(digest, stamp)| Line::Object {
                digest: *digest,
                stamp: *stamp,
            }))
            .collect()
    }
}

/// Appends lines by one write, which other writers cannot interleave.
/// The newline in front ends what a crash may have left unfinished.
pub fn append(path: &Path, lines: &[Line]) -> io::Result<()> {
    let file = disk::open(OpenOptions::new().append(true).create(true), path)?;
    let mut text = String::from("\n");
    for line in lines {
        encode(line, &mut text);
    }
    disk::write_all(&file, path, text.as_bytes())
}

/// Replaces the index; the caller holds the lock that keeps other writers away.
pub fn rewrite(path: &Path, lines: &[Line]) -> Result<()> {
    let mut text = String::new();
    for line in lines {
        encode(line, &mut text);
    }
    replace(path, text.as_bytes())
}

fn encode(line: &Line, out: &mut String) {
    let body = match line {
        Line::Record { key, stage } => {
            format!("r {} {}", key.0, serde_json::Value::from(stage.as_str()))
        }
        Line::Object { digest, stamp } => format!("o {digest} {stamp}"),
    };
    let check = check(&body);
    out.push_str(&check);
    out.push(' ');
    out.push_str(&body);
    out.push('\n');
}

fn decode(line: &[u8]) -> Option<Line> {
    let line = std::str::from_utf8(line).ok()?;
    let (sum, body) = line.split_once(' ')?;
    if sum != check(body) {
        return None;
    }
    let (kind, rest) = body.split_once(' ')?;
    let (digest, rest) = rest.split_once(' ')?;
    let digest: Digest = digest.parse().ok()?;
    match kind {
        "r" => Some(Line::Record {
            key: Key(digest),
            stage: serde_json::from_str(rest).ok()?,
        }),
        "o" => Some(Line::Object {
            digest,
            stamp: rest.parse().ok()?,
        }),
        _ => None,
    }
}

fn check(body: &str) -> String {
    let mut hex = Digest(Sha256::digest(body).into()).to_string();
    hex.truncate(CHECK_DIGITS);
    hex
}
