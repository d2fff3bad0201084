//! A run as one HTML page that needs nothing else: no network, no script. Knows what is told of a run, not where it lies.

mod graph;
mod layout;
#[cfg(test)]
mod tests;

use minijinja::{
    AutoEscape, Environment, context,
    value::{Serde, Value},
};
use pipe_plot::{Axis, Chart, Line, short};
use pipe_schema::{
    model::EpochRecord,
    report::{Metrics, Slice, Sliced},
    text::{is_hidden, one_line},
};
use serde::Serialize;

use super::{figures, slices};
use crate::{
    key::reason,
    report::summary::Measured,
    track::story::{Chapter, State, Story},
};

/// Stages up to which the graph is drawn.
const DRAWN: usize = 80;
/// Stages that are listed.
const LISTED: usize = 200;

/// What a page tells.
pub struct Page<'a> {
    pub run: &'a str,
    pub story: &'a Story,
    /// The run before it, of the same pipeline, by its name.
    pub before: Option<(&'a str, &'a Story)>,
    /// When it began, as people write it.
    pub began: String,
    pub reports: Vec<Measured>,
    /// By stage.
    pub slices: Vec<(String, Sliced)>,
    pub histories: Vec<History>,
    pub plots: Vec<Plot>,
    pub results: Vec<Place>,
}

/// How a model learned.
pub struct History {
    pub stage: String,
    pub epochs: Vec<EpochRecord>,
}

/// A picture of a report.
pub struct Plot {
    pub stage: String,
    /// `roc`
    pub name: String,
    pub svg: String,
}

/// Where a stage's output lies.
#[derive(Serialize)]
pub struct Place {
    pub stage: String,
    pub r#type: &'static str,
    pub path: String,
    pub size: String,
}

#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    kind: &'a str,
    state: &'static str,
    /// Of the style sheet.
    class: &'static str,
    time: String,
    why: String,
    /// What was told about its result.
    notes: &'a [String],
    failure: Option<&'a pipe_schema::run::Failure>,
}

#[derive(Serialize)]
struct Figure<'a> {
    stage: &'a str,
    name: String,
    value: String,
    change: String,
    class: &'static str,
    baseline: String,
}

/// Slices as a table.
#[derive(Serialize)]
struct SliceTable<'a> {
    stage: &'a str,
    column: &'a str,
    metrics: Vec<&'a str>,
    /// Which rows, how many, and a cell a metric.
    rows: Vec<(String, String, Vec<String>)>,
    reasons: Vec<String>,
}

#[derive(Serialize)]
struct Picture {
    title: String,
    /// A data URI: the picture cannot reach the page around it.
    source: String,
}

impl Page<'_> {
    /// The page's text.
    pub fn html(&self) -> Result<String, minijinja::Error> {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.set_formatter(without_hidden);
        environment.add_template("page", include_str!("page.html"))?;
        let mut rows: Vec<Row> = self.rows().collect();
        let all = rows.len();
        if all > LISTED {
            // What was cached says least.
            rows.sort_by_key(|it| it.class == "cached");
            rows.truncate(LISTED);
        }
        let started = self.story.started.as_ref();
        let after = started.map_or(&[][..], |it| &it.after);
        let graph = (all <= DRAWN && all == after.len()).then(|| graph::svg(self.story, after));
        let finished = self.story.finished.as_ref();
        environment.get_template("page")?.render(context! {
            style => include_str!("page.css"),
            run => self.run,
            name => started.map(|it| &it.name),
            spec => started.map(|it| &it.spec),
            overrides => started.map(|it| it.overrides.join(" ")),
            git => started.and_then(|it| it.git.as_ref()),
            pipe => started.map(|it| &it.pipe),
            began => self.began.as_str(),
            took => finished.map(|it| figures::seconds(it.seconds)),
            status => self.status(),
            counts => self.counts(),
            graph,
            hidden => all - rows.len(),
            rows => listed(&rows),
            before => self.before.map(|it| it.0),
            has_baseline => self.reports.iter().any(|it| !it.baseline.is_empty()),
            figures => listed(self.figures()),
            positives => listed(self.positives()),
            slices => listed(self.slices.iter().map(slice_table).collect::<Vec<_>>()),
            curves => listed(self.histories.iter().flat_map(curves).collect::<Vec<_>>()),
            plots => listed(self.plots.iter().map(picture).collect::<Vec<_>>()),
            results => listed(&self.results),
        })
    }

    fn status(&self) -> &'static str {
        use pipe_schema::run::RunStatus;
        match self.story.status() {
            Some(RunStatus::Done) => "done",
            Some(RunStatus::Failed) => "failed",
            Some(RunStatus::Interrupted) => "interrupted",
            None => "unfinished",
        }
    }

    fn counts(&self) -> String {
        let states = [State::Done, State::Cached, State::Failed, State::Skipped];
        let counts = states
            .into_iter()
            .map(|it| (self.story.count(it), it.name()))
            .filter(|it| it.0 > 0)
            .map(|(count, word)| format!("{} {word}", figures::count(count)));
        counts.collect::<Vec<_>>().join(", ")
    }

    fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.story.stages.iter().map(|(id, chapter)| Row {
            id,
            kind: chapter.record.as_ref().map_or("", |it| &it.parts.kind),
            state: chapter.state.name(),
            class: class(chapter),
            time: time(chapter),
            why: why(chapter),
            notes: (chapter.record.as_ref()).map_or(&[][..], |record| &record.observed.notes),
            failure: chapter.failure.as_deref(),
        })
    }

    /// Which class figures of one class look for, by stage.
    fn positives(&self) -> Vec<(&str, String)> {
        let reports = self.reports.iter();
        reports
            .filter_map(|it| {
                Some((
                    it.stage.as_str(),
                    figures::positive_class(it.positive.as_ref()?),
                ))
            })
            .collect()
    }

    fn figures(&self) -> Vec<Figure<'_>> {
        let mut figures = Vec::new();
        for report in &self.reports {
            let before = self.before.and_then(|it| it.1.metrics(&report.stage));
            for (name, value) in &report.metrics {
                figures.push(figure(report, name, *value, before));
            }
        }
        figures
    }
}

fn figure<'a>(
    report: &'a Measured,
    name: &str,
    value: f64,
    before: Option<&Metrics>,
) -> Figure<'a> {
    let old = before.and_then(|it| it.get(name)).copied();
    let change = old.and_then(|old| figures::difference(old, value));
    let better = old.and_then(|old| figures::is_better(name, old, value));
    let class = match better.filter(|_| change.is_some()) {
        Some(true) => "better",
        Some(false) => "worse",
        None => "",
    };
    Figure {
        stage: &report.stage,
        name: figures::titled(name, report.positive.as_ref()),
        value: figures::number(value),
        change: change.unwrap_or_default(),
        class,
        baseline: report
            .baseline
            .get(name)
            .map(|it| figures::number(*it))
            .unwrap_or_default(),
    }
}

fn slice_table((stage, by): &(String, Sliced)) -> SliceTable<'_> {
    let metrics = slices::metrics(by);
    let row = |slice: &Slice| {
        let cells = metrics.iter().map(|it| slices::cell(slice, it)).collect();
        (slice.of.to_string(), figures::count(slice.rows), cells)
    };
    SliceTable {
        stage,
        column: &by.column,
        rows: by.slices.iter().map(row).collect(),
        reasons: slices::reasons(by),
        metrics,
    }
}

/// As the template takes it.
fn listed(items: impl Serialize) -> Value {
    Value::from(Serde(items))
}

/// Writes a value for HTML; texts have no hidden characters but line breaks.
fn without_hidden(
    out: &mut minijinja::Output,
    state: &mut minijinja::State,
    value: &Value,
) -> Result<(), minijinja::Error> {
    let text = value
        .as_str()
        .filter(|it| !value.is_safe() && it.contains(is_hidden));
    let Some(text) = text else {
        return minijinja::escape_formatter(out, state, value);
    };
    let lines: Vec<_> = text.split('\n').map(one_line).collect();
    minijinja::escape_formatter(out, state, &Value::from(lines.join("\n")))
}

/// The style of a stage's state.
fn class(chapter: &Chapter) -> &'static str {
    match chapter.state {
        State::Done => "ran",
        State::Cached => "cached",
        State::Failed if chapter.is_interrupted() => "waiting",
        State::Failed => "failed",
        State::Skipped => "skipped",
        State::Waiting | State::Elsewhere | State::Running | State::Retrying => "waiting",
    }
}

/// How long it took, in this run or when it was made.
fn time(chapter: &Chapter) -> String {
    let seconds = chapter.record.as_ref().map(|it| it.observed.seconds);
    seconds.map(figures::seconds).unwrap_or_default()
}

/// Why a stage ran or did not, and that its bytes differ from execution to execution.
fn why(chapter: &Chapter) -> String {
    let mut why = reason_of(chapter);
    if let Some(record) = &chapter.record
        && !record.observed.differing.is_empty()
    {
        let separator = if why.is_empty() { "" } else { "; " };
        let differing = reason::reproducibility(&record.observed.differing);
        why.push_str(&format!("{separator}it is not reproducible: {differing}"));
    }
    why
}

fn reason_of(chapter: &Chapter) -> String {
    use pipe_schema::run::Skip;
    match (&chapter.skip, chapter.state) {
        (Some(Skip::Upstream(stage)), _) => format!("{stage} failed"),
        (Some(Skip::RunEnded), _) => "the run was ended".to_owned(),
        (None, State::Cached) => String::new(),
        _ => reason::summary(&chapter.reasons),
    }
}

/// Losses in one picture, each other metric in one of its own.
fn curves(history: &History) -> Vec<Picture> {
    let last = history.epochs.last();
    let names: Vec<&String> = last
        .map(|it| it.metrics.keys().collect())
        .unwrap_or_default();
    let is_loss = |name: &str| name.rsplit('.').next() == Some("loss");
    let (losses, others): (Vec<&String>, Vec<&String>) =
        names.into_iter().partition(|it| is_loss(it));
    let mut groups = vec![("loss", losses)];
    groups.extend(others.into_iter().map(|it| (it.as_str(), vec![it])));
    let kept = history.epochs.iter().rfind(|it| it.kept);
    let drawn = groups.into_iter().filter(|it| !it.1.is_empty());
    drawn
        .map(|(title, names)| {
            let line = |name: &&String| Line {
                name: (*name).clone(),
                points: points(&history.epochs, name),
                ..Line::default()
            };
            let chart = Chart {
                title: format!("{}: {title}", short(&history.stage, 32)),
                note: kept.map_or(String::new(), |it| format!("kept: epoch {}", it.epoch)),
                x: Axis {
                    label: "epoch".to_owned(),
                    range: None,
                },
                lines: names.iter().map(line).collect(),
                ..Chart::default()
            };
            Picture {
                title: format!("{title} of {} by epoch", history.stage),
                source: data_uri(&chart.svg()),
            }
        })
        .collect()
}

/// At most about 400 epochs, the last among them.
fn points(epochs: &[EpochRecord], name: &str) -> Vec<(f64, f64)> {
    let every = epochs.len().div_ceil(400).max(1);
    let kept = |at: usize| at.is_multiple_of(every) || at + 1 == epochs.len();
    let chosen = epochs.iter().enumerate().filter(|it| kept(it.0));
    chosen
        .filter_map(|(_, it)| Some((f64::from(it.epoch), *it.metrics.get(name)?)))
        .collect()
}

fn picture(plot: &Plot) -> Picture {
    Picture {
        title: format!("{} of {}", plot.name.replace('_', " "), plot.stage),
        source: data_uri(&plot.svg),
    }
}

/// A picture inside an attribute.
fn data_uri(svg: &str) -> String {
    let mut uri = "data:image/svg+xml,".to_owned();
    for byte in svg.bytes() {
        match byte {
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b' '
            | b'-'
            | b'.'
            | b'_'
            | b'/'
            | b':'
            | b'='
            | b';'
            | b','
            | b'('
            | b')' => uri.push(char::from(byte)),
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri
}
