//! Answers beside the truth, ready to be measured: all rows, or some of them, once or more often.

use pipe_data::TargetValues;
use pipe_schema::stage::evaluate::Metric;

use crate::{
    answer::Answers,
    error::{Error, Result},
    metric::{self, Classes, Measured, Numbers},
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
    },
    Numbers {
        truth: Vec<f64>,
        predicted: Vec<f64>,
    },
}

impl Paired {
    /// Puts answers beside the truth; `count` is how many classes there are.
    pub fn of(truth: &TargetValues, answers: &Answers, count: usize) -> Result<Self> {
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
            }),
            (TargetValues::Numbers(truth), Answers::Numbers(predicted)) => Ok(Self::Numbers {
                truth: truth.clone(),
                predicted: predicted.iter().map(|it| f64::from(*it)).collect(),
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
            } => Self::Classes {
                truth: chosen.iter().map(|row| truth[*row]).collect(),
                predicted: chosen.iter().map(|row| predicted[*row]).collect(),
                probabilities: chosen
                    .iter()
                    .flat_map(|row| &probabilities[row * count..][..*count])
                    .copied()
                    .collect(),
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
            } => metric::Answers::Classes(Classes {
                truth,
                predicted,
                probabilities,
                count: *count,
            }),
            Self::Numbers { truth, predicted } => {
                metric::Answers::Numbers(Numbers { truth, predicted })
            }
        }
    }

    /// Measures all rows; what cannot be measured fails the stage.
    pub fn measure(&self, metrics: &[Metric]) -> Result<Measured> {
        metric::measure(metrics, &self.answers()).map_err(|error| {
            let hint = error.hint();
            let error = Error::wrong(error.to_string());
            match hint {
                Some(hint) => error.hint(hint),
                None => error,
            }
        })
    }
}
