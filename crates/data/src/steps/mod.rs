//! The steps of preprocessing: fitted on the train rows of a frame, applied to all rows of any.
//! Knows no files; what a step learned is all that it needs later.

pub mod bag;
pub mod bend;
pub mod bucket;
pub mod choice;
pub mod dates;
pub mod hash;
pub mod images;
pub mod impute;
pub mod one_hot;
pub mod ordinal;
pub mod quantile;
pub mod scale;
pub mod target_mean;
pub mod terms;
pub mod tokens;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use pipe_schema::{dataset::FittedStep, stage::preprocess::Step};

pub use self::target_mean::Goal;
use crate::{
    error::DataError,
    frame::{Frame, Values},
};

/// Fits a step on the rows `train`.
pub fn fit(
    step: &Step,
    frame: &Frame,
    train: &[usize],
    goal: Goal<'_>,
) -> Result<FittedStep, DataError> {
    match step {
        Step::Impute(it) => impute::fit(it, frame, train),
        Step::Standardize(it) => scale::fit_standardize(it, frame, train),
        Step::MinMax(it) => scale::fit_min_max(it, frame, train),
        Step::Robust(it) => scale::fit_robust(it, frame, train),
        Step::Log(it) => bend::fit_log(it, frame),
        Step::Power(it) => bend::fit_power(it, frame, train),
        Step::Clip(it) => bend::fit_clip(it, frame, train),
        Step::Bucketize(it) => bucket::fit(it, frame, train),
        Step::OneHot(it) => one_hot::fit(it, frame, train),
        Step::Ordinal(it) => ordinal::fit(it, frame, train),
        Step::Hash(it) => hash::fit(it, frame, train),
        Step::TargetEncode(it) => target_mean::fit(it, frame, train, goal),
        Step::DatetimeParts(it) => dates::fit(it, frame),
        Step::BagOfWords(it) => bag::fit(it, frame, train),
        Step::Tokens(it) => tokens::fit(it, frame, train),
        Step::Resize(it) => images::fit_resize(it, frame, train),
        Step::Normalize(it) => images::fit_normalize(it, frame, train),
        Step::Drop(it) => Ok(FittedStep::Drop {
            columns: choice::resolve(&it.columns, frame)?,
        }),
    }
}

/// Fits a step on the rows `train`, tells what was learned and does it to all rows. The train rows themselves get what was learned
/// without them, where a step looks at the target.
pub fn fit_apply(
    step: &Step,
    frame: &mut Frame,
    train: &[usize],
    goal: Goal<'_>,
    tell: &mut dyn FnMut(&FittedStep),
) -> Result<FittedStep, DataError> {
    for name in scaled(step, frame)? {
        make_dense(&name, frame);
    }
    let fitted = fit(step, frame, train, goal)?;
    let own = match step {
        Step::TargetEncode(it) => target_mean::cross_fit(it, frame, train, goal)?,
        _ => Vec::new(),
    };
    tell(&fitted);
    apply(&fitted, frame)?;
    for (name, numbers) in own {
        if let Some(Values::Numbers(column)) = frame.columns.get_mut(&name) {
            for (row, number) in train.iter().zip(numbers) {
                column[*row] = number;
            }
        }
    }
    Ok(fitted)
}

/// The columns of a step that changes numbers.
pub fn scaled(step: &Step, frame: &Frame) -> Result<Vec<String>, DataError> {
    if step.needs_numbers() || matches!(step, Step::Impute(_)) {
        return choice::resolve(step.columns(), frame);
    }
    Ok(Vec::new())
}

/// Likewise of one that was fitted.
fn scaled_before(step: &FittedStep) -> Vec<&String> {
    match step {
        FittedStep::Impute { fill, .. } => fill.keys().collect(),
        FittedStep::Standardize { columns } => columns.keys().collect(),
        FittedStep::MinMax { columns } => columns.keys().collect(),
        FittedStep::Robust { columns } => columns.keys().collect(),
        FittedStep::Log { columns } => columns.iter().collect(),
        FittedStep::Power { columns } => columns.keys().collect(),
        FittedStep::Clip { columns } => columns.keys().collect(),
        FittedStep::Bucketize { edges, .. } => edges.keys().collect(),
        _ => Vec::new(),
    }
}

/// Zeros become other numbers: a sparse column has a value for each row then.
fn make_dense(name: &str, frame: &mut Frame) {
    if let Some(values) = frame.columns.get_mut(name)
        && let Values::Sparse(column) = values
    {
        *values = column.to_dense();
    }
}

/// Does to all rows what was learned. Columns that the frame does not have are passed over.
pub fn apply(step: &FittedStep, frame: &mut Frame) -> Result<(), DataError> {
    for name in scaled_before(step) {
        make_dense(name, frame);
    }
    match step {
        FittedStep::Impute { fill, indicators } => impute::apply(fill, indicators, frame),
        FittedStep::Standardize { columns } => {
            for (name, it) in columns {
                scale::apply(frame, name, |value| (value - it.mean) / it.scale);
            }
            Ok(())
        }
        FittedStep::MinMax { columns } => {
            for (name, it) in columns {
                scale::apply(frame, name, |value| value * it.scale + it.offset);
            }
            Ok(())
        }
        FittedStep::OneHot {
            categories,
            unknown,
            rare,
        } => one_hot::apply(categories, rare, *unknown, frame),
        FittedStep::Robust { columns } => {
            for (name, it) in columns {
                scale::apply(frame, name, |value| (value - it.center) / it.scale);
            }
            Ok(())
        }
        FittedStep::Log { columns } => bend::apply_log(columns, frame),
        FittedStep::Power { columns } => {
            for (name, it) in columns {
                let bend = |value| (bend::yeo_johnson(value, it.lambda) - it.mean) / it.scale;
                scale::apply(frame, name, bend);
            }
            Ok(())
        }
        FittedStep::Clip { columns } => {
            for (name, it) in columns {
                scale::apply(frame, name, |value| bend::clip(value, *it));
            }
            Ok(())
        }
        FittedStep::Bucketize { edges, encode } => bucket::apply(edges, *encode, frame),
        FittedStep::Ordinal {
            categories,
            unknown,
        } => ordinal::apply(categories, *unknown, frame),
        FittedStep::Hash {
            columns,
            buckets,
            by_value,
        } => hash::apply(columns, *buckets, by_value, frame),
        FittedStep::TargetEncode { columns, classes } => {
            target_mean::apply(columns, classes, frame)
        }
        FittedStep::DatetimeParts {
            columns,
            parts,
            cyclic,
        } => dates::apply(columns, parts, *cyclic, frame),
        FittedStep::BagOfWords { columns, ngrams } => bag::apply(columns, *ngrams, frame),
        FittedStep::Tokens {
            columns,
            length,
            lowercase,
        } => tokens::apply(columns, *length, *lowercase, frame),
        FittedStep::Resize { columns, size } => images::apply_resize(columns, *size, frame),
        FittedStep::Normalize { columns } => images::apply_normalize(columns, frame),
        FittedStep::Drop { columns } => {
            let dropped: HashSet<&String> = columns.iter().collect();
            frame.columns.retain(|name, _| !dropped.contains(name));
            Ok(())
        }
    }
}
