//! The `summarize` and `choose` blocks: they end the axes of a matrix.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reference::Reference;

/// Brings the reports of a matrix together: one report with statistics over the ended axes.
/// Its metrics are named after the statistic: `accuracy_mean`, `accuracy_std`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Summarize {
    /// The reports: a stage with a matrix.
    pub reports: Reference,
    /// The axes that end here; the others stay.
    pub over: Vec<String>,
    /// What is computed of each metric; `std` is the sample standard deviation (n - 1).
    #[serde(default = "mean_and_std")]
    pub stats: Vec<Stat>,
}

fn mean_and_std() -> Vec<Stat> {
    vec![Stat::Mean, Stat::Std]
}

/// A statistic over the instances of a matrix.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Stat {
    Mean,
    Std,
    Min,
    Max,
    Median,
}

/// Takes the best instance's output as its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Choose {
    /// What is chosen from: the output of a stage with a matrix, usually a model.
    pub model: Reference,
    /// The metric that decides, with the same axes, e.g. `score.accuracy`.
    pub by: Reference,
    /// The axes that end here; the others stay.
    pub over: Vec<String>,
    /// Which end is best.
    pub goal: Goal,
}

/// Which end of a metric is best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    Maximize,
    Minimize,
}
