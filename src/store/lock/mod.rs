//! Locks of the kernel: they end with the process that holds them, so there are no stale ones and no process ids on disk.
//! They only avoid double work and protect accelerators; what is published is right without them.

pub mod gate;
pub mod range;
pub mod reservation;

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use rustix::{fs::OFlags, io::Errno};

use super::{
    disk,
    error::{At, Result, StoreError},
    fault,
    stat::Stat,
};

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

/// Whether the lock at `path`, which the caller holds alone, keeps others out, as far as it can be asked.
pub fn keeps_others_out(path: &Path) -> bool {
    !matches!(take(path, Hold::Shared, false), Ok(Some(_)))
}

fn is_unknown_to(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS)
    )
}

/// Opens a file to be locked; it is made where it is missing.
pub fn open(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    // A link would let a file be made wherever it leads.
    options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32);
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

/// Whether the open file has a name still: who looks for it by its path finds it.
pub fn has_name(file: &File) -> bool {
    file.metadata().is_ok_and(|it| it.nlink() > 0)
}

/// Whether the open file is the one that is at the path.
fn is_still_at(file: &File, path: &Path) -> bool {
    match (Stat::of_file(file), Stat::of_link(path)) {
        (Ok(ours), Ok(there)) => (ours.dev, ours.ino) == (there.dev, there.ino),
        _ => false,
    }
}
