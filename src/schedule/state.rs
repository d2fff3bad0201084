//! What a stage can be in, from waiting to done. Data only.

use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
    sync::Arc,
    time::Instant,
};

use pipe_schema::{
    protocol::InputPath, record::Record, remote::Remote, report::Metrics, run::Reason,
    stage::command::InputForm,
};

use super::{action::Action, capacity::Share, sandbox::Sandbox};
use crate::store::{Attempt, KeyLock, OutsHold, OutsLock};

/// The state of a stage.
pub enum State {
    /// So many stages before it are not done.
    Waiting {
        before: usize,
    },
    /// Its inputs are known; the store was not asked yet.
    Ready,
    /// It must be executed, and waits for room or for the end of a pause.
    Pending(Box<Pending>),
    /// It must be executed, but another stage or run makes the same result, or writes to its outs.
    Locked(Box<Pending>),
    Running(Box<Running>),
    /// Its job is done, and its outputs are on their way into the store.
    Publishing(Box<Running>),
    Done,
    Failed,
    Skipped,
}

/// A stage that must be executed.
pub struct Pending {
    pub action: Action,
    pub reasons: Vec<Reason>,
    /// From 1.
    pub attempt: u32,
    pub not_before: Option<Instant>,
    /// Held from the first attempt to the last.
    pub lock: Option<KeyLock>,
    /// Keeps the outs of earlier stages that it reads as they are, while it is executed.
    pub reads: Option<OutsHold>,
    /// Whether the store's answer does not matter.
    pub is_forced: bool,
    /// The result beside which it is executed again; nothing is published then.
    pub compared: Option<Arc<Record>>,
    /// Whether it was said what it waits for.
    pub is_announced: bool,
}

/// A stage that is being executed.
pub struct Running {
    pub pending: Pending,
    pub place: Attempt,
    /// Where its command runs, once that is about to start, if it may not read everything.
    pub sandbox: Option<Arc<Sandbox>>,
    /// The right to its workspace outs.
    pub outs: Option<OutsLock>,
    /// The job in progress.
    pub job: u64,
    /// What comes before the stage's own job.
    pub preparations: VecDeque<Preparation>,
    pub share: Share,
    /// The devices that it may use, as `CUDA_VISIBLE_DEVICES` names them.
    pub gpus: Vec<String>,
    pub deadline: Option<Instant>,
    pub has_timed_out: bool,
    /// Whether all that its job reads of the store was read before it and was whole.
    pub has_read_inputs: bool,
    /// Whether what it reads was found damaged meanwhile: what it makes does not count.
    pub is_void: bool,
    /// What was told of its result so far.
    pub notes: Vec<String>,
    /// RFC 3339.
    pub started: String,
    pub since: Instant,
    pub cpu_seconds: f64,
    pub peak_bytes: u64,
}

/// What must be done before a stage's own job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Preparation {
    Convert(Conversion),
    Fetch(Fetch),
}

/// A file elsewhere that the store does not have yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    pub remote: Remote,
    /// An empty folder.
    pub output: PathBuf,
}

/// A dataset's part that a command gets in a form of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversion {
    pub input: InputPath,
    pub form: InputForm,
    /// An empty folder.
    pub output: PathBuf,
}

/// What a job gave, beside the files that it wrote.
#[derive(Default)]
pub struct Finished {
    /// Outputs that are not where they were asked to be, by name.
    pub elsewhere: BTreeMap<String, PathBuf>,
    pub metrics: Metrics,
    pub measured: indexmap::IndexMap<String, f64>,
}
