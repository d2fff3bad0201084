//! Locks for any number of names in one file: each name has a byte of it to lock, so that none needs a file of its own.
//! They are the kernel's, of an open file (fcntl(2), `F_OFD_SETLK`), and end with the process.

use std::{
    collections::HashMap,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, fcntl},
    libc,
};
use pipe_schema::manifest::Digest;

use super::{
    super::{
        error::{At, Result, StoreError},
        fault,
    },
    has_name, open,
};

/// The locks in one file, of this process.
#[derive(Debug)]
pub struct Ranges {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    file: Option<Arc<File>>,
    /// The kernel does not keep one holder of the file out of what it has already. For each byte, how often this process
    /// shares it; `ALONE` if it has it alone.
    held: HashMap<i64, usize>,
}

/// In place of the number of those who share a byte.
const ALONE: usize = 0;

/// The lock of one name; given up when dropped.
#[derive(Debug)]
pub struct Range {
    ranges: Arc<Ranges>,
    /// Whose locks end when the last of them is closed.
    file: Arc<File>,
    at: i64,
}

impl Ranges {
    pub fn new(path: PathBuf) -> Arc<Self> {
        Arc::new(Self {
            path,
            state: Mutex::default(),
        })
    }

    /// None where another process holds it, or this one does.
    pub fn try_lock(self: &Arc<Self>, name: &Digest) -> Result<Option<Range>> {
        self.take(name, Ask::Own)
    }

    /// Takes it together with others. None where one holds it alone.
    pub fn try_share(self: &Arc<Self>, name: &Digest) -> Result<Option<Range>> {
        self.take(name, Ask::Share { wait: false })
    }

    fn take(self: &Arc<Self>, name: &Digest, what: Ask) -> Result<Option<Range>> {
        let at = place_of(name);
        let mut state = self.state();
        let is_shared = matches!(what, Ask::Share { .. });
        match state.held.get(&at) {
            Some(&ALONE) => return Ok(None),
            Some(_) if !is_shared => return Ok(None),
            _ => {}
        }
        let file = loop {
            let file = match &state.file {
                Some(file) => Arc::clone(file),
                None => Arc::clone(state.file.insert(Arc::new(open(&self.path)?))),
            };
            if !ask(&file, what, at, &self.path)? {
                return Ok(None);
            }
            if has_name(&file) {
                break file;
            }
            // Somebody removed the file: others lock another one.
            state.file = None;
        };
        let holders = state.held.entry(at).or_insert(ALONE);
        *holders += usize::from(is_shared);
        drop(state);
        Ok(Some(Range {
            ranges: Arc::clone(self),
            file,
            at,
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Range {
    /// Lets others share what was held alone; nobody has it alone in between.
    pub fn share(&self) -> Result<()> {
        let mut state = self.ranges.state();
        let what = Ask::Share { wait: false };
        ask(&self.file, what, self.at, &self.ranges.path)?;
        state.held.insert(self.at, 1);
        Ok(())
    }
}

impl Drop for Range {
    fn drop(&mut self) {
        let mut state = self.ranges.state();
        if let Some(holders) = state.held.get_mut(&self.at).filter(|it| **it > 1) {
            *holders -= 1;
            return;
        }
        // What cannot be given up is given up as the file is closed.
        let _ = ask(&self.file, Ask::Free, self.at, &self.ranges.path);
        state.held.remove(&self.at);
    }
}

/// What is asked of the kernel for a byte of a file.
#[derive(Clone, Copy, Debug)]
pub enum Ask {
    /// Alone, or not at all.
    Own,
    /// Together with others.
    Share { wait: bool },
    /// To give it up.
    Free,
}

/// False where another open file has it.
pub fn ask(file: &File, what: Ask, at: i64, path: &Path) -> Result<bool> {
    if let Some(pretended) = fault::lock() {
        return match pretended {
            Ok(()) => Ok(true),
            Err(error) if is_unknown(Errno::from_raw(error.raw_os_error().unwrap_or(0))) => {
                Ok(true)
            }
            Err(error) => Err(StoreError::io("lock", path, error)),
        };
    }
    let kind = match what {
        Ask::Own => libc::F_WRLCK,
        Ask::Share { .. } => libc::F_RDLCK,
        Ask::Free => libc::F_UNLCK,
    };
    let lock = libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: at,
        l_len: 1,
        l_pid: 0,
    };
    loop {
        let how = match what {
            Ask::Share { wait: true } => FcntlArg::F_OFD_SETLKW(&lock),
            _ => FcntlArg::F_OFD_SETLK(&lock),
        };
        match fcntl(file, how) {
            Ok(_) => return Ok(true),
            Err(Errno::EAGAIN | Errno::EACCES) => return Ok(false),
            Err(Errno::EINTR) => {}
            // A file system without locks: what is published is right all the same.
            Err(errno) if is_unknown(errno) => return Ok(true),
            Err(errno) => {
                return Err(io::Error::from_raw_os_error(errno as i32)).at("lock", path);
            }
        }
    }
}

fn is_unknown(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::ENOLCK | Errno::EOPNOTSUPP | Errno::ENOSYS | Errno::EINVAL
    )
}

/// The byte of a name. That two names have the same is as good as impossible, and would only make one wait for the other.
fn place_of(name: &Digest) -> i64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&name.0[..8]);
    // Some file systems take no byte beyond 2^62.
    (u64::from_be_bytes(bytes) >> 2) as i64
}
