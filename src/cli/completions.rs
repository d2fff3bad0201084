//! `pipe completions`: prints a completion script.

use std::{io::Write, process::ExitCode};

use clap_complete::Shell;

use super::Context;

/// What `pipe completions` takes.
#[derive(clap::Args)]
pub struct Args {
    /// The shell
    shell: Shell,
}

/// Prints the script to standard output.
pub fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::command(), "pipe", &mut script);
    context.data_output().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}
