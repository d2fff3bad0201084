//! SHA-256 of files, on all cores. Knows descriptors and sizes; not what the files are for.

use std::{
    fs::File,
    io::{self, Read},
    num::NonZero,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use pipe_schema::manifest::Digest;
use rustix::{
    fd::{AsFd, BorrowedFd},
    fs::{Mode, OFlags},
};
use sha2::{Digest as _, Sha256};

use super::stat::Stat;

/// Large reads: fewer calls, and the disk reads ahead.
const READ_BYTES: usize = 1 << 20;
/// Less than this is hashed sooner than threads start.
const MIN_BYTES_FOR_THREADS: u64 = 512 << 10;

/// A file to hash, by its path in an open folder.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    pub path: &'a str,
    /// What it was when it was listed.
    pub stat: &'a Stat,
    /// Whether the path may be a link.
    pub follow: bool,
}

/// Why a file has no hash.
#[derive(Debug)]
pub enum Failure {
    Io(io::Error),
    /// It is not what it was when it was listed, or did not stay so.
    Changed,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<rustix::io::Errno> for Failure {
    fn from(errno: rustix::io::Errno) -> Self {
        Self::Io(errno.into())
    }
}

/// Hashes files of `folder`; the answers are in the order of the tasks.
pub fn files(folder: BorrowedFd<'_>, tasks: &[Task<'_>]) -> Vec<Result<Digest, Failure>> {
    let bytes: u64 = tasks.iter().map(|it| it.stat.size).sum();
    let threads = if bytes < MIN_BYTES_FOR_THREADS {
        1
    } else {
        // Asked only here: the answer takes longer than a small file.
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        cores.min(tasks.len())
    };
    if threads <= 1 {
        let mut buffer = Vec::new();
        return tasks
            .iter()
            .map(|it| file(folder, *it, &mut buffer))
            .collect();
    }
    // The largest first, so that no thread is left alone with it at the end.
    let mut order: Vec<usize> = (0..tasks.len()).collect();
    order.sort_by_key(|&it| std::cmp::Reverse(tasks[it].stat.size));
    let next = AtomicUsize::new(0);
    let answers = Mutex::new(Vec::with_capacity(tasks.len()));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut buffer = Vec::new();
                let mut own = Vec::new();
                while let Some(&index) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    own.push((index, file(folder, tasks[index], &mut buffer)));
                }
                answers
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner)
                    .append(&mut own);
            });
        }
    });
    let mut answers = answers
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    answers.sort_by_key(|(index, _)| *index);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

fn file(folder: BorrowedFd<'_>, task: Task<'_>, buffer: &mut Vec<u8>) -> Result<Digest, Failure> {
    let mut file = open(folder, task)?;
    let wanted = usize::try_from(task.stat.size)
        .unwrap_or(READ_BYTES)
        .saturating_add(1)
        .min(READ_BYTES);
    if buffer.len() < wanted {
        buffer.resize(wanted, 0);
    }
    let mut hasher = Sha256::new();
    let mut total = 0;
    // That nothing follows is told by its stat.
    while total < task.stat.size {
        match file.read(&mut buffer[..wanted]) {
            Ok(0) => break,
            Ok(count) => {
                hasher.update(&buffer[..count]);
                total += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    must_be_as_listed(&file, total, task)?;
    Ok(Digest(hasher.finalize().into()))
}

/// The bytes of a small file of an open folder.
pub fn read(folder: impl AsFd, task: Task<'_>) -> Result<Vec<u8>, Failure> {
    let mut file = open(folder.as_fd(), task)?;
    // One byte more than it should have, and no more: it may grow without an end.
    let mut bytes = vec![0; usize::try_from(task.stat.size).unwrap_or(usize::MAX - 1) + 1];
    let mut length = 0;
    while length < bytes.len() - 1 {
        match file.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    must_be_as_listed(&file, length as u64, task)?;
    bytes.truncate(length);
    Ok(bytes)
}

/// Opens a file that is as it was listed: what else may have taken its place is not read.
fn open(folder: BorrowedFd<'_>, task: Task<'_>) -> Result<File, Failure> {
    // NONBLOCK: a pipe that took the file's place must not make us wait for its writer.
    let mut flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    if !task.follow {
        flags |= OFlags::NOFOLLOW;
    }
    let file = File::from(rustix::fs::openat(folder, task.path, flags, Mode::empty())?);
    if Stat::of_file(&file)? == *task.stat {
        Ok(file)
    } else {
        Err(Failure::Changed)
    }
}

/// Reading may have updated the access time, which is none of ours.
fn must_be_as_listed(file: &File, read: u64, task: Task<'_>) -> Result<(), Failure> {
    if read == task.stat.size && Stat::of_file(file)? == *task.stat {
        Ok(())
    } else {
        Err(Failure::Changed)
    }
}
