//! Leases: a run holds a locked file in `roots/` while it lives; what a dead run left in `tmp/` is swept away.
//! Knows runs by name only.

use std::{
    collections::HashSet,
    fs::File,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::{
        PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use pipe_data::regular;
use pipe_schema::manifest::Digest;

use super::{
    Store,
    company::Company,
    disk,
    error::{At, Result, StoreError},
    lock::{
        self, Hold,
        gate::{Calm, Closed},
    },
    record::children,
};
use crate::plan::file_name;

/// The lock that says: a run is going on. Shared by runs, taken alone by who removes the store.
const USE: &str = "use";

/// The lock between whoever takes a new lease and whoever looks for dead ones: one that is made, but not yet locked,
/// looks dead.
const SWEEP: &str = "sweep";

/// How long gc waits for those who read.
const PATIENCE: Duration = Duration::from_millis(if cfg!(test) { 500 } else { 10_000 });

/// What this process holds.
#[derive(Debug, Default)]
pub(super) struct Leases {
    /// Of runs, by name.
    pub files: Vec<(String, File)>,
    /// Runs whose folders are there.
    settled: HashSet<String>,
    /// Keeps `clean` away while there is any lease.
    in_use: Option<File>,
    pub company: Company,
}

/// A folder under `tmp/`, removed when dropped.
#[derive(Debug)]
pub(super) struct Scratch {
    pub path: PathBuf,
    names: AtomicU32,
}

impl Scratch {
    /// A path in it that nothing has, for something of this kind.
    pub fn new_path(&self, kind: &str) -> PathBuf {
        let number = self.names.fetch_add(1, Ordering::Relaxed);
        self.path.join(format!("{kind}-{number}"))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Most are empty by now. What cannot be removed now is swept by a later run.
        if disk::remove_dir(&self.path).is_err() {
            let _ = super::removal::remove_tree(&self.path);
        }
    }
}

impl Store {
    /// A fresh run id, which sorts by time: `20261123T153012Z-ab12`. The run lives as long as this store is open.
    pub fn new_run(&self) -> Result<String> {
        loop {
            let now = jiff::Timestamp::now();
            // What is left of the second, so that runs of one second are in order, too.
            let rest = i64::from(now.subsec_nanosecond()) * 0x1_0000 / 1_000_000_000;
            let run = format!("{}-{rest:04x}", now.strftime("%Y%m%dT%H%M%SZ"));
            if self.layout.run_log(&run).exists() {
                continue;
            }
            if self.lease(&run)? && self.is_own_run(&run)? {
                return Ok(run);
            }
        }
    }

    /// Whether no other process took the same name at the same moment; where locks say nothing, a new folder does.
    fn is_own_run(&self, run: &str) -> Result<bool> {
        if self.distrust().is_none() {
            return Ok(true);
        }
        let folder = self.layout.scratch().join(file_name(run));
        super::create_parent(&folder)?;
        match disk::create_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
                leases.files.retain(|(name, _)| name != run);
                Ok(false)
            }
            created => created.map(|()| true).at("create", &folder),
        }
    }

    /// Holds a lease for `run` from now on; false where another process has it.
    pub(super) fn lease(&self, run: &str) -> Result<bool> {
        self.must_write()?;
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        if leases.files.iter().any(|(name, _)| name == run) {
            return Ok(true);
        }
        if leases.in_use.is_none() {
            leases.in_use = lock::take(&self.layout.lock(USE), Hold::Shared, true)?;
            self.repair_version()?;
            if let Err(error) = self.must_be_there() {
                drop(leases);
                self.leave_nothing();
                return Err(error);
            }
        }
        let path = self.layout.lease(run);
        if !leases.files.is_empty() {
            self.look_for_company(&mut leases);
        }
        let calm = lock::take(&self.layout.lock(SWEEP), Hold::Shared, true)?;
        let Some(file) = lock::take(&path, Hold::Alone, false)? else {
            return Ok(false);
        };
        drop(calm);
        // For people who look; nothing reads it.
        disk::write_all(&file, &path, format!("{run}\n").as_bytes()).at("write", &path)?;
        leases.files.push((run.to_owned(), file));
        self.note_own_lease(&mut leases);
        drop(leases);
        self.try_locks(&path);
        self.sweep_once()?;
        Ok(true)
    }

    /// What only this process writes to: its runs' folders, leases and logs.
    pub(super) fn own_paths(&self) -> Vec<PathBuf> {
        let leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        let of_run = |run: &str| {
            [
                self.layout.scratch().join(file_name(run)),
                self.layout.attempt_logs().join(file_name(run)),
                self.layout.run_log(run),
                self.layout.lease(run),
            ]
        };
        (leases.files.iter())
            .flat_map(|(run, _)| of_run(run))
            .collect()
    }

    /// The folder of `run` under `tmp/`, and that of its logs: both are there.
    pub(super) fn run_folders(&self, run: &str) -> Result<(PathBuf, PathBuf)> {
        if !self.lease(run)? {
            return Err(StoreError::Busy {
                path: self.layout.root().to_owned(),
                what: format!("it is run `{run}`, too"),
            });
        }
        let folders = (
            self.layout.scratch().join(file_name(run)),
            self.layout.attempt_logs().join(file_name(run)),
        );
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        if !leases.settled.contains(run) {
            for folder in [&folders.0, &folders.1] {
                disk::create_dir_all(folder).at("create", folder)?;
            }
            leases.settled.insert(run.to_owned());
        }
        Ok(folders)
    }

    /// A new folder for `run` under `tmp/`.
    fn scratch(&self, run: &str, name: &str) -> Result<Scratch> {
        if !self.lease(run)? {
            return Err(StoreError::Busy {
                path: self.layout.root().to_owned(),
                what: format!("it is run `{run}`, too"),
            });
        }
        let path = self.layout.scratch().join(file_name(run)).join(name);
        let mut made = super::with_parent(&path, || disk::create_dir(&path));
        if (made.as_ref()).is_err_and(|it| it.kind() == ErrorKind::AlreadyExists) {
            super::removal::remove_tree(&path)?;
            made = disk::create_dir(&path);
        }
        made.at("create", &path)?;
        Ok(Scratch {
            path,
            names: AtomicU32::new(0),
        })
    }

    /// A new folder of this process's own under `tmp/`, for what no run has a name for.
    pub(super) fn own_scratch(&self) -> Result<Scratch> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let run = self
            .own_run
            .get_or_init(|| format!("process-{}-{:04x}", std::process::id(), random_u16()));
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        self.scratch(run, &number.to_string())
    }

    /// Says what a run needs, by keys and digests: gc spares it, and others can tell who makes a key.
    pub fn claim(&self, run: &str, needed: &[Digest]) -> Result<()> {
        let mut text = String::with_capacity(65 * needed.len());
        for digest in needed {
            text.push_str(&digest.to_string());
            text.push('\n');
        }
        let leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        match leases.files.iter().find(|(name, _)| name == run) {
            Some((_, file)) => {
                let path = self.layout.lease(run);
                disk::write_all(file, &path, text.as_bytes()).at("write", &path)
            }
            None => Ok(()),
        }
    }

    /// What the runs that are going on need, as far as they said.
    pub(super) fn claimed(&self) -> Result<HashSet<Digest>> {
        let mut claimed = HashSet::new();
        for name in self.live_leases()? {
            // One that ended this moment needs nothing any more.
            let text =
                regular::read_to_string(&self.layout.leases().join(name)).unwrap_or_default();
            claimed.extend(text.lines().filter_map(|it| it.parse::<Digest>().ok()));
        }
        Ok(claimed)
    }

    /// The run, other than `own`, that executes `key` or uses the out of this id, where it can be told.
    pub fn holder(&self, key: &Digest, own: &str) -> Option<String> {
        let key = key.to_string();
        let mut live = self.live_leases().ok()?;
        live.retain(|it| *it != file_name(own));
        live.into_iter().find_map(|name| {
            let text = regular::read_to_string(&self.layout.leases().join(name)).ok()?;
            let mut lines = text.lines();
            let run = lines.next()?;
            lines.any(|it| it == key).then(|| run.to_owned())
        })
    }

    /// Keeps away what removes results, for a moment: between finding or making one and saying so.
    pub fn calm(&self) -> Result<Option<Calm>> {
        self.must_be_there()?;
        let calm = self.is_writable.then(|| self.gate.pass()).transpose()?;
        // What was taken away before is not believed to be there.
        self.with_fresh_contents(|_| ())?;
        Ok(calm)
    }

    /// Keeps away who finds or makes results. None where somebody reads for long.
    pub(super) fn close_gate(&self) -> Result<Option<Closed>> {
        self.must_write()?;
        let until = Instant::now() + PATIENCE;
        loop {
            let closed = self.gate.close()?;
            if closed.is_some() || Instant::now() > until {
                return Ok(closed);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The lock under which the store may be removed: None while any run is going on.
    pub(super) fn alone(&self) -> Result<Option<File>> {
        self.must_write()?;
        lock::take(&self.layout.lock(USE), Hold::Alone, false)
    }

    /// Looks whether the lock at `path`, which we hold alone, means anything.
    pub(super) fn try_locks(&self, path: &Path) {
        if self.distrust().is_none() && !lock::keeps_others_out(path) {
            let what = "locks do not keep others out on its file system";
            let _ = self.distrust.set(what.to_owned());
        }
    }

    /// Looks whether locks mean anything here, by one that is for that alone.
    pub(super) fn try_locks_now(&self) -> Result<()> {
        let path = self.layout.lock("trial");
        let _held = lock::take(&path, Hold::Alone, true)?;
        self.try_locks(&path);
        Ok(())
    }

    /// Removes what dead runs left under `tmp/`, the first time this store is written to.
    fn sweep_once(&self) -> Result<()> {
        if self.is_swept.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        self.sweep().map(drop)
    }

    /// Removes what dead runs left under `tmp/`, and their leases. Returns the paths. Nothing where the dead cannot be told
    /// from the living.
    pub(super) fn sweep(&self) -> Result<Vec<PathBuf>> {
        let mut swept = Vec::new();
        if self.distrust().is_some() {
            return Ok(swept);
        }
        let _calm = lock::take(&self.layout.lock(SWEEP), Hold::Alone, true)?;
        let folders = children(&self.layout.scratch())?;
        let leases = children(&self.layout.leases())?;
        let mut names: Vec<&String> = folders.iter().chain(&leases).collect();
        names.sort();
        names.dedup();
        for name in names {
            let lease = self.layout.leases().join(name);
            // Held until both are gone: run ids are never used twice.
            let Some(_held) = lock::take(&lease, Hold::Alone, false)? else {
                continue;
            };
            let folder = self.layout.scratch().join(name);
            if folders.contains(name) {
                super::removal::remove_tree(&folder)?;
                swept.push(folder);
            }
            match disk::remove_file(&lease) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(StoreError::io("remove", &lease, error));
                }
                _ => {}
            }
        }
        Ok(swept)
    }

    /// Leaves nothing behind of the runs that lived as long as this store was open.
    pub(super) fn end_leases(&self) {
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        for (run, file) in leases.files.drain(..) {
            // What cannot be removed is swept by a later run.
            let _ = super::removal::remove_tree(&self.layout.scratch().join(file_name(&run)));
            let _ = disk::remove_file(&self.layout.lease(&run));
            drop(file);
        }
    }

    /// Leases held by any process, by file name.
    pub(super) fn live_leases(&self) -> Result<Vec<String>> {
        let mut live = Vec::new();
        let _calm = lock::take(&self.layout.lock(SWEEP), Hold::Alone, true)?;
        for name in children(&self.layout.leases())? {
            if lock::take(&self.layout.leases().join(&name), Hold::Alone, false)?.is_none() {
                live.push(name);
            }
        }
        Ok(live)
    }
}

/// Not secret, only different from one process and moment to the next.
fn random_u16() -> u16 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id()) as u16
}
