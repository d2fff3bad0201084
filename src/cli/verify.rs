//! `pipe verify`: reads everything in the store again. What is damaged is set aside, so that the next run makes it anew.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use pipe_schema::text::one_line;
use serde_json::json;

use super::{Context, Format, context::Verbosity, failure, output::Output, subject};
use crate::{
    report::{
        figures,
        style::{BAD, GOOD, HINT, paint},
    },
    store::{Store, Verified},
};

/// What `pipe verify` takes.
#[derive(clap::Args)]
pub struct Args {
    /// Read only what this run made or used; its name is as `pipe runs` tells it
    run: Option<String>,
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
    let mut progress = |done, total| {
        if is_heard {
            // A display that cannot be written to is no reason to stop.
            let _ = out.overwrite(&format!("{done}/{total} results read"));
        }
    };
    let verified = match &args.run {
        Some(run) => store.verify_run(&subject::find_run(&store, Some(run))?, &mut progress)?,
        None => store.verify(&mut progress)?,
    };
    if is_heard {
        out.overwrite("")?;
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
            .map(|it| json!({"path": it.path, "what": it.what, "stages": it.stages, "set_aside": it.is_set_aside}))
            .collect();
        let all = json!({
            "results": verified.objects, "records": verified.records, "files": verified.blobs,
            "bytes": verified.bytes, "damage": damage, "forgotten": verified.forgotten,
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
        let line = format!("{}{whose}: {}", damage.path, damage.what);
        writeln!(out, "{word}  {}", one_line(&line))?;
    }
    if context.verbosity > Verbosity::Quiet {
        tell(&verified, &store, &mut out, context)?;
    }
    Ok(code)
}

/// How much was read, and what becomes of what is damaged.
fn tell(verified: &Verified, store: &Store, out: &mut Output, context: &Context) -> io::Result<()> {
    let files = match verified.blobs {
        0 => String::new(),
        count => format!(", {}", figures::plural(count, "fetched file")),
    };
    let read = format!(
        "{}{files} ({}) and {}",
        figures::plural(verified.objects, "result"),
        figures::bytes(verified.bytes),
        figures::plural(verified.records, "record"),
    );
    if verified.forgotten > 0 {
        let count = figures::plural(verified.forgotten, "record");
        writeln!(
            out,
            "set aside {count} of results that were found damaged before"
        )?;
    }
    if verified.damage.is_empty() {
        return writeln!(out, "{}  {read}", paint(GOOD, "whole"));
    }
    let count = verified.damage.len();
    let hint = paint(HINT, "hint:");
    writeln!(out, "{count} damaged or gone of {read}")?;
    if verified.damage.iter().any(|it| it.is_set_aside) {
        let place = context.display(&store.root().join("quarantine"));
        writeln!(
            out,
            "{hint} what is damaged was set aside in {place}; `pipe run` makes it again"
        )
    } else if store.is_writable() {
        writeln!(out, "{hint} `pipe run` makes it again")
    } else {
        writeln!(
            out,
            "{hint} the store cannot be written: nothing was set aside"
        )
    }
}
