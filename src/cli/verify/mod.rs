//! `pipe verify`: reads everything in the store again. What is damaged is set aside, so that the next run makes it anew.

mod sources;

use std::{
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use pipe_schema::text::one_line;
use serde_json::json;

use super::{Context, Format, context::Verbosity, failure, output::Output, subject};
use crate::{
    report::{
        figures,
        style::{BAD, GOOD, HINT, WARN, paint},
    },
    store::{Store, Verified},
};

/// What `pipe verify` takes.
#[derive(clap::Args)]
pub struct Args {
    /// Read only what this run made or used; its name is as `pipe runs` tells it. With `--sources`: the spec
    #[arg(value_name = "RUN")]
    run: Option<String>,
    /// Read only this part, what was read longest ago first: `5%` reads all in 20 times
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent)]
    sample: Option<f64>,
    /// Read the sources of the spec's stages instead, and find those whose content changed but not their times
    #[arg(long, conflicts_with = "sample")]
    sources: bool,
    /// For people or for programs
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Reads all bytes; exit code 1 where something is damaged.
pub fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    if args.sources {
        return sources::run(args.run.as_deref().map(Path::new), args.format, context);
    }
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
    let part = args.sample.unwrap_or(1.0);
    let verified = match &args.run {
        Some(run) => {
            let run = subject::find_run(&store, Some(run))?;
            store.verify_run(&run, part, &mut progress)?
        }
        None => store.verify_part(part, &mut progress)?,
    };
    if is_heard {
        out.overwrite("")?;
    }
    let code = if verified.is_whole() {
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
        let revoked: Vec<_> = (verified.revoked.iter())
            .map(|it| json!({"stage": it.stage, "key": it.key, "because": it.because}))
            .collect();
        let all = json!({
            "results": verified.objects, "records": verified.records, "files": verified.blobs,
            "bytes": verified.bytes, "damage": damage, "forgotten": verified.forgotten, "taken_back": revoked, "recovered": verified.recovered,
            "left": verified.left,
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
    for revoked in &verified.revoked {
        let word = paint(WARN, "taken back");
        writeln!(out, "{word}  {}: {}", revoked.stage, revoked.because)?;
    }
    if verified.recovered > 0 {
        writeln!(
            out,
            "{}  {}",
            paint(WARN, "recovered"),
            recovered(verified.recovered)
        )?;
    }
    if context.verbosity > Verbosity::Quiet {
        tell(&verified, &store, &mut out, context)?;
    }
    Ok(code)
}

/// `5%` or `5`.
fn parse_percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim();
    match number.parse::<f64>() {
        Ok(percent) if percent > 0.0 && percent <= 100.0 => Ok(percent / 100.0),
        _ => Err("it must be a percentage above 0 and up to 100, like `5%`".to_owned()),
    }
}

/// That records were lost and are there again.
pub fn recovered(records: u64) -> String {
    let records = figures::plural(records, "record");
    format!("{records} lost with a journal, noted again from the logs of runs")
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
    let read = match verified.left {
        0 => read,
        left => format!("{read}; {left} were read later than these and are left"),
    };
    if verified.is_whole() {
        return writeln!(out, "{}  {read}", paint(GOOD, "whole"));
    }
    if verified.damage.is_empty() {
        return writeln!(out, "nothing else is damaged or gone of {read}");
    }
    let count = verified.damage.len();
    let hint = paint(HINT, "hint:");
    writeln!(out, "{count} damaged or gone of {read}")?;
    if verified.damage.iter().any(|it| it.is_set_aside) {
        let place = context.display(&store.root().join("quarantine"));
        writeln!(
            out,
            "{hint} what is damaged was set aside in {place}; `pipe run` makes it and what was made of it again"
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
