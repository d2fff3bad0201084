//! Where everything lies in a store. Paths only: touches no file.

use std::path::{Path, PathBuf};

use pipe_schema::manifest::Digest;
use sha2::{Digest as _, Sha256};

use crate::plan::file_name;

/// The layout's version; raised when a store of before could not be read any more. With it, what frames of journals begin with
/// changes: journals that can be read tell that another number in `VERSION` is damage.
pub const VERSION: u32 = 2;

/// The paths of a store.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The layout of the store at `root`, which must be absolute.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folders that the store makes for itself.
    pub fn folders(&self) -> impl Iterator<Item = PathBuf> {
        let names = [
            "objects",
            "objects/sha256",
            "blobs",
            "blobs/sha256",
            "journal",
            "checkpoints",
            "tmp",
            "locks",
            "locks/blobs",
            "roots",
            "quarantine",
            "index",
            "index/seen",
            "index/answers",
            "current",
            "runs",
            "log",
            "log/runs",
            "log/attempts",
        ];
        names.into_iter().map(|it| self.root.join(it))
    }

    pub fn version(&self) -> PathBuf {
        self.root.join("VERSION")
    }

    pub fn objects(&self) -> PathBuf {
        self.root.join("objects/sha256")
    }

    /// An artifact's folder.
    pub fn object(&self, digest: &Digest) -> PathBuf {
        self.objects().join(split(digest))
    }

    pub fn blobs(&self) -> PathBuf {
        self.root.join("blobs/sha256")
    }

    /// The folder of a file that was fetched.
    pub fn blob(&self, sha256: &Digest) -> PathBuf {
        self.blobs().join(split(sha256))
    }

    /// What was fetched so far of files, one folder a file.
    pub fn partials(&self) -> PathBuf {
        self.root.join("partial")
    }

    pub fn partial(&self, sha256: &Digest) -> PathBuf {
        self.partials().join(sha256.to_string())
    }

    pub fn blob_lock(&self, sha256: &Digest) -> PathBuf {
        self.root.join("locks/blobs").join(sha256.to_string())
    }

    /// Where records are, and all else that processes noted.
    pub fn journals(&self) -> PathBuf {
        self.root.join("journal")
    }

    pub fn checkpoints(&self) -> PathBuf {
        self.root.join("checkpoints")
    }

    /// What running processes write, one folder a lease.
    pub fn scratch(&self) -> PathBuf {
        self.root.join("tmp")
    }

    pub fn leases(&self) -> PathBuf {
        self.root.join("roots")
    }

    pub fn lease(&self, run: &str) -> PathBuf {
        self.leases().join(file_name(run))
    }

    /// The locks of keys.
    pub fn key_locks(&self) -> PathBuf {
        self.root.join("locks/keys")
    }

    /// The locks of workspace paths.
    pub fn out_locks(&self) -> PathBuf {
        self.root.join("locks/outs")
    }

    /// A lock of the whole store, by name.
    pub fn lock(&self, name: &str) -> PathBuf {
        self.root.join("locks").join(name)
    }

    pub fn quarantine(&self) -> PathBuf {
        self.root.join("quarantine")
    }

    /// The stat index of source files.
    pub fn sources(&self) -> PathBuf {
        self.root.join("index/sources")
    }

    /// What runs looked at that had nothing to do.
    pub fn witnesses(&self) -> PathBuf {
        self.root.join("index/seen")
    }

    pub fn witness(&self, question: &str) -> PathBuf {
        self.witnesses().join(hash(question.as_bytes()))
    }

    pub fn answer(&self, question: &str) -> PathBuf {
        self.root
            .join("index/answers")
            .join(hash(question.as_bytes()))
    }

    pub fn current(&self) -> PathBuf {
        self.root.join("current")
    }

    pub fn current_of(&self, stage: &str) -> PathBuf {
        self.current().join(file_name(stage))
    }

    /// What each run made, a file a run.
    pub fn run_lists(&self) -> PathBuf {
        self.root.join("runs")
    }

    pub fn run_logs(&self) -> PathBuf {
        self.root.join("log/runs")
    }

    pub fn run_log(&self, run: &str) -> PathBuf {
        self.run_logs().join(file_name(run) + ".jsonl")
    }

    /// The records that were revoked, one JSON line each.
    pub fn revocations(&self) -> PathBuf {
        self.root.join("log/revoked.jsonl")
    }

    /// How many records were recovered from logs and not shown to anybody yet, a number a line.
    pub fn recoveries(&self) -> PathBuf {
        self.root.join("log/recovered")
    }

    /// What jobs wrote to their standard error, one folder a run.
    pub fn attempt_logs(&self) -> PathBuf {
        self.root.join("log/attempts")
    }
}

/// `ab/<62 digits>`: 256 folders keep each of them small.
fn split(digest: &Digest) -> String {
    let hex = digest.to_string();
    format!("{}/{}", &hex[..2], &hex[2..])
}

/// The digest that a path under `objects` stands for.
pub fn joined(folder: &str, name: &str) -> Option<Digest> {
    format!("{folder}{name}").parse().ok()
}

/// What a workspace path is known by.
pub fn path_id(path: &Path) -> Digest {
    Digest(Sha256::digest(path.as_os_str().as_encoded_bytes()).into())
}

fn hash(bytes: &[u8]) -> String {
    Digest(Sha256::digest(bytes).into()).to_string()
}
