//! Scales numbers: standardize, min_max and robust. Formulas, and what counts as constant, are scikit-learn's.
//! Knows one column at a time; missing values stay missing. All numbers of a block are scaled alike.

use indexmap::IndexMap;
use pipe_schema::{
    dataset::{CenterScale, FittedStep, MeanScale, ScaleOffset},
    stage::preprocess::{MinMax, Robust, Standardize},
};

use super::{choice, quantile};
use crate::{
    block::Moments,
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
        let learned = if let Some(Values::Block(block)) = frame.columns.get(&name) {
            let all = Moments::joined(&block.moments(train));
            standard(all.mean, all.variance, all.count as f64)
        } else {
            mean_scale(&choice::known(frame, &name, "standardize", train)?)
        };
        check_finite(&[learned.mean, learned.scale], &name)?;
        columns.insert(name, learned);
    }
    Ok(FittedStep::Standardize { columns })
}

/// A deviation that is nothing but rounding counts as 1.
pub fn standard(mean: f64, variance: f64, count: f64) -> MeanScale {
    let is_constant = is_rounding(mean, variance, count);
    let scale = if is_constant { 1.0 } else { variance.sqrt() };
    MeanScale { mean, scale }
}

/// Whether such a variance is that of equal numbers, summed up with rounding.
fn is_rounding(mean: f64, variance: f64, count: f64) -> bool {
    variance <= count * f64::EPSILON * variance + (count * mean * f64::EPSILON).powi(2)
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
        let (min, max) = if let Some(Values::Block(block)) = frame.columns.get(&name) {
            let all = Moments::joined(&block.moments(train));
            (all.min, all.max)
        } else {
            let known = choice::known(frame, &name, "min_max", train)?;
            let min = known.iter().copied().fold(f64::INFINITY, f64::min);
            let max = known.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            (min, max)
        };
        let is_constant = max - min < 10.0 * f64::EPSILON;
        let scale = (high - low) / if is_constant { 1.0 } else { max - min };
        let offset = low - min * scale;
        check_finite(&[scale, offset], &name)?;
        columns.insert(name, ScaleOffset { scale, offset });
    }
    Ok(FittedStep::MinMax { columns })
}

/// Learns the median of each column, and the range between two quantiles.
pub fn fit_robust(step: &Robust, frame: &Frame, train: &[usize]) -> Result<FittedStep, DataError> {
    let [low, high] = step.quantiles;
    quantile::check(low, high)?;
    let mut columns = IndexMap::new();
    for name in choice::resolve(&step.columns, frame)? {
        let mut known = choice::known(frame, &name, "robust", train)?;
        known.sort_unstable_by(f64::total_cmp);
        let center = quantile::linear(&known, 0.5);
        let range = quantile::linear(&known, high) - quantile::linear(&known, low);
        let is_constant = range < 10.0 * f64::EPSILON;
        let scale = if is_constant { 1.0 } else { range };
        check_finite(&[center, scale], &name)?;
        columns.insert(name, CenterScale { center, scale });
    }
    Ok(FittedStep::Robust { columns })
}

/// Changes each number of a column.
pub fn apply(frame: &mut Frame, name: &str, change: impl Fn(f64) -> f64) {
    match frame.columns.get_mut(name) {
        Some(Values::Numbers(values)) => {
            for value in values {
                *value = change(*value);
            }
        }
        Some(Values::Block(block)) => block.change(|_, value| change(value)),
        _ => {}
    }
}

/// Mean and population standard deviation; 1 for the latter where all numbers are equal but for rounding.
pub fn mean_scale(known: &[f64]) -> MeanScale {
    if let Some(value) = only_value(known) {
        return MeanScale {
            mean: value,
            scale: 1.0,
        };
    }
    let (mean, variance) = mean_variance(known);
    standard(mean, variance, known.len() as f64)
}

/// Whether all numbers are equal but for rounding.
pub fn is_constant(known: &[f64]) -> bool {
    let (mean, variance) = mean_variance(known);
    only_value(known).is_some() || is_rounding(mean, variance, known.len() as f64)
}

/// The number that all are.
fn only_value(known: &[f64]) -> Option<f64> {
    let first = *known.first()?;
    known
        .iter()
        .all(|it| it.total_cmp(&first).is_eq())
        .then_some(first)
}

fn mean_variance(known: &[f64]) -> (f64, f64) {
    let count = known.len() as f64;
    let mean = known.iter().sum::<f64>() / count;
    // The second sum is 0 but for rounding; it corrects the first for the rounding of the mean.
    let squares: f64 = known.iter().map(|it| (it - mean) * (it - mean)).sum();
    let rest: f64 = known.iter().map(|it| it - mean).sum();
    (mean, (squares - rest * rest / count) / count)
}

/// Checks that what was learned of a column can be computed with.
pub fn check_finite(learned: &[f64], name: &str) -> Result<(), DataError> {
    if learned.iter().all(|it| it.is_finite()) {
        return Ok(());
    }
    Err(DataError::wrong(format!(
        "the numbers of column `{name}` are too large"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_numbers_are_constant_whatever_their_sum_rounds_to() {
        for (value, count) in [(3.7, 20), (1_234_567.89, 2000), (0.1, 100_000)] {
            let known = vec![value; count];
            assert!(is_constant(&known), "{value}");
            let learned = mean_scale(&known);
            assert_eq!((learned.mean, learned.scale), (value, 1.0));
        }
        assert!(!is_constant(&[1.0, 1.1]));
    }
}
