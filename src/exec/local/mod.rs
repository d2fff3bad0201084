//! Runs jobs on this machine: commands and workers, under a supervisor that outlives nobody.

use std::path::PathBuf;

use crossbeam_channel::Receiver;

use super::{Executor, Job, Message, Stop, environment::Host};

/// What a local executor needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The program that has the command `supervise`: pipe itself, `/proc/self/exe`.
    pub program: PathBuf,
    /// The worker's program.
    pub worker: PathBuf,
    pub host: Host,
    /// An existing folder for what the worker says outside of jobs.
    pub logs: PathBuf,
}

/// Runs jobs on this machine. Starts nothing before the first job.
pub struct Local {}

impl Local {
    pub fn new(_config: Config) -> Self {
        unimplemented!()
    }
}

impl Executor for Local {
    fn start(&mut self, _job: Job) {
        unimplemented!()
    }
    fn stop(&mut self, _job: u64, _how: Stop) {
        unimplemented!()
    }
    fn messages(&self) -> &Receiver<Message> {
        unimplemented!()
    }
}
