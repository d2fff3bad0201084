//! The share of rows whose class is among the most probable. Of equal probabilities the later class comes first, as
//! scikit-learn has it; of two classes the second needs more than one half.

use super::Classes;

/// With as many classes as there are, or more, every row is right.
pub fn accuracy(classes: &Classes, k: usize) -> f64 {
    let rows = classes.probabilities.chunks_exact(classes.count);
    let right = classes
        .truth
        .iter()
        .zip(rows)
        .filter(|(truth, row)| is_among(**truth, row, k))
        .count();
    right as f64 / classes.truth.len() as f64
}

fn is_among(truth: usize, row: &[f64], k: usize) -> bool {
    if let ([_, second], 1) = (row, k) {
        return (*second > 0.5) == (truth == 1);
    }
    let before = |(class, probability): &(usize, &f64)| {
        **probability > row[truth] || (**probability == row[truth] && *class > truth)
    };
    row.iter().enumerate().filter(before).count() < k
}
