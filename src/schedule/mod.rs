//! The loop that brings stages up to date: what is ready is looked up, and run if the store has no answer.
//! Knows the graph, keys, the store and an executor; nothing of terminals, nor of what a worker computes.

use std::{collections::BTreeSet, path::PathBuf};

use anyhow::Result;
use crossbeam_channel::Receiver;
use pipe_schema::{
    key::{Key, KeyParts},
    record::Record,
    run::{Event, Reason, RunFinished},
};

use crate::{
    exec::{Executor, environment::Host},
    graph::Graph,
    plan::{Plan, StageId},
    store::Store,
};

/// How a run is done.
#[derive(Clone, Debug)]
pub struct Options {
    /// The run's id, from `Store::new_run`.
    pub run: String,
    /// The spec's path as given, for the log.
    pub spec: String,
    /// The folder that paths in the plan are relative to; absolute.
    pub folder: PathBuf,
    /// The worker's program.
    pub worker: PathBuf,
    /// The machine as stages may see it.
    pub host: Host,
    /// How many stages run at a time. Default of the command line: the number of cores.
    pub jobs: usize,
    /// What is there to be shared by the stages that run.
    pub capacity: Capacity,
    /// Whether stages that do not depend on a failed one go on.
    pub keep_going: bool,
    /// Stages that run even if the store has an answer.
    pub force: BTreeSet<StageId>,
    /// Whether outs may overwrite what the store does not hold.
    pub overwrite: bool,
    /// The project's commit, with `+` where the tree has changes.
    pub git: Option<String>,
}

/// What of the machine is shared out. A stage that asks for more than all of it runs alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    pub cpus: u32,
    pub memory: u64,
    pub gpus: u32,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Summary {
    pub finished: RunFinished,
    /// The records of all stages that are done, ran or cached.
    pub records: std::collections::BTreeMap<StageId, Record>,
}

/// What a run would do with a stage.
#[derive(Clone, Debug, PartialEq)]
pub enum Forecast {
    /// The store has it.
    Cached(Box<Record>),
    /// It would be executed.
    Run {
        parts: Box<KeyParts>,
        key: Key,
        reasons: Vec<Reason>,
    },
    /// Whether it must run depends on what `by` makes, and that would run.
    Blocked { by: StageId },
    /// Its inputs cannot be read: the run would fail here.
    Broken {
        message: String,
        hint: Option<String>,
    },
}

/// Brings the selected stages up to date and tells `events` all that happens, from `RunStarted` to `RunFinished`.
/// Whoever wants a log or a display makes it from the events. The first message on `interrupts` stops the run and keeps
/// what is finished and checkpointed; the second kills.
pub fn run(
    _plan: &Plan,
    _graph: &Graph,
    _selection: &BTreeSet<StageId>,
    _store: &Store,
    _executor: &mut dyn Executor,
    _interrupts: &Receiver<()>,
    _options: &Options,
    _events: &mut dyn FnMut(Event),
) -> Result<Summary> {
    unimplemented!()
}

/// Says of each selected stage, in order, what a run would do. Runs nothing but a probe of the machine where one is needed.
pub fn forecast(
    _plan: &Plan,
    _graph: &Graph,
    _selection: &BTreeSet<StageId>,
    _store: &Store,
    _executor: &mut dyn Executor,
    _options: &Options,
) -> Result<Vec<(StageId, Forecast)>> {
    unimplemented!()
}
