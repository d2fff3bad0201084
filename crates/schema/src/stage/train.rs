//! The `train` block: a network, a loss, an optimizer and how long.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

/// A network: a named architecture, or a list of layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Network {
    /// Linear layers with an activation between; the last one's size follows from the target.
    Mlp(Mlp),
    /// Layers one after another; the last one must give what the target needs.
    Layers(Vec<LayerSpec>),
}

/// Linear layers with an activation between.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mlp {
    /// Sizes of the hidden layers.
    pub hidden: Vec<u32>,
    /// What follows each hidden layer.
    #[serde(default)]
    pub activation: Activation,
    /// Share of each hidden layer's outputs that is zeroed while training.
    #[serde(default)]
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0))]
    pub dropout: f64,
}

/// An activation function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    #[default]
    Relu,
    Tanh,
    Sigmoid,
    Gelu,
}

/// A layer as it is written: sizes of inputs follow from what comes before. Names and meanings are PyTorch's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LayerSpec {
    /// `y = x Wᵀ + b`.
    Linear {
        /// Values it gives for a row.
        #[schemars(range(min = 1))]
        out_features: u32,
        /// Whether `b` is there.
        #[serde(default = "yes")]
        bias: bool,
    },
    /// A two-dimensional convolution over (channels, height, width).
    Conv2d {
        /// Channels it gives.
        #[schemars(range(min = 1))]
        out_channels: u32,
        /// Side of the window.
        #[schemars(range(min = 1))]
        kernel_size: u32,
        /// Steps from one window to the next.
        #[serde(default = "one")]
        #[schemars(range(min = 1))]
        stride: u32,
        /// Zeros around the image.
        #[serde(default)]
        padding: u32,
        /// Whether each channel has a bias.
        #[serde(default = "yes")]
        bias: bool,
    },
    /// The largest value of each window.
    MaxPool2d {
        /// Side of the window.
        #[schemars(range(min = 1))]
        kernel_size: u32,
        /// Steps from one window to the next. Default: `kernel_size`.
        #[serde(default)]
        #[schemars(range(min = 1))]
        stride: Option<u32>,
        /// Border around the image, at most half of `kernel_size`.
        #[serde(default)]
        padding: u32,
    },
    /// Normalizes each feature, or each channel, over the batch. A last row alone joins the step before it.
    BatchNorm {
        /// Added to the variance.
        #[serde(default = "batch_norm_eps")]
        #[schemars(extend("exclusiveMinimum" = 0.0))]
        eps: f64,
        /// Share of the batch in the running mean and variance.
        #[serde(default = "batch_norm_momentum")]
        #[schemars(range(min = 0.0, max = 1.0))]
        momentum: f64,
    },
    /// Zeroes a share of the values while training.
    Dropout {
        /// The share.
        #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0))]
        p: f64,
    },
    /// All dimensions of a row become one.
    Flatten,
    /// Gives a row other dimensions, e.g. `[1, 8, 8]`.
    Reshape {
        /// One dimension, or channels, height and width.
        shape: Vec<u32>,
    },
    Relu,
    Tanh,
    Sigmoid,
    Gelu,
}

fn one() -> u32 {
    1
}

fn batch_norm_eps() -> f64 {
    1e-5
}

fn batch_norm_momentum() -> f64 {
    0.1
}

/// What is minimized: the mean over the rows of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// For a categorical target: the network gives one logit a class.
    CrossEntropy,
    /// For a numeric target: mean squared error.
    Mse,
}

/// How parameters are changed. Formulas are PyTorch's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Optimizer {
    /// Stochastic gradient descent, with momentum if asked for.
    Sgd(Sgd),
    /// Adam; `weight_decay` is added to the gradient.
    Adam(Adam),
    /// Adam with decoupled weight decay.
    Adamw(AdamW),
}

impl Default for Optimizer {
    fn default() -> Self {
        Self::Adamw(AdamW::default())
    }
}

/// Stochastic gradient descent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sgd {
    /// Learning rate.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub lr: f64,
    /// Share of the step before that is taken again.
    #[serde(default)]
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0))]
    pub momentum: f64,
    /// Share of each weight that is added to its gradient.
    #[serde(default)]
    #[schemars(range(min = 0.0))]
    pub weight_decay: f64,
}

/// Adam.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Adam {
    /// Learning rate.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub lr: f64,
    /// Decay of the means of the gradient and of its square; below 1.
    pub betas: [f64; 2],
    /// Added to the root of the mean square.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub eps: f64,
    /// Share of each weight that is added to its gradient.
    #[schemars(range(min = 0.0))]
    pub weight_decay: f64,
}

impl Default for Adam {
    fn default() -> Self {
        Self {
            lr: 1e-3,
            betas: [0.9, 0.999],
            eps: 1e-8,
            weight_decay: 0.0,
        }
    }
}

/// Adam with decoupled weight decay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AdamW {
    /// Learning rate.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub lr: f64,
    /// Decay of the means of the gradient and of its square; below 1.
    pub betas: [f64; 2],
    /// Added to the root of the mean square.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub eps: f64,
    /// Share of each weight that is taken away in a step, times the learning rate.
    #[schemars(range(min = 0.0))]
    pub weight_decay: f64,
}

impl Default for AdamW {
    fn default() -> Self {
        Self {
            lr: 1e-3,
            betas: [0.9, 0.999],
            eps: 1e-8,
            weight_decay: 0.01,
        }
    }
}

/// How the learning rate goes over the epochs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LrScheduler {
    /// Stays as it is.
    #[default]
    Constant,
    /// A linear rise over `warmup_epochs`, then half a cosine down to `min_lr`; changed after each step.
    Cosine {
        /// Epochs in which the rate rises from 0.
        #[serde(default)]
        warmup_epochs: u32,
        /// The rate at the end.
        #[serde(default)]
        #[schemars(range(min = 0.0))]
        min_lr: f64,
    },
    /// Multiplied by `gamma` after every `step_size` epochs.
    Step {
        /// Epochs between two changes.
        #[schemars(range(min = 1))]
        step_size: u32,
        /// What the rate is multiplied by.
        #[serde(default = "step_gamma")]
        #[schemars(extend("exclusiveMinimum" = 0.0))]
        gamma: f64,
    },
}

fn step_gamma() -> f64 {
    0.1
}

/// Ends training when a metric no longer improves. The weights of the best epoch are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EarlyStopping {
    /// What is watched: `val.loss`, `train.loss`, `val.accuracy` (cross_entropy) or `val.rmse` (mse).
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

/// Bounds gradients before each step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Clip {
    /// Scales all gradients so that their common norm is at most this.
    Norm(f64),
    /// Cuts each value to at most this, and at least its negative.
    Value(f64),
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
