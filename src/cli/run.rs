//! `pipe run`: brings stages up to date.

use std::process::ExitCode;

use super::Context;

/// What `pipe run` takes.
#[derive(clap::Args)]
pub struct Args {
    /// The spec [default: pipe.yaml in this folder]
    spec: Option<std::path::PathBuf>,
}

/// Not built yet.
pub fn run(_args: Args, _context: &Context) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
