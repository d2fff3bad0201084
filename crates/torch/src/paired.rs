//! Answers beside the truth, ready to be measured: all rows, or some of them, once or more often.

use pipe_data::TargetValues;
use pipe_schema::stage::evaluate::Metric;

use crate::{
    answer::Answers,
    error::{Error, Result},
    metric::{self, Classes, Labels, Measured, Numbers, Several, Unmeasurable},
};

/// The truth and what was answered, by row.
#[derive(Clone, Debug)]
pub enum Paired {
    Classes {
        truth: Vec<usize>,
        predicted: Vec<usize>,
        /// By row, then class.
        probabilities: Vec<f64>,
        count: usize,
        /// The class that figures of one class look for.
        positive: Option<usize>,
    },
    Numbers {
        truth: Vec<f64>,
        predicted: Vec<f64>,
    },
    /// By row, then target.
    Labels {
        truth: Vec<bool>,
        predicted: Vec<bool>,
        probabilities: Vec<f64>,
        count: usize,
    },
    /// By target, then row.
    Several {
        truth: Vec<f64>,
        predicted: Vec<f64>,
        count: usize,
    },
}

impl Paired {
    /// Puts answers beside the truth; `count` is how many classes there are, `positive` the one that figures of one class look
    /// for.
    pub fn of(
        truth: &TargetValues,
        answers: &Answers,
        count: usize,
        positive: Option<usize>,
    ) -> Result<Self> {
        match (truth, answers) {
            (
                TargetValues::Classes(truth),
                Answers::Classes {
                    chosen,
                    probabilities,
                },
            ) => Ok(Self::Classes {
                truth: truth.iter().map(|it| *it as usize).collect(),
                predicted: chosen.clone(),
                probabilities: probabilities.iter().map(|it| f64::from(*it)).collect(),
                count,
                positive,
            }),
            (TargetValues::Numbers(truth), Answers::Numbers(predicted)) => Ok(Self::Numbers {
                truth: truth.clone(),
                predicted: predicted.iter().map(|it| f64::from(*it)).collect(),
            }),
            (
                TargetValues::Labels(truth),
                Answers::Labels {
                    chosen,
                    probabilities,
                },
            ) => Ok(Self::Labels {
                truth: truth.values().to_vec(),
                predicted: chosen.values().to_vec(),
                probabilities: probabilities
                    .values()
                    .iter()
                    .map(|it| (*it).into())
                    .collect(),
                count: truth.width(),
            }),
            (TargetValues::Several(truth), Answers::Several(predicted)) => Ok(Self::Several {
                truth: (0..truth.width()).flat_map(|at| truth.column(at)).collect(),
                predicted: (0..truth.width())
                    .flat_map(|at| predicted.column(at))
                    .map(f64::from)
                    .collect(),
                count: truth.width(),
            }),
            _ => Err(Error::bug("answers of another kind than the target")),
        }
    }

    /// Some rows, in this order; a row may be taken more often than once.
    pub fn rows(&self, chosen: &[usize]) -> Self {
        match self {
            Self::Classes {
                truth,
                predicted,
                probabilities,
                count,
                positive,
            } => Self::Classes {
                truth: chosen.iter().map(|row| truth[*row]).collect(),
                predicted: chosen.iter().map(|row| predicted[*row]).collect(),
                probabilities: wide(probabilities, chosen, *count),
                count: *count,
                positive: *positive,
            },
            Self::Labels {
                truth,
                predicted,
                probabilities,
                count,
            } => Self::Labels {
                truth: wide(truth, chosen, *count),
                predicted: wide(predicted, chosen, *count),
                probabilities: wide(probabilities, chosen, *count),
                count: *count,
            },
            Self::Several {
                truth,
                predicted,
                count,
            } => Self::Several {
                truth: of_each(truth, chosen, *count),
                predicted: of_each(predicted, chosen, *count),
                count: *count,
            },
            Self::Numbers { truth, predicted } => Self::Numbers {
                truth: chosen.iter().map(|row| truth[*row]).collect(),
                predicted: chosen.iter().map(|row| predicted[*row]).collect(),
            },
        }
    }

    /// As the metrics take it.
    pub fn answers(&self) -> metric::Answers<'_> {
        match self {
            Self::Classes {
                truth,
                predicted,
                probabilities,
                count,
                positive,
            } => metric::Answers::Classes(Classes {
                truth,
                predicted,
                probabilities,
                count: *count,
                positive: *positive,
            }),
            Self::Numbers { truth, predicted } => {
                metric::Answers::Numbers(Numbers { truth, predicted })
            }
            Self::Labels {
                truth,
                predicted,
                probabilities,
                count,
            } => metric::Answers::Labels(Labels {
                truth,
                predicted,
                probabilities,
                count: *count,
            }),
            Self::Several {
                truth,
                predicted,
                count,
            } => metric::Answers::Several(Several {
                truth,
                predicted,
                count: *count,
            }),
        }
    }

    /// Measures all rows; what cannot be measured fails the stage.
    pub fn measure(&self, metrics: &[Metric]) -> Result<Measured> {
        metric::measure(metrics, &self.answers()).map_err(|it| refusal(&it))
    }
}

/// What is said where something cannot be measured.
pub fn refusal(error: &Unmeasurable) -> Error {
    let hint = error.hint();
    let error = Error::wrong(error.to_string());
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// Rows of `count` values each.
fn wide<T: Copy>(values: &[T], chosen: &[usize], count: usize) -> Vec<T> {
    let rows = chosen
        .iter()
        .flat_map(|row| &values[row * count..][..count]);
    rows.copied().collect()
}

/// Rows of columns that follow one another.
fn of_each(values: &[f64], chosen: &[usize], count: usize) -> Vec<f64> {
    let rows = values.len() / count;
    let columns = (0..count).map(|at| &values[at * rows..][..rows]);
    columns
        .flat_map(|column| chosen.iter().map(|row| column[*row]))
        .collect()
}
