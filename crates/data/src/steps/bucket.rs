//! Sorts numbers into buckets. Quantiles, and which buckets are too narrow to keep, are scikit-learn's.

use indexmap::IndexMap;
use pipe_schema::{
    dataset::FittedStep,
    stage::preprocess::{BucketEncoding, BucketStrategy, Bucketize},
};

use super::{choice, quantile};
use crate::{
    error::DataError,
    frame::{Frame, Values},
    sparse::NewColumns,
};

/// Two edges that are not further apart are one.
const NARROWEST: f64 = 1e-8;

/// Learns the inner edges of each column, or takes those given.
pub fn fit(step: &Bucketize, frame: &Frame, train: &[usize]) -> Result<FittedStep, DataError> {
    let bins = step.bins.unwrap_or(5);
    if bins < 2 {
        return Err(DataError::wrong("`bins` must be at least 2"));
    }
    if let Some(edges) = &step.edges {
        if edges.is_empty()
            || !edges.iter().all(|it| it.is_finite())
            || !edges.is_sorted_by(|a, b| a < b)
        {
            return Err(DataError::wrong("the edges of bucketize do not rise"));
        }
        if step.bins.is_some() || step.strategy.is_some() {
            return Err(DataError::wrong(
                "bucketize takes `edges`, or `bins` and `strategy`",
            ));
        }
    }
    let mut edges = IndexMap::new();
    for name in choice::resolve(&step.columns, frame)? {
        choice::numbers(frame, &name, "bucketize")?;
        let inner = if let Some(given) = &step.edges {
            given.clone()
        } else {
            let mut known = choice::known(frame, &name, "bucketize", train)?;
            known.sort_unstable_by(f64::total_cmp);
            let strategy = step.strategy.unwrap_or(BucketStrategy::Quantile);
            learn(&known, bins, strategy)
        };
        edges.insert(name, inner);
    }
    Ok(FittedStep::Bucketize {
        edges,
        encode: step.encode,
    })
}

/// The inner edges; none where all numbers are equal.
fn learn(sorted: &[f64], bins: u32, strategy: BucketStrategy) -> Vec<f64> {
    let (min, max) = (sorted[0], sorted[sorted.len() - 1]);
    let step = match strategy {
        BucketStrategy::Uniform => (max - min) / f64::from(bins),
        BucketStrategy::Quantile => 100.0 / f64::from(bins),
    };
    let edge = |at: u32| match strategy {
        BucketStrategy::Uniform if at == bins => max,
        BucketStrategy::Uniform => f64::from(at) * step + min,
        BucketStrategy::Quantile if at == bins => quantile::averaged(sorted, 1.0),
        BucketStrategy::Quantile => quantile::averaged(sorted, f64::from(at) * step / 100.0),
    };
    if min == max {
        return Vec::new();
    }
    let all: Vec<f64> = (0..=bins).map(edge).collect();
    if strategy == BucketStrategy::Uniform {
        return all[1..all.len() - 1].to_vec();
    }
    let is_wide = |pair: &[f64]| pair[1] - pair[0] > NARROWEST;
    let mut kept: Vec<f64> = all
        .windows(2)
        .filter(|it| is_wide(it))
        .map(|it| it[1])
        .collect();
    kept.pop();
    kept
}

/// Puts numbers of buckets, or a column for each, where the numbers were.
pub fn apply(
    edges: &IndexMap<String, Vec<f64>>,
    encode: BucketEncoding,
    frame: &mut Frame,
) -> Result<(), DataError> {
    let mut columns = IndexMap::with_capacity(frame.columns.len());
    for (name, values) in std::mem::take(&mut frame.columns) {
        let (Some(edges), Values::Numbers(numbers)) = (edges.get(&name), &values) else {
            choice::insert(&mut columns, "bucketize", name, values)?;
            continue;
        };
        let bucket = |value: f64| edges.partition_point(|edge| *edge <= value);
        if encode == BucketEncoding::Number {
            let number = |it: &f64| {
                if it.is_nan() {
                    f64::NAN
                } else {
                    bucket(*it) as f64
                }
            };
            let column = Values::Numbers(numbers.iter().map(number).collect());
            columns.insert(name, column);
            continue;
        }
        choice::check_present(&frame.places, &name, &values)?;
        let mut made = NewColumns::booleans(edges.len() + 1, numbers.len());
        for (row, number) in numbers.iter().enumerate() {
            made.set(bucket(*number), row, 1.0);
        }
        for (at, column) in made.finish().enumerate() {
            choice::insert(&mut columns, "bucketize", format!("{name}={at}"), column)?;
        }
    }
    frame.columns = columns;
    Ok(())
}
