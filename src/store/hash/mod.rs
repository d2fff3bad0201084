//! SHA-256 of files, on all cores, and of several small ones at once. Knows descriptors and sizes; not what the files are
//! for.

mod lockstep;

use std::{
    cmp::Reverse,
    fs::File,
    io::{self, Read},
};

use pipe_schema::manifest::Digest;
use rustix::{
    fd::{AsFd, BorrowedFd},
    fs::{Mode, OFlags},
};
use sha2::{Digest as _, Sha256};

use self::lockstep::WIDTH;
use super::stat::Stat;
use crate::threads;

/// Large reads: fewer calls, and the disk reads ahead.
const READ_BYTES: usize = 1 << 20;
/// Files up to this are hashed several at once: those fit into a core's cache together.
const MOST_AT_ONCE: u64 = 256 << 10;
/// Less than this is hashed sooner than threads start, or it is known whether several at once would be right.
const MUCH: u64 = 512 << 10;

/// What a core hashes in a second, with instructions for SHA-256 and without, cautiously: 2 GB were measured, and 0.4.
const HASHED_A_SECOND: [f64; 2] = [1.5e9, 0.35e9];

/// About how long hashing takes on one core.
pub fn seconds_to_hash(bytes: u64) -> f64 {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    let has_instructions = is_x86_feature_detected!("sha");
    #[cfg(target_arch = "aarch64")]
    let has_instructions = std::arch::is_aarch64_feature_detected!("sha2");
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
    let has_instructions = false;
    bytes as f64 / HASHED_A_SECOND[usize::from(!has_instructions)]
}

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
    let sizes = tasks.iter().map(|it| it.stat.size);
    let is_much = sizes.fold(0, u64::saturating_add) >= MUCH;
    // Asked only here: the answer takes longer than a small file.
    let threads = if is_much { threads::cores() } else { 1 };
    // The largest first, so that no thread is left alone with it at the end.
    let mut order: Vec<usize> = (0..tasks.len()).collect();
    order.sort_by_key(|&it| Reverse(tasks[it].stat.size));
    // Each thread has something to do first of all.
    let groups: Vec<&[usize]> = if is_much && order.len() >= WIDTH * threads && lockstep::serves() {
        grouped(&order, tasks)
    } else {
        order.chunks(1).collect()
    };
    let answers = threads::map(threads, &groups, |buffers, group| {
        group_of(folder, group, tasks, buffers)
    });
    let mut answers: Vec<_> = order.iter().zip(answers.into_iter().flatten()).collect();
    answers.sort_unstable_by_key(|(at, _)| **at);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// What is hashed at once, of tasks in the order of their sizes.
fn grouped<'a>(mut order: &'a [usize], tasks: &[Task<'_>]) -> Vec<&'a [usize]> {
    let size = |at: usize| tasks[at].stat.size;
    let mut groups = Vec::new();
    while let Some(first) = order.first() {
        let is_alike = |last: &usize| {
            size(*first) <= MOST_AT_ONCE
                && lockstep::blocks(size(*first)) == lockstep::blocks(size(*last))
        };
        let length = match order.get(WIDTH - 1) {
            Some(last) if is_alike(last) => WIDTH,
            _ => 1,
        };
        let (group, rest) = order.split_at(length);
        groups.push(group);
        order = rest;
    }
    groups
}

type Buffers = [Vec<u8>; WIDTH];

fn group_of(
    folder: BorrowedFd<'_>,
    group: &[usize],
    tasks: &[Task<'_>],
    buffers: &mut Buffers,
) -> Vec<Result<Digest, Failure>> {
    let Ok(group) = <&[usize; WIDTH]>::try_from(group) else {
        return (group.iter())
            .map(|it| file(folder, tasks[*it], &mut buffers[0]))
            .collect();
    };
    let lengths: [_; WIDTH] =
        std::array::from_fn(|it| fill(folder, tasks[group[it]], &mut buffers[it]));
    let texts = std::array::from_fn(|it| match &lengths[it] {
        Ok(length) => &buffers[it][..*length],
        Err(_) => &[],
    });
    let digests = lockstep::digests(texts);
    let answers = lengths.into_iter().zip(digests);
    answers
        .map(|(length, digest)| length.map(|_| digest))
        .collect()
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
    let mut bytes = Vec::new();
    let length = fill(folder.as_fd(), task, &mut bytes)?;
    bytes.truncate(length);
    Ok(bytes)
}

/// Reads a small file to the front of a buffer, which grows where it must; how many bytes that are.
fn fill(folder: BorrowedFd<'_>, task: Task<'_>, buffer: &mut Vec<u8>) -> Result<usize, Failure> {
    let mut file = open(folder, task)?;
    let size = usize::try_from(task.stat.size).unwrap_or(usize::MAX);
    if buffer.len() < size {
        buffer.resize(size, 0);
    }
    let mut length = 0;
    // That nothing follows is told by its stat.
    while length < size {
        match file.read(&mut buffer[length..size]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    must_be_as_listed(&file, length as u64, task)?;
    Ok(length)
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
