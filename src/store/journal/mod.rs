//! Journals: what processes noted, in files that are only ever added to, one a process. Records lie there, manifests, small
//! artifacts, and what was seen of larger ones. All that a run published in one batch is one write: it is there, or it is
//! not. Knows frames and files; what a frame means is for others to say.

mod contents;
pub mod frame;
mod known;
mod mend;
mod own;
mod recover;
pub mod scan;

use std::{
    io::Read,
    path::Path,
    sync::{MutexGuard, PoisonError},
    time::Duration,
};

use pipe_schema::manifest::Digest;

use self::frame::{HEAD, MARK, TAIL};
pub use self::{
    contents::{Contents, FullRead, Stamp},
    frame::{Head, Kind},
    known::Journals,
};
use super::{
    Store, closed,
    error::{Result, StoreError},
    fault,
    record::children,
};

/// Notes that may be held back.
const MOST_HELD: usize = 256;

/// Something to be written down.
#[derive(Clone, Debug)]
pub struct Note {
    pub kind: Kind,
    pub id: Digest,
    pub content: Vec<u8>,
    /// Of what takes something back: the number of that. Else it is given when the note is written.
    number: Option<u64>,
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
            number: None,
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

    /// Reads what was noted by now, for who will ask soon. Mends nothing, and tells of no trouble: who asks does, and must not
    /// find half of it done.
    pub fn read_journals(&self) {
        let moment = || self.moment_at(self.root(), self.device);
        let _ = (self.journals()).refresh(&self.layout.journals(), self.trusts_locks(), &moment);
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
        let moment = || self.moment_at(self.root(), self.device);
        journals.refresh(&folder, self.trusts_locks(), &moment)?;
        let is_bare = is_first && journals.contents.keys().next().is_none();
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
        (self.journals()).refresh(&folder, self.trusts_locks(), &moment)?;
        self.recover()?;
        Ok(self.journals())
    }

    /// Whether a lock that can be had says that its owner is gone.
    fn trusts_locks(&self) -> bool {
        self.distrust().is_none() && fault::lock().is_none()
    }

    /// Writes notes at once, all or nothing, with those that were held back. They count as later than all that others wrote.
    pub(super) fn append(&self, notes: Vec<Note>) -> Result<()> {
        self.must_write()?;
        drop(self.loaded(true)?);
        self.append_to_own(notes)
    }

    /// The same for what nobody else says anything of.
    pub(super) fn append_to_own(&self, notes: Vec<Note>) -> Result<()> {
        self.must_write()?;
        let mut journals = self.loaded(false)?;
        let mut all = std::mem::take(&mut journals.held);
        all.extend(notes);
        journals.write(&all, &self.layout.journals())
    }

    /// Takes a note that may be written later. A store that cannot be written forgets it.
    pub(super) fn note(&self, note: Note) {
        let Ok(mut journals) = self.loaded(false) else {
            return;
        };
        let number = (note.number).unwrap_or_else(|| journals.contents.next_number());
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
    pub(super) fn make_durable(&self, patience: Duration) -> Result<()> {
        let mut journals = self.journals();
        let Some(own) = journals.own.as_mut() else {
            return Ok(());
        };
        let Some(unsynced) = own.take_unsynced(patience)? else {
            return Ok(());
        };
        // Nobody waits for the disk meanwhile.
        drop(journals);
        if let Err(error) = unsynced.sync() {
            self.journals().trouble.get_or_insert(error);
        }
        Ok(())
    }

    /// What went wrong with that.
    pub(super) fn trouble(&self) -> Result<()> {
        self.journals().trouble.take().map_or(Ok(()), Err)
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
                    self.take_back(kind, *id, place.number);
                    return Ok(Content::Damaged);
                }
                Err(error) => return Err(StoreError::io("read", &folder, error)),
            }
        }
    }

    /// Notes that what is known to be said about this does not count any more. What another process said since does.
    pub(super) fn revoke(&self, kind: Kind, id: Digest) {
        if let Ok(Some(place)) = self.with_contents(|it| it.place(kind, &id)) {
            self.take_back(kind, id, place.number);
        }
    }

    fn take_back(&self, kind: Kind, id: Digest, number: u64) {
        self.note(Note {
            number: Some(number),
            ..Note::new(kind, id, Vec::new())
        });
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

/// Whether a folder has a journal, by the first bytes of what is in it.
pub(super) fn has_any(folder: &Path) -> bool {
    let names = children(folder).unwrap_or_default();
    names.iter().any(|name| {
        let mut first = [0];
        let file = closed::open_file(&folder.join(name));
        file.is_ok_and(|mut it| it.read_exact(&mut first).is_ok()) && first == [MARK]
    })
}
