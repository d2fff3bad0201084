//! `pipe cache`: what takes room in the store, by stage and by kind, and how often results were used again.

use std::{collections::BTreeMap, io::Write, process::ExitCode};

use serde_json::{Value, json};

use super::{Context, Format, subject};
use crate::{
    report::{
        figures,
        style::{BOLD, DIM, PLAIN},
        table::Table,
    },
    store::{Share, Usage},
    track::{Index, StageUses, Uses},
};

/// What `pipe cache` takes.
#[derive(clap::Args)]
pub struct Args {
    /// How many stages are listed, those that take most room
    #[arg(short = 'n', long, default_value_t = 20, value_name = "N")]
    limit: usize,
    /// For people or for programs
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// A stage with all its instances.
#[derive(Default)]
struct Line {
    kind: String,
    share: Share,
    uses: StageUses,
}

/// Tells it.
pub fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let store = subject::open_store(context)?;
    let usage = store.usage()?;
    let uses = Index::open(&store)?.uses()?;
    let lines = lines(&usage, &uses);
    let mut out = context.output();
    if args.format == Format::Json {
        let text = serde_json::to_string_pretty(&for_programs(&usage, &uses, &lines))?;
        writeln!(out, "{text}")?;
        return Ok(ExitCode::SUCCESS);
    }
    write!(out, "{}", room(&usage).render(context.width))?;
    if !lines.is_empty() {
        writeln!(out)?;
        write!(out, "{}", stages(&lines, args.limit).render(context.width))?;
        let rest = lines.len().saturating_sub(args.limit);
        if rest > 0 {
            writeln!(
                out,
                "and {}; `-n` lists more",
                figures::plural(rest as u64, "stage")
            )?;
        }
    }
    let asked = uses.ran + uses.reused;
    if asked > 0 {
        let saved: f64 = uses.stages.values().map(|it| it.seconds_saved).sum();
        let share = 100.0 * uses.reused as f64 / asked as f64;
        let saved = match uses.reused {
            0 => String::new(),
            _ => format!(", {} of work saved", figures::seconds(saved)),
        };
        writeln!(
            out,
            "\nreused in {}: {} of {} ({share:.0}%){saved}",
            figures::plural(uses.runs, "run"),
            figures::count(uses.reused),
            figures::plural(asked, "result"),
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

/// By name and kind, what takes most room first.
fn lines(usage: &Usage, uses: &Uses) -> Vec<(String, Line)> {
    let mut lines: BTreeMap<(String, String), Line> = BTreeMap::new();
    for ((stage, kind), share) in &usage.stages {
        let line = lines.entry((stage.clone(), kind.clone())).or_default();
        line.share = *share;
        line.kind.clone_from(kind);
    }
    for (id, own) in &uses.stages {
        let stage = id.split('@').next().unwrap_or(id);
        // A stage that changed its kind is told with the first.
        let known = lines.range_mut((stage.to_owned(), String::new())..).next();
        let line = match known {
            Some(((name, _), line)) if name == stage => line,
            _ => lines.entry((stage.to_owned(), String::new())).or_default(),
        };
        line.uses.ran += own.ran;
        line.uses.reused += own.reused;
        line.uses.seconds_spent += own.seconds_spent;
        line.uses.seconds_saved += own.seconds_saved;
    }
    let mut lines: Vec<(String, Line)> = lines
        .into_iter()
        .map(|((name, _), it)| (name, it))
        .collect();
    lines.sort_by_key(|(_, it)| std::cmp::Reverse(it.share.bytes));
    lines
}

/// Kinds of stages, and what else there is.
fn room(usage: &Usage) -> Table {
    let mut table = Table::new(&["!", "#count", "#size"]);
    let mut named = 0;
    let others = [
        ("unclaimed results", usage.unclaimed),
        ("fetched files", usage.blobs),
        ("checkpoints", usage.checkpoints),
        ("quarantine", usage.quarantine),
    ];
    let kinds = usage
        .kinds
        .iter()
        .map(|(kind, share)| (kind.as_str(), *share));
    for (name, share) in kinds.chain(others.into_iter().filter(|it| it.1.count > 0)) {
        named += share.bytes;
        table.styled([
            (PLAIN, name.to_owned()),
            (PLAIN, figures::count(share.count)),
            (PLAIN, figures::bytes(share.bytes)),
        ]);
    }
    // Results that stages of several kinds made are counted twice above.
    let rest = usage.bytes.saturating_sub(named);
    table.styled([
        (PLAIN, "records, logs, indexes".to_owned()),
        (PLAIN, String::new()),
        (PLAIN, figures::bytes(rest)),
    ]);
    table.styled([
        (BOLD, "on disk".to_owned()),
        (PLAIN, String::new()),
        (BOLD, figures::bytes(usage.bytes)),
    ]);
    table
}

fn stages(lines: &[(String, Line)], limit: usize) -> Table {
    let mut table = Table::new(&[
        "stage", "!kind", "#results", "#size", "#ran", "#reused", "#saved",
    ]);
    let some = |count: u64| match count {
        0 => String::new(),
        count => figures::count(count),
    };
    for (name, line) in lines.iter().take(limit) {
        let saved = match line.uses.reused {
            0 => String::new(),
            _ => figures::seconds(line.uses.seconds_saved),
        };
        table.styled([
            (BOLD, name.clone()),
            (DIM, line.kind.clone()),
            (PLAIN, some(line.share.count)),
            (PLAIN, figures::bytes(line.share.bytes)),
            (PLAIN, some(line.uses.ran)),
            (PLAIN, some(line.uses.reused)),
            (PLAIN, saved),
        ]);
    }
    table
}

fn for_programs(usage: &Usage, uses: &Uses, lines: &[(String, Line)]) -> Value {
    let share = |it: &Share| json!({"count": it.count, "bytes": it.bytes});
    let kinds: serde_json::Map<String, Value> = usage
        .kinds
        .iter()
        .map(|(kind, it)| (kind.clone(), share(it)))
        .collect();
    let stages: Vec<Value> = lines
        .iter()
        .map(|(name, it)| {
            json!({
                "stage": name, "kind": it.kind, "results": it.share.count, "bytes": it.share.bytes,
                "ran": it.uses.ran, "reused": it.uses.reused,
                "seconds_spent": it.uses.seconds_spent, "seconds_saved": it.uses.seconds_saved,
            })
        })
        .collect();
    json!({
        "bytes": usage.bytes, "kinds": kinds, "unclaimed": share(&usage.unclaimed), "files": share(&usage.blobs),
        "checkpoints": share(&usage.checkpoints), "quarantine": share(&usage.quarantine),
        "runs": uses.runs, "ran": uses.ran, "reused": uses.reused, "stages": stages,
    })
}
