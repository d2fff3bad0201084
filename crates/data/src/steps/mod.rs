//! The steps of preprocessing: fitted on the train rows of a frame, applied to all rows of any.
//! Knows no files; what a step learned is all that it needs later.

pub mod choice;
pub mod impute;
pub mod one_hot;
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
        Step::OneHot(it) => one_hot::fit(it, frame, train),
        Step::Drop(it) => Ok(FittedStep::Drop {
            columns: choice::resolve(&it.columns, frame)?,
        }),
    }
}

/// Does to all rows what was learned. Columns that the frame does not have are passed over.
pub fn apply(step: &FittedStep, frame: &mut Frame) -> Result<(), DataError> {
    match step {
        FittedStep::Impute { fill } => impute::apply(fill, frame),
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
        } => one_hot::apply(categories, *unknown, frame),
        FittedStep::Drop { columns } => {
            let dropped: HashSet<&String> = columns.iter().collect();
            frame.columns.retain(|name, _| !dropped.contains(name));
            Ok(())
        }
    }
}
