//! What was made, kept: artifacts under the digest of their content, records under the key of what made them.
//! Knows files, digests and locks; not what a stage is, nor why one is asked for.

mod error;
pub mod fault;
mod disk;
mod layout;
mod stat;
mod filesystem;
mod hash;
mod merkle;
mod tree;
mod copy;
mod removal;
mod closed;
mod replace;
mod lock;
mod lease;
mod index;
mod sources;
mod input;
mod record;
mod object;
mod lookup;
mod stage;
mod publish;
mod attempt;
mod outs;
mod answers;
mod links;
mod runlog;
mod verify;
mod blob;
mod gc;
mod usage;
mod seen;

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock, PoisonError, atomic::AtomicBool},
};

use pipe_schema::{key::Key, manifest::Digest};
use rustix::fs::Access;

pub use self::{
    attempt::Attempt,
    blob::BlobLock,
    error::{Result, StoreError},
    filesystem::FileSystem,
    gc::{Collected, Policy},
    input::PathDigest,
    lock::KeyLock,
    lookup::Lookup,
    outs::OutsLock,
    publish::Publication,
    runlog::RunLog,
    seen::Witness,
    usage::{Share, Usage},
    verify::{Damage, Verified},
};

use self::{
    error::At,
    index::{Index, Line},
    layout::{Layout, VERSION},
    lease::Leases,
    lock::Hold,
    seen::Watch,
    sources::Sources,
    stat::{Clock, Stat},
};

/// What a store's `.gitignore` says, so that no result is committed by mistake.
const IGNORE_ALL: &str = "*\n";

/// Lines for the packed index that may be held back.
const MOST_NOTED: usize = 256;

/// An open store. Cheap to share by reference among threads.
#[derive(Debug)]
pub struct Store {
    layout: Layout,
    /// The root, opened before anything is written: a sync through it reports every error since.
    folder: File,
    /// Of the root's file system.
    device: u64,
    is_writable: bool,
    /// Why locks do not count here, if they do not.
    distrust: OnceLock<String>,
    index: Mutex<Option<Index>>,
    /// Lines that the index's file does not have yet.
    noted: Mutex<Vec<Line>>,
    /// How finely files of the store's file system are stamped, and whether by the kernel's clock.
    clock: OnceLock<Clock>,
    sources: Mutex<Option<Sources>>,
    watch: Mutex<Option<Watch>>,
    leases: Mutex<Leases>,
    /// What this process set aside and why, by digest or key: who asks again is told the same, not that it is gone.
    damage: Mutex<HashMap<Digest, String>>,
    /// The name under which this process has a folder in `tmp/`.
    own_run: OnceLock<String>,
    is_swept: AtomicBool,
    /// Whether something was published since the last sync.
    is_unsynced: AtomicBool,
}

impl Store {
    /// Opens the store at `root`, and makes it if there is none. One that cannot be written still answers.
    pub fn open(root: &Path) -> Result<Self> {
        let root = std::path::absolute(root).at("open", root)?;
        if !Layout::new(root.clone()).version().exists() {
            create(&root)?;
        }
        Self::open_existing(&root)
    }

    /// Opens a store that must exist.
    pub fn open_existing(root: &Path) -> Result<Self> {
        let root = std::path::absolute(root).at("open", root)?;
        let layout = Layout::new(root);
        let root = layout.root();
        let version = layout.version();
        let found = match fs::read_to_string(&version) {
            Ok(found) => found,
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Err(StoreError::NotAStore(root.to_owned()));
            }
            Err(error) => return Err(StoreError::io("read", &version, error)),
        };
        if found.trim() != VERSION.to_string() {
            return Err(StoreError::UnknownVersion {
                path: root.to_owned(),
                found: found.trim().chars().take(20).collect(),
                known: VERSION,
            });
        }
        let folder = File::open(root).at("open", root)?;
        let device = Stat::of_file(&folder).at("read", root)?.dev;
        let is_writable = rustix::fs::access(root, Access::WRITE_OK).is_ok();
        let distrust = filesystem_distrust(root);
        Ok(Self {
            layout,
            folder,
            device,
            is_writable,
            distrust,
            index: Mutex::default(),
            noted: Mutex::default(),
            clock: OnceLock::new(),
            sources: Mutex::default(),
            watch: Mutex::default(),
            leases: Mutex::default(),
            damage: Mutex::default(),
            own_run: OnceLock::new(),
            is_swept: AtomicBool::new(false),
            is_unsynced: AtomicBool::new(false),
        })
    }

    /// Absolute.
    pub fn root(&self) -> &Path {
        self.layout.root()
    }

    /// Whether results can be made here, not only looked up.
    pub fn is_writable(&self) -> bool {
        self.is_writable
    }

    /// Why locks cannot be relied on here, as far as it is known: a run that has begun knows. Results are right without
    /// them; two runs at once may do work twice, and must not write the same outs.
    pub fn distrust(&self) -> Option<&str> {
        self.distrust.get().map(String::as_str)
    }

    fn must_write(&self) -> Result<()> {
        if self.is_writable {
            Ok(())
        } else {
            Err(StoreError::ReadOnly(self.root().to_owned()))
        }
    }

    /// Asks the packed index, which is read when it is first needed.
    fn with_index<T>(&self, ask: impl FnOnce(&Index) -> T) -> Result<T> {
        let mut guard = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        if guard.is_none() {
            *guard = Some(self.load_index()?);
        }
        Ok(ask(guard.get_or_insert_default()))
    }

    /// The same, with what other processes appended by now.
    fn with_fresh_index<T>(&self, ask: impl FnOnce(&Index) -> T) -> Result<T> {
        let path = self.layout.index();
        let mut guard = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        let index = guard.get_or_insert_default();
        index.refresh(&path).at("read", &path)?;
        Ok(ask(index))
    }

    fn load_index(&self) -> Result<Index> {
        let path = self.layout.index();
        let mut index = Index::default();
        let is_there = match index.refresh(&path) {
            Ok(found) => found.is_some(),
            // Closed, or no file at all: it is made anew.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::PermissionDenied | ErrorKind::IsADirectory
                ) =>
            {
                self.set_aside(&path)?;
                false
            }
            Err(error) => return Err(StoreError::io("read", path, error)),
        };
        if is_there && !index.is_worn() && !index.is_empty() {
            return Ok(index);
        }
        self.rebuild_index(&index)
    }

    /// Brings the index in line with the records, and writes it anew if that is possible.
    fn rebuild_index(&self, index: &Index) -> Result<Index> {
        let mut records = Vec::new();
        for key in self.record_keys()? {
            records.extend(self.find_record(&key));
        }
        records.sort_by(|a, b| a.observed.started.cmp(&b.observed.started));
        let mut rebuilt = Index::default();
        for record in &records {
            rebuilt.note(Line::Record {
                key: record.key,
                stage: record.observed.stage.clone(),
            });
        }
        // What the old index still says is newer: it knows hits, too.
        let keys: HashSet<Key> = records.iter().map(|it| it.key).collect();
        for line in index.lines(|key| keys.contains(key), |_| true) {
            rebuilt.note(line);
        }
        if self.is_writable && !records.is_empty() {
            let _lock = lock::take(&self.layout.lock("index"), Hold::Alone, true)?;
            let lines = rebuilt.lines(|_| true, |_| true);
            index::rewrite(&self.layout.index(), &lines)?;
        }
        Ok(rebuilt)
    }

    /// Adds to the packed index; its file gets the line with the next batch of results, or at the end.
    fn note(&self, line: Line) {
        let mut guard = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = guard.as_mut() {
            index.note(line.clone());
        }
        drop(guard);
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.push(line);
        let is_enough = noted.len() >= MOST_NOTED;
        drop(noted);
        if is_enough {
            self.write_notes();
        }
    }

    /// Appends to the packed index what was noted. An error is no harm: the index can be rebuilt, and says nothing that is
    /// not elsewhere.
    fn write_notes(&self) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = std::mem::take(&mut *noted);
        drop(noted);
        if lines.is_empty() {
            return;
        }
        let path = self.layout.index();
        if create_parent(&path).is_ok()
            && let Ok(Some(_lock)) = lock::take(&self.layout.lock("index"), Hold::Shared, true)
        {
            let _ = index::append(&path, &lines);
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Whoever wants to know of errors calls `flush`.
        let _ = self.save_sources();
        self.write_notes();
        self.end_leases();
    }
}

fn filesystem_distrust(root: &Path) -> OnceLock<String> {
    let distrust = OnceLock::new();
    if let Ok(Ok(found)) = FileSystem::of(root)
        && !found.is_local
    {
        let _ = distrust.set(format!(
            "it is on {}, which other machines may use",
            found.name
        ));
    }
    distrust
}

/// Makes the folder that is above `path`.
fn create_parent(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    match disk::create_dir(folder) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(_) => disk::create_dir_all(folder).at("create", folder),
    }
}

/// Makes something at `path`, and the folder above it where that is missing.
fn with_parent<T>(path: &Path, make: impl Fn() -> io::Result<T>) -> io::Result<T> {
    match make() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            disk::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
            make()
        }
        made => made,
    }
}

/// Makes an empty store: `VERSION` comes in one step, so that there is a whole store or none.
fn create(root: &Path) -> Result<()> {
    disk::create_dir_all(root).at("create", root)?;
    // A folder that is kept in a repository may have its own `.gitignore`.
    if record::children(root)?
        .iter()
        .any(|it| !it.starts_with('.'))
    {
        // Another process may have made the store since we looked; in a store, `VERSION` comes first.
        if root.join("VERSION").exists() {
            return Ok(());
        }
        return Err(StoreError::NotEmpty(root.to_owned()));
    }
    let ignore: PathBuf = root.join(".gitignore");
    if !ignore.exists() {
        disk::write(&ignore, IGNORE_ALL).at("write", &ignore)?;
    }
    replace::replace_for_good(&root.join("VERSION"), format!("{VERSION}\n").as_bytes())
}

#[cfg(test)]
mod tests;
