//! How rows are divided into parts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{reference::PathOrStage, scalar::OneOrMany};

/// How rows are divided into parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Split {
    /// By a seeded shuffle.
    Random(RandomSplit),
    /// Each part has files of its own.
    Files(FilesSplit),
}

impl Default for Split {
    fn default() -> Self {
        Self::Random(RandomSplit::default())
    }
}

/// Shares of the rows, by a seeded shuffle. They must add up to 1; a share of 0 leaves the part out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandomSplit {
    /// Share of the rows that are trained on.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub train: f64,
    /// Share of the rows that steer training: early stopping, choice of a model.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub val: f64,
    /// Share of the rows that are kept for the final measurement.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub test: f64,
    /// A column whose values get the same shares in each part; usually the target of a classification.
    #[serde(default)]
    pub stratify: Option<String>,
    /// Seed of the shuffle.
    #[serde(default)]
    pub seed: u64,
}

impl Default for RandomSplit {
    fn default() -> Self {
        Self {
            train: 0.8,
            val: 0.1,
            test: 0.1,
            stratify: None,
            seed: 0,
        }
    }
}

/// Files for each part, read as `source.read` says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilesSplit {
    /// Files of the train part.
    pub train: OneOrMany<PathOrStage>,
    /// Files of the val part.
    #[serde(default)]
    pub val: OneOrMany<PathOrStage>,
    /// Files of the test part.
    #[serde(default)]
    pub test: OneOrMany<PathOrStage>,
}
