//! `pipe help`: explains a kind's options, or a command.

use std::process::ExitCode;

use super::Context;

/// What `pipe help` takes.
#[derive(clap::Args)]
pub struct Args {
    /// A stage kind or a command
    topic: Option<String>,
}

/// Not built yet.
pub fn run(_args: Args, _context: &Context) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
