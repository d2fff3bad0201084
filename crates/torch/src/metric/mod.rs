//! Metrics: what predictions are worth. Names and definitions are scikit-learn's (section 3.4 of its user guide,
//! "Metrics and scoring"), with `zero_division=0` where a share has no rows. Sums are f64.
//!
//! A new metric is a line in the schema's list, a function in a file of its own here, and the arm of `value` that the
//! compiler then asks for. Pure arithmetic: knows nothing of networks, parts and files.

pub mod calibration;
mod classes;
mod correlation;
mod counts;
mod labels;
mod numbers;
mod one_class;
pub mod ranking;
#[cfg(test)]
mod tests;
pub mod threshold;
mod top_k;

use std::fmt;

use pipe_schema::{
    report::Metrics,
    stage::{
        evaluate::{CalibrationBins, MeanPinballLoss, Metric, TopKAccuracy, TopRows},
        train::Answer,
    },
};

pub use self::{
    classes::{Classes, Tally},
    counts::Counts,
    labels::Labels,
    numbers::{Numbers, Several},
};

/// Predictions beside the truth.
#[derive(Clone, Copy, Debug)]
pub enum Answers<'a> {
    Classes(Classes<'a>),
    Numbers(Numbers<'a>),
    Labels(Labels<'a>),
    Several(Several<'a>),
}

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// In the order in which they were asked for.
    pub metrics: Metrics,
    /// Rows by true class, then predicted class; where it was asked for.
    pub confusion_matrix: Option<Vec<Vec<u64>>>,
    /// Metrics that are undefined and told as 0, with the reason.
    pub notes: Vec<String>,
}

/// Why something cannot be measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unmeasurable {
    /// A metric of something else than the answers are.
    Misfit { metric: Metric, answer: Answer },
    /// Fewer rows than the metric is defined for.
    TooFewRows { metric: Metric, rows: usize },
    /// It tells classes apart, and there is only one, or none to be found.
    OneClass { metric: Metric },
    /// Likewise, of every label.
    OneSided { metric: Metric },
    /// It looks for one class, and of so many none is the positive one.
    NoPositiveClass { metric: Metric, classes: usize },
    /// No row is of the positive class.
    NoPositives { metric: Metric },
    /// All rows are of the positive class.
    NoNegatives { metric: Metric },
    /// No row is predicted as the positive class.
    NonePredicted { metric: Metric },
}

/// The metrics that a target gets where none are named: those that so many rows have.
pub fn defaults(answer: Answer, rows: usize) -> Vec<Metric> {
    let defined = Metric::defaults(answer)
        .into_iter()
        .filter(|it| fewest_rows(*it) <= rows);
    defined.collect()
}

/// Measures each metric once, in order.
pub fn measure(metrics: &[Metric], answers: &Answers) -> Result<Measured, Unmeasurable> {
    let mut measured = Measured::default();
    for &metric in metrics {
        if metric == Metric::ConfusionMatrix {
            measured.confusion_matrix = Some(answers.classes(metric)?.confusion());
        } else {
            let value = match value(metric, answers) {
                Err(why @ Unmeasurable::NonePredicted { .. }) => {
                    // scikit-learn warns and says 0.
                    measured.notes.push(format!("{why}; it is told as 0"));
                    0.0
                }
                value => value?,
            };
            measured.metrics.insert(metric.name(), value);
        }
    }
    Ok(measured)
}

/// The one place that knows which function computes which metric.
pub fn value(metric: Metric, answers: &Answers) -> Result<f64, Unmeasurable> {
    use Metric as M;
    let rows = answers.rows();
    let answer = answers.answer();
    if !metric.is_for(answer) {
        return Err(Unmeasurable::Misfit { metric, answer });
    }
    if rows < fewest_rows(metric) {
        return Err(Unmeasurable::TooFewRows { metric, rows });
    }
    match answers {
        Answers::Labels(labels) => return value_of_labels(metric, labels),
        Answers::Several(several) => {
            let each = several.targets();
            let values = each.map(|it| value(metric, &Answers::Numbers(it)));
            let values: Vec<f64> = values.collect::<Result<_, _>>()?;
            return Ok(values.iter().sum::<f64>() / values.len() as f64);
        }
        Answers::Classes(classes) if metric.needs_positive() => {
            return one_class::value(metric, classes);
        }
        Answers::Classes(_) | Answers::Numbers(_) => {}
    }
    let classes = || answers.classes(metric);
    let numbers = || answers.numbers(metric);
    let tells_apart = |value: Option<f64>| value.ok_or(Unmeasurable::OneClass { metric });
    Ok(match metric {
        M::Accuracy | M::RecallMicro => classes()?.micro(Tally::recall),
        M::HammingLoss => 1.0 - classes()?.micro(Tally::recall),
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
        M::RocAuc => tells_apart(ranking::roc_auc(&classes()?.curves()))?,
        M::RocAucOvrWeighted => {
            tells_apart(ranking::roc_auc_weighted(&classes()?.curves_of_all()))?
        }
        M::AveragePrecision => tells_apart(ranking::average_precision(&classes()?.curves()))?,
        M::LogLoss => classes()?.log_loss(),
        M::BrierScore => classes()?.brier_score(),
        M::ExpectedCalibrationError(CalibrationBins { bins }) => {
            let bins = calibration::bins(classes()?.forecasts(), bins as usize);
            calibration::expected_error(&bins)
        }
        // A table has no value; what looks for one class was measured above.
        M::ConfusionMatrix
        | M::Precision
        | M::Recall
        | M::F1
        | M::Fbeta(_)
        | M::Specificity
        | M::RecallAtPrecision(_)
        | M::HitsAt(_)
        | M::PrecisionAt(_)
        | M::LiftAt(_) => f64::NAN,
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

fn value_of_labels(metric: Metric, labels: &Labels) -> Result<f64, Unmeasurable> {
    use Metric as M;
    let tells_apart = |value: Option<f64>| value.ok_or(Unmeasurable::OneSided { metric });
    Ok(match metric {
        M::Accuracy => labels.accuracy(),
        M::HammingLoss => labels.hamming_loss(),
        M::PrecisionMacro => labels.macro_mean(Tally::precision),
        M::PrecisionMicro => labels.micro(Tally::precision),
        M::PrecisionWeighted => labels.weighted(Tally::precision),
        M::RecallMacro => labels.macro_mean(Tally::recall),
        M::RecallMicro => labels.micro(Tally::recall),
        M::RecallWeighted => labels.weighted(Tally::recall),
        M::F1Macro => labels.macro_mean(Tally::f1),
        M::F1Micro => labels.micro(Tally::f1),
        M::F1Weighted => labels.weighted(Tally::f1),
        M::RocAuc => tells_apart(ranking::roc_auc(&labels.curves()))?,
        M::RocAucOvrWeighted => tells_apart(ranking::roc_auc_weighted(&labels.curves()))?,
        M::AveragePrecision => tells_apart(ranking::average_precision(&labels.curves()))?,
        M::ExpectedCalibrationError(CalibrationBins { bins }) => {
            let bins = calibration::bins(labels.forecasts(), bins as usize);
            calibration::expected_error(&bins)
        }
        _ => {
            let answer = Answer::Labels;
            return Err(Unmeasurable::Misfit { metric, answer });
        }
    })
}

fn fewest_rows(metric: Metric) -> usize {
    use Metric as M;
    match metric {
        M::R2 => 2,
        M::HitsAt(TopRows::K(k)) | M::PrecisionAt(TopRows::K(k)) | M::LiftAt(TopRows::K(k)) => {
            k as usize
        }
        _ => 1,
    }
}

impl<'a> Answers<'a> {
    pub fn rows(&self) -> usize {
        match self {
            Self::Classes(answers) => answers.truth.len(),
            Self::Numbers(answers) => answers.truth.len(),
            Self::Labels(answers) => answers.rows(),
            Self::Several(answers) => answers.rows(),
        }
    }

    pub fn answer(&self) -> Answer {
        match self {
            Self::Classes(_) => Answer::Classes,
            Self::Numbers(_) => Answer::Number,
            Self::Labels(_) => Answer::Labels,
            Self::Several(_) => Answer::Numbers,
        }
    }

    fn misfit(&self, metric: Metric) -> Unmeasurable {
        let answer = self.answer();
        Unmeasurable::Misfit { metric, answer }
    }

    fn classes(&self, metric: Metric) -> Result<&Classes<'a>, Unmeasurable> {
        match self {
            Self::Classes(answers) => Ok(answers),
            _ => Err(self.misfit(metric)),
        }
    }

    fn numbers(&self, metric: Metric) -> Result<&Numbers<'a>, Unmeasurable> {
        match self {
            Self::Numbers(answers) => Ok(answers),
            _ => Err(self.misfit(metric)),
        }
    }
}

impl Unmeasurable {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match *self {
            Self::Misfit { answer, .. } => {
                let legal: Vec<String> = Metric::all()
                    .filter(|it| it.is_for(answer))
                    .map(Metric::word)
                    .collect();
                Some(format!("legal here: {}", legal.join(", ")))
            }
            Self::OneSided { .. } => Some(
                "measure on a part that has rows with and without some label, or leave it out".to_owned(),
            ),
            Self::TooFewRows { metric, .. } if metric.needs_positive() => Some(
                "take a smaller `k`, or a `share` of the rows".to_owned(),
            ),
            Self::TooFewRows { .. } => None,
            Self::NoPositiveClass { .. } => Some(
                "name it: `positive: CLASS` beside `metrics`, or `target: {column: …, positive: CLASS}` in the preprocess \
                 stage"
                    .to_owned(),
            ),
            Self::OneClass { .. }
            | Self::NoPositives { .. }
            | Self::NoNegatives { .. }
            | Self::NonePredicted { .. } => Some(
                "measure on a part with rows of each class (`stratify` keeps their shares), or leave it out".to_owned(),
            ),
        }
    }
}

impl fmt::Display for Unmeasurable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misfit { metric, answer } => {
                let (word, its) = (metric.word(), metric.measures(*answer));
                let is = match answer {
                    Answer::Classes => "the target has classes",
                    Answer::Number => "the target has numbers",
                    Answer::Labels => "the targets are labels",
                    Answer::Numbers => "there are several targets",
                };
                write!(f, "`{word}` measures {its}, but {is}")
            }
            Self::TooFewRows { metric, rows: 0 } => {
                write!(f, "`{}` of no rows is undefined", metric.name())
            }
            Self::TooFewRows { metric, rows } => {
                let noun = if *rows == 1 { "row" } else { "rows" };
                write!(f, "`{}` of {rows} {noun} is undefined", metric.name())
            }
            Self::NoPositiveClass { metric, classes } => {
                let metric = metric.name();
                write!(
                    f,
                    "`{metric}` looks for one class, and none of the target's {classes} is the positive one"
                )
            }
            Self::NoPositives { metric } => {
                let metric = metric.name();
                write!(
                    f,
                    "`{metric}` is undefined without a row of the positive class"
                )
            }
            Self::NoNegatives { metric } => {
                let metric = metric.name();
                write!(
                    f,
                    "`{metric}` is undefined where all rows are of the positive class"
                )
            }
            Self::NonePredicted { metric } => {
                let metric = metric.name();
                write!(
                    f,
                    "`{metric}` is undefined where no row is predicted as the positive class"
                )
            }
            Self::OneClass {
                metric: Metric::AveragePrecision,
            } => f.write_str(
                "`average_precision` is undefined without a row of the class that it looks for",
            ),
            Self::OneSided { metric } => {
                let metric = metric.name();
                write!(f, "`{metric}` is undefined where no label tells rows apart")
            }
            Self::OneClass { metric } => {
                let metric = metric.name();
                write!(f, "`{metric}` is undefined where all rows are of one class")
            }
        }
    }
}
