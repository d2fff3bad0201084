//! What was made, kept: artifacts under the digest of their content, records under the key of what made them.
//! Knows files, digests and locks; not what a stage is, nor why one is asked for.

mod error;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use pipe_schema::{
    key::{EnvironmentClass, Key, KeyParts},
    manifest::{Digest, Manifest},
    record::{Observed, Record},
    run::{Line, Reason},
    stage::ArtifactType,
};

pub use self::error::StoreError;

pub type Result<T> = std::result::Result<T, StoreError>;

/// An open store. Cheap to share by reference among threads.
pub struct Store {
    root: PathBuf,
}

/// What the store says to a key.
#[derive(Debug)]
pub enum Lookup {
    /// All that the key made is there and whole.
    Fresh(Box<Record>),
    /// It must be made. Empty where nothing is known of the key; else what was found damaged.
    /// `Store::reasons` turns this into what users are told.
    Stale(Vec<Reason>),
}

/// What a finished job hands over.
pub struct Publication {
    pub parts: KeyParts,
    /// Name, type, and where it was written: a folder, or a single file, which is wrapped:
    /// a report as `metrics.json`, a model as `model.pt`, anything else under the output's name.
    pub outputs: Vec<(String, ArtifactType, PathBuf)>,
    /// A command's outs: the path as written in the spec, and where it lies in the workspace. They are copied.
    pub outs: Vec<(String, PathBuf)>,
    pub observed: Observed,
}

/// A source file or folder and what it held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathDigest {
    pub path: PathBuf,
    /// Of the content, with executable bits and, in a folder, names; not of the path itself.
    pub digest: Digest,
    pub bytes: u64,
    pub is_directory: bool,
    stamp: Digest,
}

/// The right to execute a key; given up when dropped.
pub struct KeyLock {}

/// A place for one attempt of a job; removed when dropped.
pub struct Attempt {}

impl Attempt {
    /// Where output `name` is to be written. Its parent exists; it does not.
    pub fn output(&self, name: &str) -> PathBuf {
        unimplemented!("{name}")
    }

    /// Where the job's standard error goes; kept after success and failure.
    pub fn log(&self) -> PathBuf {
        unimplemented!()
    }
}

/// The right to write workspace outs; given up when dropped.
pub struct OutsLock {}

/// A run's log, open for appending.
pub struct RunLog {}

impl RunLog {
    /// Writes a line; it survives the death of this process.
    pub fn append(&mut self, line: &Line) -> Result<()> {
        unimplemented!("{line:?}")
    }
}

#[expect(unused_variables, reason = "the bodies follow")]
impl Store {
    /// Opens the store at `root`, and makes it if there is none. One that cannot be written still answers.
    pub fn open(root: &Path) -> Result<Self> {
        unimplemented!()
    }
    /// Opens a store that must exist.
    pub fn open_existing(root: &Path) -> Result<Self> {
        unimplemented!()
    }
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What the store has for `key`. Damage that is found is set aside. An error is trouble with the machine, not staleness.
    pub fn lookup(&self, key: &Key) -> Result<Lookup> {
        unimplemented!()
    }
    /// The newest record that was made or used for this stage.
    pub fn last_record(&self, stage: &str) -> Option<Record> {
        unimplemented!()
    }
    /// Why a stage with these parts must run: `found` by `lookup`, else what changed since its last record. Never empty.
    pub fn reasons(&self, stage: &str, parts: &KeyParts, found: Vec<Reason>) -> Vec<Reason> {
        unimplemented!()
    }

    /// Waits until no other run executes `key`.
    pub fn lock(&self, key: &Key) -> Result<KeyLock> {
        unimplemented!()
    }
    pub fn try_lock(&self, key: &Key) -> Result<Option<KeyLock>> {
        unimplemented!()
    }
    /// A fresh run id, which sorts by time: `20261123T153012Z-ab12`.
    pub fn new_run(&self) -> Result<String> {
        unimplemented!()
    }
    pub fn attempt(&self, run: &str, stage: &str, number: u32) -> Result<Attempt> {
        unimplemented!()
    }

    /// Takes outputs and outs into the store and records them; all or nothing.
    pub fn publish(&self, publication: Publication) -> Result<Record> {
        unimplemented!()
    }
    /// The same for several jobs that ended together, at the price of one.
    pub fn publish_all(&self, publications: Vec<Publication>) -> Vec<Result<Record>> {
        unimplemented!()
    }
    /// Makes sure that all published so far survives a loss of power. Called at the end of a run.
    pub fn flush(&self) -> Result<()> {
        unimplemented!()
    }

    /// The folder of an artifact.
    pub fn artifact(&self, digest: &Digest) -> PathBuf {
        unimplemented!()
    }
    pub fn manifest(&self, digest: &Digest) -> Result<Manifest> {
        unimplemented!()
    }
    /// Digests of paths inside an artifact; those that it does not have are left out.
    pub fn subdigest(&self, digest: &Digest, reads: &[String]) -> Result<BTreeMap<String, Digest>> {
        unimplemented!()
    }

    /// What a file or folder of the project holds.
    pub fn digest_path(&self, path: &Path) -> Result<PathDigest> {
        unimplemented!()
    }
    /// Whether nothing touched it since; for after the job.
    pub fn is_unchanged(&self, input: &PathDigest) -> Result<bool> {
        unimplemented!()
    }

    /// Claims workspace outs (relative to `base`) for a job and removes what earlier jobs left there.
    /// Content that the store does not hold is an error, unless forced. Hold the lock until after `publish`.
    pub fn clear_outs(&self, base: &Path, outs: &[String], force: bool) -> Result<OutsLock> {
        unimplemented!()
    }
    /// Brings a record's outs back into the workspace, those that are not there already. Returns how many.
    pub fn restore_outs(&self, record: &Record, base: &Path, force: bool) -> Result<usize> {
        unimplemented!()
    }

    /// Where checkpoints of this training are kept; for the holder of its key's lock.
    pub fn checkpoints(&self, parts: &KeyParts) -> Result<PathBuf> {
        unimplemented!()
    }

    /// Environment classes probed earlier under this identity of worker, libtorch, CPU and driver.
    pub fn cached_environment(&self, identity: &str) -> Option<Vec<EnvironmentClass>> {
        unimplemented!()
    }
    pub fn remember_environment(&self, identity: &str, classes: &[EnvironmentClass]) -> Result<()> {
        unimplemented!()
    }
    /// An answer that depends on `question` alone, kept by `remember`: a tool's version by its path and stat.
    pub fn recall(&self, question: &str) -> Option<String> {
        unimplemented!()
    }
    pub fn remember(&self, question: &str, answer: &str) -> Result<()> {
        unimplemented!()
    }

    /// Points `current/<stage>` at the record's outputs and notes it as the stage's last. For every success and hit.
    pub fn link_current(&self, stage: &str, record: &Record) -> Result<()> {
        unimplemented!()
    }

    /// Begins `log/runs/<run>.jsonl`.
    pub fn start_run_log(&self, run: &str) -> Result<RunLog> {
        unimplemented!()
    }
    /// Ids of all runs, newest first.
    pub fn runs(&self) -> Result<Vec<String>> {
        unimplemented!()
    }
    /// A run's story; a last line that was cut off by a crash is left out.
    pub fn read_run(&self, run: &str) -> Result<Vec<Line>> {
        unimplemented!()
    }
}
