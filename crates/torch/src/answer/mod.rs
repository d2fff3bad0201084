//! From a network's outputs to answers: the class with its probabilities, the number, or these of several targets.
//! What is reported, packed, compared and predicted goes through here, so that it is the same everywhere.
//!
//! Pure arithmetic on slices: knows nothing of networks and datasets.

mod form;
mod difference;
mod table;
#[cfg(test)]
mod tests;

use pipe_data::Grid;
use serde_json::Value;

pub use self::{
    difference::Difference,
    form::Form,
    table::{FILE_COLUMN, Reported, fields, number_text, read, write},
};

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
    /// Of several targets.
    Labels {
        /// Yes where it is more probable than no.
        chosen: Grid<bool>,
        /// Of yes.
        probabilities: Grid<f32>,
    },
    /// Numbers of several targets.
    Several(Grid<f32>),
}

/// From which probability on a class of two is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    pub class: usize,
    pub at: f64,
}

impl Threshold {
    /// Of a class by its name.
    pub fn of_class(names: &[String], class: &str, at: f64) -> Option<Self> {
        let class = names.iter().position(|name| name == class)?;
        (names.len() == 2).then_some(Self { class, at })
    }
}

/// The network gave no number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NotFinite {
    /// Position among the rows that were asked for.
    pub position: usize,
    pub value: f32,
}

/// The shortest decimal that reads back as this f32, as an f64: 0.1 and not 0.10000000149011612.
pub fn shortest(value: f32) -> f64 {
    // The text of a float always parses.
    format!("{value:?}").parse().unwrap_or(f64::from(value))
}

impl Answers {
    /// Reads outputs of a network, by row: logits of classes or labels, or numbers.
    pub fn of(outputs: &[f32], form: &Form) -> Result<Self, NotFinite> {
        let width = form.width();
        if let Some(at) = outputs.iter().position(|it| !it.is_finite()) {
            return Err(NotFinite {
                position: at / width,
                value: outputs[at],
            });
        }
        Ok(match form {
            Form::Number => Self::Numbers(outputs.to_vec()),
            Form::Numbers(_) => Self::Several(Grid::new(width, outputs.to_vec())),
            Form::Labels(_) => {
                let chosen = outputs.iter().map(|it| *it > 0.0).collect();
                let probabilities = outputs.iter().map(|it| sigmoid(*it)).collect();
                Self::Labels {
                    chosen: Grid::new(width, chosen),
                    probabilities: Grid::new(width, probabilities),
                }
            }
            Form::Classes(_) => {
                let mut chosen = Vec::with_capacity(outputs.len() / width);
                let mut probabilities = Vec::with_capacity(outputs.len());
                for logits in outputs.chunks_exact(width) {
                    let best = most(logits);
                    chosen.push(best);
                    softmax(logits, logits[best], &mut probabilities);
                }
                Self::Classes {
                    chosen,
                    probabilities,
                }
            }
        })
    }

    /// Reads outputs of a network for so many rows; one logit a row is that of the second of two classes.
    pub fn of_rows(outputs: &[f32], rows: usize, form: &Form) -> Result<Self, NotFinite> {
        if matches!(form, Form::Classes(names) if names.len() == 2) && outputs.len() == rows {
            let logits: Vec<f32> = outputs.iter().flat_map(|it| [0.0, *it]).collect();
            return Self::of(&logits, form);
        }
        Self::of(outputs, form)
    }

    /// Chooses between two classes by a threshold.
    pub fn decide(&mut self, threshold: Threshold) {
        let Self::Classes {
            chosen,
            probabilities,
        } = self
        else {
            return;
        };
        let Threshold { class, at } = threshold;
        for (chosen, row) in chosen.iter_mut().zip(probabilities.chunks_exact(2)) {
            let is_it = f64::from(row[class]) >= at;
            *chosen = if is_it { class } else { 1 - class };
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Self::Classes { chosen, .. } => chosen.len(),
            Self::Numbers(numbers) => numbers.len(),
            Self::Labels { chosen, .. } => chosen.rows(),
            Self::Several(numbers) => numbers.rows(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The class's name, which is true or false where the classes are these; or the number; of several targets, each by its name.
    pub fn prediction(&self, position: usize, form: &Form) -> Value {
        let names = form.names();
        let by_name = |values: Vec<Value>| {
            let names = names.iter().cloned();
            Value::Object(names.zip(values).collect())
        };
        match self {
            Self::Classes { chosen, .. } => {
                let name = &names[chosen[position]];
                match form.truth(name) {
                    Some(truth) => Value::from(truth),
                    None => Value::from(name.clone()),
                }
            }
            Self::Numbers(numbers) => Value::from(shortest(numbers[position])),
            Self::Labels { chosen, .. } => {
                by_name(chosen.row(position).iter().map(|it| (*it).into()).collect())
            }
            Self::Several(numbers) => {
                let numbers = numbers.row(position).iter();
                by_name(numbers.map(|it| shortest(*it).into()).collect())
            }
        }
    }

    /// By class or label; empty for numbers.
    pub fn probabilities(&self, position: usize) -> &[f32] {
        match self {
            Self::Classes { probabilities, .. } => {
                let classes = probabilities.len() / self.len();
                &probabilities[position * classes..][..classes]
            }
            Self::Labels { probabilities, .. } => probabilities.row(position),
            Self::Numbers(_) | Self::Several(_) => &[],
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

fn sigmoid(logit: f32) -> f32 {
    (1.0 / (1.0 + (-f64::from(logit)).exp())) as f32
}
