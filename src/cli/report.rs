//! `pipe report`: writes a run as one HTML page. Gathers from the run's log and the store; changes neither.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use jiff::{Timestamp, tz::TimeZone};
use pipe_schema::{
    model::HISTORY_FILE,
    record::Record,
    report::{METRICS_FILE, Metrics, PLOTS_FOLDER, REPORT_FILE, Report, Sliced},
    stage::ArtifactType,
};
use serde::de::DeserializeOwned;

use super::{
    Context, UserError, browser,
    subject::{self, Subject},
};
use crate::{
    bounded,
    report::{
        figures,
        page::{History, Page, Place, Plot},
        summary::Measured,
    },
    store::Store,
    track::Story,
};

/// Reports, trainings and outputs that a page shows.
const REPORTS: usize = 12;
const PLOTS: usize = 12;
const TRAININGS: usize = 8;
const RESULTS: usize = 60;
/// A larger picture is left out.
const PLOT_LIMIT: u64 = 400_000;
/// Runs that are looked through for the one before.
const LOOK_BACK: usize = 20;

/// What `pipe report` takes.
#[derive(clap::Args)]
pub struct Args {
    /// The run, as `pipe runs` names it [default: the newest]
    run: Option<String>,
    /// Where the page is written; `-` is standard output
    #[arg(short, long, value_name = "FILE", default_value = "report.html")]
    output: PathBuf,
    /// Open the page in the browser: that of $BROWSER, else the desktop's. It has to be a file
    #[arg(long)]
    open: bool,
}

/// Writes the page.
pub fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let store = subject::open_store(context)?;
    let run = subject::find_run(&store, args.run.as_deref())?;
    let html = page(&store, &run, context)?;
    if args.output == Path::new("-") {
        context.data_output().write_all(html.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let path = context.folder.join(&args.output);
    fs::write(&path, &html).with_context(|| format!("cannot write {}", path.display()))?;
    let mut out = context.output();
    let size = figures::bytes(html.len() as u64);
    writeln!(
        out,
        "{} tells of run {run} ({size})",
        context.display(&path)
    )?;
    if args.open && !browser::open(&path, context) {
        writeln!(out, "no browser was found here; open that file in one")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Opens the page of the newest run that has a stage.
pub fn open_stage(store: &Store, subject: &Subject, context: &Context) -> anyhow::Result<()> {
    let stage = &subject.id;
    let has_it = |run: &String| {
        let lines = store.read_run(run).unwrap_or_default();
        let story = Story::from_lines(&lines);
        let spec = story.started.as_ref().map(|started| &started.spec);
        let is_of_spec = subject.spec.is_none() || spec == subject.spec.as_ref();
        is_of_spec && story.stages.contains_key(stage)
    };
    let Some(run) = store.runs()?.into_iter().find(has_it) else {
        return Err(
            UserError::usage(format!("no run is left that has `{stage}`"))
                .hint("`pipe run` makes one")
                .into(),
        );
    };
    let html = page(store, &run, context)?;
    let path = store.write_page(&run, &html).context(
        "the page has no place in the store; `pipe report --open -o FILE` writes it elsewhere",
    )?;
    let mut out = context.output();
    let path_text = context.display(&path);
    if browser::open(&path, context) {
        writeln!(out, "opened {path_text}, which tells of run {run}")?;
    } else {
        writeln!(
            out,
            "no browser was found here; {path_text} tells of run {run}"
        )?;
    }
    Ok(())
}

/// The text of a run's page.
fn page(store: &Store, run: &str, context: &Context) -> anyhow::Result<String> {
    let story = Story::from_lines(&store.read_run(run)?);
    let before = previous(store, run, &story);
    let records: Vec<(&String, &Record)> = story
        .stages
        .iter()
        .filter_map(|(id, chapter)| Some((id, chapter.record.as_deref()?)))
        .collect();
    let (reports, slices) = measured(store, &records);
    let page = Page {
        run,
        before: before.as_ref().map(|it| (it.0.as_str(), &it.1)),
        began: began(story.at),
        reports,
        slices,
        histories: histories(store, &records),
        plots: plots(store, &records),
        results: results(store, &records, context),
        story: &story,
    };
    Ok(page.html()?)
}

/// The run of the same spec before this one.
fn previous(store: &Store, run: &str, story: &Story) -> Option<(String, Story)> {
    let spec = &story.started.as_ref()?.spec;
    let runs = store.runs().ok()?;
    let older = runs.into_iter().filter(|it| it.as_str() < run);
    older.take(LOOK_BACK).find_map(|it| {
        let story = Story::from_lines(&store.read_run(&it).ok()?);
        let started = story.started.as_ref()?;
        (started.spec == *spec && story.finished.is_some()).then_some((it, story))
    })
}

fn began(at: u64) -> String {
    let moment = i64::try_from(at).ok().filter(|it| *it > 0);
    let moment = moment.and_then(|it| Timestamp::from_millisecond(it).ok());
    moment.map_or(String::new(), |it| {
        it.to_zoned_datetime(TimeZone::system())
            .strftime("%Y-%m-%d %H:%M:%S %Z")
            .to_string()
    })
}

/// Folders of outputs of a type, with their stage.
fn outputs<'a>(
    store: &'a Store,
    records: &'a [(&'a String, &'a Record)],
    wanted: ArtifactType,
) -> impl Iterator<Item = (&'a String, &'a Record, PathBuf)> {
    records.iter().flat_map(move |(id, record)| {
        let outputs = record
            .outputs
            .values()
            .filter(move |it| it.r#type == wanted);
        outputs.map(move |it| (*id, *record, store.artifact(&it.digest)))
    })
}

/// What evaluate stages measured: metrics, and slices by stage.
fn measured(
    store: &Store,
    records: &[(&String, &Record)],
) -> (Vec<Measured>, Vec<(String, Sliced)>) {
    let (mut reports, mut slices) = (Vec::new(), Vec::new());
    for (id, _, folder) in outputs(store, records, ArtifactType::Report) {
        let report = read::<Report>(&folder.join(REPORT_FILE));
        let (baseline, positive, sliced) = report
            .map(|it| (it.baseline, it.positive, it.slices))
            .unwrap_or_default();
        slices.extend(sliced.into_iter().map(|it| (id.clone(), it)));
        if let Some(metrics) = read::<Metrics>(&folder.join(METRICS_FILE)) {
            reports.push(Measured {
                stage: id.clone(),
                metrics,
                baseline,
                positive,
            });
        }
        if reports.len() >= REPORTS {
            break;
        }
    }
    slices.truncate(REPORTS);
    (reports, slices)
}

fn histories(store: &Store, records: &[(&String, &Record)]) -> Vec<History> {
    outputs(store, records, ArtifactType::Model)
        .filter(|(_, record, _)| record.parts.kind == "train")
        .filter_map(|(id, _, folder)| {
            Some(History {
                stage: id.clone(),
                epochs: read(&folder.join(HISTORY_FILE))?,
            })
        })
        .take(TRAININGS)
        .collect()
}

/// The pictures of evaluate stages, and those of models' thresholds; what a command calls a plot may be anything.
fn plots(store: &Store, records: &[(&String, &Record)]) -> Vec<Plot> {
    let mut plots = Vec::new();
    let of_kinds = |wanted, kinds: &'static [&'static str]| {
        let outputs = outputs(store, records, wanted);
        outputs.filter(move |it| kinds.contains(&it.1.parts.kind.as_str()))
    };
    let models = of_kinds(ArtifactType::Model, &["train", "compress"]);
    for (id, _, folder) in models.chain(of_kinds(ArtifactType::Report, &["evaluate"])) {
        let entries = fs::read_dir(folder.join(PLOTS_FOLDER))
            .into_iter()
            .flatten();
        let mut paths: Vec<PathBuf> = entries.filter_map(|it| Some(it.ok()?.path())).collect();
        paths.sort();
        for path in paths {
            let is_small = fs::metadata(&path).is_ok_and(|it| it.len() <= PLOT_LIMIT);
            let name = path
                .file_stem()
                .and_then(|it| it.to_str())
                .map(str::to_owned);
            let svg = is_small
                .then(|| bounded::read_to_string(&path).ok())
                .flatten();
            if let Some((name, svg)) = name.zip(svg) {
                let stage = id.clone();
                plots.push(Plot { stage, name, svg });
            }
        }
    }
    plots.truncate(PLOTS);
    plots
}

fn results(store: &Store, records: &[(&String, &Record)], context: &Context) -> Vec<Place> {
    let mut results = Vec::new();
    for (id, record) in records {
        for output in record.outputs.values() {
            results.push(Place {
                stage: (*id).clone(),
                r#type: output.r#type.name(),
                path: context.display(&store.artifact(&output.digest)),
                size: figures::bytes(output.bytes),
            });
        }
        for (name, out) in &record.outs {
            results.push(Place {
                stage: (*id).clone(),
                r#type: "out",
                path: name.clone(),
                size: figures::bytes(out.bytes),
            });
        }
    }
    results.truncate(RESULTS);
    results
}

/// A JSON file of an artifact; nothing where there is none or it is of another kind, as in reports of commands.
fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&bounded::read(path).ok()?).ok()
}
