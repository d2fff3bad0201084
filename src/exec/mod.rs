//! Runs jobs and tells how they go. Unaware of the graph, of keys and of the store.

pub mod commit;
pub mod environment;
pub mod failure;
pub mod interrupt;
pub mod mask;
pub mod supervisor;
pub mod local;
#[cfg(test)]
pub mod fake;

use std::{fmt, path::PathBuf, sync::Arc, time::Instant};

use crossbeam_channel::Receiver;
use pipe_schema::{
    protocol::{Done, Exit, Request},
    run::Failure,
};

use self::mask::Mask;
use crate::plan::StageId;

/// One attempt to execute something.
#[derive(Clone, Debug)]
pub struct Job {
    /// Unique within the executor.
    pub id: u64,
    /// Whose job it is, for messages.
    pub stage: StageId,
    pub work: JobWork,
    /// Where standard output and standard error go. The folder exists.
    pub log: PathBuf,
    /// Bound on the memory of each process of the job.
    pub memory: Option<u64>,
}

/// What a job does.
#[derive(Clone, Debug)]
pub enum JobWork {
    /// The worker does it.
    Worker(WorkerJob),
    /// A program of the user's does it.
    Command(CommandJob),
    /// pipe itself does it, in a process of its own: it fetches a file.
    Fetch(Box<Request>),
}

/// A request to the worker.
#[derive(Clone, Debug)]
pub struct WorkerJob {
    pub request: Box<Request>,
    /// What it sees beside the worker's own environment.
    pub env: Vec<(String, String)>,
    /// What must not appear in the log.
    pub mask: Arc<Mask>,
    /// Whether it sees a secret: then it leaves no core file.
    pub has_secrets: bool,
    /// What is read before the worker gets its request.
    pub check: Option<Arc<dyn InputCheck>>,
    /// Whether it needs a process of its own: it has variables of its own or uses a GPU.
    pub is_fresh: bool,
}

/// The inputs of a job, which are read before it begins.
pub trait InputCheck: fmt::Debug + Send + Sync {
    /// Reads them, which may take long; an error where one is not what it must be.
    fn read(&self) -> Result<(), Failure>;
}

/// A shell script.
#[derive(Clone, Debug)]
pub struct CommandJob {
    /// Run one after another, each by a shell of its own, until one fails.
    pub lines: Vec<String>,
    pub shell: CommandShell,
    /// All that it sees beside the fixed environment.
    pub env: Vec<(String, String)>,
    /// What must not appear in the log.
    pub mask: Arc<Mask>,
    /// Whether it sees a secret: then it leaves no core file.
    pub has_secrets: bool,
    pub folder: PathBuf,
    /// The file in which it may write live metrics: lines `{"name": …, "step": …, "value": …}`.
    pub metrics: PathBuf,
    /// What keeps it from all else; None where it may read what it likes.
    pub confinement: Option<Arc<dyn Confinement>>,
}

/// The shell that runs a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandShell {
    /// bash, which lies here, with `-euo pipefail`.
    Bash(String),
    /// `/bin/sh` with `-eu`, and with `pipefail` if it has that.
    Sh,
    /// `/bin/sh` as it is.
    PlainSh,
}

/// Where a command runs that may not read everything.
pub trait Confinement: fmt::Debug + Send + Sync {
    /// Makes what the command finds, which may take long.
    fn build(&self) -> Result<(), Failure>;

    /// All that it may read and execute, as far as the kernel can hold it to that.
    fn reads(&self) -> &[PathBuf];
}

/// What an executor says.
#[derive(Clone, Debug)]
pub enum Message {
    Progress {
        job: u64,
        done: u64,
        total: u64,
        unit: String,
    },
    Metric {
        job: u64,
        name: String,
        step: u64,
        value: f64,
    },
    Log {
        job: u64,
        text: String,
    },
    /// A line that belongs to the result.
    Note {
        job: u64,
        text: String,
    },
    /// The last word on a job. None of its processes is left.
    Finished {
        job: u64,
        outcome: Box<Outcome>,
    },
}

/// What came of a job.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// A command's metrics are the last values that it wrote.
    pub result: Result<Done, Failure>,
    /// What the process used, where one was started.
    pub exit: Option<Exit>,
    pub started: Instant,
    pub ended: Instant,
}

/// How a job is asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// A worker finishes what it can and keeps its checkpoint; after a grace it is terminated. A command is terminated.
    Finish,
    /// SIGTERM to all of its processes; after a grace, SIGKILL.
    Terminate,
    /// SIGKILL to all of its processes.
    Kill,
}

/// Something that runs jobs.
pub trait Executor {
    /// Starts a job. What goes wrong with it is told by its `Finished`.
    fn start(&mut self, job: Job);

    /// Ends a job early. Its `Finished` still comes. A job that is over is left alone.
    fn stop(&mut self, job: u64, how: Stop);

    /// Where all messages arrive.
    fn messages(&self) -> &Receiver<Message>;
}
