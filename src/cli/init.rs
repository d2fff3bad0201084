//! `pipe init`: writes a first spec.

use std::process::ExitCode;

use super::Context;

/// What `pipe init` takes.
#[derive(clap::Args)]
pub struct Args {}

/// Not built yet.
pub fn run(_args: Args, _context: &Context) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
