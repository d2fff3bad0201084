//! `pipe schema`: prints the JSON Schema of specs, for editors. Reads no spec.

use std::{io::Write, process::ExitCode};

use super::Context;
use crate::plan::{manual, schema};

/// What `pipe schema` takes.
#[derive(clap::Args)]
pub struct Args {
    /// `json`: the schema for editors; `markdown`: the tables of docs/language.md
    #[arg(long, value_name = "FORMAT", default_value = "json")]
    format: Format,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    Json,
    Markdown,
}

/// Prints the schema, or the options of every kind as tables.
pub fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let mut out = context.output();
    match args.format {
        Format::Json => writeln!(out, "{:#}", schema::json_schema())?,
        Format::Markdown => {
            for topic in manual::topics() {
                let table = manual::table(topic).unwrap_or_default();
                writeln!(out, "## {topic}\n\n{table}")?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
