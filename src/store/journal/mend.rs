//! Journals that are damaged, and many that could be one. What is whole is written anew; the rest is for people to look at.

use std::{collections::HashSet, fs::File, path::PathBuf};

use pipe_data::regular;
use pipe_schema::manifest::Digest;

use super::{
    super::{
        Store, disk,
        error::{At, Result},
        lock::{self, Hold},
        record::children,
        removal, replace,
    },
    Journals,
    frame::{self, Head, Kind},
    own::Own,
    scan,
};

/// Bytes of frames that are written at once.
const BATCH: usize = 1 << 20;
/// How many journals that nobody writes to any more may be there at the end of a run.
const MOST_CLOSED: usize = 32;
/// How many are gathered at a time: each is open meanwhile.
const MOST_OPEN: usize = 200;

impl Store {
    /// Writes a journal anew, from what is whole in it. If it is damaged, it is set aside; else it was only not written to its
    /// end. One that another process writes is left to it.
    pub(super) fn mend(&self, index: u32) -> Result<()> {
        let Some(name) = self.journals().give_up(index) else {
            return Ok(());
        };
        if !self.is_writable || !self.trusts_locks() {
            return Ok(());
        }
        let path = self.layout.journals().join(&name);
        let Some(lock) = lock::take(&path, Hold::Alone, false)? else {
            return Ok(());
        };
        let found = regular::read(&path).at("read", &path)?;
        let mut whole = Vec::new();
        let mut survivors = HashSet::new();
        let scanned = scan::scan(&lock, 0, true, &mut |head, _, content| {
            survivors.insert((head.kind, head.id, head.number));
            frame::encode(head.kind, &head.id, head.number, content, &mut whole);
        })
        .at("read", &path)?;
        if scanned.is_damaged {
            self.lose_sight();
            self.copy_aside(&path, &found)?;
            let all = self.journals().contents.lost(index, &survivors);
            // Manifests are made anew from what they tell of.
            let lost = all.iter().filter(|it| it.0 != Kind::Tree);
            let lost: Vec<_> = lost.map(|(kind, id, _)| (*kind, *id)).collect();
            if all.is_empty() || !lost.is_empty() {
                self.journals().mended.push((name, lost));
            }
            for (kind, id, number) in all.into_iter().filter(|it| it.0 != Kind::Tree) {
                self.take_back(kind, id, number);
            }
        }
        if whole.is_empty() {
            removal::remove_tree(&path)?;
        } else if whole.len() < found.len() {
            replace::replace(&path, &whole)?;
        }
        self.journals().look_again();
        Ok(())
    }

    /// The journals that were found damaged and written anew by this process, with what was lost, each told once.
    pub(in super::super) fn take_mended(&self) -> Vec<(String, Vec<(Kind, Digest)>)> {
        std::mem::take(&mut self.journals().mended)
    }

    /// Makes one journal of all that nobody writes to, if there are many.
    pub(in super::super) fn tidy_journals(&self) -> Result<()> {
        if !self.is_writable || !self.trusts_locks() {
            return Ok(());
        }
        if children(&self.layout.journals())?.len() > MOST_CLOSED {
            self.shorten_journals()?;
            self.gather(&|_| true, false)?;
        }
        Ok(())
    }

    /// Leaves so few journals that all can be open at once.
    pub(in super::super) fn shorten_journals(&self) -> Result<()> {
        while self.is_writable
            && self.trusts_locks()
            && children(&self.layout.journals())?.len() > MOST_OPEN
        {
            if self.gather_some(&|_| true, false, MOST_OPEN, &mut 0)? < 2 {
                break;
            }
        }
        Ok(())
    }

    /// Makes one journal of all that nobody writes to, with what counts and is to be kept; also of this process's own.
    /// Durable when it returns. Returns the bytes that are less, or with `dry_run` would be.
    pub(in super::super) fn gather(
        &self,
        keeps: &dyn Fn(&Head) -> bool,
        dry_run: bool,
    ) -> Result<u64> {
        let mut freed = 0;
        self.gather_some(keeps, dry_run, usize::MAX, &mut freed)?;
        Ok(freed)
    }

    /// The same with so many of them. Returns how many there were.
    fn gather_some(
        &self,
        keeps: &dyn Fn(&Head) -> bool,
        dry_run: bool,
        most: usize,
        freed: &mut u64,
    ) -> Result<usize> {
        self.write_notes();
        // What this process noted goes with the rest.
        self.loaded(true)?.own = None;
        let old = self.closed_journals(most)?;
        // What was added before they were locked counts, too.
        let journals = self.loaded(true)?;
        let before: u64 = old.iter().map(|(_, it)| length(it)).sum();
        let mut kept = 0;
        each_kept(&old, &journals, keeps, &mut |frame| {
            kept += frame.len() as u64;
            Ok(())
        })?;
        *freed = before.saturating_sub(kept);
        if dry_run || *freed == 0 && old.len() < 2 {
            return Ok(old.len());
        }
        let mut gathered = Gathered {
            folder: self.layout.journals(),
            own: None,
            frames: Vec::new(),
        };
        each_kept(&old, &journals, keeps, &mut |frame| gathered.add(frame))?;
        gathered.finish()?;
        drop(journals);
        for (path, _) in &old {
            removal::remove_tree(path)?;
        }
        disk::sync_all(&self.folder, self.root()).at("write", self.root())?;
        self.journals().forget_all();
        Ok(old.len())
    }

    /// Journals to which nobody writes, locked; at most so many.
    fn closed_journals(&self, most: usize) -> Result<Vec<(PathBuf, File)>> {
        let folder = self.layout.journals();
        let mut closed = Vec::new();
        for name in children(&folder)? {
            let path = folder.join(&name);
            if closed.len() < most
                && !replace::is_draft(&name)
                && let Some(file) = lock::take(&path, Hold::Alone, false)?
            {
                closed.push((path, file));
            }
        }
        Ok(closed)
    }
}

/// Shows the frames that count and are to be kept.
fn each_kept(
    old: &[(PathBuf, File)],
    journals: &Journals,
    keeps: &dyn Fn(&Head) -> bool,
    show: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let mut frame = Vec::new();
    for (path, file) in old {
        let mut result = Ok(());
        scan::scan(file, 0, true, &mut |head, _, content| {
            if result.is_ok() && journals.contents.is_last(head, content) && keeps(head) {
                frame.clear();
                frame::encode(head.kind, &head.id, head.number, content, &mut frame);
                result = show(&frame);
            }
        })
        .at("read", path)?;
        result?;
    }
    Ok(())
}

/// The one that is made of many.
struct Gathered {
    folder: PathBuf,
    own: Option<Own>,
    frames: Vec<u8>,
}

impl Gathered {
    fn add(&mut self, frame: &[u8]) -> Result<()> {
        self.frames.extend(frame);
        if self.frames.len() < BATCH {
            return Ok(());
        }
        self.write()
    }

    fn finish(mut self) -> Result<()> {
        if !self.frames.is_empty() {
            self.write()?;
        }
        self.own.map_or(Ok(()), |it| it.sync())
    }

    fn write(&mut self) -> Result<()> {
        let own = match &mut self.own {
            Some(own) => own,
            None => self.own.insert(Own::create(&self.folder)?),
        };
        own.append(&self.frames)?;
        self.frames.clear();
        Ok(())
    }
}

fn length(file: &File) -> u64 {
    file.metadata().map_or(0, |it| it.len())
}
