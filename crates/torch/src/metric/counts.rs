//! One class against all others: precision, recall, F and specificity of it (Sokolova and Lapalme 2009, table 2).

use super::Classes;

/// Rows by truth and prediction, where one class is looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub true_positives: u64,
    pub false_positives: u64,
    pub false_negatives: u64,
    pub true_negatives: u64,
}

impl Counts {
    /// Counts the rows of the class.
    pub fn of(classes: &Classes, positive: usize) -> Self {
        let mut counts = Self::default();
        for (truth, predicted) in classes.truth.iter().zip(classes.predicted) {
            let count = match (*truth == positive, *predicted == positive) {
                (true, true) => &mut counts.true_positives,
                (false, true) => &mut counts.false_positives,
                (true, false) => &mut counts.false_negatives,
                (false, false) => &mut counts.true_negatives,
            };
            *count += 1;
        }
        counts
    }

    /// Rows of the class.
    pub fn positives(self) -> u64 {
        self.true_positives + self.false_negatives
    }

    /// Rows of other classes.
    pub fn negatives(self) -> u64 {
        self.false_positives + self.true_negatives
    }

    /// Rows predicted as the class.
    pub fn predicted(self) -> u64 {
        self.true_positives + self.false_positives
    }

    /// None where no row is predicted as the class.
    pub fn precision(self) -> Option<f64> {
        share(self.true_positives, self.predicted())
    }

    /// None where no row is of the class.
    pub fn recall(self) -> Option<f64> {
        share(self.true_positives, self.positives())
    }

    /// None where all rows are of the class.
    pub fn specificity(self) -> Option<f64> {
        share(self.true_negatives, self.negatives())
    }

    /// None where no row is of the class.
    pub fn fbeta(self, beta: f64) -> Option<f64> {
        let weight = beta * beta;
        let hits = (1.0 + weight) * self.true_positives as f64;
        let misses = self.false_positives as f64 + weight * self.false_negatives as f64;
        (self.positives() > 0).then(|| hits / (hits + misses))
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
