//! What was made, kept: artifacts under the digest of their content, records under the key of what made them.
//! Knows files, digests and locks; not what a stage is, nor why one is asked for.

mod error;
pub mod fault;
mod disk;
mod layout;
mod stat;
mod by_digest;
mod filesystem;
mod hash;
mod merkle;
mod tree;
mod copy;
mod removal;
mod closed;
mod replace;
mod lock;
mod company;
mod lease;
mod keys;
mod journal;
mod sources;
mod input;
mod names;
mod record;
mod version;
mod aside;
mod object;
mod pack;
mod lookup;
mod rot;
mod revocation;
mod stage;
mod publish;
mod reproduce;
mod attempt;
mod mark;
mod difference;
mod deliver;
mod outs;
mod absent;
mod restored;
mod hold;
mod way;
mod answers;
mod links;
mod runlog;
mod verify;
mod inspect;
mod blob;
mod boot;
mod gc;
mod usage;
mod seen;

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, ErrorKind},
    path::Path,
    sync::{Arc, Mutex, OnceLock, atomic::AtomicBool},
};

use pipe_data::regular;
use pipe_schema::manifest::Digest;
use rustix::fs::Access;

pub use self::{
    aside::SetAside,
    attempt::Attempt,
    blob::BlobLock,
    boot::Boot,
    by_digest::ByDigest,
    copy::source as copy_source,
    error::{Result, StoreError},
    filesystem::FileSystem,
    gc::{Collected, Policy},
    hash::seconds_to_hash,
    hold::OutsHold,
    input::PathDigest,
    inspect::{ExpectedFile, find_damaged},
    keys::KeyLock,
    lock::reservation::OutsReservation,
    lookup::Lookup,
    outs::OutsLock,
    publish::Publication,
    removal::remove_tree,
    restored::{ComparedOut, RestoredEntry, RestoredLink, RestoredOut, links_that_leave},
    revocation::RevokedRecord,
    runlog::RunLog,
    seen::{Finding, Witness},
    usage::{Share, Usage},
    verify::{Damage, Verified},
};

use self::{
    error::At,
    journal::Journals,
    layout::Layout,
    lease::Leases,
    lock::{gate::Gate, range::Ranges},
    revocation::Revocations,
    seen::Watch,
    sources::Sources,
    stat::{Clock, Stat},
    version::VersionState,
};

/// What a store's `.gitignore` says, so that no result is committed by mistake.
const IGNORE_ALL: &str = "*\n";

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
    journals: Mutex<Journals>,
    gate: Arc<Gate>,
    key_locks: Arc<Ranges>,
    out_locks: Arc<Ranges>,
    /// How finely files of the store's file system are stamped, and whether by the kernel's clock.
    clock: OnceLock<Clock>,
    sources: Mutex<Option<Sources>>,
    watch: Mutex<Option<Watch>>,
    leases: Mutex<Leases>,
    revocations: Mutex<Revocations>,
    /// What this process set aside and why, by digest or key: who asks again is told the same, not that it is gone.
    damage: Mutex<HashMap<Digest, String>>,
    /// The name under which this process has a folder in `tmp/`.
    own_run: OnceLock<String>,
    /// Whether `VERSION` is to be repaired before anything is written.
    is_version_damaged: AtomicBool,
    is_swept: AtomicBool,
    /// Whether something was published since the last sync.
    is_unsynced: AtomicBool,
}

impl Store {
    /// Opens the store at `root`, and makes it if there is none. One that cannot be written still answers.
    pub fn open(root: &Path) -> Result<Self> {
        let root = std::path::absolute(root).at("open", root)?;
        let layout = Layout::new(root.clone());
        if !Self::is_at(&root) {
            version::create(&layout)?;
        }
        let store = Self::open_existing(&root)?;
        store.repair_version()?;
        Ok(store)
    }

    /// Opens a store that must exist. Changes nothing, not even a damaged `VERSION`.
    pub fn open_existing(root: &Path) -> Result<Self> {
        let root = std::path::absolute(root).at("open", root)?;
        let layout = Layout::new(root);
        let root = layout.root();
        let version = version::check(&layout)?;
        must_have_folders(&layout)?;
        must_have_files(&layout)?;
        let folder = File::open(root).at("open", root)?;
        let device = Stat::of_file(&folder).at("read", root)?.dev;
        let is_writable = rustix::fs::access(root, Access::WRITE_OK).is_ok();
        let distrust = filesystem_distrust(root);
        Ok(Self {
            gate: Gate::new(layout.lock("gc")),
            key_locks: Ranges::new(layout.key_locks()),
            out_locks: Ranges::new(layout.out_locks()),
            layout,
            folder,
            device,
            is_writable,
            distrust,
            journals: Mutex::default(),
            clock: OnceLock::new(),
            sources: Mutex::default(),
            watch: Mutex::default(),
            leases: Mutex::default(),
            revocations: Mutex::default(),
            damage: Mutex::default(),
            own_run: OnceLock::new(),
            is_version_damaged: AtomicBool::new(version == VersionState::Damaged),
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
}

impl Drop for Store {
    fn drop(&mut self) {
        if self.is_removed() {
            self.leave_nothing();
            return;
        }
        // Whoever wants to know of errors calls `flush`.
        let _ = self.save_sources();
        self.write_notes();
        self.end_leases();
    }
}

/// What is no folder, or a link to one, is never looked into: who tidies up would do so wherever the link leads.
fn must_have_folders(layout: &Layout) -> Result<()> {
    for path in layout.folders() {
        let what = match fs::symlink_metadata(&path) {
            Ok(it) if it.is_dir() => continue,
            Ok(it) if it.is_file() => "a file",
            Ok(it) => regular::misfit(it.file_type()).unwrap_or("a file"),
            // What cannot be looked at is told by whoever needs it.
            Err(_) => continue,
        };
        return Err(StoreError::NoFolder { path, what });
    }
    Ok(())
}

/// What is no file where a log is kept is neither waited for nor taken for an empty log.
fn must_have_files(layout: &Layout) -> Result<()> {
    for path in [layout.revocations(), layout.recoveries()] {
        if fs::symlink_metadata(&path).is_ok_and(|it| !it.is_file()) {
            let why = "is not a file";
            return Err(StoreError::Unfit { path, why });
        }
    }
    Ok(())
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

#[cfg(test)]
mod tests;
