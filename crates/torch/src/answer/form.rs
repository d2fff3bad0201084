//! What is answered, and by which names: what tells how outputs are read and how answers are written.

use pipe_schema::dataset::{Target, TargetKind, truth_of_class};

/// What an answer is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// One of these classes.
    Classes(Vec<String>),
    Number,
    /// Yes or no of each of these targets.
    Labels(Vec<String>),
    /// A number of each of these targets.
    Numbers(Vec<String>),
}

impl Form {
    pub fn of(target: &Target) -> Self {
        match &target.kind {
            TargetKind::Classes { names, .. } => Self::Classes(names.clone()),
            TargetKind::Number { .. } => Self::Number,
            TargetKind::Labels { names, .. } => Self::Labels(names.clone()),
            TargetKind::Numbers { names, .. } => Self::Numbers(names.clone()),
        }
    }

    /// Names of the classes or targets; a number alone has none.
    pub fn names(&self) -> &[String] {
        match self {
            Self::Classes(names) | Self::Labels(names) | Self::Numbers(names) => names,
            Self::Number => &[],
        }
    }

    /// The truth value that a class stands for, where the two classes are called true and false.
    pub fn truth(&self, name: &str) -> Option<bool> {
        match self {
            Self::Classes(names) => truth_of_class(names, name),
            _ => None,
        }
    }

    /// Values that tell of a row.
    pub fn width(&self) -> usize {
        self.names().len().max(1)
    }

    /// The columns of the truth.
    pub fn truth_header(&self) -> Vec<String> {
        match self {
            Self::Classes(_) | Self::Number => vec!["target".to_owned()],
            Self::Labels(names) | Self::Numbers(names) => titled("target:", names),
        }
    }

    /// The columns that say what is predicted.
    pub fn header(&self, probabilities: bool) -> Vec<String> {
        let mut header = match self {
            Self::Classes(_) | Self::Number => vec!["prediction".to_owned()],
            Self::Labels(names) | Self::Numbers(names) => titled("prediction:", names),
        };
        if let Self::Classes(names) | Self::Labels(names) = self
            && probabilities
        {
            header.extend(titled("p=", names));
        }
        header
    }
}

fn titled(before: &str, names: &[String]) -> Vec<String> {
    names.iter().map(|name| format!("{before}{name}")).collect()
}
