//! Workspace outs of commands: cleared before, copied into the store after, brought back on a hit.
//! What the store does not hold is never removed: it is set aside. Real paths are checked before anything gives way.
//! Never waits for another process: whoever asks is told that an out is taken.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use pipe_schema::{
    manifest::Digest,
    record::{Out, Record},
};
use tempfile::TempDir;

use super::{
    Store,
    aside::SetAside,
    copy, disk,
    error::{At, Result, StoreError},
    layout::path_id,
    lease::Scratch,
    lock::range::Range,
    mark::{Mark, picture},
    stat::Stat,
    tree::{self, Rules},
    way::Way,
};
use crate::protected::{self, ProtectedPaths};

/// The right to write workspace outs; given up when dropped. What lies there counts as a job's until `release_outs`.
#[derive(Debug)]
pub struct OutsLock {
    places: Vec<OutPlace>,
    locks: Vec<Range>,
    set_aside: Vec<SetAside>,
    mended: Vec<(String, String)>,
}

impl OutsLock {
    /// How many outs it is about.
    pub fn len(&self) -> usize {
        self.locks.len()
    }

    pub fn is_empty(&self) -> bool {
        self.locks.is_empty()
    }

    /// What gave way and is kept in `quarantine/`; each is given once.
    pub fn take_set_aside(&mut self) -> Vec<SetAside> {
        std::mem::take(&mut self.set_aside)
    }

    /// Outs that lacked something of what the store holds, by name, with what that was.
    pub fn mended(&self) -> &[(String, String)] {
        &self.mended
    }
}

/// Where an out lies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct OutPlace {
    /// As the spec names it.
    pub path: PathBuf,
    /// With all links above it followed: what its lock and its mark go by, so that all names of a place have one of each.
    pub real: PathBuf,
}

impl Store {
    /// Claims workspace outs for a job and removes what earlier jobs left there; what the store does not hold is set aside.
    /// `last` is the record of the job that may have left what lies there.
    /// `OutBusy` where another process has one of them. Hand the lock to `release_outs` or `leave_outs` at the end.
    pub fn clear_outs(
        &self,
        protected: &ProtectedPaths,
        outs: &[String],
        last: Option<&Record>,
    ) -> Result<OutsLock> {
        self.must_write()?;
        let mut places = (outs.iter())
            .map(|out| find_place(protected, out))
            .collect::<Result<Vec<OutPlace>>>()?;
        // In an order that all runs share; names of one place count as one.
        places.sort_by(|one, other| one.real.cmp(&other.real));
        places.dedup_by(|one, other| one.real == other.real);
        let mut lock = OutsLock {
            locks: Vec::with_capacity(places.len()),
            set_aside: Vec::new(),
            mended: Vec::new(),
            places,
        };
        for place in &lock.places {
            lock.locks.push(self.lock_out(protected.folder(), place)?);
        }
        // What is noted of them from here on is later than what others noted before.
        self.with_fresh_contents(|_| ())?;
        let mut ways = Vec::with_capacity(lock.places.len());
        for place in &lock.places {
            lock.set_aside.extend(self.set_aside_before(place)?);
            let mut stored = last.iter().flat_map(|record| &record.outs);
            let stored = stored.find(|(name, _)| clean(protected.folder(), name) == place.path);
            ways.push(self.way_out(place, stored.map(|(_, out)| out))?);
        }
        // The marks first: once something is gone, what is left is no more what it was.
        self.mark_begun(lock.places.iter().zip(&ways))?;
        for (place, way) in lock.places.iter().zip(&ways) {
            let cleared = self.clear(place, way).and_then(|aside| {
                lock.set_aside.extend(aside);
                super::create_parent(&place.real)
            });
            if let Err(error) = cleared {
                // What cannot be put back is told by the next run, which finds the mark.
                lock.set_aside.retain(|it| !Self::put_back(it));
                return Err(error);
            }
        }
        Ok(lock)
    }

    /// Notes what a failed job left in its outs: as long as it stays like that, it is nobody's.
    pub fn leave_outs(&self, lock: OutsLock) -> Result<()> {
        self.write_marks(&lock.places, |it| {
            picture(&it.real).map_or(Mark::Begun(None), Mark::Left)
        })?;
        drop(lock);
        Ok(())
    }

    /// Sets aside links that a failed job left in the place of its outs: an out from which one leads away is refused, as if a
    /// user had made it.
    pub fn set_links_aside(&self, lock: &OutsLock) -> Result<Vec<SetAside>> {
        let links = lock.places.iter().map(|place| self.set_link_aside(place));
        let links = links.collect::<Result<Vec<_>>>()?;
        Ok(links.into_iter().flatten().collect())
    }

    /// Sets the link aside that is at a place, if one is. What it leads to stays.
    fn set_link_aside(&self, OutPlace { path, real }: &OutPlace) -> Result<Option<SetAside>> {
        // The job may have put a link in the place of a folder above.
        let is_link = fs::symlink_metadata(real).is_ok_and(|it| it.is_symlink())
            && protected::real_place(real) == *real;
        let kept = if is_link {
            self.set_out_aside(real, &Self::name_aside(real))?
        } else {
            None
        };
        Ok(kept.map(|kept| SetAside {
            path: path.clone(),
            kept,
            digest: None,
            difference: String::new(),
        }))
    }

    /// What is in these outs is published and will be kept: from here on a change there is the user's. Call it when the
    /// result is noted as the stage's last. Before that, a gc may take it, and then nobody would know whose bytes these are.
    pub fn release_outs(&self, lock: OutsLock) -> Result<()> {
        self.write_marks(&lock.places, |_| Mark::None)?;
        drop(lock);
        Ok(())
    }

    /// Forgets what was set aside and is equal to what the record holds: the store has it now.
    pub fn take_over(&self, lock: &mut OutsLock, record: &Record, folder: &Path) {
        let made = |aside: &SetAside| {
            let mut outs = record.outs.iter();
            let own = outs.find(|(name, _)| clean(folder, name) == aside.path);
            own.is_some_and(|(_, out)| aside.digest == Some(out.digest))
        };
        lock.set_aside.retain(|aside| {
            let is_held = made(aside);
            if is_held {
                Self::drop_aside(aside);
            }
            !is_held
        });
    }

    /// Brings a record's outs back into the workspace, those that are not there already; for `release_outs`.
    /// `OutBusy` where another process has one of them.
    pub fn restore_outs(&self, protected: &ProtectedPaths, record: &Record) -> Result<OutsLock> {
        let mut restored = OutsLock {
            places: Vec::new(),
            locks: Vec::new(),
            set_aside: Vec::new(),
            mended: Vec::new(),
        };
        let mut wanted: Vec<(OutPlace, &str, &Out, bool)> = Vec::new();
        for (name, out) in &record.outs {
            let real = real_place(protected.folder(), name);
            if wanted.iter().any(|it| it.0.real == real) {
                continue;
            }
            let is_there = self.is_as_made(&real, out)?;
            // A job that was killed between its end and `release_outs` left its mark.
            if !is_there || self.is_writable && self.is_marked(&real)? {
                wanted.push((find_place(protected, name)?, name, out, is_there));
            }
        }
        if wanted.is_empty() {
            return Ok(restored);
        }
        if !self.is_writable {
            for (place, name, out, _) in &wanted {
                self.restore_absent(protected, (place, name), out)?;
            }
            return Ok(restored);
        }
        self.lose_sight();
        for (place, ..) in &wanted {
            restored
                .locks
                .push(self.lock_out(protected.folder(), place)?);
        }
        self.with_fresh_contents(|_| ())?;
        // Nothing is touched before all of it is known to give way.
        let mut missing = Vec::new();
        for (place, name, out, is_there) in &wanted {
            restored.set_aside.extend(self.set_aside_before(place)?);
            if !is_there {
                let lacks = self.lacks(place, out);
                missing.push((place, *name, *out, self.way_out(place, Some(out))?));
                if !lacks.is_empty() {
                    restored.mended.push(((*name).to_owned(), lacks));
                }
            }
        }
        for (place, name, out, way) in missing {
            let set_aside = &mut restored.set_aside;
            if let Err(error) = self.restore(protected, (place, name), out, &way, set_aside) {
                // What cannot be put back is told by the next run, which finds the mark.
                set_aside.retain(|it| !Self::put_back(it));
                return Err(error);
            }
        }
        restored.places = wanted.into_iter().map(|it| it.0).collect();
        Ok(restored)
    }

    /// The artifact that this file or folder of the workspace would be; None where there is nothing.
    pub(super) fn holds(&self, path: &Path) -> Result<Option<Digest>> {
        match self.out_digest(path) {
            Ok(digest) => Ok(Some(digest)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether an out lies at its place as it was made. What no artifact could hold is not what was made.
    pub(super) fn is_as_made(&self, path: &Path, out: &Out) -> Result<bool> {
        match self.holds(path) {
            Ok(digest) => Ok(digest == Some(out.digest)),
            Err(error) if error.is_of_what_none_holds() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Brings back one out, whose lock the caller has, unless it is there. What gave way is told even if this fails.
    pub(super) fn bring_back(
        &self,
        protected: &ProtectedPaths,
        name: &str,
        out: &Out,
        set_aside: &mut Vec<SetAside>,
    ) -> Result<()> {
        let place = find_place(protected, name)?;
        if self.is_as_made(&place.real, out)? {
            return Ok(());
        }
        self.lose_sight();
        let way = self.way_out(&place, Some(out))?;
        self.restore(protected, (&place, name), out, &way, set_aside)?;
        self.write_marks(&[place], |_| Mark::None)
    }

    /// Copies an artifact to the file system of a place, then puts it there in one step.
    fn restore(
        &self,
        protected: &ProtectedPaths,
        (place, name): (&OutPlace, &str),
        out: &Out,
        way: &Way,
        set_aside: &mut Vec<SetAside>,
    ) -> Result<()> {
        let path = &place.real;
        super::create_parent(path)?;
        let beside = self.folder_near(path, ".pipe-restore-")?;
        let copied = self.copy_out(out, path, beside.0.path())?;
        // Copying takes its time: a link above it may lead elsewhere by now.
        if find_place(protected, name)? != *place {
            return Err(StoreError::Changing(place.path.clone()));
        }
        self.mark_begun([(place, way)].into_iter())?;
        set_aside.extend(self.clear(place, way)?);
        self.put(&copied, path, set_aside)
    }

    /// Copies an out that belongs at `path` into a folder; returns where it is.
    pub(super) fn copy_out(&self, out: &Out, path: &Path, folder: &Path) -> Result<PathBuf> {
        let mut copied = folder.join("out");
        disk::create_dir(&copied).at("create", &copied)?;
        if !self.unpack_into(&out.digest, &copied)? {
            let object = self.layout.object(&out.digest);
            // What is brought back becomes a source of others, under a digest of its own: rot must not pass here.
            if let Some(what) = self.check_object(&out.digest, true)? {
                return Err(StoreError::Damaged { path: object, what });
            }
            let nodes = tree::list(&object, Rules::Artifact)?;
            copy::nodes(&object, &nodes, &copied)?;
        }
        if !out.is_directory {
            copied.push(copy::name_of(path)?);
        }
        Ok(copied)
    }

    /// A folder on the file system of a path, and what it may lie in: both are removed when dropped.
    pub(super) fn folder_near(&self, path: &Path, prefix: &str) -> Result<(TempDir, Scratch)> {
        let folder = path.parent().unwrap_or(Path::new("/"));
        let is_near = Stat::of(folder).at("read", folder)?.dev == self.device;
        let scratch = self.own_scratch()?;
        let near = if is_near { &scratch.path } else { folder };
        let made = disk::temporary_folder(prefix, near).at("create a folder in", near)?;
        Ok((made, scratch))
    }

    fn lock_out(&self, folder: &Path, OutPlace { path, real }: &OutPlace) -> Result<Range> {
        let out = path.strip_prefix(folder).unwrap_or(path).to_string_lossy();
        let taken = self.out_locks.try_lock(&path_id(real))?;
        taken.ok_or_else(|| StoreError::OutBusy(out.into_owned()))
    }

    /// Notes that outs are about to be written, and where what is in their way is to be kept.
    fn mark_begun<'a>(&self, ways: impl Iterator<Item = (&'a OutPlace, &'a Way)>) -> Result<()> {
        let mut notes = Vec::new();
        let mut taken = BTreeSet::new();
        for (place, way) in ways {
            let kept = match way {
                Way::SetAside { .. } => {
                    let name = Self::name_aside(&place.real);
                    let kept = self.place_aside_beside(&name, &taken)?;
                    // Another out of the same name gets the next one.
                    taken.insert(kept.clone());
                    Some(kept)
                }
                Way::Free | Way::Remove(_) => None,
            };
            notes.push(Mark::Begun(kept).note(&place.real));
        }
        self.append_to_own(notes)
    }

    /// Of places that are locked: nobody else says anything of them meanwhile.
    fn write_marks(&self, places: &[OutPlace], mark: impl Fn(&OutPlace) -> Mark) -> Result<()> {
        self.append_to_own(places.iter().map(|it| mark(it).note(&it.real)).collect())
    }

    /// Whether something is known of the path, as far as was heard.
    fn is_marked(&self, path: &Path) -> Result<bool> {
        self.with_contents(|it| Mark::parse(it.out(&path_id(path))) != Mark::None)
    }

    /// What is known of the path, which is locked: nobody else changes it.
    pub(super) fn mark_of(&self, path: &Path) -> Result<Mark> {
        self.with_fresh_contents(|it| Mark::parse(it.out(&path_id(path))))
    }
}

/// Where an out lies, checked as things are at this moment.
pub(super) fn find_place(protected: &ProtectedPaths, out: &str) -> Result<OutPlace> {
    let path = clean(protected.folder(), out);
    match protected.look().full(out) {
        Ok(real) => Ok(OutPlace { path, real }),
        Err(refusal) => Err(StoreError::NotAnOut { path, refusal }),
    }
}

/// Where an out lies, unchecked.
pub(super) fn real_place(folder: &Path, out: &str) -> PathBuf {
    protected::real_place(&clean(folder, out))
}

/// Without `.` and doubled slashes.
fn clean(base: &Path, out: &str) -> PathBuf {
    base.join(out).components().collect()
}
