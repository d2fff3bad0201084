//! `pipe gc`: removes what no recent run needs, and says what that frees.

use std::{io::Write, process::ExitCode, time::Duration};

use pipe_schema::scalar;
use serde_json::{Value, json};

use super::{Context, Format, UserError, context::Verbosity, subject};
use crate::{
    report::{
        figures,
        style::{HINT, paint},
    },
    store::Policy,
};

/// What `pipe gc` takes.
#[derive(clap::Args)]
pub struct Args {
    /// Keep the results of this many runs, the newest ones that executed a stage; the last success of each stage stays in any case
    #[arg(long, value_name = "N", default_value_t = 10)]
    keep_runs: usize,
    /// Remove only what is older, e.g. `30d`
    #[arg(long, value_name = "TIME")]
    older_than: Option<String>,
    /// Remove no more than it takes to get the store down to this size, e.g. `20GB`: what was used last stays longest
    #[arg(long, value_name = "SIZE")]
    max_size: Option<String>,
    /// Only say what would go
    #[arg(long)]
    dry_run: bool,
    /// For people or for programs
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Removes it. Runs beside it lose nothing.
pub fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let policy = Policy {
        keep_runs: args.keep_runs,
        older_than: args
            .older_than
            .as_deref()
            .map_or(Ok(Duration::ZERO), duration)?,
        max_bytes: args.max_size.as_deref().map(size).transpose()?,
        dry_run: args.dry_run,
    };
    let store = subject::open_store(context)?;
    let collected = store.gc(&policy)?;
    let mut out = context.output();
    if args.format == Format::Json {
        let all = json!({
            "dry_run": policy.dry_run, "bytes": collected.bytes, "results": collected.objects,
            "records": collected.records, "checkpoints": collected.checkpoints, "leftovers": collected.leftovers,
            "files": collected.blobs, "kept_runs": collected.kept_runs, "kept_results": collected.kept_objects,
            "left": collected.left,
        });
        writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?;
    } else if context.verbosity > Verbosity::Quiet {
        let did = if policy.dry_run {
            "would free"
        } else {
            "freed"
        };
        let counts = [
            (collected.objects, "result"),
            (collected.records, "record"),
            (collected.checkpoints, "checkpoint"),
            (collected.blobs, "fetched file"),
            (collected.leftovers, "leftover"),
        ];
        let parts: Vec<String> = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, noun)| figures::plural(*count as u64, noun))
            .collect();
        let what = if parts.is_empty() {
            "nothing to remove".to_owned()
        } else {
            parts.join(", ")
        };
        writeln!(out, "{did} {} ({what})", figures::bytes(collected.bytes))?;
        writeln!(
            out,
            "kept {} of the last {} and of each stage's last success",
            figures::plural(collected.kept_objects as u64, "result"),
            figures::plural(collected.kept_runs as u64, "run"),
        )?;
        if let (Some(left), Some(limit)) = (collected.left, policy.max_bytes) {
            let leaves = if policy.dry_run {
                "would leave"
            } else {
                "leaves"
            };
            writeln!(out, "that {leaves} {}", figures::bytes(left))?;
            if left > limit {
                let hint = paint(HINT, "hint:");
                writeln!(
                    out,
                    "{hint} that is more than {}, and all of it is kept: a lower `--keep-runs` keeps less, \
                     and so does a removed link in {}",
                    figures::bytes(limit),
                    context.display(&store.root().join("current")),
                )?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `30d`, as in a spec.
fn duration(text: &str) -> Result<Duration, UserError> {
    serde_json::from_value::<scalar::Duration>(Value::from(text))
        .map(|it| Duration::from_millis(it.millis))
        .map_err(|_| {
            UserError::usage(format!("`--older-than {text}` is no span of time"))
                .hint("write a number and a unit: `12h`, `30d`")
        })
}

/// `20GB`, as in a spec.
fn size(text: &str) -> Result<u64, UserError> {
    serde_json::from_value::<scalar::ByteSize>(Value::from(text))
        .map(|it| it.bytes)
        .map_err(|_| {
            UserError::usage(format!("`--max-size {text}` is no size"))
                .hint("write a number and a unit: `500MB`, `20GB`, `16GiB`")
        })
}
