//! Metrics of predicted labels: yes or no of several targets (Tsoumakas, Katakis and Vlahavas 2010, "Mining multi-label
//! data", section 3).
//!
//! accuracy is the share of rows with all labels right, hamming loss the share of all labels that are wrong. Precision,
//! recall and F1 look for yes: macro is the mean over all labels, those without a yes included, which have 0.

use super::{
    Tally,
    classes::{Score, share},
    ranking::{self, Step},
};

/// Labels by row, then target. Probabilities are those of yes.
#[derive(Clone, Copy, Debug)]
pub struct Labels<'a> {
    pub truth: &'a [bool],
    pub predicted: &'a [bool],
    pub probabilities: &'a [f64],
    /// How many targets there are.
    pub count: usize,
}

impl Labels<'_> {
    pub fn rows(&self) -> usize {
        self.truth.len() / self.count
    }

    pub fn accuracy(&self) -> f64 {
        let rows = self.truth.chunks_exact(self.count);
        let predicted = self.predicted.chunks_exact(self.count);
        let right = rows.zip(predicted).filter(|(truth, it)| truth == it);
        share(right.count() as f64, self.rows() as f64)
    }

    pub fn hamming_loss(&self) -> f64 {
        let pairs = self.truth.iter().zip(self.predicted);
        let wrong = pairs.filter(|(truth, it)| truth != it).count();
        share(wrong as f64, self.truth.len() as f64)
    }

    /// The mean over the labels.
    pub fn macro_mean(&self, score: Score) -> f64 {
        let sum: f64 = self.tallies().into_iter().map(score).sum();
        share(sum, self.count as f64)
    }

    /// The mean by the labels' rows.
    pub fn weighted(&self, score: Score) -> f64 {
        Tally::weighted(&self.tallies(), score)
    }

    /// The score of all labels together.
    pub fn micro(&self, score: Score) -> f64 {
        score(Tally::sum(&self.tallies()))
    }

    /// One a label: its rows with yes.
    pub fn tallies(&self) -> Vec<Tally> {
        let mut tallies = vec![Tally::default(); self.count];
        let rows = self.truth.chunks_exact(self.count);
        for (truth, predicted) in rows.zip(self.predicted.chunks_exact(self.count)) {
            for ((tally, truth), predicted) in tallies.iter_mut().zip(truth).zip(predicted) {
                tally.truth += f64::from(u8::from(*truth));
                tally.predicted += f64::from(u8::from(*predicted));
                tally.hits += f64::from(u8::from(*truth && *predicted));
            }
        }
        tallies
    }

    /// Probabilities of yes, with whether it is true, of all labels together.
    pub fn forecasts(&self) -> impl Iterator<Item = (f64, bool)> {
        let pairs = self.probabilities.iter().zip(self.truth);
        pairs.map(|(probability, truth)| (*probability, *truth))
    }

    /// How a label's probability ranks its rows.
    pub fn curve(&self, label: usize) -> Vec<Step> {
        let of_label = |at: usize| at * self.count + label;
        let rows = (0..self.rows()).map(of_label);
        ranking::steps(rows.map(|at| (self.probabilities[at], self.truth[at])))
    }

    pub fn curves(&self) -> Vec<Vec<Step>> {
        (0..self.count).map(|label| self.curve(label)).collect()
    }
}
