//! The `train` block: a network, a loss, an optimizer and how long.

mod loss;
mod network;
mod optimizer;
mod pos_weight;
mod threshold;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    loss::{Answer, ClassWeights, Loss},
    network::{Activation, Cnn, LayerSpec, Mlp, Network, Tabular},
    optimizer::{Adam, AdamW, Clip, LrScheduler, Optimizer, Rmsprop, Sgd},
    pos_weight::PosWeight,
    threshold::{Costs, ThresholdPart, ThresholdRule},
};
use super::evaluate::Metric;
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
    /// How much a row of the positive class counts in `bce_with_logits` of one target: a number, or `balanced` for as much as
    /// all rows of the other class together: their number / the number of its rows.
    #[serde(default)]
    pub pos_weight: Option<PosWeight>,
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
    /// Of two classes: from which probability on a row is predicted as the positive class. Kept in the model and in its package,
    /// and used by evaluate and predict. Default: the more probable class is predicted.
    #[serde(default)]
    pub threshold: Option<ThresholdRule>,
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

impl Train {
    /// The metrics on which something hangs while training: `val.loss`.
    pub fn watched(&self) -> impl Iterator<Item = &str> {
        let early = self.early_stopping.as_ref().map(|it| it.metric.as_str());
        let plateau = match &self.lr_scheduler {
            LrScheduler::Plateau { metric, .. } => Some(metric.as_str()),
            _ => None,
        };
        early.into_iter().chain(plateau)
    }
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
    /// What is watched: `val.loss`, `train.loss`, or any metric of an evaluate stage on the val part, such as `val.accuracy`,
    /// `val.average_precision` or `val.rmse`.
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

/// Whether higher values of a metric that is watched while training are better: of `val.accuracy`, not of `val.loss`.
pub fn higher_is_better(watched: &str) -> bool {
    let name = watched.split_once('.').map_or(watched, |it| it.1);
    Metric::of_name(name).is_some_and(Metric::higher_is_better)
}
