//! A report: metrics beside the trivial prediction's, the confusion matrix, and what is said of each class.

use std::path::Path;

use pipe_schema::{
    report::{
        ClassFigures, Intervals, LabelFigures, METRICS_FILE, Metrics, REPORT_FILE, Report, Sliced,
        TargetFigures,
    },
    text::one_line,
};
use serde_json::{Value, json};

use super::{metrics_table, read};
use crate::{
    cli::Context,
    report::{
        figures, slices,
        style::{BAD, DIM, GOOD, PLAIN},
        table::Table,
    },
};

/// Classes up to which the confusion matrix is drawn.
const CLASSES: usize = 24;

/// For programs: metrics and report as stored.
pub fn content(path: &Path) -> anyhow::Result<Value> {
    Ok(json!({
        "metrics": read::<Value>(&path.join(METRICS_FILE))?,
        "report": read::<Value>(&path.join(REPORT_FILE))?,
    }))
}

/// For people.
pub fn render(path: &Path, context: &Context) -> anyhow::Result<String> {
    let metrics: Metrics = read(&path.join(METRICS_FILE))?.unwrap_or_default();
    let report: Option<Report> = read(&path.join(REPORT_FILE))?;
    let Some(report) = report else {
        return Ok(metrics_table(&metrics, &Metrics::new(), None).render(context.width));
    };
    let mut text = format!(
        "on {} of the part `{}`\n",
        figures::plural(report.rows, "row"),
        one_line(&report.part)
    );
    let positive = report.positive.as_ref();
    if let Some(positive) = positive {
        text.push_str(&format!("{}\n", figures::positive_class(positive)));
    }
    if let Some(threshold) = &report.threshold {
        text.push_str(&format!("{}\n", figures::class_threshold(threshold)));
    }
    text.push('\n');
    let table = metrics_table(&report.metrics, &report.baseline, positive);
    text.push_str(&table.render(context.width));
    for note in &report.notes {
        text.push_str(&format!("{}\n", one_line(note)));
    }
    if let Some(intervals) = &report.bootstrap {
        text.push('\n');
        text.push_str(&bootstrap(intervals).render(context.width));
    }
    if let Some(matrix) = report
        .confusion_matrix
        .as_ref()
        .filter(|_| report.classes.len() <= CLASSES)
    {
        text.push('\n');
        text.push_str(&confusion(&report.classes, matrix).render(context.width));
    }
    if !report.per_class.is_empty() && report.per_class.len() <= CLASSES {
        text.push('\n');
        text.push_str(&per_class(&report.per_class).render(context.width));
    }
    if !report.per_label.is_empty() {
        text.push('\n');
        text.push_str(&per_label(&report.per_label).render(context.width));
    }
    if !report.per_target.is_empty() {
        text.push('\n');
        text.push_str(&per_target(&report.per_target).render(context.width));
    }
    for it in &report.slices {
        text.push('\n');
        text.push_str(&sliced(it).render(context.width));
        for why in slices::reasons(it) {
            text.push_str(&format!("{}\n", one_line(&why)));
        }
    }
    Ok(text)
}

/// One line a slice, with a cell for each metric.
fn sliced(by: &Sliced) -> Table {
    let metrics = slices::metrics(by);
    let mut titles = vec![by.column.clone(), "#rows".to_owned()];
    titles.extend(metrics.iter().map(|it| format!("#{it}")));
    let mut table = Table::new(&titles.iter().map(String::as_str).collect::<Vec<_>>());
    for slice in &by.slices {
        let cells = metrics.iter().map(|it| slices::cell(slice, it));
        let lead = [slice.of.to_string(), figures::count(slice.rows)];
        table.row(lead.into_iter().chain(cells));
    }
    table
}

/// One line a metric.
fn bootstrap(intervals: &Intervals) -> Table {
    let confidence = figures::number(intervals.confidence * 100.0);
    let title = format!(
        "{confidence} % of {} samples",
        figures::count(intervals.samples.into())
    );
    let mut table = Table::new(&[&title, "#from", "#to", "#undefined"]);
    for (name, interval) in &intervals.metrics {
        let undefined = match interval.undefined {
            0 => String::new(),
            some => figures::count(some.into()),
        };
        let ends = [interval.low, interval.high].map(figures::number);
        let cells = std::iter::once(name.clone()).chain(ends);
        table.styled(cells.chain([undefined]).map(|it| (PLAIN, it)));
    }
    table
}

/// One line a class.
fn per_class(classes: &[ClassFigures]) -> Table {
    let titles = [
        "class",
        "#rows",
        "#predicted",
        "#precision",
        "#recall",
        "#f1",
    ];
    let mut table = Table::new(&titles);
    for class in classes {
        let shares = [class.precision, class.recall, class.f1].map(figures::number);
        let counts = [class.rows, class.predicted].map(figures::count);
        table.styled(
            std::iter::once(class.class.clone())
                .chain(counts)
                .chain(shares)
                .map(|it| (PLAIN, it)),
        );
    }
    table
}

/// One line a label.
fn per_label(labels: &[LabelFigures]) -> Table {
    let titles = [
        "label",
        "#rows",
        "#predicted",
        "#precision",
        "#recall",
        "#f1",
        "#roc_auc",
        "#average_precision",
    ];
    let mut table = Table::new(&titles);
    for label in labels {
        let shares = [label.precision, label.recall, label.f1].map(figures::number);
        let areas = [label.roc_auc, label.average_precision];
        let areas = areas.map(|it| it.map(figures::number).unwrap_or_default());
        let counts = [label.rows, label.predicted].map(figures::count);
        let name = std::iter::once(label.label.clone());
        table.row(name.chain(counts).chain(shares).chain(areas));
    }
    table
}

/// One line a target, a column a metric.
fn per_target(targets: &[TargetFigures]) -> Table {
    let mut titles = vec!["target".to_owned()];
    let names = targets.first().map(|it| it.metrics.keys());
    titles.extend(names.into_iter().flatten().map(|it| format!("#{it}")));
    let mut table = Table::new(&titles.iter().map(String::as_str).collect::<Vec<_>>());
    for target in targets {
        let values = target.metrics.values().map(|it| figures::number(*it));
        table.row(std::iter::once(target.target.clone()).chain(values));
    }
    table
}

/// Rows by true class, columns by predicted class.
fn confusion(classes: &[String], matrix: &[Vec<u64>]) -> Table {
    let mut titles = vec!["true \\ predicted".to_owned()];
    titles.extend(classes.iter().map(|it| format!("#{it}")));
    let mut table = Table::new(&titles.iter().map(String::as_str).collect::<Vec<_>>());
    for (truth, (class, counts)) in classes.iter().zip(matrix).enumerate() {
        let cells = counts
            .iter()
            .enumerate()
            .map(|(predicted, count)| match *count {
                0 => (DIM, "·".to_owned()),
                count if truth == predicted => (GOOD, figures::count(count)),
                count => (BAD, figures::count(count)),
            });
        table.styled(std::iter::once((PLAIN, class.clone())).chain(cells));
    }
    table
}
