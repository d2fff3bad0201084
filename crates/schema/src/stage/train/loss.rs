//! What is minimized, and what follows from that: what is answered, how many values a row, what is measured beside it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is minimized: the mean over the rows of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// For a categorical target: the network gives one logit a class.
    CrossEntropy,
    /// For a numeric target: mean squared error.
    Mse,
}

/// What a loss learns from and a network trained with it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    Classes,
    Number,
}

impl Loss {
    /// The word for it in a spec.
    pub fn name(self) -> &'static str {
        match self {
            Self::CrossEntropy => "cross_entropy",
            Self::Mse => "mse",
        }
    }

    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::CrossEntropy => "cross entropy",
            Self::Mse => "mean squared error",
        }
    }

    pub fn answer(self) -> Answer {
        match self {
            Self::CrossEntropy => Answer::Classes,
            Self::Mse => Answer::Number,
        }
    }

    /// Values that the network gives for a row: one, or as many as the target has classes.
    pub fn outputs(self, classes: u32) -> u32 {
        match self {
            Self::CrossEntropy => classes,
            Self::Mse => 1,
        }
    }

    /// Whether the network gives one value a row whatever the classes.
    pub fn gives_one(self) -> bool {
        self.outputs(2) == 1
    }

    /// Whether it turns what the network gives into shares itself.
    pub fn takes_logits(self) -> bool {
        self.answer() == Answer::Classes
    }

    /// What is measured beside it while a network learns.
    pub fn metric(self) -> &'static str {
        match self {
            Self::CrossEntropy => "accuracy",
            Self::Mse => "rmse",
        }
    }
}

impl Answer {
    /// In words: `classes`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Classes => "classes",
            Self::Number => "a number",
        }
    }

    /// The loss to take where none better is known.
    pub fn usual_loss(self) -> Loss {
        match self {
            Self::Classes => Loss::CrossEntropy,
            Self::Number => Loss::Mse,
        }
    }
}
