//! How truth and prediction go together, over all cells of the confusion matrix.

use super::Classes;

/// Matthews' coefficient for any number of classes (Gorodkin 2004, "Comparing two K-category assignments by a
/// K-category correlation coefficient"). 0 where truth or prediction has one class only.
pub fn matthews(classes: &Classes) -> f64 {
    let tallies = classes.tallies();
    let rows = classes.truth.len() as f64;
    let sum = |of: fn(f64, f64) -> f64| -> f64 {
        tallies.iter().map(|it| of(it.truth, it.predicted)).sum()
    };
    let hits: f64 = tallies.iter().map(|it| it.hits).sum();
    let both = hits * rows - sum(|truth, predicted| truth * predicted);
    let truth = rows * rows - sum(|truth, _| truth * truth);
    let predicted = rows * rows - sum(|_, predicted| predicted * predicted);
    if truth * predicted == 0.0 {
        0.0
    } else {
        both / (truth * predicted).sqrt()
    }
}
