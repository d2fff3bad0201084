//! `pipe supervise`: watches over a run's processes. Started by `run`, not by people.

use std::process::ExitCode;

use super::Context;
use crate::exec::supervisor;

/// What `pipe supervise` takes: nothing; its orders come on standard input.
#[derive(clap::Args)]
pub struct Args {}

/// Serves until the runner's end of the socket closes.
pub fn run(_args: Args, _context: &Context) -> anyhow::Result<ExitCode> {
    supervisor::serve()?;
    Ok(ExitCode::SUCCESS)
}
