//! A dataset: its parts, the balance of its classes, its columns with ranges and missing values.

use std::path::Path;

use indexmap::IndexMap;
use pipe_schema::{
    dataset::{
        Column, ColumnSummary, DatasetSchema, PART_FILE, PARTS, Part, SCHEMA_FILE, TargetKind,
    },
    text::one_line,
};
use serde_json::{Value, json};

use super::read;
use crate::{
    cli::{Context, context::Verbosity},
    report::{figures, table::Table},
};

/// Columns that are listed without `-v`.
const LISTED: usize = 24;
/// Values of a categorical column that are named.
const VALUES: usize = 4;
/// Classes or labels that are listed.
const CLASSES: usize = 20;
/// Several numbers that are listed.
const TARGETS: usize = 8;

/// What is told of a number's range.
type Pick = fn(&ColumnSummary) -> Option<f64>;
const RANGE: [(&str, Pick); 3] = [
    ("min", |it| it.min),
    ("mean", |it| it.mean),
    ("max", |it| it.max),
];

struct Dataset {
    schema: DatasetSchema,
    parts: IndexMap<&'static str, Part>,
}

fn open(path: &Path) -> anyhow::Result<Option<Dataset>> {
    let Some(schema) = read(&path.join(SCHEMA_FILE))? else {
        return Ok(None);
    };
    let mut parts = IndexMap::new();
    for name in PARTS {
        if let Some(part) = read(&path.join(name).join(PART_FILE))? {
            parts.insert(name, part);
        }
    }
    Ok(Some(Dataset { schema, parts }))
}

/// For programs: schema and parts as stored.
pub fn content(path: &Path) -> anyhow::Result<Value> {
    Ok(open(path)?.map_or(
        Value::Null,
        |it| json!({"schema": it.schema, "parts": it.parts}),
    ))
}

/// For people.
pub fn render(path: &Path, context: &Context) -> anyhow::Result<String> {
    let Some(dataset) = open(path)? else {
        return super::files::render(path, context);
    };
    let mut text = target(&dataset);
    text.push_str(&balance(&dataset).render(context.width));
    text.push('\n');
    text.push_str(&columns(&dataset, context));
    Ok(text)
}

fn target(dataset: &Dataset) -> String {
    let schema = &dataset.schema;
    let rows: u64 = dataset.parts.values().map(|it| it.rows).sum();
    let what = match &schema.target.kind {
        TargetKind::Classes { names, .. } => format!("{} classes", names.len()),
        TargetKind::Number { .. } => "a number".to_owned(),
        TargetKind::Numbers { names, .. } => format!("{} numbers", names.len()),
        TargetKind::Labels { names, .. } => format!("{} labels", names.len()),
    };
    let size = format!(
        "{}, {}, {} after the steps",
        figures::plural(rows, "row"),
        figures::plural(schema.columns.len() as u64, "column"),
        figures::plural(schema.features.len() as u64, "feature"),
    );
    let noun = match schema.target.columns() {
        [_] => "target",
        _ => "targets",
    };
    let name = one_line(&schema.target.name);
    format!("{size}; {noun} `{name}`: {what}\n\n")
}

/// Rows by part, and by class where there are classes.
fn balance(dataset: &Dataset) -> Table {
    let mut titles = vec![String::new()];
    titles.extend(dataset.parts.keys().map(|it| format!("#{it}")));
    let mut table = Table::new(&titles.iter().map(String::as_str).collect::<Vec<_>>());
    let parts = || dataset.parts.values();
    let mut row = |title: &str, cell: &dyn Fn(&Part) -> String| {
        table.row(std::iter::once(title.to_owned()).chain(parts().map(cell)));
    };
    row("rows", &|part| figures::count(part.rows));
    let missing = |part: &Part| part.columns.iter().map(|it| it.missing).sum::<u64>();
    if parts().any(|it| missing(it) > 0) {
        row("missing values", &|part| figures::count(missing(part)));
    }
    if parts().any(|it| it.in_train > 0) {
        row("of them in train too", &|part| {
            figures::count(part.in_train)
        });
    }
    match &dataset.schema.target.kind {
        TargetKind::Classes { names, .. } => {
            for name in names.iter().take(CLASSES) {
                row(name, &|part| match part.target.counts.get(name) {
                    Some(count) => share(*count, part.rows),
                    None => "0".to_owned(),
                });
            }
            row_of_more(&mut row, names.len(), CLASSES);
        }
        TargetKind::Number { .. } => {
            for (what, pick) in RANGE {
                row(&format!("target {what}"), &|part| {
                    number(pick(&part.target))
                });
            }
        }
        TargetKind::Numbers { names, .. } => {
            for (at, name) in names.iter().enumerate().take(TARGETS) {
                for (what, pick) in RANGE {
                    row(&format!("{name} {what}"), &|part| {
                        number(part.targets.get(at).and_then(pick))
                    });
                }
            }
            row_of_more(&mut row, names.len(), TARGETS);
        }
        TargetKind::Labels { names, .. } => {
            for (at, name) in names.iter().enumerate().take(CLASSES) {
                row(&format!("{name} yes"), &|part| {
                    let counts = part.targets.get(at).map(|it| &it.counts);
                    let count = counts.and_then(|it| it.get("true"));
                    share(count.copied().unwrap_or(0), part.rows)
                });
            }
            row_of_more(&mut row, names.len(), CLASSES);
        }
    }
    table
}

/// Adds a row by its title and what it has of each part.
type AddRow<'a> = dyn FnMut(&str, &dyn Fn(&Part) -> String) + 'a;

/// Says how many are not listed.
fn row_of_more(row: &mut AddRow<'_>, all: usize, listed: usize) {
    if all > listed {
        row(&format!("and {} more", all - listed), &|_| String::new());
    }
}

fn number(value: Option<f64>) -> String {
    value.map(figures::number).unwrap_or_default()
}

fn share(count: u64, rows: u64) -> String {
    if rows == 0 {
        return figures::count(count);
    }
    format!(
        "{} ({:>2.0}%)",
        figures::count(count),
        count as f64 / rows as f64 * 100.0
    )
}

/// The raw columns, with what the train part holds in them.
fn columns(dataset: &Dataset, context: &Context) -> String {
    let train = dataset.parts.values().next();
    let all = &dataset.schema.columns;
    let is_listed = context.verbosity == Verbosity::Verbose || all.len() <= LISTED;
    let limit = if is_listed { all.len() } else { LISTED };
    let mut table = Table::new(&[
        "column", "!type", "#count", "#missing", "#min", "#mean", "#max", "values",
    ]);
    for column in all.iter().take(limit) {
        let summary = train.and_then(|part| part.columns.iter().find(|it| it.name == column.name));
        let summary = summary.cloned().unwrap_or_default();
        let rows = train.map_or(0, |it| it.rows);
        let missing = if summary.missing > 0 {
            figures::count(summary.missing)
        } else {
            String::new()
        };
        table.row([
            column.name.clone(),
            type_name(column),
            figures::count(rows.saturating_sub(summary.missing)),
            missing,
            number(summary.min),
            number(summary.mean),
            number(summary.max),
            values(&summary),
        ]);
    }
    let mut text = table.render(context.width);
    if limit < all.len() {
        text.push_str(&format!(
            "and {} more (`-v` shows all)\n",
            all.len() - limit
        ));
    }
    text
}

/// The type, of a block with the shape of a row.
fn type_name(column: &Column) -> String {
    let name = column.r#type.name();
    match &column.shape {
        Some(shape) => {
            let sizes: Vec<String> = shape.iter().map(u32::to_string).collect();
            format!("{name} [{}]", sizes.join(", "))
        }
        None => name.to_owned(),
    }
}

fn values(summary: &ColumnSummary) -> String {
    if let Some([first, last]) = &summary.dates {
        return format!("{first} to {last}");
    }
    if let Some(distinct) = summary.distinct {
        return format!("{} different", figures::count(distinct));
    }
    let more = summary.counts.len().saturating_sub(VALUES);
    let mut shown: Vec<String> = summary
        .counts
        .iter()
        .take(VALUES)
        .map(|(value, count)| format!("{value} {}", figures::count(*count)))
        .collect();
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    shown.join(", ")
}
