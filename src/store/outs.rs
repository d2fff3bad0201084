//! Workspace outs of commands: cleared before, copied into the store after, brought back on a hit.
//! What the store does not hold is never removed, unless forced; the rest can always be had again.
//! Never waits for another process: whoever asks is told that an out is taken.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use pipe_schema::{manifest::Digest, record::Record};
use sha2::{Digest as _, Sha256};

use super::{
    Store, copy, disk,
    error::{At, Result, StoreError},
    journal::{Kind, Note},
    layout::path_id,
    lock::range::Range,
    removal,
    stat::Stat,
    tree::{self, Rules},
};

/// How names of outs begin that were set aside.
pub(super) const OUT_ASIDE: &str = "out-";

/// The right to write workspace outs; given up when dropped. What lies there counts as a job's until `release_outs`.
#[derive(Debug)]
pub struct OutsLock {
    paths: Vec<PathBuf>,
    locks: Vec<Range>,
    /// What gave way and was nobody's, as far as is known: it is kept in `quarantine/`.
    pub set_aside: Vec<PathBuf>,
}

impl OutsLock {
    /// How many outs it is about.
    pub fn len(&self) -> usize {
        self.locks.len()
    }

    pub fn is_empty(&self) -> bool {
        self.locks.is_empty()
    }
}

/// What is known of what lies where an out belongs, from one job to the next.
#[derive(Debug, PartialEq, Eq)]
enum Mark {
    /// What is there was published, or is the user's.
    None,
    /// A job began to write there, and nobody noted its end.
    Begun,
    /// A job failed and left this behind.
    Left(Digest),
}

/// How something gives way.
enum Way {
    /// There is nothing.
    Free,
    Remove,
    /// Nobody needs it, as far as is known: for people to look at.
    SetAside,
}

impl Store {
    /// Claims workspace outs (relative to `base`) for a job and removes what earlier jobs left there.
    /// Content that the store does not hold is an error, unless forced; what a failed job left may go as long as it is
    /// as the job left it, and what a killed one left is set aside. `Busy` where another process has one of them.
    /// Hand the lock to `release_outs` or `leave_outs` at the end.
    pub fn clear_outs(
        &self,
        stage: &str,
        base: &Path,
        outs: &[String],
        force: bool,
    ) -> Result<OutsLock> {
        self.must_write()?;
        let mut paths: Vec<PathBuf> = outs.iter().map(|it| place(base, it)).collect();
        paths.sort();
        paths.dedup();
        let mut locks = Vec::with_capacity(paths.len());
        for path in &paths {
            locks.push(self.lock_out(path)?);
        }
        // What is noted of them from here on is later than what others noted before.
        self.with_fresh_contents(|_| ())?;
        let mut ways = Vec::with_capacity(paths.len());
        for path in &paths {
            ways.push(self.way_out(stage, path, force)?);
        }
        self.foretell_writes_outside()?;
        // The marks first: once something is gone, what is left is no more what it was.
        self.write_marks(&paths, |_| Mark::Begun)?;
        let mut set_aside = Vec::new();
        for (path, way) in paths.iter().zip(ways) {
            self.clear(path, &way)?;
            if matches!(way, Way::SetAside) {
                set_aside.push(path.clone());
            }
            super::create_parent(path)?;
        }
        Ok(OutsLock {
            paths,
            locks,
            set_aside,
        })
    }

    /// Puts an out that a job made elsewhere in its place, which `clear_outs` has cleared for it.
    pub fn deliver_out(&self, made: &Path, path: &Path) -> Result<()> {
        let stat = Stat::of_link(made).at("read", made)?;
        removal::remove_tree(path)?;
        if stat.is_directory() {
            // An ordinary user cannot move a folder that is read-only.
            removal::make_writable(made)?;
        }
        match disk::rename(made, path) {
            Err(error) if error.kind() == ErrorKind::CrossesDevices => {
                let folder = path.parent().unwrap_or(Path::new("/"));
                let copied = disk::temporary_folder(".pipe-deliver-", folder)
                    .at("create a folder in", folder)?;
                let mut from = copied.path().to_owned();
                copy::out(made, &stat, &from)?;
                if !stat.is_directory() {
                    from.push(copy::name_of(made)?);
                }
                disk::rename(&from, path).at("write", path)?;
                removal::remove_tree(made)
            }
            moved => moved.at("write", path),
        }
    }

    /// Notes what a failed job left in its outs: as long as it stays like that, it is nobody's.
    pub fn leave_outs(&self, lock: OutsLock) -> Result<()> {
        self.write_marks(&lock.paths, |it| {
            picture(it).map_or(Mark::Begun, Mark::Left)
        })?;
        drop(lock);
        Ok(())
    }

    /// What is in these outs is published and will be kept: from here on a change there is the user's. Call it when the
    /// result is noted as the stage's last. Before that, a gc may take it, and then nobody would know whose bytes these are.
    pub fn release_outs(&self, lock: OutsLock) -> Result<()> {
        self.write_marks(&lock.paths, |_| Mark::None)?;
        drop(lock);
        Ok(())
    }

    /// Brings a record's outs back into the workspace, those that are not there already; for `release_outs`.
    /// `Busy` where another process has one of them.
    pub fn restore_outs(
        &self,
        stage: &str,
        record: &Record,
        base: &Path,
        force: bool,
    ) -> Result<OutsLock> {
        let mut restored = OutsLock {
            paths: Vec::new(),
            locks: Vec::new(),
            set_aside: Vec::new(),
        };
        let mut wanted = Vec::new();
        for (name, out) in &record.outs {
            let path = place(base, name);
            let is_there = self.holds(&path)? == Some(out.digest);
            // A job that was killed between its end and `release_outs` left its mark.
            if !is_there || self.is_writable && self.is_marked(&path)? {
                wanted.push((path, out, is_there));
            }
        }
        if wanted.is_empty() {
            return Ok(restored);
        }
        self.must_write()?;
        self.lose_sight();
        for (path, ..) in &wanted {
            restored.locks.push(self.lock_out(path)?);
        }
        self.with_fresh_contents(|_| ())?;
        // Nothing is touched before all of it is known to give way.
        let mut missing = Vec::new();
        for (path, out, is_there) in &wanted {
            if !is_there {
                missing.push((path, out, self.way_out(stage, path, force)?));
            }
        }
        for (path, out, way) in missing {
            self.restore(&out.digest, out.is_directory, path, &way)?;
            if matches!(way, Way::SetAside) {
                restored.set_aside.push(path.clone());
            }
        }
        restored.paths = wanted.into_iter().map(|it| it.0).collect();
        Ok(restored)
    }

    /// How what is at `path` gives way: it is not there, or it can be had again, or nobody wants it.
    fn way_out(&self, stage: &str, path: &Path, force: bool) -> Result<Way> {
        if force {
            return Ok(Way::Remove);
        }
        let mark = self.mark_of(path)?;
        if let Mark::Left(left) = &mark
            && picture(path).as_ref() == Some(left)
        {
            return Ok(Way::Remove);
        }
        let held = match self.holds(path) {
            Ok(None) => return Ok(Way::Free),
            Ok(Some(digest)) => {
                let is_whole = self.check_kept(&digest)?.is_none();
                if !is_whole && self.is_recorded(&digest)? {
                    // Made by a stage and not changed since, but the store's own copy is lost.
                    return Ok(Way::SetAside);
                }
                is_whole
            }
            // What no artifact could hold is not held.
            Err(StoreError::Unfit { .. }) => false,
            Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::InvalidFilename => {
                false
            }
            Err(error) => return Err(error),
        };
        match mark {
            // Where locks mean nothing, its job may well be alive.
            Mark::Begun if self.distrust().is_some() => Err(StoreError::WouldLose(path.to_owned())),
            _ if held => Ok(Way::Remove),
            Mark::Begun => Ok(Way::SetAside),
            // The mark may be lost.
            Mark::None | Mark::Left(_) if self.was_written_by_one_cut_off(path, stage) => {
                Ok(Way::SetAside)
            }
            Mark::None | Mark::Left(_) => Err(StoreError::WouldLose(path.to_owned())),
        }
    }

    /// Whether a record speaks of it as an out. Reads all records: for what is found damaged only.
    fn is_recorded(&self, digest: &Digest) -> Result<bool> {
        let keys = self.record_keys()?;
        Ok(keys.iter().any(|key| {
            self.find_record(key)
                .is_some_and(|it| it.outs.values().any(|out| out.digest == *digest))
        }))
    }

    /// Leaves nothing at `path`, which is marked.
    fn clear(&self, path: &Path, way: &Way) -> Result<()> {
        match way {
            Way::Free => Ok(()),
            Way::Remove => removal::remove_tree(path),
            Way::SetAside => self.set_out_aside(path),
        }
    }

    /// Moves what a killed job left to `quarantine/`. It may have been edited since: nobody knows.
    fn set_out_aside(&self, path: &Path) -> Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match self.set_aside_as(path, &format!("{OUT_ASIDE}{name}")) {
            Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::CrossesDevices => {
                let folder = self.layout.quarantine();
                let copy =
                    disk::temporary_folder(OUT_ASIDE, &folder).at("create a folder in", &folder)?;
                copy::out(path, &Stat::of_link(path).at("read", path)?, copy.path())?;
                let _kept = copy.keep();
                removal::remove_tree(path)
            }
            moved => moved,
        }
    }

    /// The artifact that this file or folder of the workspace would be; None where there is nothing.
    fn holds(&self, path: &Path) -> Result<Option<Digest>> {
        match self.out_digest(path) {
            Ok(digest) => Ok(Some(digest)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Copies an artifact to the file system of `path`, then puts it there in one step.
    fn restore(&self, digest: &Digest, is_directory: bool, path: &Path, way: &Way) -> Result<()> {
        super::create_parent(path)?;
        let folder = path.parent().unwrap_or(Path::new("/"));
        let is_near = Stat::of(folder).at("read", folder)?.dev == self.device;
        let scratch = self.own_scratch()?;
        let beside = if is_near { &scratch.path } else { folder };
        let beside =
            disk::temporary_folder(".pipe-restore-", beside).at("create a folder in", folder)?;
        let mut copied = beside.path().join("out");
        disk::create_dir(&copied).at("create", &copied)?;
        if !self.unpack_into(digest, &copied)? {
            let object = self.layout.object(digest);
            // What is brought back becomes a source of others, under a digest of its own: rot must not pass here.
            if let Some(what) = self.check_object(digest, true)? {
                return Err(StoreError::Damaged { path: object, what });
            }
            let nodes = tree::list(&object, Rules::Artifact)?;
            copy::nodes(&object, &nodes, &copied)?;
        }
        if !is_directory {
            copied.push(copy::name_of(path)?);
        }
        self.foretell_writes_outside()?;
        self.write_marks(&[path.to_owned()], |_| Mark::Begun)?;
        self.clear(path, way)?;
        disk::rename(&copied, path).at("restore", path)
    }

    fn lock_out(&self, path: &Path) -> Result<Range> {
        let taken = self.out_locks.try_lock(&path_id(path))?;
        taken.ok_or_else(|| StoreError::Busy {
            path: self.root().to_owned(),
            what: format!("it writes to `{}`", path.display()),
        })
    }

    /// Of paths that are locked: nobody else says anything of them meanwhile.
    fn write_marks(&self, paths: &[PathBuf], mark: impl Fn(&Path) -> Mark) -> Result<()> {
        self.append_to_own(paths.iter().map(|it| mark(it).note(it)).collect())
    }

    /// Whether something is known of the path, as far as was heard.
    fn is_marked(&self, path: &Path) -> Result<bool> {
        self.with_contents(|it| Mark::parse(it.out(&path_id(path))) != Mark::None)
    }

    /// What is known of the path, which is locked: nobody else changes it.
    fn mark_of(&self, path: &Path) -> Result<Mark> {
        self.with_fresh_contents(|it| Mark::parse(it.out(&path_id(path))))
    }
}

impl Mark {
    /// The path is for people who look.
    fn note(&self, path: &Path) -> Note {
        let text = match self {
            Self::None => "free".to_owned(),
            Self::Begun => format!("begun {}", path.display()),
            Self::Left(picture) => format!("left {picture} {}", path.display()),
        };
        Note::new(Kind::Out, path_id(path), text)
    }

    fn parse(text: &str) -> Self {
        let mut words = text.split(' ');
        match (words.next(), words.next().map(str::parse)) {
            (Some("left"), Some(Ok(picture))) => Self::Left(picture),
            (Some("" | "free") | None, _) => Self::None,
            _ => Self::Begun,
        }
    }
}

/// A digest over all that the file system says of a path and what is below; none where it cannot be read.
fn picture(path: &Path) -> Option<Digest> {
    let mut hasher = Sha256::new();
    if fs::symlink_metadata(path).is_ok() {
        for entry in walkdir::WalkDir::new(path).sort_by_file_name() {
            let entry = entry.ok()?;
            let name = entry.path().as_os_str().as_encoded_bytes();
            hasher.update((name.len() as u64).to_be_bytes());
            hasher.update(name);
            hasher.update(Stat::of_link(entry.path()).ok()?.bytes());
        }
    }
    Some(Digest(hasher.finalize().into()))
}

/// Where an out lies; without `.` and doubled slashes, so that it has one lock.
fn place(base: &Path, out: &str) -> PathBuf {
    base.join(out).components().collect()
}
