//! Counts and ranges of a part's raw columns, and its first rows. Knows no files.

use std::collections::HashSet;

use pipe_schema::{
    dataset::{ColumnSummary, HEAD_ROWS, HeadRow, Part, Target, TargetKind},
    stage::preprocess::ColumnType,
};
use serde_json::Value;

use crate::{
    block::Moments,
    dataset::TargetValues,
    frame::{Frame, Values, number_json},
    met::Met,
    moment,
    windows::Series,
    words::Words,
};

const MOST_COUNTED: usize = 20;

/// What is told of a part beside its rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Outline {
    pub part: Part,
    pub head: Vec<HeadRow>,
}

/// Looks at the rows of a part before any step.
pub fn outline(frame: &Frame, target: &Target, targets: &TargetValues, rows: &[usize]) -> Outline {
    let columns = frame.columns.iter();
    Outline {
        part: Part {
            rows: rows.len() as u64,
            columns: columns.map(|(name, it)| column(name, it, rows)).collect(),
            target: target_column(target, targets, rows),
            targets: target_columns(target, targets, rows),
            in_train: 0,
        },
        head: rows
            .iter()
            .take(head_rows(frame))
            .map(|row| HeadRow {
                row: *row as u64,
                input: frame
                    .columns
                    .iter()
                    .map(|(name, values)| (name.clone(), values.json(*row)))
                    .collect(),
                target: target_json(target, targets, *row),
            })
            .collect(),
    }
}

impl Outline {
    /// Counts the part's rows with categories that the train part has not.
    pub fn note_unseen(&mut self, met: &Met, rows: &[usize]) {
        let rows: HashSet<usize> = rows.iter().copied().collect();
        for column in &mut self.part.columns {
            let unseen = met.unseen.get(&column.name).into_iter().flatten();
            column.unseen = unseen.filter(|row| rows.contains(row)).count() as u64;
        }
    }

    /// Of windows, the first rows are the first windows: lists of raw values.
    pub fn keep_windows(&mut self, series: &Series, frame: &Frame) {
        let most = MOST_NUMBERS / (frame.columns.len() * series.length()).max(1);
        self.head.truncate(most.max(1));
        for (window, row) in self.head.iter_mut().enumerate() {
            row.input = series.raw(window, frame);
        }
    }
}

/// Numbers that the first rows may have in all.
const MOST_NUMBERS: usize = 1 << 18;

/// So many raw rows are kept: fewer where they are wide.
fn head_rows(frame: &Frame) -> usize {
    /// A file's bytes are as long in base64 as numbers of so many bytes.
    const BYTES: usize = 4;
    let width = |it: &Values| match it {
        Values::Pictures(them) => them.largest() / BYTES,
        other => other.width(),
    };
    let width: usize = frame.columns.values().map(width).sum();
    (MOST_NUMBERS / width.max(1)).clamp(1, HEAD_ROWS)
}

fn column(name: &str, values: &Values, rows: &[usize]) -> ColumnSummary {
    let mut summary = match values {
        Values::Numbers(numbers) => {
            let known = rows.iter().map(|row| numbers[*row]);
            range(known.filter(|it| !it.is_nan()))
        }
        Values::Truths(values) => truths(rows.iter().map(|row| values[*row])),
        Values::Sparse(column) => range(rows.iter().map(|row| column.number(*row))),
        Values::Words(words) => worded(words, rows),
        Values::Pictures(pictures) => {
            let sizes = pictures.sizes(rows);
            counted(sizes.iter().map(|(size, count)| (size.as_str(), *count)))
        }
        Values::Block(block) => {
            let all = Moments::joined(&block.moments(rows));
            ColumnSummary {
                min: (all.count > 0).then_some(all.min),
                max: (all.count > 0).then_some(all.max),
                mean: all.mean.is_finite().then_some(all.mean),
                ..ColumnSummary::default()
            }
        }
    };
    name.clone_into(&mut summary.name);
    summary.missing = rows.iter().filter(|row| values.is_missing(**row)).count() as u64;
    summary
}

/// Of categories the frequent ones; of dates the first and the last.
fn worded(words: &Words, rows: &[usize]) -> ColumnSummary {
    let counts = words.counts(rows);
    if words.r#type == ColumnType::Categorical {
        return counted(words.names().zip(counts));
    }
    let seen = words.names().zip(&counts).filter(|it| *it.1 > 0);
    let seen = seen.map(|it| it.0);
    ColumnSummary {
        distinct: Some(seen.clone().count() as u64),
        dates: match words.r#type {
            ColumnType::Datetime => moment::ends(seen),
            _ => None,
        },
        ..ColumnSummary::default()
    }
}

fn target_column(target: &Target, targets: &TargetValues, rows: &[usize]) -> ColumnSummary {
    let mut summary = match (targets, &target.kind) {
        (TargetValues::Classes(codes), TargetKind::Classes { names, .. }) => {
            let mut counts = vec![0; names.len()];
            for row in rows {
                counts[codes[*row] as usize] += 1;
            }
            counted(names.iter().map(String::as_str).zip(counts))
        }
        (TargetValues::Numbers(numbers), _) => range(rows.iter().map(|row| numbers[*row])),
        _ => ColumnSummary::default(),
    };
    summary.name.clone_from(&target.name);
    summary
}

/// Each of several targets.
fn target_columns(target: &Target, targets: &TargetValues, rows: &[usize]) -> Vec<ColumnSummary> {
    let summary = |at: usize| match targets {
        TargetValues::Several(grid) => range(rows.iter().map(|row| grid.row(*row)[at])),
        TargetValues::Labels(grid) => truths(rows.iter().map(|row| Some(grid.row(*row)[at]))),
        TargetValues::Classes(_) | TargetValues::Numbers(_) => ColumnSummary::default(),
    };
    let are_several = matches!(targets, TargetValues::Several(_) | TargetValues::Labels(_));
    let names = target.columns().iter().filter(|_| are_several);
    names
        .enumerate()
        .map(|(at, name)| ColumnSummary {
            name: name.clone(),
            ..summary(at)
        })
        .collect()
}

fn target_json(target: &Target, targets: &TargetValues, row: usize) -> Value {
    match (targets, &target.kind) {
        (TargetValues::Classes(codes), TargetKind::Classes { names, .. }) => {
            Value::from(names[codes[row] as usize].as_str())
        }
        (TargetValues::Classes(codes), _) => Value::from(codes[row]),
        (TargetValues::Numbers(numbers), _) => number_json(numbers[row]),
        (TargetValues::Several(grid), _) => {
            by_name(target, grid.row(row).iter().map(|it| number_json(*it)))
        }
        (TargetValues::Labels(grid), _) => {
            by_name(target, grid.row(row).iter().map(|it| Value::from(*it)))
        }
    }
}

fn by_name(target: &Target, values: impl Iterator<Item = Value>) -> Value {
    let names = target.columns().iter().cloned();
    Value::Object(names.zip(values).collect())
}

/// How often each truth value is there.
fn truths(values: impl Iterator<Item = Option<bool>>) -> ColumnSummary {
    let mut counts = [("false", 0), ("true", 0)];
    for truth in values.flatten() {
        counts[usize::from(truth)].1 += 1;
    }
    counted(counts.into_iter())
}

fn range(values: impl Iterator<Item = f64>) -> ColumnSummary {
    let (mut min, mut max, mut sum, mut count) = (f64::INFINITY, f64::NEG_INFINITY, 0.0, 0_u64);
    for value in values {
        (min, max) = (min.min(value), max.max(value));
        sum += value;
        count += 1;
    }
    let mean = sum / count as f64;
    ColumnSummary {
        min: (count > 0).then_some(min),
        max: (count > 0).then_some(max),
        mean: (count > 0 && mean.is_finite()).then_some(mean),
        ..ColumnSummary::default()
    }
}

/// The most frequent values; of equally frequent ones the smaller text first.
fn counted<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> ColumnSummary {
    let mut counts: Vec<(&str, u64)> = counts.filter(|it| it.1 > 0).collect();
    let order = |a: &(&str, u64), b: &(&str, u64)| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0));
    if counts.len() > MOST_COUNTED {
        counts.select_nth_unstable_by(MOST_COUNTED, order);
        counts.truncate(MOST_COUNTED);
    }
    counts.sort_unstable_by(order);
    let counts = counts.into_iter();
    ColumnSummary {
        counts: counts
            .map(|(text, count)| (text.to_owned(), count))
            .collect(),
        ..ColumnSummary::default()
    }
}
