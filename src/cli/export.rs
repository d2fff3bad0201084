//! `pipe export`: copies a stage's result out of the store.

use std::process::ExitCode;

use super::Context;

/// What `pipe export` takes.
#[derive(clap::Args)]
pub struct Args {
    /// The stage
    stage: String,
}

/// Not built yet.
pub fn run(_args: Args, _context: &Context) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
