//! Bends and cuts numbers: log, power and clip. Knows one column at a time; missing values stay missing.

use indexmap::IndexMap;
use pipe_schema::{
    dataset::{Bounds, FittedStep, PowerScale},
    stage::preprocess::{Clip, Log, Power},
};

use super::{choice, quantile, scale};
use crate::{
    error::DataError,
    frame::{Frame, Values},
};

/// Learns nothing but the columns.
pub fn fit_log(step: &Log, frame: &Frame) -> Result<FittedStep, DataError> {
    let columns = choice::resolve(&step.columns, frame)?;
    for name in &columns {
        choice::numbers(frame, name, "log")?;
    }
    Ok(FittedStep::Log { columns })
}

/// `ln(1 + x)`; a number that has none is refused.
pub fn apply_log(columns: &[String], frame: &mut Frame) -> Result<(), DataError> {
    for name in columns {
        if let Some(Values::Numbers(values)) = frame.columns.get(name)
            && let Some(row) = values.iter().position(|it| *it <= -1.0)
        {
            return Err(DataError::wrong(format!(
                "{}: column `{name}`: {} has no ln(1 + x), only numbers above -1 have",
                frame.places.of(row),
                values[row]
            ))
            .hint(format!(
                "`- clip: {{columns: [{name}], min: 0}}` before it, or `power` instead, which takes all numbers"
            )));
        }
        scale::apply(frame, name, f64::ln_1p);
    }
    Ok(())
}

/// Learns the exponent of each column, then mean and standard deviation of what it makes.
pub fn fit_power(step: &Power, frame: &Frame, train: &[usize]) -> Result<FittedStep, DataError> {
    let mut columns = IndexMap::new();
    for name in choice::resolve(&step.columns, frame)? {
        let known = choice::known(frame, &name, "power", train)?;
        // As in scikit-learn, a constant column is left as it is.
        let lambda = if scale::is_constant(&known) {
            1.0
        } else {
            likeliest(&known)
        };
        let (mut mean, mut scale) = (0.0, 1.0);
        if step.standardize {
            let bent: Vec<f64> = known.iter().map(|it| yeo_johnson(*it, lambda)).collect();
            let learned = scale::mean_scale(&bent);
            (mean, scale) = (learned.mean, learned.scale);
        }
        scale::check_finite(&[lambda, mean, scale], &name)?;
        columns.insert(
            name,
            PowerScale {
                lambda,
                mean,
                scale,
            },
        );
    }
    Ok(FittedStep::Power { columns })
}

/// The Yeo-Johnson transform of a number.
pub fn yeo_johnson(value: f64, lambda: f64) -> f64 {
    let bend = |size: f64, power: f64| {
        if power.abs() < f64::EPSILON {
            size.ln_1p()
        } else {
            (power * size.ln_1p()).exp_m1() / power
        }
    };
    if value >= 0.0 {
        bend(value, lambda)
    } else {
        -bend(-value, 2.0 - lambda)
    }
}

/// The exponent under which the transformed numbers are most likely drawn from a normal distribution.
fn likeliest(known: &[f64]) -> f64 {
    const GRID: i32 = 40;
    const STEP: f64 = 0.25;
    let count = known.len() as f64;
    let logs: f64 = known.iter().map(|it| it.signum() * it.abs().ln_1p()).sum();
    let likelihood = |lambda: f64| {
        let bent: Vec<f64> = known.iter().map(|it| yeo_johnson(*it, lambda)).collect();
        let mean = bent.iter().sum::<f64>() / count;
        let variance = bent.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / count;
        let likelihood = (lambda - 1.0) * logs - count / 2.0 * variance.ln();
        if variance > 0.0 && likelihood.is_finite() {
            likelihood
        } else {
            f64::NEG_INFINITY
        }
    };
    let grid = (-GRID..=GRID).map(|it| f64::from(it) * STEP);
    let best = grid
        .map(|lambda| (lambda, likelihood(lambda)))
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map_or(1.0, |it| it.0);
    // Golden section search: each turn leaves 0.618 of the interval.
    let share = (5_f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (best - STEP, best + STEP);
    let (mut a, mut b) = (high - share * (high - low), low + share * (high - low));
    let (mut at_a, mut at_b) = (likelihood(a), likelihood(b));
    while high - low > 1e-9 {
        if at_a >= at_b {
            (high, b, at_b) = (b, a, at_a);
            a = high - share * (high - low);
            at_a = likelihood(a);
        } else {
            (low, a, at_a) = (a, b, at_b);
            b = low + share * (high - low);
            at_b = likelihood(b);
        }
    }
    f64::midpoint(low, high)
}

/// Takes the bounds, or learns them.
pub fn fit_clip(step: &Clip, frame: &Frame, train: &[usize]) -> Result<FittedStep, DataError> {
    let mut columns = IndexMap::new();
    if let Some([low, high]) = step.quantiles {
        quantile::check(low, high)?;
        if step.min.is_some() || step.max.is_some() {
            return Err(DataError::wrong(
                "clip takes `quantiles`, or `min` and `max`",
            ));
        }
    } else if step.min.is_none() && step.max.is_none() {
        return Err(DataError::wrong("clip has no bounds")
            .hint("write `min: 0`, `max: 100` or `quantiles: [0.01, 0.99]`"));
    }
    if let (Some(min), Some(max)) = (step.min, step.max)
        && min > max
    {
        return Err(DataError::wrong(format!(
            "clip: min {min} is above max {max}"
        )));
    }
    for name in choice::resolve(&step.columns, frame)? {
        choice::numbers(frame, &name, "clip")?;
        let (low, high) = match step.quantiles {
            Some([low, high]) => {
                let mut known = choice::known(frame, &name, "clip", train)?;
                known.sort_unstable_by(f64::total_cmp);
                let at = |it| Some(quantile::linear(&known, it));
                (at(low), at(high))
            }
            None => (step.min, step.max),
        };
        columns.insert(name, Bounds { low, high });
    }
    Ok(FittedStep::Clip { columns })
}

/// A number within the bounds.
pub fn clip(value: f64, bounds: Bounds) -> f64 {
    // Comparisons leave a missing value as it is.
    match bounds {
        Bounds { low: Some(low), .. } if value < low => low,
        Bounds {
            high: Some(high), ..
        } if value > high => high,
        _ => value,
    }
}
