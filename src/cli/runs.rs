//! `pipe runs`: lists the runs so far, newest first, from the index over their logs.

use std::{io::Write, path::PathBuf, process::ExitCode};

use anstyle::Style;
use jiff::{Timestamp, tz::TimeZone};
use pipe_schema::{report::Metrics, run::RunStatus};
use serde_json::{Value, json};

use super::{Context, Format, discovery, subject};
use crate::{
    report::{
        figures,
        style::{BAD, BOLD, DIM, GOOD, PLAIN, WARN},
        table::Table,
    },
    track::{Index, index},
};

/// What `pipe runs` takes.
#[derive(clap::Args)]
pub struct Args {
    /// List the runs of this spec only
    spec: Option<PathBuf>,
    /// How many are listed
    #[arg(short = 'n', long, default_value_t = 20, value_name = "N")]
    limit: usize,
    /// For people or for programs
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Lists them.
pub fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let store = subject::open_store(context)?;
    let spec = match &args.spec {
        Some(path) => {
            let path = discovery::find_spec(Some(path), context)?;
            Some(discovery::recorded_spec(&path, store.root(), context))
        }
        None => None,
    };
    let entries = Index::open(&store)?.newest(args.limit, spec.as_deref())?;
    let mut out = context.output();
    if args.format == Format::Json {
        let list: Value = entries
            .iter()
            .map(|it| {
                json!({
                    "run": it.run, "at": it.at, "name": it.name, "spec": it.spec, "overrides": it.overrides,
                    "git": it.git, "status": it.status.map(index::status_name), "seconds": it.seconds,
                    "ran": it.ran, "cached": it.cached, "failed": it.failed, "skipped": it.skipped,
                    "metrics": it.metrics,
                })
            })
            .collect();
        writeln!(out, "{}", serde_json::to_string_pretty(&list)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let has_several_specs = entries.windows(2).any(|pair| pair[0].spec != pair[1].spec);
    // The run's name tells the time, too.
    let is_wide = context.width >= 100;
    let mut table = Table::new(&[
        "!run",
        "!when",
        "!status",
        "#ran",
        "#cached",
        "#failed",
        "#time",
        "overrides",
        "metrics",
    ]);
    for entry in &entries {
        let (status, style) = status(entry.status);
        let time = entry
            .status
            .map(|_| figures::seconds(entry.seconds))
            .unwrap_or_default();
        let mut overrides: Vec<String> = entry
            .overrides
            .iter()
            .map(|it| it.trim_start_matches("--set ").to_owned())
            .collect();
        if has_several_specs {
            overrides.insert(0, entry.spec.clone());
        }
        let count = |number: u64| {
            if number > 0 {
                figures::count(number)
            } else {
                String::new()
            }
        };
        table.styled([
            (BOLD, entry.run.clone()),
            (
                DIM,
                if is_wide {
                    when(entry.at)
                } else {
                    String::new()
                },
            ),
            (style, status.to_owned()),
            (PLAIN, count(entry.ran)),
            (DIM, count(entry.cached)),
            (BAD, count(entry.failed)),
            (PLAIN, time),
            (PLAIN, overrides.join(" ")),
            (PLAIN, best(entry.metrics.values().next_back())),
        ]);
    }
    write!(out, "{}", table.render(context.width))?;
    Ok(ExitCode::SUCCESS)
}

fn status(status: Option<RunStatus>) -> (&'static str, Style) {
    match status {
        Some(RunStatus::Done) => ("done", GOOD),
        Some(RunStatus::Failed) => ("failed", BAD),
        Some(RunStatus::Interrupted) => ("interrupted", WARN),
        None => ("unfinished", WARN),
    }
}

/// Today the time, else the day.
fn when(at: u64) -> String {
    let Ok(moment) = Timestamp::from_millisecond(i64::try_from(at).unwrap_or(0)) else {
        return String::new();
    };
    let zone = TimeZone::system();
    let local = moment.to_zoned_datetime(zone.clone());
    let is_today = local.date() == Timestamp::now().to_zoned_datetime(zone).date();
    local
        .strftime(if is_today { "%H:%M:%S" } else { "%Y-%m-%d" })
        .to_string()
}

/// The metrics that say most, of the last stage that has some.
fn best(metrics: Option<&Metrics>) -> String {
    let metrics = metrics.into_iter().flatten();
    let shown: Vec<String> = figures::telling(metrics, 2)
        .into_iter()
        .map(|(name, value)| format!("{name} {}", figures::number(value)))
        .collect();
    shown.join(", ")
}
