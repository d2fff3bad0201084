//! What is predicted, and what the train part says of it.

use std::{cmp::Ordering, fmt};

use serde::{Deserialize, Serialize};

use crate::stage::train::{Answer, Loss};

/// The target column, or columns, and what the train part says of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Of several: what they are called together.
    pub name: String,
    pub kind: TargetKind,
    /// The class that the spec names as the positive one, as `kind` names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positive: Option<String>,
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

/// The class that figures of one class look for: precision, recall, average precision, their curves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositiveClass {
    pub class: String,
    pub why: WhyPositive,
}

/// Why a class is the positive one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyPositive {
    /// The spec says so.
    Named,
    /// It has fewer rows of the train part than the other.
    Rarer,
    /// Both have as many rows of the train part.
    Second,
}

impl fmt::Display for PositiveClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "positive class: `{}` ({})", self.class, self.why)
    }
}

impl fmt::Display for WhyPositive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Named => "named in the spec",
            Self::Rarer => "the rarer of two in the train part",
            Self::Second => "the second of two that are equally frequent in the train part",
        })
    }
}

/// The truth value that a class stands for, where the two classes are called true and false.
pub fn truth_of_class(classes: &[String], class: &str) -> Option<bool> {
    let truth = |name: &str| match name {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    };
    let are_truths = classes.len() == 2 && classes.iter().all(|name| truth(name).is_some());
    truth(class).filter(|_| are_truths)
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

    /// The class that figures of one class look for: the named one, else the rarer of two in the train part, of equals the
    /// second. Of more classes none, unless one is named.
    pub fn positive_class(&self) -> Option<PositiveClass> {
        let TargetKind::Classes {
            names,
            train_counts,
        } = &self.kind
        else {
            return None;
        };
        if let Some(class) = &self.positive {
            let why = WhyPositive::Named;
            return Some(PositiveClass {
                class: class.clone(),
                why,
            });
        }
        let ([first, second], [of_first, of_second]) = (names.as_slice(), train_counts.as_slice())
        else {
            return None;
        };
        let (class, why) = match of_first.cmp(of_second) {
            Ordering::Less => (first, WhyPositive::Rarer),
            Ordering::Equal => (second, WhyPositive::Second),
            Ordering::Greater => (second, WhyPositive::Rarer),
        };
        Some(PositiveClass {
            class: class.clone(),
            why,
        })
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
            positive: None,
        };
        let text = r#"{"name":"y","kind":{"number":{"train_mean":0.5}}}"#;
        assert_eq!(serde_json::to_string(&number).unwrap(), text);
        assert_eq!(number.columns(), ["y"]);
    }

    #[test]
    fn positive_class_is_the_named_one_or_the_rarer_of_two() {
        let positive = |counts: &[u64], named: Option<&str>| {
            let names = ["a", "b", "c"].map(str::to_owned);
            let target = Target {
                name: "y".to_owned(),
                kind: TargetKind::Classes {
                    names: names[..counts.len()].to_vec(),
                    train_counts: counts.to_vec(),
                },
                positive: named.map(str::to_owned),
            };
            target.positive_class().map(|it| (it.class, it.why))
        };
        let found = |class: &str, why| Some((class.to_owned(), why));
        assert_eq!(positive(&[3, 9], None), found("a", WhyPositive::Rarer));
        assert_eq!(positive(&[9, 3], None), found("b", WhyPositive::Rarer));
        assert_eq!(positive(&[5, 5], None), found("b", WhyPositive::Second));
        assert_eq!(positive(&[3, 9], Some("b")), found("b", WhyPositive::Named));
        assert_eq!(positive(&[1, 2, 3], None), None);
        let of_three = positive(&[1, 2, 3], Some("c"));
        assert_eq!(of_three, found("c", WhyPositive::Named));
    }
}
