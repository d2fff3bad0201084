//! The steps of preprocessing: fitted on the train rows of a frame, applied to all rows of any.
//! Knows no files; what a step learned is all that it needs later.

pub mod bend;
pub mod bucket;
pub mod choice;
pub mod hash;
pub mod impute;
pub mod one_hot;
pub mod ordinal;
pub mod quantile;
pub mod scale;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use pipe_schema::{dataset::FittedStep, stage::preprocess::Step};

use crate::{error::DataError, frame::Frame};

/// Fits a step on the rows `train`.
pub fn fit(step: &Step, frame: &Frame, train: &[usize]) -> Result<FittedStep, DataError> {
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
        Step::Hash(it) => hash::fit(it, frame),
        Step::Drop(it) => Ok(FittedStep::Drop {
            columns: choice::resolve(&it.columns, frame)?,
        }),
    }
}

/// Does to all rows what was learned. Columns that the frame does not have are passed over.
pub fn apply(step: &FittedStep, frame: &mut Frame) -> Result<(), DataError> {
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
        FittedStep::Hash { columns, buckets } => hash::apply(columns, *buckets, frame),
        FittedStep::Drop { columns } => {
            let dropped: HashSet<&String> = columns.iter().collect();
            frame.columns.retain(|name, _| !dropped.contains(name));
            Ok(())
        }
    }
}
