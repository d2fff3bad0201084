//! What a model artifact holds.
//!
//! ```text
//! model.json             Model
//! weights.safetensors    parameters and buffers by name
//! schema.json            the DatasetSchema it was trained with: the preprocessing travels with the model
//! history.json           [EpochRecord]: losses and metrics by epoch, no times (absent where nothing was trained)
//! compression.json       Compression (of a compress stage)
//! plots/threshold.svg    precision, recall and F1 by threshold on the part it was chosen on (where one was)
//! ```

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::{
    layer::Layer,
    stage::train::{Loss, ThresholdRule},
};

pub const MODEL_FILE: &str = "model.json";
pub const WEIGHTS_FILE: &str = "weights.safetensors";
pub const HISTORY_FILE: &str = "history.json";
pub const COMPRESSION_FILE: &str = "compression.json";

/// A network and what it is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Number of features of a row.
    pub inputs: u32,
    /// Number of values the network gives for a row: classes, or 1.
    pub outputs: u32,
    pub loss: Loss,
    /// How much each class counted in the loss; empty where all did alike.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub class_weights: Vec<f64>,
    /// Share of the truth that the loss spread over all classes, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_smoothing: Option<f64>,
    /// From which probability on a row is predicted as the positive class, where that was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<DecisionThreshold>,
    pub layers: Vec<Layer>,
    /// Numbers in parameters; buffers do not count.
    pub parameters: u64,
}

/// A class of two, and the probability from which on it is predicted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassThreshold {
    pub class: String,
    /// Rows for which the class has at least this probability are predicted as it, all others as the other class.
    pub at: f64,
}

/// A threshold, and how it was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecisionThreshold {
    pub of: ClassThreshold,
    pub rule: ThresholdRule,
    /// What it gives on the part that it was chosen on; empty where the rule names it.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub figures: IndexMap<String, f64>,
}

/// One epoch of training. Keys of `metrics` are `train.loss`, `val.loss`, `val.accuracy`, `val.rmse` or `val.mae`, and what else
/// is watched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// From 1.
    pub epoch: u32,
    pub lr: f64,
    pub metrics: IndexMap<String, f64>,
    /// Whether the kept weights are those after this epoch.
    pub kept: bool,
}

/// What compression did, by pass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compression {
    /// The part the metrics were measured on.
    pub part: String,
    /// `accuracy`, `rmse` or `mae`.
    pub metric: String,
    pub before: CompressionPoint,
    /// After each pass, in order, as (pass's name, point).
    pub after: Vec<(String, CompressionPoint)>,
}

/// A model's size and quality at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompressionPoint {
    /// Bytes of the weights file.
    pub bytes: u64,
    pub metric: f64,
    /// Share of the weights of linear and convolution layers that are zero.
    pub sparsity: f64,
}
