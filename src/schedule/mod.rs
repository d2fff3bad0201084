//! The loop that brings stages up to date: what is ready is looked up, and run if the store has no answer.
//! Knows the graph, keys, the store and an executor; nothing of terminals, nor of what a worker computes.

pub mod capacity;
mod action;
mod claim;
mod cycle;
mod damaged;
mod elf;
mod fetches;
mod forecast;
mod inline;
mod inputs;
mod intake;
mod landing;
mod launch;
pub mod listing;
mod machine;
mod outputs;
mod programs;
mod publication;
mod publisher;
mod reads;
mod recheck;
mod sandbox;
mod script;
mod secrets;
mod untouched;
mod sources;
mod state;
mod strays;
mod threads;
mod trouble;
mod verdict;
mod view;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use pipe_schema::{record::Record, run::RunFinished};

pub use self::{
    capacity::Capacity,
    cycle::run,
    forecast::{Forecast, forecast},
    machine::identity as machine_identity,
    sources::{of_stage as source_paths, searched, with_roles as files_with_roles},
    untouched::Untouched,
    view::Unknown,
};
use crate::{
    exec::{commit::Commit, environment::Host},
    plan::StageId,
    protected::ProtectedPaths,
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
    /// The folder that holds all of the project; without links. Programs in it are files of the project.
    pub project: PathBuf,
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
    /// Stages that are executed again beside their result, to compare the two.
    pub check: BTreeSet<StageId>,
    /// What no out may replace.
    pub protected: ProtectedPaths,
    /// What commands may read besides what their stages declare; None where they may read all.
    pub sandbox: Option<Vec<PathBuf>>,
    /// Stages that are up to date and are not looked at.
    pub untouched: Untouched,
    /// Whether files elsewhere must not be fetched.
    pub offline: bool,
    /// The project's commit; whether the tree has changes is found out once a stage is executed.
    pub git: Option<Commit>,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Summary {
    pub finished: RunFinished,
    /// The records of all stages that are done, ran or cached, but for untouched ones that no other stage of the run reads.
    pub records: BTreeMap<StageId, Arc<Record>>,
}

#[cfg(test)]
mod tests;
