//! From a network's outputs to answers: the class with its probabilities, or the number.
//! What is reported, packed, compared and predicted goes through here, so that it is the same everywhere.
//!
//! Pure arithmetic on slices: knows nothing of networks and datasets.

mod table;
#[cfg(test)]
mod tests;

use pipe_schema::dataset::{DatasetSchema, TargetKind};
use serde_json::Value;

pub use self::table::{Reported, fields, header, number_text, read, write};

/// Answers for a number of rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Answers {
    Classes {
        /// The most probable class by row; of equals the first.
        chosen: Vec<usize>,
        /// By row, then class.
        probabilities: Vec<f32>,
    },
    Numbers(Vec<f32>),
}

/// The network gave no number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NotFinite {
    /// Position among the rows that were asked for.
    pub position: usize,
    pub value: f32,
}

/// Two answers for the same row that are further apart than they may be.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    pub position: usize,
    /// What differs: `prediction`, or `p=CLASS`.
    pub what: String,
    pub expected: String,
    pub found: String,
}

/// Names of the classes; empty for a number.
pub fn class_names(schema: &DatasetSchema) -> &[String] {
    match &schema.target.kind {
        TargetKind::Classes { names, .. } => names,
        TargetKind::Number { .. } => &[],
    }
}

/// The shortest decimal that reads back as this f32, as an f64: 0.1 and not 0.10000000149011612.
pub fn shortest(value: f32) -> f64 {
    // The text of a float always parses.
    format!("{value:?}").parse().unwrap_or(f64::from(value))
}

impl Answers {
    /// Reads outputs of a network, by row: `classes` logits, or one number where there are no classes.
    pub fn of(outputs: &[f32], classes: usize) -> Result<Self, NotFinite> {
        let width = classes.max(1);
        if let Some(at) = outputs.iter().position(|it| !it.is_finite()) {
            return Err(NotFinite {
                position: at / width,
                value: outputs[at],
            });
        }
        if classes == 0 {
            return Ok(Self::Numbers(outputs.to_vec()));
        }
        let mut chosen = Vec::with_capacity(outputs.len() / width);
        let mut probabilities = Vec::with_capacity(outputs.len());
        for logits in outputs.chunks_exact(width) {
            let best = most(logits);
            chosen.push(best);
            softmax(logits, logits[best], &mut probabilities);
        }
        Ok(Self::Classes {
            chosen,
            probabilities,
        })
    }

    pub fn len(&self) -> usize {
        match self {
            Self::Classes { chosen, .. } => chosen.len(),
            Self::Numbers(numbers) => numbers.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The class's name, or the number.
    pub fn prediction(&self, position: usize, names: &[String]) -> Value {
        match self {
            Self::Classes { chosen, .. } => Value::from(names[chosen[position]].clone()),
            Self::Numbers(numbers) => Value::from(shortest(numbers[position])),
        }
    }

    /// By class; empty for a number.
    pub fn probabilities(&self, position: usize) -> &[f32] {
        match self {
            Self::Classes { probabilities, .. } => {
                let classes = probabilities.len() / self.len();
                &probabilities[position * classes..][..classes]
            }
            Self::Numbers(_) => &[],
        }
    }

    /// The first row for which `found` is further from this than `tolerance * (1 + |expected|)`. The chosen class may only
    /// differ where the two classes are that close.
    pub fn first_difference(
        &self,
        found: &Self,
        names: &[String],
        tolerance: f64,
    ) -> Option<Difference> {
        let far = |expected: f32, found: f32| {
            let (expected, found) = (f64::from(expected), f64::from(found));
            (expected - found).abs() > tolerance * (1.0 + expected.abs())
        };
        let differ = |position: usize, what: String, expected: String, found: String| Difference {
            position,
            what,
            expected,
            found,
        };
        match (self, found) {
            (Self::Numbers(expected), Self::Numbers(found)) => (0..expected.len())
                .find(|at| far(expected[*at], found[*at]))
                .map(|at| {
                    let (expected, found) = (number_text(expected[at]), number_text(found[at]));
                    differ(at, "prediction".to_owned(), expected, found)
                }),
            (Self::Classes { chosen, .. }, Self::Classes { chosen: others, .. }) => {
                (0..chosen.len()).find_map(|at| {
                    let (mine, theirs) = (self.probabilities(at), found.probabilities(at));
                    let (class, other) = (chosen[at], others[at]);
                    if class != other && far(mine[class], mine[other]) {
                        let (expected, found) = (names[class].clone(), names[other].clone());
                        return Some(differ(at, "prediction".to_owned(), expected, found));
                    }
                    let class = (0..mine.len()).find(|class| far(mine[*class], theirs[*class]))?;
                    let (expected, found) = (number_text(mine[class]), number_text(theirs[class]));
                    Some(differ(at, format!("p={}", names[class]), expected, found))
                })
            }
            _ => Some(differ(
                0,
                "prediction".to_owned(),
                self.prediction(0, names).to_string(),
                found.prediction(0, names).to_string(),
            )),
        }
    }
}

/// Position of the largest; of equals the first.
fn most(values: &[f32]) -> usize {
    (1..values.len()).fold(
        0,
        |best, at| {
            if values[at] > values[best] { at } else { best }
        },
    )
}

/// In f64, so that the probabilities of a row add up to 1 as well as f32 can say.
fn softmax(logits: &[f32], highest: f32, out: &mut Vec<f32>) {
    let power = |logit: f32| (f64::from(logit) - f64::from(highest)).exp();
    let sum: f64 = logits.iter().map(|it| power(*it)).sum();
    out.extend(logits.iter().map(|it| (power(*it) / sum) as f32));
}
