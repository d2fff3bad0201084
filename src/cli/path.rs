//! `pipe path`: prints where a stage's result lies, for scripts. Changes nothing.

use std::{io::Write, process::ExitCode};

use super::{Context, Format, subject, subject::StageWords};

/// What `pipe path` takes.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    words: StageWords,
    /// For people or for programs
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Prints the absolute path in the store.
pub fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let store = subject::open_store(context)?;
    let (spec, stage) = args.words.split();
    let place = subject::find(&store, spec, stage, context)?.place(&store)?;
    let path = place.path.canonicalize().unwrap_or(place.path);
    match args.format {
        Format::Text => {
            let mut out = context.data_output();
            out.write_all(path.as_os_str().as_encoded_bytes())?;
            writeln!(out)?;
        }
        Format::Json => {
            let answer = serde_json::json!({
                "path": path, "type": place.r#type.name(), "bytes": place.bytes,
            });
            writeln!(context.output(), "{answer}")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
