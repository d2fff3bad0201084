//! Journals that are damaged, and many that could be one. What is whole is written anew; the rest is for people to look at.

use std::{
    collections::HashSet,
    fs::{self, File},
    path::PathBuf,
};

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
        let found = fs::read(&path).at("read", &path)?;
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
            let mut journals = self.journals();
            let lost = journals.contents.lost(index, &survivors);
            // Manifests are made anew from what they tell of.
            if lost.is_empty() || lost.iter().any(|it| *it != Kind::Tree) {
                journals.mended.push(name);
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

    /// The journals that were found damaged and written anew by this process, each told once.
    pub(in super::super) fn take_mended(&self) -> Vec<String> {
        std::mem::take(&mut self.journals().mended)
    }

    /// Makes one journal of all that nobody writes to, if there are many.
    pub(in super::super) fn tidy_journals(&self) -> Result<()> {
        if !self.is_writable || !self.trusts_locks() {
            return Ok(());
        }
        let names = children(&self.layout.journals())?;
        if names.len() > MOST_CLOSED {
            self.gather(&|_| true, false)?;
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
        self.write_notes();
        // What this process noted goes with the rest.
        self.loaded(true)?.own = None;
        let old = self.closed_journals()?;
        // What was added before they were locked counts, too.
        let journals = self.loaded(true)?;
        let before: u64 = old.iter().map(|(_, it)| length(it)).sum();
        let mut kept = 0;
        each_kept(&old, &journals, keeps, &mut |frame| {
            kept += frame.len() as u64;
            Ok(())
        })?;
        let freed = before.saturating_sub(kept);
        if dry_run || freed == 0 && old.len() < 2 {
            return Ok(freed);
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
        *self.journals() = Journals::default();
        Ok(freed)
    }

    /// All journals to which nobody writes, locked.
    fn closed_journals(&self) -> Result<Vec<(PathBuf, File)>> {
        let folder = self.layout.journals();
        let mut closed = Vec::new();
        for name in children(&folder)? {
            let path = folder.join(&name);
            if !replace::is_draft(&name)
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
