//! `pipe explain`: says what a stage's result depends on and what changed.

use std::process::ExitCode;

use super::Context;

/// What `pipe explain` takes.
#[derive(clap::Args)]
pub struct Args {
    /// The stage
    stage: String,
}

/// Not built yet.
pub fn run(_args: Args, _context: &Context) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
