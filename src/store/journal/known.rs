//! What a process knows of the journals: which there are, how far each was read, and what it wrote itself.
//! Reads and adds to files; what is wrong with one is for others to mend.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, ErrorKind},
    os::unix::fs::FileExt,
    path::Path,
};

use pipe_schema::manifest::Digest;
use rustix::fs::FileType;

use super::{
    super::{
        closed,
        error::{At, Result, StoreError},
        record::children,
        replace,
        stat::{self, Moment, Stat},
    },
    Contents, Note,
    contents::{Journal, Place},
    frame::{self, HEAD, Head, Kind, TAIL},
    own::Own,
    scan,
};

/// A new name in a folder may have come in the moment of the last look, as far as the clock tells; this is far longer,
/// whatever clock it is.
const UNSURE: i64 = 3_000_000_000;

/// What is known of the journals.
#[derive(Debug, Default)]
pub struct Journals {
    pub contents: Contents,
    pub own: Option<Own>,
    pub held: Vec<Note>,
    /// When the folder was looked through.
    listed: Option<Stat>,
    pub is_loaded: bool,
    /// The journal that was read last.
    open: Option<(u32, File)>,
    /// What is no journal, by name.
    pub strange: Vec<String>,
    /// Journals that have more than whole frames, and to which nobody writes.
    pub torn: Vec<u32>,
    /// Why something that was written may not survive a loss of power: the kernel says it once.
    pub trouble: Option<StoreError>,
    /// Journals that were damaged, by name, with what was lost with them that cannot be made anew of what is there.
    pub mended: Vec<(String, Vec<(Kind, Digest)>)>,
}

impl Journals {
    /// All is to be read anew. What went wrong is not forgotten.
    pub fn forget_all(&mut self) {
        *self = Self {
            mended: std::mem::take(&mut self.mended),
            trouble: self.trouble.take(),
            ..Self::default()
        };
    }

    /// As if it had been read.
    pub fn hear(&mut self, note: &Note, number: u64) {
        let mut frame = Vec::new();
        frame::encode(note.kind, &note.id, number, &note.content, &mut frame);
        if let Some(head) = frame.first_chunk().and_then(Head::parse) {
            self.contents.take(u32::MAX, &head, 0, &note.content);
        }
    }

    pub fn write(&mut self, notes: &[Note], folder: &Path) -> Result<()> {
        if notes.is_empty() {
            return Ok(());
        }
        let mut own = match self.own.take() {
            Some(own) => own,
            None => Own::create(folder)?,
        };
        let mut frames = Vec::new();
        let mut heads = Vec::with_capacity(notes.len());
        for note in notes {
            let from = frames.len();
            let number = (note.number).unwrap_or_else(|| self.contents.next_number());
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
    pub fn refresh(
        &mut self,
        folder: &Path,
        trusts_locks: bool,
        moment: &dyn Fn() -> Moment,
    ) -> Result<()> {
        let now = match Stat::of(folder) {
            Ok(now) => Some(now),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(StoreError::io("read", folder, error)),
        };
        let is_old =
            |it: &Stat| it.mtime.max(it.ctime) < stat::kernel_time().saturating_sub(UNSURE);
        let is_sure = |it: &Stat| trusts_locks && (is_old(it) || moment().is_sure_of(it));
        if now.is_none() || now != self.listed {
            self.listed = now.filter(is_sure);
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
                Ok(_) => {
                    is_replaced.push(index);
                    self.own.take_if(|it| it.name == journal.name);
                }
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
        let known: HashSet<String> = (self.contents.journals.iter())
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
        if stat.kind() != FileType::RegularFile {
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
    pub fn give_up(&mut self, index: u32) -> Option<String> {
        let name = self.contents.journals.get(index as usize)?.name.clone();
        self.own.take_if(|it| it.name == name);
        Some(name)
    }

    /// The next who looks goes through the folder.
    pub fn look_again(&mut self) {
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
    pub fn read(
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
            head.kind == kind && head.id == *id && head.number == place.number && head.fits(content)
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
