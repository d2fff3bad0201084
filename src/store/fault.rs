//! Death and broken disks on demand, for tests: at the step of a given number the process is killed, or the disk fails.
//! In an optimized build there are no faults, and a step costs nothing.
//!
//! A plan is a line of words: what happens, at which step (`7`) or from which one on (`7+`), and one more word.
//!
//! | plan | means |
//! |---|---|
//! | `log - FILE` | nothing happens; each step is a line in a file |
//! | `kill 7` | SIGKILL; a write is broken off in its middle |
//! | `power 7 STORE` | the same, and all bytes in the store that no sync made durable are lost |
//! | `ENOSPC 7`, `EIO 7+`, … | the step fails; with `ENOSPC`, only what needs space on disk |
//! | `locks refused`, `locks unheeded` | a file system that has no locks, or grants each to everybody |
//! | `rot unseen` | files have no change time: a test that puts the time of modification back acts as a disk that turns a bit |

#[cfg(debug_assertions)]
pub use self::armed::{Fault, arm, hides_change_times, is_armed, lock, next, note_sync};
#[cfg(not(debug_assertions))]
pub use self::unarmed::{hides_change_times, is_armed, lock, next, note_sync};

/// A step that is not a write: it is done, or not.
pub fn step(what: &'static str, path: &std::path::Path) -> std::io::Result<()> {
    next(what, path).map_or(Ok(()), |it| it.strike())
}

#[cfg(not(debug_assertions))]
mod unarmed {
    use std::{convert::Infallible, io, path::Path};

    pub struct Fault(Infallible);

    impl Fault {
        pub fn strike(&self) -> io::Result<()> {
            match self.0 {}
        }
    }

    #[inline]
    pub fn is_armed() -> bool {
        false
    }

    #[inline]
    pub fn next(_: &'static str, _: &Path) -> Option<Fault> {
        None
    }

    #[inline]
    pub fn note_sync(_: Option<&std::fs::File>) {}

    #[inline]
    pub fn lock() -> Option<io::Result<()>> {
        None
    }

    #[inline]
    pub fn hides_change_times() -> bool {
        false
    }
}

#[cfg(debug_assertions)]
mod armed {
    use std::{
        collections::HashSet,
        fs::{self, File, OpenOptions},
        io::{self, Write},
        os::unix::fs::MetadataExt,
        path::{Path, PathBuf},
        sync::{
            Mutex, OnceLock, PoisonError,
            atomic::{AtomicU64, Ordering},
        },
    };

    use rustix::{
        io::Errno,
        process::{Signal, getpid, kill_process},
    };

    static PLAN: OnceLock<Plan> = OnceLock::new();
    static STEPS: AtomicU64 = AtomicU64::new(0);

    /// Steps that need no space on disk.
    const SPARING: [&str; 6] = ["unlink", "rmdir", "chmod", "rename", "fsync", "reflink"];

    struct Plan {
        fault: Fault,
        at: u64,
        /// Also all steps after it.
        is_lasting: bool,
        log: Option<Mutex<File>>,
        locks: Locks,
        hides_change_times: bool,
    }

    /// What comes of locks.
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Locks {
        Work,
        Refused,
        Unheeded,
    }

    /// What happens at a step.
    #[derive(Clone, Debug)]
    pub enum Fault {
        Kill,
        Power(PathBuf),
        Error(Errno),
    }

    /// A file's state: inode, size, time of modification.
    type State = (u64, u64, i64, i64);

    /// What the store's files were when they were made durable.
    static DURABLE: Mutex<Option<HashSet<State>>> = Mutex::new(None);

    impl Fault {
        /// Lets it happen.
        pub fn strike(&self) -> io::Result<()> {
            match self {
                Self::Error(errno) => return Err((*errno).into()),
                Self::Kill => {}
                Self::Power(store) => lose_bytes(store),
            }
            let _ = kill_process(getpid(), Signal::KILL);
            // Other threads do nothing more, this one neither.
            loop {
                std::thread::park();
            }
        }
    }

    /// Takes a plan for the rest of the process's life. False where it is none.
    pub fn arm(text: &str) -> bool {
        let Some(plan) = parse(text) else {
            return false;
        };
        if let Fault::Power(store) = &plan.fault {
            *DURABLE.lock().unwrap_or_else(PoisonError::into_inner) = Some(states(store));
        }
        PLAN.set(plan).is_ok()
    }

    fn parse(text: &str) -> Option<Plan> {
        let words: Vec<&str> = text.split(' ').collect();
        let locks = match *words.as_slice() {
            ["locks", "refused"] => Locks::Refused,
            ["locks", "unheeded"] => Locks::Unheeded,
            _ => Locks::Work,
        };
        let hides_change_times = words == ["rot", "unseen"];
        if locks != Locks::Work || hides_change_times {
            return Some(Plan {
                fault: Fault::Kill,
                at: u64::MAX,
                is_lasting: false,
                log: None,
                locks,
                hides_change_times,
            });
        }
        let (fault, log) = match *words.as_slice() {
            ["log", "-", file] => {
                let log = OpenOptions::new().append(true).create(true).open(file);
                (Fault::Kill, Some(Mutex::new(log.ok()?)))
            }
            ["kill", _] => (Fault::Kill, None),
            ["power", _, store] => (Fault::Power(store.into()), None),
            ["ENOSPC", _] => (Fault::Error(Errno::NOSPC), None),
            ["EIO", _] => (Fault::Error(Errno::IO), None),
            ["EMFILE", _] => (Fault::Error(Errno::MFILE), None),
            ["EACCES", _] => (Fault::Error(Errno::ACCESS), None),
            _ => return None,
        };
        let is_lasting = words[1].ends_with('+');
        let at = match words[1].trim_end_matches('+') {
            "-" => u64::MAX,
            number => number.parse().ok()?,
        };
        Some(Plan {
            fault,
            at,
            is_lasting,
            log,
            locks,
            hides_change_times,
        })
    }

    pub fn is_armed() -> bool {
        PLAN.get().is_some()
    }

    /// What comes of a lock instead of asking for it.
    pub fn lock() -> Option<io::Result<()>> {
        match PLAN.get()?.locks {
            Locks::Work => None,
            Locks::Refused => Some(Err(Errno::NOLCK.into())),
            Locks::Unheeded => Some(Ok(())),
        }
    }

    /// Whether files have no change times.
    pub fn hides_change_times() -> bool {
        PLAN.get().is_some_and(|plan| plan.hides_change_times)
    }

    /// Counts a step; what is to happen instead of it, if anything.
    pub fn next(what: &'static str, path: &Path) -> Option<Fault> {
        let plan = PLAN.get()?;
        let number = STEPS.fetch_add(1, Ordering::SeqCst) + 1;
        if let Some(log) = &plan.log {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = writeln!(log, "{number} {what} {}", path.display());
        }
        let is_now = number == plan.at || plan.is_lasting && number > plan.at;
        let is_spared = match plan.fault {
            Fault::Error(Errno::NOSPC) => SPARING.contains(&what),
            Fault::Error(Errno::MFILE) => what != "open",
            _ => false,
        };
        (is_now && !is_spared).then(|| plan.fault.clone())
    }

    /// This file is durable, or all that is in the store by now.
    pub fn note_sync(file: Option<&File>) {
        let Some(Fault::Power(store)) = PLAN.get().map(|it| &it.fault) else {
            return;
        };
        let now = match file {
            Some(file) => file.metadata().iter().map(state_of).collect(),
            None => states(store),
        };
        let mut durable = DURABLE.lock().unwrap_or_else(PoisonError::into_inner);
        durable.get_or_insert_default().extend(now);
    }

    /// What a file system may do: names are as they were last, bytes are gone. Of journals and logs, which are only added to,
    /// what was added.
    fn lose_bytes(store: &Path) {
        let durable = DURABLE.lock().unwrap_or_else(PoisonError::into_inner);
        let durable = durable.iter().flatten();
        for (path, state) in files(store) {
            let mut ever = durable.clone().filter(|it| it.0 == state.0);
            let left = if ever.clone().any(|it| *it == state) {
                continue;
            } else if [store.join("journal"), store.join("log/runs")]
                .iter()
                .any(|it| path.starts_with(it))
            {
                ever.by_ref().map(|it| it.1).max().unwrap_or(0)
            } else {
                0
            };
            let _ = OpenOptions::new()
                .write(true)
                .open(&path)
                .and_then(|it| it.set_len(left));
        }
    }

    fn states(store: &Path) -> HashSet<State> {
        files(store).map(|(_, state)| state).collect()
    }

    fn state_of(stat: &fs::Metadata) -> State {
        (stat.ino(), stat.size(), stat.mtime(), stat.mtime_nsec())
    }

    fn files(store: &Path) -> impl Iterator<Item = (PathBuf, State)> {
        let entries = walkdir::WalkDir::new(store).into_iter().flatten();
        entries
            .filter(|it| it.file_type().is_file())
            .filter_map(|it| {
                let stat = fs::symlink_metadata(it.path()).ok()?;
                Some((it.into_path(), state_of(&stat)))
            })
    }
}
