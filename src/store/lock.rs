//! Locks of the kernel: they end with the process that holds them, so there are no stale ones and no process ids on disk.
//! They only avoid double work and protect accelerators; what is published is right without them.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

use pipe_schema::key::Key;
use rustix::io::Errno;

use super::{
    Store, disk,
    error::{At, Result, StoreError},
    fault,
    stat::Stat,
};

/// The right to execute a key; given up when dropped.
#[derive(Debug)]
pub struct KeyLock {
    file: File,
    path: PathBuf,
}

impl KeyLock {
    /// Says who has it, for those who wait.
    pub fn note(&self, run: &str) {
        // Nothing depends on it.
        let _ = disk::write_all(&self.file, &self.path, format!("{run}\n").as_bytes());
    }
}

/// How a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    Shared,
    Alone,
}

/// Takes the lock at `path`, or returns None where another holds it and `wait` is false.
pub fn take(path: &Path, hold: Hold, wait: bool) -> Result<Option<File>> {
    loop {
        let file = open(path)?;
        let taken = match (fault::lock(), hold, wait) {
            (Some(pretended), _, _) => pretended.map(|()| true),
            (None, Hold::Alone, true) => file.lock().map(|()| true),
            (None, Hold::Shared, true) => file.lock_shared().map(|()| true),
            (None, Hold::Alone, false) => answer(file.try_lock()),
            (None, Hold::Shared, false) => answer(file.try_lock_shared()),
        };
        match taken {
            Ok(false) => return Ok(None),
            Ok(true) if is_still_at(&file, path) => return Ok(Some(file)),
            // A dead run's lease was swept away while we waited for it.
            Ok(true) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // A file system without locks: what is published is right all the same.
            Err(error) if is_unknown_to(&error) => return Ok(Some(file)),
            Err(error) => return Err(StoreError::io("lock", path, error)),
        }
    }
}

/// Whether the lock at `path`, which the caller holds alone, keeps others out.
pub fn keeps_others_out(path: &Path) -> bool {
    matches!(take(path, Hold::Shared, false), Ok(None))
}

fn is_unknown_to(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS)
    )
}

fn open(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    match disk::open(&options, path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            super::create_parent(path)?;
            disk::open(&options, path).at("open", path)
        }
        opened => opened.at("open", path),
    }
}

fn answer(tried: std::result::Result<(), TryLockError>) -> io::Result<bool> {
    match tried {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn is_still_at(file: &File, path: &Path) -> bool {
    match (Stat::of_file(file), Stat::of_link(path)) {
        (Ok(ours), Ok(there)) => (ours.dev, ours.ino) == (there.dev, there.ino),
        _ => false,
    }
}

impl Store {
    /// Waits until no other run executes `key`. Look it up again afterwards: it may have been made meanwhile.
    pub fn lock(&self, key: &Key) -> Result<KeyLock> {
        self.must_write()?;
        let path = self.layout.key_lock(key);
        match take(&path, Hold::Alone, true)? {
            Some(file) => Ok(KeyLock { file, path }),
            None => Err(StoreError::Busy {
                path,
                what: "it holds the lock".to_owned(),
            }),
        }
    }

    /// None where another run executes `key`.
    pub fn try_lock(&self, key: &Key) -> Result<Option<KeyLock>> {
        self.must_write()?;
        let path = self.layout.key_lock(key);
        let file = take(&path, Hold::Alone, false)?;
        Ok(file.map(|file| KeyLock { file, path }))
    }

    /// The run that executes `key`, where it can be told: a name may stand there from before.
    pub fn holder(&self, key: &Key) -> Option<String> {
        let text = fs::read_to_string(self.layout.key_lock(key)).ok()?;
        let run = text.lines().next()?;
        let lease = File::open(self.layout.lease(run)).ok()?;
        matches!(lease.try_lock_shared(), Err(TryLockError::WouldBlock)).then(|| run.to_owned())
    }
}
