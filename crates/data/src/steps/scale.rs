//! Scales numbers: standardize and min_max. Formulas, and what counts as constant, are scikit-learn's.
//! Knows one column at a time; missing values stay missing.

use indexmap::IndexMap;
use pipe_schema::{
    dataset::{FittedStep, MeanScale, ScaleOffset},
    stage::preprocess::{MinMax, Standardize},
};

use super::choice;
use crate::{
    error::DataError,
    frame::{Frame, Values},
};

/// Learns mean and population standard deviation of each column.
pub fn fit_standardize(
    step: &Standardize,
    frame: &Frame,
    train: &[usize],
) -> Result<FittedStep, DataError> {
    let mut columns = IndexMap::new();
    for name in choice::resolve(&step.columns, frame)? {
        let known = known(frame, &name, "standardize", train)?;
        let count = known.len() as f64;
        let mean = known.iter().sum::<f64>() / count;
        // The second sum is 0 but for rounding; it corrects the first for the rounding of the mean.
        let squares: f64 = known.iter().map(|it| (it - mean) * (it - mean)).sum();
        let rest: f64 = known.iter().map(|it| it - mean).sum();
        let variance = (squares - rest * rest / count) / count;
        let rounding = count * f64::EPSILON * variance + (count * mean * f64::EPSILON).powi(2);
        let is_constant = variance <= rounding;
        let scale = if is_constant { 1.0 } else { variance.sqrt() };
        check_finite(&[mean, scale], &name)?;
        columns.insert(name, MeanScale { mean, scale });
    }
    Ok(FittedStep::Standardize { columns })
}

/// Learns the range of each column.
pub fn fit_min_max(step: &MinMax, frame: &Frame, train: &[usize]) -> Result<FittedStep, DataError> {
    let [low, high] = step.range;
    if !(low < high && (high - low).is_finite()) {
        return Err(DataError::wrong(format!(
            "the range [{low}, {high}] does not rise"
        )));
    }
    let mut columns = IndexMap::new();
    for name in choice::resolve(&step.columns, frame)? {
        let known = known(frame, &name, "min_max", train)?;
        let min = known.iter().copied().fold(f64::INFINITY, f64::min);
        let max = known.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let is_constant = max - min < 10.0 * f64::EPSILON;
        let scale = (high - low) / if is_constant { 1.0 } else { max - min };
        let offset = low - min * scale;
        check_finite(&[scale, offset], &name)?;
        columns.insert(name, ScaleOffset { scale, offset });
    }
    Ok(FittedStep::MinMax { columns })
}

/// Changes each number of a column.
pub fn apply(frame: &mut Frame, name: &str, change: impl Fn(f64) -> f64) {
    if let Some(Values::Numbers(values)) = frame.columns.get_mut(name) {
        for value in values {
            *value = change(*value);
        }
    }
}

fn known(frame: &Frame, name: &str, step: &str, train: &[usize]) -> Result<Vec<f64>, DataError> {
    let values = choice::numbers(frame, name, step)?;
    let known: Vec<f64> = train
        .iter()
        .map(|row| values[*row])
        .filter(|it| !it.is_nan())
        .collect();
    if known.is_empty() {
        return Err(choice::no_values(name));
    }
    Ok(known)
}

fn check_finite(learned: &[f64], name: &str) -> Result<(), DataError> {
    if learned.iter().all(|it| it.is_finite()) {
        return Ok(());
    }
    Err(DataError::wrong(format!(
        "the numbers of column `{name}` are too large"
    )))
}
