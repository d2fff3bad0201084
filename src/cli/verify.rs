//! `pipe verify`: reads everything in the store again. What is damaged is set aside, so that the next run makes it anew.

use std::{io::Write, process::ExitCode};

use serde_json::json;

use super::{Context, Format, context::Verbosity, failure, subject};
use crate::report::{
    figures,
    style::{BAD, GOOD, HINT, paint},
};

/// What `pipe verify` takes.
#[derive(clap::Args)]
pub struct Args {
    /// For people or for programs
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Reads all bytes; exit code 1 where something is damaged.
pub fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let store = subject::open_store(context)?;
    let is_heard =
        context.is_terminal && args.format == Format::Text && context.verbosity > Verbosity::Quiet;
    let mut out = context.output();
    let verified = store.verify(&mut |done, total| {
        if is_heard {
            // A display that cannot be written to is no reason to stop.
            let _ = write!(out, "\r{done}/{total} results read");
            let _ = out.flush();
        }
    })?;
    if is_heard {
        write!(out, "\r\x1b[K")?;
    }
    let code = if verified.damage.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(failure::FAILED)
    };
    if args.format == Format::Json {
        let damage: Vec<_> = verified
            .damage
            .iter()
            .map(|it| json!({"path": it.path, "what": it.what, "stages": it.stages}))
            .collect();
        let all = json!({
            "results": verified.objects, "records": verified.records, "bytes": verified.bytes, "damage": damage,
        });
        writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?;
        return Ok(code);
    }
    for damage in &verified.damage {
        let whose = match damage.stages.as_slice() {
            [] => String::new(),
            stages => format!(" (of {})", stages.join(", ")),
        };
        let word = paint(BAD, "damaged");
        writeln!(out, "{word}  {}{whose}: {}", damage.path, damage.what)?;
    }
    if context.verbosity > Verbosity::Quiet {
        let (results, size) = (
            figures::plural(verified.objects, "result"),
            figures::bytes(verified.bytes),
        );
        let records = figures::plural(verified.records, "record");
        if verified.damage.is_empty() {
            let word = paint(GOOD, "whole");
            writeln!(out, "{word}  {results} ({size}) and {records}")?;
        } else {
            let count = verified.damage.len();
            writeln!(out, "{count} of {results} and {records} damaged")?;
            let word = paint(HINT, "hint:");
            writeln!(
                out,
                "{word} they were set aside in {}; `pipe run` makes them again",
                context.display(&store.root().join("quarantine"))
            )?;
        }
    }
    Ok(code)
}
