//! What runner and worker say to each other: one JSON object a line, on one socketpair a job.
//!
//! The runner sends `Hello`, the worker answers `Hello`; then one `Request`, then `Control`s while the worker sends `Event`s,
//! the last of which is `Done` or `Failed`. A closed socket means that the other side is gone.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::{
    dataset::RowFindings,
    key::EnvironmentClass,
    remote::Remote,
    report::Metrics,
    run::FailureKind,
    stage::{Task, preprocess::Form},
};

/// Raised when a message changes its meaning.
pub const PROTOCOL_VERSION: u32 = 1;

/// The first line in each direction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    pub protocol: u32,
}

/// A job for a worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    pub work: Work,
    /// Inputs by role.
    pub inputs: BTreeMap<String, InputPath>,
    /// An empty folder that exists; what is left in it becomes the artifact.
    pub output: String,
    /// Where checkpoints may be kept, across attempts and kills. A checkpoint that cannot be read means a fresh start.
    pub checkpoints: Option<String>,
    pub threads: u32,
    /// `cpu` or `cuda`: decided by the runner, so that it is in the key.
    pub device: String,
    /// Train stops after this epoch, on the schedule of the full run.
    pub until: Option<u32>,
}

/// What a worker is asked to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one a job; a box would only hinder matching"
)]
pub enum Work {
    /// A stage.
    Stage(Task),
    /// Predictions of a package for raw rows. Input roles: `package` (its folder), `rows` (a file).
    Predict(Predict),
    /// A dataset's part in a form for commands. Input role: `data`. The answer is `form.file_name()` in the output folder.
    Convert {
        form: crate::stage::command::InputForm,
    },
    /// A file of the network into the store. Input role: `store` (its root). pipe itself does it, in a process of its own.
    Fetch(Remote),
    /// The environment class of this machine; answered in `Done::environments`.
    Probe,
}

/// A prediction. The answer is `predictions.<form>` in the output folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Predict {
    /// The form of the rows; without one, that of the data that the package was made from, where the rows do not look like JSON
    /// or CSV instead.
    pub input: Option<Form>,
    /// The form of the answer.
    pub output: RowForm,
    /// Whether classes come with their probabilities.
    pub probabilities: bool,
    /// Whether the golden rows are checked first.
    #[serde(default)]
    pub verify: bool,
    /// Whether the package's files are taken as they are, without a look at its manifest.
    #[serde(default)]
    pub no_verify: bool,
    /// Whether the package's TorchScript may be loaded: a program, which runs as it is loaded.
    #[serde(default)]
    pub allow_script: bool,
    /// Bytes of memory that the worker may take, where that is bounded.
    #[serde(default)]
    pub memory: Option<u64>,
}

/// A form of predictions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowForm {
    Csv,
    Jsonl,
    /// JSON Lines for rows of that form, else CSV.
    AsRows,
}

/// Where an input lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputPath {
    /// An artifact's folder or a file of the project; absolute.
    pub path: String,
    /// The part of a dataset that is meant: `test`.
    pub part: Option<String>,
}

/// What a worker says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    Progress {
        done: u64,
        total: u64,
        unit: String,
    },
    Metric {
        name: String,
        step: u64,
        value: f64,
    },
    /// A line for people.
    Log {
        text: String,
    },
    /// A line for people that belongs to the result: the record keeps it.
    Note {
        text: String,
    },
    Done(Done),
    Failed(Failed),
}

/// The work is done and the output folder is complete.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Done {
    /// Final metrics, for lists and summaries.
    pub metrics: Metrics,
    /// What varies between honest executions: `samples_per_second`, `latency_ms`.
    pub measured: IndexMap<String, f64>,
    /// Of `Probe`: the class by device, with 1 thread.
    pub environments: Vec<EnvironmentClass>,
    /// Of `Predict`: what the rows have that the train part had not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub findings: Option<Box<RowFindings>>,
    /// Ended early because `Stop` was said; the output is not complete, the checkpoint is kept.
    pub stopped: bool,
}

/// The work could not be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failed {
    pub kind: FailureKind,
    /// A lowercase fragment in users' words.
    pub message: String,
    pub hint: Option<String>,
}

/// What the runner says while a worker works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// Finish now and keep the checkpoint.
    Stop,
}

/// What the runner says to a zygote; the job's socket comes with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fork {
    /// The runner's number for the job.
    pub job: u64,
    /// Where the child's standard error goes.
    pub log: String,
    /// Bound on the child's data segment.
    pub memory: Option<u64>,
}

/// What a zygote says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Zygote {
    Forked { job: u64, pid: i32 },
    Exited { job: u64, exit: Exit },
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exit {
    /// The exit code, unless a signal ended it.
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub cpu_seconds: f64,
    pub peak_bytes: u64,
    /// Whether it was ended because the job's processes took more memory together than they may.
    #[serde(default)]
    pub is_over_memory: bool,
}
