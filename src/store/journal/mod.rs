//! Journals: what processes noted, in files that are only ever added to, one a process. Records lie there, manifests, small
//! artifacts, and what was seen of larger ones. All that a run published in one batch is one write: it is there, or it is
//! not. Knows frames and files; what a frame means is for others to say.

mod contents;
pub mod frame;
mod mend;
mod own;
mod recover;
pub mod scan;

use std::{
    fs::File,
    io::{self, ErrorKind},
    os::unix::fs::FileExt,
    path::Path,
    sync::{MutexGuard, PoisonError},
    time::Duration,
};

use pipe_schema::manifest::Digest;

pub use self::{
    contents::Contents,
    frame::{Head, Kind},
};
use self::{
    contents::{Journal, Place},
    frame::{HEAD, TAIL},
    own::Own,
};
use super::{
    Store, closed,
    error::{At, Result, StoreError},
    fault,
    record::children,
    replace,
    stat::{self, Stat},
};

/// A new name in a folder may have come in the moment of the last look, as far as the clock tells; this is far longer.
const UNSURE: i64 = 3_000_000_000;
/// Notes that may be held back.
const MOST_HELD: usize = 256;

/// Something to be written down.
#[derive(Clone, Debug)]
pub struct Note {
    pub kind: Kind,
    pub id: Digest,
    pub content: Vec<u8>,
}

/// What is known of the journals.
#[derive(Debug, Default)]
pub struct Journals {
    contents: Contents,
    own: Option<Own>,
    held: Vec<Note>,
    /// When the folder was looked through.
    listed: Option<Stat>,
    is_loaded: bool,
    /// The journal that was read last.
    open: Option<(u32, File)>,
    /// What is no journal, by name.
    strange: Vec<String>,
    /// Journals that have more than whole frames, and to which nobody writes.
    torn: Vec<u32>,
    /// Journals that were damaged, by name.
    mended: Vec<String>,
}

/// A frame's content, as far as there is one.
pub enum Content {
    Whole(Vec<u8>),
    Nothing,
    Damaged,
}

impl Note {
    pub fn new(kind: Kind, id: Digest, content: impl Into<Vec<u8>>) -> Self {
        Self {
            kind,
            id,
            content: content.into(),
        }
    }
}

impl Store {
    /// Asks what the journals say, as far as they were read; they are read when they are first needed.
    pub(super) fn with_contents<T>(&self, ask: impl FnOnce(&Contents) -> T) -> Result<T> {
        let journals = self.loaded(false)?;
        Ok(ask(&journals.contents))
    }

    /// The same, with what other processes noted by now.
    pub(super) fn with_fresh_contents<T>(&self, ask: impl FnOnce(&Contents) -> T) -> Result<T> {
        let journals = self.loaded(true)?;
        Ok(ask(&journals.contents))
    }

    fn journals(&self) -> MutexGuard<'_, Journals> {
        self.journals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn loaded(&self, is_fresh: bool) -> Result<MutexGuard<'_, Journals>> {
        let folder = self.layout.journals();
        let mut journals = self.journals();
        if !is_fresh && journals.is_loaded {
            return Ok(journals);
        }
        let is_first = !std::mem::replace(&mut journals.is_loaded, true);
        journals.refresh(&folder, self.trusts_locks())?;
        let is_bare = is_first && journals.contents.journals.is_empty();
        if journals.strange.is_empty() && journals.torn.is_empty() && !is_bare {
            return Ok(journals);
        }
        let strange = std::mem::take(&mut journals.strange);
        let torn = std::mem::take(&mut journals.torn);
        drop(journals);
        for name in strange {
            self.lose_sight();
            self.set_aside(&folder.join(name))?;
        }
        for journal in torn {
            self.mend(journal)?;
        }
        self.journals().refresh(&folder, self.trusts_locks())?;
        self.recover()?;
        Ok(self.journals())
    }

    /// Whether a lock that can be had says that its owner is gone.
    fn trusts_locks(&self) -> bool {
        self.distrust().is_none() && fault::lock().is_none()
    }

    /// Writes notes at once, all or nothing, with those that were held back.
    pub(super) fn append(&self, notes: Vec<Note>) -> Result<()> {
        self.must_write()?;
        // What is written now must count as later than all that others wrote.
        let mut journals = self.loaded(true)?;
        let mut all = std::mem::take(&mut journals.held);
        all.extend(notes);
        journals.write(&all, &self.layout.journals())
    }

    /// Takes a note that may be written later. A store that cannot be written forgets it.
    pub(super) fn note(&self, note: Note) {
        let Ok(mut journals) = self.loaded(false) else {
            return;
        };
        let number = journals.contents.next_number();
        journals.hear(&note, number);
        if !self.is_writable {
            return;
        }
        journals.held.push(note);
        let is_enough = journals.held.len() >= MOST_HELD;
        drop(journals);
        if is_enough {
            self.write_notes();
        }
    }

    /// Writes what was held back. An error is no harm: nothing of it cannot be found out again.
    pub(super) fn write_notes(&self) {
        if !self.journals().held.is_empty() {
            let _ = self.append(Vec::new());
        }
    }

    /// Makes what this process noted survive a loss of power, if something was written so long ago that does not yet.
    pub(super) fn sync_journal(&self, patience: Duration) -> Result<()> {
        let mut journals = self.journals();
        let Some(own) = journals.own.as_mut() else {
            return Ok(());
        };
        let Some(unsynced) = own.take_unsynced(patience)? else {
            return Ok(());
        };
        // Nobody waits for the disk meanwhile.
        drop(journals);
        unsynced.sync()
    }

    /// A frame's content. What is damaged is set aside where that can be done, and forgotten in any case.
    pub(super) fn content(&self, kind: Kind, id: &Digest) -> Result<Content> {
        let mut is_again = false;
        loop {
            let mut journals = self.loaded(is_again)?;
            let Some(place) = journals.contents.place(kind, id) else {
                return Ok(Content::Nothing);
            };
            let folder = self.layout.journals();
            match journals.read(place, kind, id, &folder) {
                Ok(Some(content)) => return Ok(Content::Whole(content)),
                // Another process may have moved it to another journal.
                Ok(None) if !is_again => {
                    journals.look_again();
                    is_again = true;
                }
                Ok(None) => {
                    drop(journals);
                    self.mend(place.journal)?;
                    self.revoke(kind, *id);
                    return Ok(Content::Damaged);
                }
                Err(error) => return Err(StoreError::io("read", &folder, error)),
            }
        }
    }

    /// Notes that what was said about this does not count any more.
    pub(super) fn revoke(&self, kind: Kind, id: Digest) {
        self.note(Note::new(kind, id, Vec::new()));
    }

    /// The journal in which the frame about this lies, relative to the store.
    pub(super) fn journal_of(&self, kind: Kind, id: &Digest) -> Option<String> {
        let journals = self.journals();
        let place = journals.contents.place(kind, id)?;
        let journal = journals.contents.journals.get(place.journal as usize)?;
        Some(format!("journal/{}", journal.name))
    }

    /// Bytes of the frame about this; none where there is none.
    pub(super) fn bytes_of_frame(&self, kind: Kind, id: &Digest) -> u64 {
        let place = self.journals().contents.place(kind, id);
        place.map_or(0, |it| (HEAD + TAIL) as u64 + u64::from(it.length))
    }

    /// Whether there is a frame about this and it is whole.
    pub(super) fn has_whole(&self, kind: Kind, id: &Digest) -> Result<bool> {
        if self.with_contents(|it| it.place(kind, id))?.is_none() {
            return Ok(false);
        }
        Ok(matches!(self.content(kind, id)?, Content::Whole(_)))
    }

    /// Notes the journals as they are, for whoever wants to know whether anything changed.
    pub(super) fn look_at_journals(&self) -> Result<()> {
        let folder = self.layout.journals();
        self.look(&folder);
        for name in children(&folder)? {
            self.look_at(&folder.join(name));
        }
        Ok(())
    }
}

impl Journals {
    /// As if it had been read.
    fn hear(&mut self, note: &Note, number: u64) {
        let mut frame = Vec::new();
        frame::encode(note.kind, &note.id, number, &note.content, &mut frame);
        if let Some(head) = frame.first_chunk().and_then(Head::parse) {
            self.contents.take(u32::MAX, &head, 0, &note.content);
        }
    }

    fn write(&mut self, notes: &[Note], folder: &Path) -> Result<()> {
        if notes.is_empty() {
            return Ok(());
        }
        let mut own = match self.own.take() {
            Some(own) if own.is_there() => own,
            _ => Own::create(folder)?,
        };
        let mut frames = Vec::new();
        let mut heads = Vec::with_capacity(notes.len());
        for note in notes {
            let from = frames.len();
            let number = self.contents.next_number();
            frame::encode(note.kind, &note.id, number, &note.content, &mut frames);
            heads.extend(
                frames[from..]
                    .first_chunk()
                    .and_then(Head::parse)
                    .map(|head| (head, from as u64)),
            );
        }
        // A journal with a torn end is not gone on with.
        let at = own.append(&frames)?;
        let journal = self.index_of(&own);
        for ((head, from), note) in heads.iter().zip(notes) {
            self.contents.take(journal, head, at + from, &note.content);
        }
        if let Some(journal) = self.contents.journals.get_mut(journal as usize) {
            journal.end = at + frames.len() as u64;
        }
        self.own = Some(own);
        Ok(())
    }

    fn index_of(&mut self, own: &Own) -> u32 {
        let journals = &mut self.contents.journals;
        let known = journals.iter().position(|it| it.name == own.name);
        known.unwrap_or_else(|| {
            journals.push(Journal {
                name: own.name.clone(),
                inode: own.inode,
                // Nobody else writes to it.
                is_closed: true,
                ..Journal::default()
            });
            journals.len() - 1
        }) as u32
    }

    /// Reads what was noted since the last time.
    fn refresh(&mut self, folder: &Path, trusts_locks: bool) -> Result<()> {
        let now = match Stat::of(folder) {
            Ok(now) => Some(now),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(StoreError::io("read", folder, error)),
        };
        let is_sure = |it: &Stat| {
            trusts_locks && it.mtime.max(it.ctime) < stat::kernel_time().saturating_sub(UNSURE)
        };
        let is_listed = now.is_some() && now == self.listed;
        self.listed = now.filter(is_sure);
        if !is_listed {
            self.list(folder)?;
        }
        for index in 0..self.contents.journals.len() {
            let journal = &self.contents.journals[index];
            if !journal.is_gone && !journal.is_closed {
                self.read_on(index, folder, trusts_locks)?;
            }
        }
        if self.contents.journals.iter().any(|it| it.is_gone) {
            self.forget_gone();
        }
        Ok(())
    }

    /// Looks which journals there are.
    fn list(&mut self, folder: &Path) -> Result<()> {
        let mut names = children(folder)?;
        names.retain(|it| !replace::is_draft(it));
        names.sort();
        let journals = &mut self.contents.journals;
        let mut is_replaced = Vec::new();
        for (index, journal) in journals.iter_mut().enumerate() {
            if journal.is_gone {
                continue;
            }
            match Stat::of_link(&folder.join(&journal.name)) {
                Ok(stat) if stat.ino == journal.inode => {}
                // A journal without its damage.
                Ok(_) => is_replaced.push(index),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    journal.is_gone = true;
                    self.own.take_if(|it| it.name == journal.name);
                }
                Err(error) => return Err(StoreError::io("read", folder, error)),
            }
        }
        for index in is_replaced {
            self.contents.forget_journal(index as u32);
            let journal = &mut self.contents.journals[index];
            (journal.end, journal.inode, journal.is_closed) = (0, 0, false);
        }
        let known: std::collections::HashSet<String> = (self.contents.journals.iter())
            .filter(|it| !it.is_gone)
            .map(|it| it.name.clone())
            .collect();
        for name in names.into_iter().filter(|it| !known.contains(it)) {
            self.contents.journals.push(Journal {
                name,
                ..Journal::default()
            });
        }
        Ok(())
    }

    /// Reads the frames that a journal has more than before.
    fn read_on(&mut self, index: usize, folder: &Path, trusts_locks: bool) -> Result<()> {
        let journal = &mut self.contents.journals[index];
        let path = folder.join(&journal.name);
        let file = match closed::open_file(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                journal.is_gone = true;
                return Ok(());
            }
            Err(error) => return Err(StoreError::io("read", path, error)),
        };
        let stat = Stat::of_file(&file).at("read", &path)?;
        if stat.kind() != rustix::fs::FileType::RegularFile {
            journal.is_gone = true;
            self.strange.push(journal.name.clone());
            return Ok(());
        }
        if stat.ino == journal.inode && stat.size == journal.end && stat.size > 0 {
            return Ok(());
        }
        // Asked before it is read: nothing is added to it from then on. One that is empty was made this moment, and is not
        // locked yet.
        journal.is_closed = trusts_locks && stat.size > 0 && file.try_lock_shared().is_ok();
        journal.inode = stat.ino;
        let (end, is_closed) = (journal.end, journal.is_closed);
        let contents = &mut self.contents;
        let scanned = scan::scan(&file, end, false, &mut |head, at, content| {
            contents.take(index as u32, head, at, content);
        })
        .at("read", &path)?;
        self.contents.journals[index].end = scanned.end;
        if is_closed && (scanned.is_damaged || scanned.end < stat.size) {
            self.torn.push(index as u32);
        }
        Ok(())
    }

    /// The name of a journal, which this process adds to no more.
    fn give_up(&mut self, index: u32) -> Option<String> {
        let name = self.contents.journals.get(index as usize)?.name.clone();
        self.own.take_if(|it| it.name == name);
        Some(name)
    }

    /// The next who looks goes through the folder.
    fn look_again(&mut self) {
        self.listed = None;
        self.open = None;
    }

    fn forget_gone(&mut self) {
        for index in 0..self.contents.journals.len() {
            if self.contents.journals[index].is_gone && self.contents.journals[index].end > 0 {
                self.contents.journals[index].end = 0;
                self.contents.forget_journal(index as u32);
            }
        }
    }

    /// A frame's content, if it is there and whole.
    fn read(
        &mut self,
        place: Place,
        kind: Kind,
        id: &Digest,
        folder: &Path,
    ) -> io::Result<Option<Vec<u8>>> {
        let Some(journal) = self.contents.journals.get(place.journal as usize) else {
            return Ok(None);
        };
        if self.open.as_ref().is_none_or(|it| it.0 != place.journal) {
            self.open = match closed::open_file(&folder.join(&journal.name)) {
                Ok(file) => Some((place.journal, file)),
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            };
        }
        let Some((_, file)) = &self.open else {
            return Ok(None);
        };
        let mut bytes = vec![0; HEAD + place.length as usize + TAIL];
        match file.read_exact_at(&mut bytes, place.at) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                self.open = None;
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
        let head = bytes.first_chunk().and_then(Head::parse);
        let content = &bytes[HEAD..bytes.len() - TAIL];
        let is_it = |head: &Head| {
            head.kind == kind
                && head.id == *id
                && head.number == place.number
                && head.fits(content)
        };
        if head.is_some_and(|it| is_it(&it)) {
            bytes.truncate(bytes.len() - TAIL);
            bytes.drain(..HEAD);
            return Ok(Some(bytes));
        }
        self.open = None;
        Ok(None)
    }
}
