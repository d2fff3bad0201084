//! Metrics: what predictions are worth. Names and definitions are scikit-learn's (section 3.4 of its user guide,
//! "Metrics and scoring"), with `zero_division=0` where a share has no rows. Sums are f64.
//!
//! Pure arithmetic: knows nothing of networks, parts and files.

mod classes;
mod numbers;
#[cfg(test)]
mod tests;

use std::fmt;

use pipe_schema::{report::Metrics, stage::evaluate::Metric};

pub use self::{classes::Classes, numbers::Numbers};

/// Predictions beside the truth.
#[derive(Clone, Copy, Debug)]
pub enum Answers<'a> {
    Classes(Classes<'a>),
    Numbers(Numbers<'a>),
}

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// In the order in which they were asked for.
    pub metrics: Metrics,
    /// Rows by true class, then predicted class; where it was asked for.
    pub confusion_matrix: Option<Vec<Vec<u64>>>,
}

/// Why something cannot be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmeasurable {
    /// A metric of numbers for classes, or the other way round.
    Misfit { metric: Metric, classes: bool },
    /// Fewer rows than the metric is defined for.
    TooFewRows { metric: Metric, rows: usize },
}

/// The metrics that a target gets where none are named: those that so many rows have.
pub fn defaults(classes: bool, rows: usize) -> Vec<Metric> {
    let metrics = if classes {
        [Metric::Accuracy, Metric::F1Macro, Metric::LogLoss]
    } else {
        [Metric::Rmse, Metric::Mae, Metric::R2]
    };
    let defined = metrics.into_iter().filter(|it| fewest_rows(*it) <= rows);
    defined.collect()
}

/// Measures each metric once, in order.
pub fn measure(metrics: &[Metric], answers: &Answers) -> Result<Measured, Unmeasurable> {
    let mut measured = Measured::default();
    for &metric in metrics {
        let rows = answers.rows();
        if rows < fewest_rows(metric) {
            return Err(Unmeasurable::TooFewRows { metric, rows });
        }
        if metric == Metric::ConfusionMatrix
            && let Answers::Classes(answers) = answers
        {
            measured.confusion_matrix = Some(answers.confusion());
            continue;
        }
        let value = match answers {
            Answers::Classes(answers) => answers.value(metric),
            Answers::Numbers(answers) => answers.value(metric),
        };
        let classes = matches!(answers, Answers::Classes(_));
        let value = value.ok_or(Unmeasurable::Misfit { metric, classes })?;
        measured.metrics.insert(metric.name().to_owned(), value);
    }
    Ok(measured)
}

fn fewest_rows(metric: Metric) -> usize {
    if metric == Metric::R2 { 2 } else { 1 }
}

impl Answers<'_> {
    pub fn rows(&self) -> usize {
        match self {
            Self::Classes(answers) => answers.truth.len(),
            Self::Numbers(answers) => answers.truth.len(),
        }
    }
}

impl Unmeasurable {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let Self::Misfit { classes, .. } = *self else {
            return None;
        };
        let legal: Vec<&str> = Metric::ALL
            .iter()
            .filter(|it| it.is_for_classes() == classes)
            .map(|it| it.name())
            .collect();
        Some(format!("legal here: {}", legal.join(", ")))
    }
}

impl fmt::Display for Unmeasurable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misfit { metric, classes } => {
                let (its, targets) = if *classes {
                    ("numbers", "classes")
                } else {
                    ("classes", "numbers")
                };
                let metric = metric.name();
                write!(f, "`{metric}` measures {its}, but the target has {targets}")
            }
            Self::TooFewRows { metric, rows: 0 } => {
                write!(f, "`{}` of no rows is undefined", metric.name())
            }
            Self::TooFewRows { metric, rows } => {
                write!(f, "`{}` of {rows} row is undefined", metric.name())
            }
        }
    }
}
