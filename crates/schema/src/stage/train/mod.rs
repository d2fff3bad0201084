//! The `train` block: a network, a loss, an optimizer and how long.

mod loss;
mod network;
mod optimizer;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    loss::{Answer, ClassWeights, Loss},
    network::{Activation, Cnn, LayerSpec, Mlp, Network, Tabular},
    optimizer::{Adam, AdamW, Clip, LrScheduler, Optimizer, Rmsprop, Sgd},
};
use crate::{
    reference::{PathOrStage, Reference},
    scalar::BatchSize,
};

/// Trains a network on a dataset and keeps it with its history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Train {
    /// The dataset; its train part is learned from, its val part measured after each epoch.
    pub data: Reference,
    /// The network.
    pub model: Network,
    /// What is minimized.
    pub loss: Loss,
    /// How much the rows of each class count in `cross_entropy`: `balanced`, or weights by the names of classes. In
    /// `bce_with_logits` of several targets: how much a yes of each counts, by the names of targets.
    #[serde(default)]
    pub class_weights: Option<ClassWeights>,
    /// Share of the truth that `cross_entropy` spreads evenly over all classes.
    #[serde(default)]
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0))]
    pub label_smoothing: Option<f64>,
    /// Whether numeric targets are learned as deviations from their mean in the train part, in standard deviations. Losses
    /// are then told in these; predictions and metrics are in the target's units either way.
    #[serde(default)]
    pub scale_target: bool,
    /// How parameters are changed.
    #[serde(default)]
    pub optimizer: Optimizer,
    /// How the learning rate goes over the epochs.
    #[serde(default)]
    pub lr_scheduler: LrScheduler,
    /// Passes over the train part.
    #[schemars(range(min = 1))]
    pub epochs: u32,
    /// Rows a step, or `full` for one step an epoch.
    #[serde(default = "default_batch_size")]
    pub batch_size: BatchSize,
    /// Whether the rows of the train part are shuffled before each epoch.
    #[serde(default = "yes")]
    pub shuffle: bool,
    /// Ends training when a metric no longer improves, and keeps the weights of the best epoch.
    #[serde(default)]
    pub early_stopping: Option<EarlyStopping>,
    /// Bounds gradients before each step.
    #[serde(default)]
    pub clip: Option<Clip>,
    /// Weights to start from: a safetensors file of the project, or a model stage. Default: drawn from `seed`.
    #[serde(default)]
    pub init_from: Option<PathOrStage>,
    /// Seed of the initial weights, the shuffles and dropout.
    #[serde(default)]
    pub seed: u64,
    /// Where it computes.
    #[serde(default)]
    pub device: Device,
}

fn default_batch_size() -> BatchSize {
    BatchSize::Rows(32)
}

fn yes() -> bool {
    true
}

/// Ends training when a metric no longer improves. The weights of the best epoch are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EarlyStopping {
    /// What is watched: `val.loss`, `train.loss`, `val.accuracy` (of classes and labels), `val.rmse` (mse) or `val.mae` (l1, huber).
    #[serde(default = "val_loss")]
    pub metric: String,
    /// Epochs without improvement after which training ends.
    #[schemars(range(min = 1))]
    pub patience: u32,
    /// What counts as an improvement.
    #[serde(default)]
    #[schemars(range(min = 0.0))]
    pub min_delta: f64,
}

fn val_loss() -> String {
    "val.loss".to_owned()
}

/// Where tensors live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Device {
    /// A GPU if the machine has one, else the CPU.
    #[default]
    Auto,
    Cpu,
    Cuda,
}
