//! Metrics of predicted classes.
//!
//! With `tp` the rows of a class that were predicted as it, `predicted` and `true` the rows predicted as it and of it
//! (Sokolova and Lapalme 2009, "A systematic analysis of performance measures for classification tasks", table 3):
//! precision = tp / predicted, recall = tp / true, F1 = 2 tp / (predicted + true); a share of nothing is 0.
//! Macro is the mean over the classes that occur in truth or prediction, weighted the mean by `true`,
//! micro the share of the sums.

use pipe_schema::stage::evaluate::Metric;

/// Classes by index. Probabilities are by row, then class.
#[derive(Clone, Copy, Debug)]
pub struct Classes<'a> {
    pub truth: &'a [usize],
    pub predicted: &'a [usize],
    pub probabilities: &'a [f64],
    /// How many classes there are, whether they occur or not.
    pub count: usize,
}

/// Rows of one class.
#[derive(Clone, Copy, Default)]
struct Tally {
    hits: f64,
    predicted: f64,
    truth: f64,
}

/// What is said of one class, or of all together.
type Score = fn(Tally) -> f64;
/// How the classes' scores become one.
type Average = fn(&[Tally], Score) -> f64;

impl Classes<'_> {
    /// The metric's value, if it is a number of classes.
    pub(super) fn value(&self, metric: Metric) -> Option<f64> {
        let (score, average): (Score, Average) = match metric {
            Metric::PrecisionMacro => (Tally::precision, macro_mean),
            Metric::PrecisionMicro => (Tally::precision, micro),
            Metric::PrecisionWeighted => (Tally::precision, weighted),
            Metric::RecallMacro => (Tally::recall, macro_mean),
            Metric::Accuracy | Metric::RecallMicro => (Tally::recall, micro),
            Metric::RecallWeighted => (Tally::recall, weighted),
            Metric::F1Macro => (Tally::f1, macro_mean),
            Metric::F1Micro => (Tally::f1, micro),
            Metric::F1Weighted => (Tally::f1, weighted),
            Metric::LogLoss => return Some(self.log_loss()),
            _ => return None,
        };
        Some(average(&self.tallies(), score))
    }

    /// Rows by true class, then predicted class, over all classes.
    pub(super) fn confusion(&self) -> Vec<Vec<u64>> {
        let mut matrix = vec![vec![0; self.count]; self.count];
        for (&truth, &predicted) in self.truth.iter().zip(self.predicted) {
            matrix[truth][predicted] += 1;
        }
        matrix
    }

    /// `-mean ln p` of the right class, with p kept inside [eps, 1 - eps] of f64 (Bishop 2006, page 209; the bounds are
    /// scikit-learn's). Rows are not scaled to a sum of 1.
    fn log_loss(&self) -> f64 {
        let sum: f64 = self
            .truth
            .iter()
            .zip(self.probabilities.chunks_exact(self.count))
            .map(|(&truth, row)| -row[truth].clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln())
            .sum();
        sum / self.truth.len() as f64
    }

    /// One a class that occurs in truth or prediction.
    fn tallies(&self) -> Vec<Tally> {
        let mut tallies = vec![Tally::default(); self.count];
        for (&truth, &predicted) in self.truth.iter().zip(self.predicted) {
            tallies[truth].truth += 1.0;
            tallies[predicted].predicted += 1.0;
            if truth == predicted {
                tallies[truth].hits += 1.0;
            }
        }
        tallies.retain(|it| it.truth + it.predicted > 0.0);
        tallies
    }
}

impl Tally {
    fn precision(self) -> f64 {
        share(self.hits, self.predicted)
    }

    fn recall(self) -> f64 {
        share(self.hits, self.truth)
    }

    fn f1(self) -> f64 {
        share(2.0 * self.hits, self.predicted + self.truth)
    }
}

fn share(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}

fn macro_mean(tallies: &[Tally], score: Score) -> f64 {
    let sum: f64 = tallies.iter().map(|it| score(*it)).sum();
    share(sum, tallies.len() as f64)
}

fn weighted(tallies: &[Tally], score: Score) -> f64 {
    let sum: f64 = tallies.iter().map(|it| it.truth * score(*it)).sum();
    share(sum, tallies.iter().map(|it| it.truth).sum())
}

fn micro(tallies: &[Tally], score: Score) -> f64 {
    let sum = |of: fn(&Tally) -> f64| tallies.iter().map(of).sum();
    score(Tally {
        hits: sum(|it| it.hits),
        predicted: sum(|it| it.predicted),
        truth: sum(|it| it.truth),
    })
}
