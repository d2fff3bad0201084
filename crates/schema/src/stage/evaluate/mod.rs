//! The `evaluate` block: metrics and predictions of a model on a part of a dataset.

mod metric;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::metric::{MeanPinballLoss, Metric, TopKAccuracy};
use super::train::Device;
use crate::reference::Reference;

/// Measures a model on a part of a dataset. Predictions are part of the report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evaluate {
    /// The model: of a train or compress stage.
    pub model: Reference,
    /// The part it is measured on, e.g. `prepare.test`.
    pub data: Reference,
    /// What is measured. Default: `accuracy, f1_macro, log_loss` for classes, `rmse, mae, r2` for numbers.
    #[serde(default)]
    pub metrics: Vec<Metric>,
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
