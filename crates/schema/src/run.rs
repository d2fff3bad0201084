//! The story of a run: events, as written to `log/runs/<run>.jsonl` and shown by every face.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{key::Key, record::Record};

/// One line of a run's log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Milliseconds since 1970, UTC.
    pub at: u64,
    pub event: Event,
}

/// Something that happened in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// First of all.
    RunStarted(Arc<RunStarted>),
    /// Stages are as they were in an earlier run that had nothing to do: that run's log tells of them, or the
    /// log that it names in its turn. `besides` are those that this log tells of.
    RunRepeated {
        of: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        besides: Vec<String>,
    },
    /// All inputs are known; the key is taken.
    StageReady {
        stage: String,
        key: Key,
    },
    /// Another run is making the same result; this one waits for it.
    StageWaiting {
        stage: String,
        key: Key,
        /// That run, where it can be told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run: Option<String>,
    },
    /// Nothing to do: the store has it.
    StageCached {
        stage: String,
        record: Arc<Record>,
    },
    /// It is being executed. `reasons` say why the store had no answer.
    StageStarted {
        stage: String,
        attempt: u32,
        reasons: Vec<Reason>,
        log: String,
    },
    /// The worker's word on how far it is.
    StageProgress {
        stage: String,
        done: u64,
        total: u64,
        unit: String,
    },
    /// A live metric.
    StageMetric {
        stage: String,
        name: String,
        step: u64,
        value: f64,
    },
    /// A line for people.
    StageLog {
        stage: String,
        text: String,
    },
    /// Something was in the way of an out and is not in the store: it is kept in quarantine.
    OutSetAside {
        stage: String,
        /// Where it was.
        path: String,
        /// Where it is kept for 30 days.
        kept: String,
        /// How it differs from what the store holds of that out.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        difference: String,
    },
    /// This attempt failed and another follows.
    StageRetried {
        stage: String,
        failure: Failure,
        delay_ms: u64,
    },
    /// The outputs are in the store.
    StageDone {
        stage: String,
        record: Arc<Record>,
    },
    StageFailed {
        stage: String,
        failure: Failure,
    },
    /// Not run, because `because` failed or the run was ended.
    StageSkipped {
        stage: String,
        because: Skip,
    },
    /// Last of all.
    RunFinished(RunFinished),
}

/// How a run begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunStarted {
    pub run: String,
    /// The spec's name.
    pub name: String,
    /// The spec's path as given.
    pub spec: String,
    /// All overrides as given: `--set`, `--profile`.
    pub overrides: Vec<String>,
    /// Stages that take part, in order.
    pub stages: Vec<String>,
    /// For each of them, the places in that list of those that it waits for.
    #[serde(default)]
    pub after: Vec<Vec<u32>>,
    /// Stages of the spec that do not take part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<String>,
    /// The vars as bound.
    pub vars: Value,
    /// The commit that the project was at; records tell whether its tree had changes.
    pub git: Option<String>,
    pub pipe: String,
    /// The boot of the machine, by the kernel's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<String>,
}

/// How a run ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunFinished {
    pub status: RunStatus,
    pub ran: u32,
    pub cached: u32,
    pub failed: u32,
    pub skipped: u32,
    pub seconds: f64,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    Done,
    Failed,
    Interrupted,
}

/// Why a stage was not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Skip {
    /// This stage, upstream, failed.
    Upstream(String),
    /// The run was ended: by a failure elsewhere, or by a signal.
    RunEnded,
}

/// Why a stage must run. The rendering is in users' words; see `Reason::text` in the runner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It was never run with success.
    NeverRun,
    /// A part of the key differs from the stage's last record: (part's path, old, new), e.g. `config.optimizer.adam.lr`.
    Changed {
        part: String,
        old: Option<Value>,
        new: Option<Value>,
    },
    /// The key has no record, and no part differs from the last one: its record was removed.
    RecordMissing,
    /// An output is gone or damaged.
    OutputDamaged { output: String, what: String },
    /// Its record was revoked: what it was made of was damaged.
    Revoked { because: String },
    /// `cache: false`.
    NotCached,
    /// `--force`.
    Forced,
    /// `--check`: it is executed again to be compared with its result.
    Compared,
}

/// What went wrong in an attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    pub kind: FailureKind,
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Last lines of the log.
    pub tail: Vec<String>,
    /// The log's path.
    pub log: Option<String>,
    /// How to run the command alone.
    pub alone: Option<String>,
}

/// What kind of failure it was; crashes, timeouts and I/O are tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The input or the configuration is wrong; trying again would not help.
    Wrong,
    /// The program ended with this code.
    Exit(i32),
    /// The program was ended by this signal.
    Signal(i32),
    Timeout,
    /// Reading or writing failed.
    Io,
    /// An input was not what it must be when it was read before the stage.
    DamagedInput,
    /// A declared output is missing or is not what it was declared to be.
    Output,
    /// The run was interrupted.
    Interrupted,
    /// A bug in pipe.
    Bug,
}

impl FailureKind {
    /// Whether another attempt may succeed.
    pub fn may_pass(self) -> bool {
        matches!(self, Self::Signal(_) | Self::Timeout | Self::Io)
    }
}
