//! `pipe fetch`: brings one file into the store, as a job. Started by `run`, not by people.

use std::process::ExitCode;

use super::Context;
use crate::fetch;

/// What `pipe fetch` takes: nothing; its request comes on its socket.
#[derive(clap::Args)]
pub struct Args {}

/// Serves one request.
pub fn run(_args: Args, _context: &Context) -> ExitCode {
    pipe_wire::job::serve(fetch::perform)
}
