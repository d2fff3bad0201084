//! `pipe doctor`: checks this installation.

use std::process::ExitCode;

use super::Context;

/// What `pipe doctor` takes.
#[derive(clap::Args)]
pub struct Args {}

/// Not built yet.
pub fn run(_args: Args, _context: &Context) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
