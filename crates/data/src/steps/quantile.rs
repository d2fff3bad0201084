//! Quantiles of sorted numbers, as numpy computes them. Knows no columns.

use crate::error::DataError;

/// Checks that two quantiles rise within 0 and 1.
pub fn check(low: f64, high: f64) -> Result<(), DataError> {
    if 0.0 <= low && low < high && high <= 1.0 {
        return Ok(());
    }
    Err(DataError::wrong(format!(
        "the quantiles [{low}, {high}] do not rise between 0 and 1"
    )))
}

/// Between two numbers by its distance from each; `sorted` has one at least.
pub fn linear(sorted: &[f64], quantile: f64) -> f64 {
    let place = quantile * (sorted.len() - 1) as f64;
    let below = place.floor();
    let share = place - below;
    let a = sorted[below as usize];
    let b = sorted[place.ceil() as usize];
    // Seen from the nearer end, so that the result never lies outside.
    if share < 0.5 {
        a + (b - a) * share
    } else {
        b - (b - a) * (1.0 - share)
    }
}

/// The number at which so many are reached, or the middle of two where it falls between them.
pub fn averaged(sorted: &[f64], quantile: f64) -> f64 {
    let last = sorted.len() - 1;
    let place = quantile * sorted.len() as f64 - 1.0;
    let below = place.floor();
    let at = |place: f64| sorted[place.clamp(0.0, last as f64) as usize];
    if place > below {
        at(below + 1.0)
    } else {
        f64::midpoint(at(below), at(below + 1.0))
    }
}
