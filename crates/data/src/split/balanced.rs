//! Groups dealt so that each value of another column has its share everywhere: scikit-learn's `StratifiedGroupKFold`, to the
//! last bit, and the same for parts of unequal shares. Knows numbers of strata and groups; no tables.

use super::shuffle::Shuffle;

/// Two evaluations that differ less are equal: the tolerances of NumPy's `isclose`.
const RELATIVE: f64 = 1e-5;
const ABSOLUTE: f64 = 1e-8;

/// Deals whole groups to bins and returns the bin of each group. `shares` gives the bins' shares of the rows, which are
/// equal for folds.
///
/// The groups whose rows differ most in their strata come first. Each goes to the bin where it leaves the strata most
/// evenly spread; of equal bins to the one with the fewest rows for its share.
pub fn deal(
    strata: &[usize],
    groups: &[usize],
    shares: &[f64],
    shuffle: Option<Shuffle>,
) -> Vec<usize> {
    let count = groups.iter().max().map_or(0, |group| group + 1);
    let strata_count = strata.iter().max().map_or(0, |stratum| stratum + 1);
    let mut of_group = vec![vec![0.0; strata_count]; count];
    let mut totals = vec![0.0; strata_count];
    for (stratum, group) in strata.iter().zip(groups) {
        of_group[*group][*stratum] += 1.0;
        totals[*stratum] += 1.0;
    }
    // A stratum without rows would divide by zero.
    let present: Vec<usize> = (0..strata_count).filter(|at| totals[*at] > 0.0).collect();
    for counts in &mut of_group {
        *counts = present.iter().map(|at| counts[*at]).collect();
    }
    let totals: Vec<f64> = present.iter().map(|at| totals[*at]).collect();

    let mut order: Vec<usize> = (0..count).collect();
    if let Some(mut shuffle) = shuffle {
        shuffle.mix(&mut order);
    }
    let spreads: Vec<f64> = of_group.iter().map(|counts| deviation(counts)).collect();
    order.sort_by(|a, b| spreads[*b].total_cmp(&spreads[*a]));

    let mut bins = Bins::new(shares, totals);
    let mut bin_of = vec![0; count];
    for group in order {
        bin_of[group] = bins.take(&of_group[group]);
    }
    bin_of
}

/// The rows of each stratum in each bin so far.
struct Bins {
    counts: Vec<Vec<f64>>,
    /// How much a row counts in each bin: 1 where all shares are equal.
    weights: Vec<f64>,
    /// Rows of each stratum in all bins once all are dealt.
    totals: Vec<f64>,
}

impl Bins {
    fn new(shares: &[f64], totals: Vec<f64>) -> Self {
        let are_equal = shares.iter().all(|share| *share == shares[0]);
        let weight = |share: &f64| {
            if are_equal {
                1.0
            } else {
                1.0 / (share * shares.len() as f64)
            }
        };
        Self {
            counts: vec![vec![0.0; totals.len()]; shares.len()],
            weights: shares.iter().map(weight).collect(),
            totals,
        }
    }

    /// Adds a group to the best bin.
    fn take(&mut self, group: &[f64]) -> usize {
        let (mut best, mut least, mut fewest) = (0, f64::INFINITY, f64::INFINITY);
        for bin in 0..self.counts.len() {
            let unevenness = self.unevenness_with(bin, group);
            let rows = self.counts[bin].iter().sum::<f64>() * self.weights[bin];
            let is_close = (unevenness - least).abs() <= ABSOLUTE + RELATIVE * least.abs()
                && least.is_finite();
            if unevenness < least || (is_close && rows < fewest) {
                (best, least, fewest) = (bin, unevenness, rows);
            }
        }
        for (count, more) in self.counts[best].iter_mut().zip(group) {
            *count += more;
        }
        best
    }

    /// The mean over the strata of how far their shares in the bins differ, with the group in one bin.
    fn unevenness_with(&self, bin: usize, group: &[f64]) -> f64 {
        let bins = self.counts.len() as f64;
        let share = |at: usize, stratum: usize| {
            let more = if at == bin { group[stratum] } else { 0.0 };
            (self.counts[at][stratum] + more) / self.totals[stratum] * self.weights[at]
        };
        let deviations: Vec<f64> = (0..self.totals.len())
            .map(|stratum| {
                let shares = (0..self.counts.len()).map(|at| share(at, stratum));
                let mean = shares.clone().sum::<f64>() / bins;
                let squares = shares.map(|it| (it - mean) * (it - mean));
                (squares.sum::<f64>() / bins).sqrt()
            })
            .collect();
        pairwise_sum(&deviations) / deviations.len() as f64
    }
}

/// The population's standard deviation.
fn deviation(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = pairwise_sum(values) / count;
    let squares: Vec<f64> = values.iter().map(|it| (it - mean) * (it - mean)).collect();
    (pairwise_sum(&squares) / count).sqrt()
}

/// Adds in NumPy's order, on which the last bit depends, and on that which of two equal groups comes first.
fn pairwise_sum(values: &[f64]) -> f64 {
    const LANES: usize = 8;
    const BLOCK: usize = 128;
    if values.len() < LANES {
        return values.iter().sum();
    }
    if values.len() > BLOCK {
        let half = values.len() / 2;
        let (low, high) = values.split_at(half - half % LANES);
        return pairwise_sum(low) + pairwise_sum(high);
    }
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut lanes = chunks[0];
    for chunk in &chunks[1..] {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += value;
        }
    }
    let pair = |at: usize| lanes[at] + lanes[at + 1];
    let sum = (pair(0) + pair(2)) + (pair(4) + pair(6));
    rest.iter().fold(sum, |sum, value| sum + value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balanced_parts_of_unequal_shares_have_each_stratum_by_its_share() {
        // 300 groups of 1 to 5 rows, mostly of one stratum each.
        let (mut strata, mut groups) = (Vec::new(), Vec::new());
        for group in 0..300 {
            for row in 0..=group % 5 {
                groups.push(group);
                strata.push(usize::from(group % 4 == 0) ^ usize::from(row == 4));
            }
        }
        let shares = [0.6, 0.1, 0.3];
        let bins = deal(&strata, &groups, &shares, Some(Shuffle::seeded(3)));
        for stratum in 0..2 {
            let rows = || (0..strata.len()).filter(|row| strata[*row] == stratum);
            for (bin, share) in shares.iter().enumerate() {
                let here = rows().filter(|row| bins[groups[*row]] == bin).count() as f64;
                let found = here / rows().count() as f64;
                assert!(
                    (found - share).abs() < 0.02,
                    "{stratum} in {bin}: {found}, not {share}"
                );
            }
        }
    }
}
