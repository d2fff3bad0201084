//! What is predicted, and what the train part says of it.

use serde::{Deserialize, Serialize};

use crate::stage::train::{Answer, Loss};

/// The target column, or columns, and what the train part says of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Of several: what they are called together.
    pub name: String,
    pub kind: TargetKind,
}

/// What is predicted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// One of these classes, sorted (numbers by value, words by code point); a row's target is an index into them.
    Classes {
        names: Vec<String>,
        /// Rows of the train part by class: the trivial baseline.
        train_counts: Vec<u64>,
    },
    /// A number; its train mean is the trivial baseline.
    Number { train_mean: f64 },
    /// A number of each of these columns; their train means are the trivial baseline.
    Numbers {
        names: Vec<String>,
        train_means: Vec<f64>,
    },
    /// Yes or no of each of these columns.
    Labels {
        names: Vec<String>,
        /// Rows of the train part with yes, by label: with all rows, the trivial baseline.
        train_counts: Vec<u64>,
        train_rows: u64,
    },
}

impl Target {
    /// What these columns are called together: the first three by name.
    pub fn name_of(columns: &[String]) -> String {
        const NAMED: usize = 3;
        if columns.len() <= NAMED + 1 {
            return columns.join(", ");
        }
        let named = columns[..NAMED].join(", ");
        format!("{named} and {} more", columns.len() - NAMED)
    }

    /// The columns.
    pub fn columns(&self) -> &[String] {
        match &self.kind {
            TargetKind::Classes { .. } | TargetKind::Number { .. } => {
                std::slice::from_ref(&self.name)
            }
            TargetKind::Numbers { names, .. } | TargetKind::Labels { names, .. } => names,
        }
    }

    /// What a network learns of it.
    pub fn answer(&self) -> Answer {
        match self.kind {
            TargetKind::Classes { .. } => Answer::Classes,
            TargetKind::Number { .. } => Answer::Number,
            TargetKind::Numbers { .. } => Answer::Numbers,
            TargetKind::Labels { .. } => Answer::Labels,
        }
    }

    /// Names of the classes, where it has some.
    pub fn classes(&self) -> &[String] {
        match &self.kind {
            TargetKind::Classes { names, .. } => names,
            _ => &[],
        }
    }

    /// Values that a network with this loss gives for a row.
    pub fn outputs(&self, loss: Loss) -> u32 {
        let values = if loss.gives_classes() {
            self.classes().len()
        } else {
            self.columns().len()
        };
        values as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_targets_have_a_short_name() {
        let names: Vec<String> = ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
        assert_eq!(Target::name_of(&names[..1]), "a");
        assert_eq!(Target::name_of(&names[..4]), "a, b, c, d");
        assert_eq!(Target::name_of(&names), "a, b, c and 2 more");
    }

    #[test]
    fn one_target_is_written_as_it_ever_was() {
        let number = Target {
            name: "y".to_owned(),
            kind: TargetKind::Number { train_mean: 0.5 },
        };
        let text = r#"{"name":"y","kind":{"number":{"train_mean":0.5}}}"#;
        assert_eq!(serde_json::to_string(&number).unwrap(), text);
        assert_eq!(number.columns(), ["y"]);
    }
}
