//! Workspace outs of commands: cleared before, copied into the store after, brought back on a hit.
//! What the store does not hold is never removed, unless forced; the rest can always be had again.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};

use pipe_schema::{manifest::Digest, record::Record};

use super::{
    Store, copy,
    error::{At, Result, StoreError},
    lock::{self, Hold},
    removal,
    stat::Stat,
};

/// The right to write workspace outs; given up when dropped.
#[derive(Debug)]
pub struct OutsLock {
    _files: Vec<File>,
}

impl Store {
    /// Claims workspace outs (relative to `base`) for a job and removes what earlier jobs left there.
    /// Content that the store does not hold is an error, unless forced; what an unfinished job left may go.
    /// Hold the lock until after `publish`; drop it before claiming the same outs again.
    pub fn clear_outs(&self, base: &Path, outs: &[String], force: bool) -> Result<OutsLock> {
        self.must_write()?;
        let mut paths: Vec<PathBuf> = outs.iter().map(|it| place(base, it)).collect();
        // One order for all, so that two runs never wait for each other.
        paths.sort();
        paths.dedup();
        let mut files = Vec::with_capacity(paths.len());
        for path in &paths {
            files.extend(self.lock_out(path)?);
        }
        for path in &paths {
            self.must_be_expendable(path, force)?;
        }
        for path in &paths {
            // From here until it is published, what is there is nobody's.
            self.mark_out(path, true)?;
            removal::remove_tree(path)?;
            super::create_parent(path)?;
        }
        Ok(OutsLock { _files: files })
    }

    /// Brings a record's outs back into the workspace, those that are not there already. Returns how many.
    pub fn restore_outs(&self, record: &Record, base: &Path, force: bool) -> Result<usize> {
        let mut restored = 0;
        for (name, out) in &record.outs {
            let path = place(base, name);
            if self.holds(&path)? == Some(out.digest) {
                continue;
            }
            self.must_write()?;
            let _lock = self.lock_out(&path)?;
            self.must_be_expendable(&path, force)?;
            self.mark_out(&path, true)?;
            self.restore(&out.digest, out.is_directory, &path)?;
            self.mark_out(&path, false)?;
            restored += 1;
        }
        Ok(restored)
    }

    /// Whether `path` may be removed: it is not there, or it can be had again, or nobody wants it.
    fn must_be_expendable(&self, path: &Path, force: bool) -> Result<()> {
        if force || self.is_unfinished(path) {
            return Ok(());
        }
        let held = match self.holds(path) {
            Ok(None) => return Ok(()),
            Ok(Some(digest)) => self.check_object(&digest, false)?.is_none(),
            // What no artifact could hold is not held.
            Err(StoreError::Unfit { .. }) => false,
            Err(error) => return Err(error),
        };
        if held {
            Ok(())
        } else {
            Err(StoreError::WouldLose(path.to_owned()))
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
    fn restore(&self, digest: &Digest, is_directory: bool, path: &Path) -> Result<()> {
        super::create_parent(path)?;
        let folder = path.parent().unwrap_or(Path::new("/"));
        let is_near = Stat::of(folder).at("read", folder)?.dev == self.device;
        let scratch = self.own_scratch()?;
        let beside = tempfile::Builder::new()
            .prefix(".pipe-restore-")
            .tempdir_in(if is_near { &scratch.path } else { folder })
            .at("create a folder in", folder)?;
        let object = self.layout.object(digest);
        let copied = beside.path().join("out");
        if is_directory {
            fs::create_dir(&copied).at("create", &copied)?;
            copy::out(&object, &Stat::of(&object).at("read", &object)?, &copied)?;
        } else {
            let name = copy::name_of(path)?;
            let from = object.join(name);
            fs::create_dir(&copied).at("create", &copied)?;
            copy::out(&from, &Stat::of_link(&from).at("read", &from)?, &copied)?;
        }
        let from = if is_directory {
            copied
        } else {
            copied.join(copy::name_of(path)?)
        };
        removal::remove_tree(path)?;
        fs::rename(&from, path).at("restore", path)
    }

    fn lock_out(&self, path: &Path) -> Result<Option<File>> {
        lock::take(&self.layout.out_lock(path), Hold::Alone, true)
    }

    /// Notes whether a job that writes to `path` has begun and not ended: then its content is worth nothing.
    pub(super) fn mark_out(&self, path: &Path, is_unfinished: bool) -> Result<()> {
        let mark = self.layout.out_lock(path);
        super::create_parent(&mark)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&mark)
            .at("write", &mark)?;
        if is_unfinished {
            writeln!(file, "{}", path.display()).at("write", &mark)?;
        }
        Ok(())
    }

    fn is_unfinished(&self, path: &Path) -> bool {
        fs::metadata(self.layout.out_lock(path)).is_ok_and(|it| it.len() > 0)
    }
}

/// Where an out lies; without `.` and doubled slashes, so that it has one lock.
fn place(base: &Path, out: &str) -> PathBuf {
    base.join(out).components().collect()
}
