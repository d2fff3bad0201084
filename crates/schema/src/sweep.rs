//! The `sweeps` block: how vars are searched. Validated with the spec; words are W&B's.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{reference::Reference, stage::matrix::Goal};

/// A search over vars.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// How assignments are chosen.
    pub method: Method,
    /// What is optimized.
    pub metric: SweepMetric,
    /// The vars that are searched, and where.
    pub parameters: IndexMap<String, Parameter>,
    /// Ends hopeless trials early.
    #[serde(default)]
    pub early_terminate: Option<EarlyTerminate>,
    /// How many assignments are tried. `grid` tries all.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub trials: Option<u32>,
    /// Seed of the sampler.
    #[serde(default)]
    pub seed: u64,
}

/// How assignments are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    Grid,
    Random,
    /// Tree-structured Parzen estimator.
    #[serde(alias = "bayes")]
    Tpe,
}

/// What a sweep optimizes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SweepMetric {
    /// A metric of a stage, e.g. `fit.val.accuracy`.
    pub name: Reference,
    /// Which end is best.
    pub goal: Goal,
}

/// Where a var is searched: `values`, a fixed `value`, or a `distribution` between `min` and `max`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Parameter {
    /// One value for all trials.
    pub value: Option<Value>,
    /// The values to choose from.
    pub values: Option<Vec<Value>>,
    /// How values are drawn between `min` and `max`.
    pub distribution: Option<Distribution>,
    /// The smallest value.
    pub min: Option<f64>,
    /// The largest value.
    pub max: Option<f64>,
    /// The step of a `q_` distribution.
    pub q: Option<f64>,
}

/// The shape of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    Uniform,
    /// Uniform in the logarithm, between `min` and `max` themselves.
    LogUniformValues,
    IntUniform,
    QUniform,
    QLogUniformValues,
}

/// How hopeless trials end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum EarlyTerminate {
    /// Asynchronous successive halving.
    Asha(Asha),
}

/// Asynchronous successive halving.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Asha {
    /// A metric that training reports each epoch, e.g. `fit.val.loss`.
    pub metric: Reference,
    /// Which end is best.
    pub goal: Goal,
    /// Epochs before the first decision.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    pub min_iter: u32,
    /// One in `eta` trials goes on, for `eta` times as long.
    #[serde(default = "three")]
    #[schemars(range(min = 2))]
    pub eta: u32,
}

fn one() -> u32 {
    1
}

fn three() -> u32 {
    3
}
