//! `pipe show`: looks into a stage's result, in the way that its type asks for. Reads artifacts; changes nothing.

mod dataset;
mod files;
mod model;
mod package;
mod report;

use std::{
    fmt::Write as _,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use jiff::{Timestamp, tz::TimeZone};
use pipe_schema::{
    dataset::PositiveClass,
    manifest::Digest,
    record::Record,
    report::{METRICS_FILE, Metrics},
    stage::ArtifactType,
    text::one_line,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    Context, Format, report as report_page,
    subject::{self, StageWords, Subject},
};
use crate::{
    bounded,
    report::{
        figures,
        style::{BOLD, DIM, WARN, paint},
        table::Table,
    },
    store::Store,
    track::Index,
};

/// Metrics whose course over the runs is shown, and over how many.
const HISTORY_METRICS: usize = 2;
const HISTORY_RUNS: u32 = 24;

/// What `pipe show` takes.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    words: StageWords,
    /// For people or for programs
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Open the page of the newest run that has the stage in the browser, as `pipe report` writes it
    #[arg(long, conflicts_with = "format")]
    open: bool,
}

/// Shows the stage's last result.
pub fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let store = subject::open_store(context)?;
    let (spec, stage) = args.words.split();
    let subject = subject::find(&store, spec, stage, context)?;
    if args.open {
        report_page::open_stage(&store, &subject, context)?;
        return Ok(ExitCode::SUCCESS);
    }
    let views = views(&subject, &store, context);
    for view in &views {
        subject::check_there(&view.title, &view.digest, &store)?;
    }
    if !subject.path.is_empty() && !views.iter().any(|it| has_metric(it, &subject)) {
        // The error says what there is.
        subject.place(&store)?;
    }
    let mut out = context.output();
    if args.format == Format::Json {
        let shown = views
            .iter()
            .map(|it| {
                Ok(json!({
                    "name": it.name, "type": it.r#type.name(), "path": it.path, "bytes": it.bytes,
                    "content": content(it.r#type, &it.path)?,
                }))
            })
            .collect::<anyhow::Result<Vec<Value>>>()?;
        let answer = json!({
            "stage": subject.id, "kind": subject.record.parts.kind, "key": subject.record.key,
            "outputs": shown, "outs": subject.record.outs, "observed": subject.record.observed,
        });
        writeln!(out, "{}", serde_json::to_string_pretty(&answer)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    for view in &views {
        let size = figures::bytes(view.bytes);
        let about = format!("{}, {size}, in {}", view.r#type.name(), view.place);
        let path = &view.path;
        let text = match view.r#type {
            ArtifactType::Dataset => dataset::render(path, context)?,
            ArtifactType::Model => model::render(path, context)?,
            ArtifactType::Report => report::render(path, context)?,
            ArtifactType::Package => package::render(&view.title, path, &view.place, context)?,
            ArtifactType::Files => files::render(path, context)?,
        };
        writeln!(out, "{}  {}", paint(BOLD, &view.title), paint(DIM, about))?;
        writeln!(out, "{text}")?;
    }
    write!(out, "{}", notes(&subject.record))?;
    write!(out, "{}", outs(&subject, context))?;
    write!(out, "{}", history(&subject, &store, context)?)?;
    write!(out, "{}", made(&subject.record))?;
    Ok(ExitCode::SUCCESS)
}

/// An output to be looked at.
struct View<'a> {
    name: &'a str,
    /// How it is named on the command line.
    title: String,
    r#type: ArtifactType,
    digest: Digest,
    path: PathBuf,
    /// The path by which people find it.
    place: String,
    bytes: u64,
}

/// Whether a report's metric is named, which is no file of it.
fn has_metric(view: &View<'_>, subject: &Subject) -> bool {
    let words = match subject.path.split_first() {
        Some((first, rest)) if first == view.name => rest,
        _ => subject.path.as_slice(),
    };
    let metrics = bounded::read(&view.path.join(METRICS_FILE)).ok();
    let metrics: Option<Metrics> = metrics.and_then(|it| serde_json::from_slice(&it).ok());
    metrics.is_some_and(|it| it.contains_key(&words.join(".")))
}

/// The outputs that are meant.
fn views<'a>(subject: &'a Subject, store: &Store, context: &Context) -> Vec<View<'a>> {
    // An only output needs no name.
    let is_only = subject.record.outputs.len() == 1;
    let is_command = subject.record.parts.kind == "command";
    let is_meant = |name: &str| match subject.path.first() {
        None => true,
        Some(word) if !is_command && !subject.record.outputs.contains_key(word) => name == "main",
        Some(word) => is_only || word == name,
    };
    let outputs = subject
        .record
        .outputs
        .iter()
        .filter(|(name, _)| is_meant(name));
    outputs
        .map(|(name, output)| View {
            name,
            title: if name == "main" {
                subject.id.clone()
            } else {
                format!("{}.{name}", subject.id)
            },
            r#type: output.r#type,
            digest: output.digest,
            path: store.artifact(&output.digest),
            place: current(subject, name, &output.digest, store, context),
            bytes: output.bytes,
        })
        .collect()
}

/// What a type of artifact says of itself, for programs.
fn content(r#type: ArtifactType, path: &Path) -> anyhow::Result<Value> {
    match r#type {
        ArtifactType::Dataset => dataset::content(path),
        ArtifactType::Model => model::content(path),
        ArtifactType::Report => report::content(path),
        ArtifactType::Package => package::content(path),
        ArtifactType::Files => files::content(path),
    }
}

/// The path by which people find an output: `artifacts/current/fit`; if that leads elsewhere by now, its place in the store.
fn current(
    subject: &Subject,
    name: &str,
    digest: &Digest,
    store: &Store,
    context: &Context,
) -> String {
    let mut link = store.current_of(subject.spec.as_deref(), &subject.id);
    if subject.record.outputs.len() > 1 && subject.record.parts.kind == "command" {
        link.push(crate::plan::file_name(name));
    }
    let place = store.artifact(digest);
    let leads_there = link.canonicalize().ok() == place.canonicalize().ok();
    context.display(if leads_there { &link } else { &place })
}

/// What the execution told about the result, a line each.
fn notes(record: &Record) -> String {
    let notes = &record.observed.notes;
    let mut text = String::new();
    for note in notes {
        let _ = writeln!(text, "{} {}", paint(WARN, "note:"), one_line(note));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// A command's outs: what the store holds of each.
fn outs(subject: &Subject, context: &Context) -> String {
    let mut table = Table::new(&["out", "#size", "content"]);
    for (name, out) in &subject.record.outs {
        table.row([name.clone(), figures::bytes(out.bytes), out.digest.short()]);
    }
    if table.is_empty() {
        String::new()
    } else {
        format!("{}\n", table.render(context.width))
    }
}

/// The stage's metrics in the runs that executed it, where there were several.
fn history(subject: &Subject, store: &Store, context: &Context) -> anyhow::Result<String> {
    let metrics = figures::telling(&subject.record.observed.metrics, HISTORY_METRICS);
    if metrics.is_empty() {
        return Ok(String::new());
    }
    let index = Index::open(store)?;
    let mut table = Table::new(&["over its runs", "#", "", "#now"]);
    for (name, now) in metrics {
        let values = index.history(subject.spec.as_deref(), &subject.id, name, HISTORY_RUNS)?;
        if let [first, _, ..] = values[..] {
            table.row([
                name.to_owned(),
                figures::number(first),
                model::curve(&values, HISTORY_RUNS as usize),
                figures::number(now),
            ]);
        }
    }
    Ok(if table.is_empty() {
        String::new()
    } else {
        format!("{}\n", table.render(context.width))
    })
}

/// When, where and how the result was made.
fn made(record: &Record) -> String {
    let observed = &record.observed;
    let mut table = Table::new(&["", ""]);
    let mut row = |name: &str, text: String| {
        if !text.is_empty() {
            table.styled([(DIM, name.to_owned()), (crate::report::style::PLAIN, text)]);
        }
    };
    row(
        "made",
        format!(
            "{} in {}",
            local_time(&observed.started),
            figures::seconds(observed.seconds)
        ),
    );
    let attempt = if observed.attempt > 1 {
        format!(", attempt {}", observed.attempt)
    } else {
        String::new()
    };
    row(
        "by run",
        format!("{} on {}{attempt}", observed.run, observed.host),
    );
    row("git", observed.git.clone().unwrap_or_default());
    let mut used = Vec::new();
    if observed.cpu_seconds > 0.0 {
        used.push(format!(
            "{} of CPU time",
            figures::seconds(observed.cpu_seconds)
        ));
    }
    if observed.peak_bytes > 0 {
        used.push(format!(
            "{} of memory at most",
            figures::bytes(observed.peak_bytes)
        ));
    }
    row("used", used.join(", "));
    for (at, (name, value)) in observed.measured.iter().enumerate() {
        let lead = if at == 0 { "observed" } else { "" };
        row(
            lead,
            format!("{} {}", name.replace('_', " "), figures::number(*value)),
        );
    }
    if let Some(environment) = &record.parts.environment {
        let threads = figures::plural(u64::from(environment.threads), "thread");
        let words = [&environment.device, &environment.cpu_capability, &threads];
        row(
            "computed",
            format!(
                "by libtorch {} on {}",
                environment.libtorch,
                words.map(String::as_str).join(", ")
            ),
        );
    }
    table.render(usize::MAX)
}

/// A moment of a record in local time.
fn local_time(text: &str) -> String {
    text.parse::<Timestamp>().map_or_else(
        |_| text.to_owned(),
        |it| {
            it.to_zoned_datetime(TimeZone::system())
                .strftime("%Y-%m-%d %H:%M:%S %Z")
                .to_string()
        },
    )
}

/// A JSON file of an artifact; nothing where the artifact has no such file.
pub fn read<T: DeserializeOwned>(path: &Path) -> anyhow::Result<Option<T>> {
    let text = match bounded::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let value = serde_json::from_slice(&text)
        .with_context(|| format!("cannot understand {}", path.display()))?;
    Ok(Some(value))
}

/// Metrics in a table, beside those of the trivial prediction where they are known.
fn metrics_table(metrics: &Metrics, baseline: &Metrics, positive: Option<&PositiveClass>) -> Table {
    let titles: &[&str] = if baseline.is_empty() {
        &["metric", "#value"]
    } else {
        &["metric", "#value", "#baseline"]
    };
    let mut table = Table::new(titles);
    for (name, value) in metrics {
        let trivial = baseline
            .get(name)
            .map(|it| figures::number(*it))
            .unwrap_or_default();
        table.row([
            figures::titled(name, positive),
            figures::number(*value),
            trivial,
        ]);
    }
    table
}
