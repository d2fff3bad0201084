//! How far probabilities are from how often they come true (Guo, Pleiss, Sun and Weinberger 2017, "On calibration of modern
//! neural networks", section 2). Ranges are scikit-learn's `calibration_curve`: each holds its upper end, the first 0 as well.

/// Rows whose probabilities lie in one range.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bin {
    pub rows: u64,
    /// Rows for which it is true.
    pub hits: u64,
    /// The sum of their probabilities.
    pub sum: f64,
}

impl Bin {
    /// The mean probability and the share that is true; none of no rows.
    pub fn point(&self) -> Option<(f64, f64)> {
        let rows = self.rows as f64;
        (self.rows > 0).then(|| (self.sum / rows, self.hits as f64 / rows))
    }
}

/// Divides probabilities, with whether each came true, into `count` ranges of equal width.
pub fn bins(forecasts: impl Iterator<Item = (f64, bool)>, count: usize) -> Vec<Bin> {
    let width = 1.0 / count as f64;
    let ends: Vec<f64> = (1..count).map(|at| at as f64 * width).collect();
    let mut bins = vec![Bin::default(); count];
    for (probability, is_true) in forecasts {
        let bin = &mut bins[ends.partition_point(|end| *end < probability)];
        bin.rows += 1;
        bin.hits += u64::from(is_true);
        bin.sum += probability;
    }
    bins
}

/// The mean distance of the mean probability from the share that is true, by rows.
pub fn expected_error(bins: &[Bin]) -> f64 {
    let rows: u64 = bins.iter().map(|bin| bin.rows).sum();
    let distance = |bin: &Bin| {
        let (given, found) = bin.point()?;
        Some(bin.rows as f64 * (given - found).abs())
    };
    let sum: f64 = bins.iter().filter_map(distance).sum();
    sum / rows as f64
}
