//! Metrics: what predictions are worth. Names and definitions are scikit-learn's (section 3.4 of its user guide,
//! "Metrics and scoring"), with `zero_division=0` where a share has no rows. Sums are f64.
//!
//! A new metric is a line in the schema's list, a function in a file of its own here, and the arm of `value` that the
//! compiler then asks for. Pure arithmetic: knows nothing of networks, parts and files.

mod classes;
mod correlation;
mod numbers;
pub mod ranking;
#[cfg(test)]
mod tests;
mod top_k;

use std::fmt;

use pipe_schema::{
    report::Metrics,
    stage::evaluate::{MeanPinballLoss, Metric, TopKAccuracy},
};

pub use self::{
    classes::{Classes, Tally},
    numbers::Numbers,
};

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
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unmeasurable {
    /// A metric of numbers for classes, or the other way round.
    Misfit { metric: Metric, classes: bool },
    /// Fewer rows than the metric is defined for.
    TooFewRows { metric: Metric, rows: usize },
    /// It tells classes apart, and there is only one, or none to be found.
    OneClass { metric: Metric },
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
        if metric == Metric::ConfusionMatrix {
            measured.confusion_matrix = Some(answers.classes(metric)?.confusion());
        } else {
            let value = value(metric, answers)?;
            measured.metrics.insert(metric.name(), value);
        }
    }
    Ok(measured)
}

/// The one place that knows which function computes which metric.
pub fn value(metric: Metric, answers: &Answers) -> Result<f64, Unmeasurable> {
    use Metric as M;
    let rows = answers.rows();
    if rows < fewest_rows(metric) {
        return Err(Unmeasurable::TooFewRows { metric, rows });
    }
    let classes = || answers.classes(metric);
    let numbers = || answers.numbers(metric);
    let tells_apart = |value: Option<f64>| value.ok_or(Unmeasurable::OneClass { metric });
    Ok(match metric {
        M::Accuracy | M::RecallMicro => classes()?.micro(Tally::recall),
        M::BalancedAccuracy => classes()?.balanced_accuracy(),
        M::TopKAccuracy(TopKAccuracy { k }) => top_k::accuracy(classes()?, k as usize),
        M::PrecisionMacro => classes()?.macro_mean(Tally::precision),
        M::PrecisionMicro => classes()?.micro(Tally::precision),
        M::PrecisionWeighted => classes()?.weighted(Tally::precision),
        M::RecallMacro => classes()?.macro_mean(Tally::recall),
        M::RecallWeighted => classes()?.weighted(Tally::recall),
        M::F1Macro => classes()?.macro_mean(Tally::f1),
        M::F1Micro => classes()?.micro(Tally::f1),
        M::F1Weighted => classes()?.weighted(Tally::f1),
        M::MatthewsCorrcoef => correlation::matthews(classes()?),
        M::RocAuc => tells_apart(ranking::roc_auc(classes()?))?,
        M::RocAucOvrWeighted => tells_apart(ranking::roc_auc_weighted(classes()?))?,
        M::AveragePrecision => tells_apart(ranking::average_precision(classes()?))?,
        M::LogLoss => classes()?.log_loss(),
        // A table has no value.
        M::ConfusionMatrix => f64::NAN,
        M::Mse => numbers()?.mse(),
        M::Rmse => numbers()?.mse().sqrt(),
        M::Mae => numbers()?.mae(),
        M::MedianAbsoluteError => numbers()?.median_absolute_error(),
        M::MaxError => numbers()?.max_error(),
        M::Mape => numbers()?.mape(),
        M::MeanPinballLoss(MeanPinballLoss { alpha }) => numbers()?.mean_pinball_loss(alpha),
        M::R2 => numbers()?.r2(),
        M::ExplainedVariance => numbers()?.explained_variance(),
    })
}

fn fewest_rows(metric: Metric) -> usize {
    if metric == Metric::R2 { 2 } else { 1 }
}

impl<'a> Answers<'a> {
    pub fn rows(&self) -> usize {
        match self {
            Self::Classes(answers) => answers.truth.len(),
            Self::Numbers(answers) => answers.truth.len(),
        }
    }

    fn classes(&self, metric: Metric) -> Result<&Classes<'a>, Unmeasurable> {
        match self {
            Self::Classes(answers) => Ok(answers),
            Self::Numbers(_) => Err(Unmeasurable::Misfit {
                metric,
                classes: false,
            }),
        }
    }

    fn numbers(&self, metric: Metric) -> Result<&Numbers<'a>, Unmeasurable> {
        match self {
            Self::Numbers(answers) => Ok(answers),
            Self::Classes(_) => Err(Unmeasurable::Misfit {
                metric,
                classes: true,
            }),
        }
    }
}

impl Unmeasurable {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match *self {
            Self::Misfit { classes, .. } => {
                let legal: Vec<String> = Metric::all()
                    .filter(|it| it.is_for_classes() == classes)
                    .map(Metric::word)
                    .collect();
                Some(format!("legal here: {}", legal.join(", ")))
            }
            Self::OneClass { .. } => Some(
                "measure on a part with rows of each class (`stratify` keeps their shares), or leave it out".to_owned(),
            ),
            Self::TooFewRows { .. } => None,
        }
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
                let metric = metric.word();
                write!(f, "`{metric}` measures {its}, but the target has {targets}")
            }
            Self::TooFewRows { metric, rows: 0 } => {
                write!(f, "`{}` of no rows is undefined", metric.name())
            }
            Self::TooFewRows { metric, rows } => {
                write!(f, "`{}` of {rows} row is undefined", metric.name())
            }
            Self::OneClass {
                metric: Metric::AveragePrecision,
            } => f.write_str(
                "`average_precision` is undefined without a row of the class that it looks for",
            ),
            Self::OneClass { metric } => {
                let metric = metric.name();
                write!(f, "`{metric}` is undefined where all rows are of one class")
            }
        }
    }
}
