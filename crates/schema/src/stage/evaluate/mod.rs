//! The `evaluate` block: metrics and predictions of a model on a part of a dataset.

mod metric;
mod options;
mod slice;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    metric::Metric,
    options::{CalibrationBins, Fbeta, MeanPinballLoss, RecallAtPrecision, TopKAccuracy, TopRows},
    slice::{SliceBy, WORST},
};
use super::{ClassName, train::Device};
use crate::reference::Reference;

/// Measures a model on a part of a dataset. Predictions are part of the report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evaluate {
    /// The model: of a train or compress stage.
    pub model: Reference,
    /// The part it is measured on, e.g. `prepare.test`.
    pub data: Reference,
    /// What is measured. Default: `accuracy, f1_macro, log_loss` for classes, `accuracy, f1_macro, hamming_loss` for
    /// labels, `rmse, mae, r2` for numbers.
    #[serde(default)]
    pub metrics: Vec<Metric>,
    /// The class that `precision`, `recall`, `average_precision` and all other figures of one class look for. Default: that of the
    /// dataset that the model was trained on: its `positive`, else the rarer of two classes in the train part.
    #[serde(default)]
    pub positive: Option<ClassName>,
    /// Says how sure the metrics are: an interval for each, from rows drawn with replacement.
    #[serde(default)]
    pub bootstrap: Option<Bootstrap>,
    /// Measures the rows of each value of a raw column by themselves, too.
    #[serde(default)]
    pub slices: Vec<SliceBy>,
    /// Rows a step; changes nothing but memory and speed.
    #[serde(default = "default_batch_size")]
    #[schemars(range(min = 1))]
    pub batch_size: u32,
    /// Where it computes.
    #[serde(default)]
    pub device: Device,
}

fn default_batch_size() -> u32 {
    1024
}

/// Percentile intervals of metrics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bootstrap {
    /// How often as many rows as the part has are drawn.
    #[serde(default = "thousand")]
    #[schemars(range(min = 10, max = 100_000))]
    pub samples: u32,
    /// Share of the samples whose metric lies in the interval.
    #[serde(default = "usual_confidence")]
    #[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub confidence: f64,
    /// Seed of the draws.
    #[serde(default)]
    pub seed: u64,
}

fn thousand() -> u32 {
    1000
}

fn usual_confidence() -> f64 {
    0.95
}
