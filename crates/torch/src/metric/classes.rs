//! Metrics of predicted classes.
//!
//! With `tp` the rows of a class that were predicted as it, `predicted` and `true` the rows predicted as it and of it
//! (Sokolova and Lapalme 2009, "A systematic analysis of performance measures for classification tasks", table 3):
//! precision = tp / predicted, recall = tp / true, F1 = 2 tp / (predicted + true); a share of nothing is 0.
//! Macro is the mean over the classes that occur in truth or prediction, weighted the mean by `true`,
//! micro the share of the sums.

use std::ops::Range;

use super::ranking::{self, Step};

/// Classes by index. Probabilities are by row, then class.
#[derive(Clone, Copy, Debug)]
pub struct Classes<'a> {
    pub truth: &'a [usize],
    pub predicted: &'a [usize],
    pub probabilities: &'a [f64],
    /// How many classes there are, whether they occur or not.
    pub count: usize,
    /// The class that figures of one class look for; of two classes there is one.
    pub positive: Option<usize>,
}

/// Rows of one class.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub hits: f64,
    pub predicted: f64,
    pub truth: f64,
}

/// What is said of one class, or of all together.
pub type Score = fn(Tally) -> f64;

impl Classes<'_> {
    /// The mean over the classes that occur.
    pub fn macro_mean(&self, score: Score) -> f64 {
        let tallies = self.occurring();
        let sum: f64 = tallies.iter().map(|it| score(*it)).sum();
        share(sum, tallies.len() as f64)
    }

    /// The mean by the classes' rows.
    pub fn weighted(&self, score: Score) -> f64 {
        Tally::weighted(&self.tallies(), score)
    }

    /// The score of all classes together.
    pub fn micro(&self, score: Score) -> f64 {
        score(Tally::sum(&self.tallies()))
    }

    /// The mean recall of the classes that occur in the truth.
    pub fn balanced_accuracy(&self) -> f64 {
        let mut tallies = self.tallies();
        tallies.retain(|it| it.truth > 0.0);
        let sum: f64 = tallies.iter().map(|it| it.recall()).sum();
        share(sum, tallies.len() as f64)
    }

    /// Rows by true class, then predicted class, over all classes.
    pub fn confusion(&self) -> Vec<Vec<u64>> {
        let mut matrix = vec![vec![0; self.count]; self.count];
        for (&truth, &predicted) in self.truth.iter().zip(self.predicted) {
            matrix[truth][predicted] += 1;
        }
        matrix
    }

    /// `-mean ln p` of the right class, with p kept inside [eps, 1 - eps] of f64 (Bishop 2006, page 209; the bounds are
    /// scikit-learn's). Rows are not scaled to a sum of 1.
    pub fn log_loss(&self) -> f64 {
        let sum: f64 = self
            .truth
            .iter()
            .zip(self.probabilities.chunks_exact(self.count))
            .map(|(&truth, row)| -row[truth].clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln())
            .sum();
        sum / self.truth.len() as f64
    }

    /// How the probability of a class ranks its rows above the others.
    pub fn curve(&self, class: usize) -> Vec<Step> {
        let rows = self.truth.iter();
        let rows = rows.zip(self.probabilities.chunks_exact(self.count));
        ranking::steps(rows.map(|(truth, row)| (row[class], *truth == class)))
    }

    /// The positive class, else each of them.
    pub fn looked_for(&self) -> Range<usize> {
        let (first, count) = match self.positive {
            Some(class) => (class, 1),
            None => (0, self.count),
        };
        first..first + count
    }

    /// Curves of all classes that are looked for.
    pub fn curves(&self) -> Vec<Vec<Step>> {
        self.looked_for().map(|class| self.curve(class)).collect()
    }

    /// Curves of all classes; of two classes that of the positive one says all.
    pub fn curves_of_all(&self) -> Vec<Vec<Step>> {
        if self.count == 2 {
            return self.curves();
        }
        (0..self.count).map(|class| self.curve(class)).collect()
    }

    /// Probabilities, with whether what they are given for is true: of the positive class, else of the predicted one.
    pub fn forecasts(&self) -> impl Iterator<Item = (f64, bool)> {
        let rows = self.probabilities.chunks_exact(self.count);
        let rows = rows.zip(self.truth).zip(self.predicted);
        rows.map(|((row, truth), predicted)| {
            let class = self.positive.unwrap_or(*predicted);
            (row[class], *truth == class)
        })
    }

    /// Mean squared difference of probabilities from the truth (Brier 1950): of the positive class, else summed over all.
    pub fn brier_score(&self) -> f64 {
        let rows = self.probabilities.chunks_exact(self.count);
        let off = |row: &[f64], truth: usize, class: usize| {
            let is = if truth == class { 1.0 } else { 0.0 };
            (row[class] - is).powi(2)
        };
        let sum: f64 = rows
            .zip(self.truth)
            .flat_map(|(row, truth)| self.looked_for().map(move |class| off(row, *truth, class)))
            .sum();
        sum / self.truth.len() as f64
    }

    /// One a class, whether it occurs or not.
    pub fn tallies(&self) -> Vec<Tally> {
        let mut tallies = vec![Tally::default(); self.count];
        for (&truth, &predicted) in self.truth.iter().zip(self.predicted) {
            tallies[truth].truth += 1.0;
            tallies[predicted].predicted += 1.0;
            if truth == predicted {
                tallies[truth].hits += 1.0;
            }
        }
        tallies
    }

    /// One a class that occurs in truth or prediction.
    fn occurring(&self) -> Vec<Tally> {
        let mut tallies = self.tallies();
        tallies.retain(|it| it.truth + it.predicted > 0.0);
        tallies
    }
}

impl Tally {
    /// Of all together.
    pub fn sum(tallies: &[Self]) -> Self {
        let sum = |of: fn(&Self) -> f64| tallies.iter().map(of).sum();
        Self {
            hits: sum(|it| it.hits),
            predicted: sum(|it| it.predicted),
            truth: sum(|it| it.truth),
        }
    }

    /// The mean of a score by the rows of each.
    pub fn weighted(tallies: &[Self], score: Score) -> f64 {
        let sum: f64 = tallies.iter().map(|it| it.truth * score(*it)).sum();
        share(sum, tallies.iter().map(|it| it.truth).sum())
    }

    pub fn precision(self) -> f64 {
        share(self.hits, self.predicted)
    }

    pub fn recall(self) -> f64 {
        share(self.hits, self.truth)
    }

    pub fn f1(self) -> f64 {
        share(2.0 * self.hits, self.predicted + self.truth)
    }
}

/// A share of nothing is 0.
pub fn share(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}
