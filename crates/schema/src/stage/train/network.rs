//! Networks as they are written: named architectures and layers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::yes;

/// A network: a named architecture, or a list of layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Network {
    /// Linear layers with an activation between; the last one's size follows from the target.
    Mlp(Mlp),
    /// Convolutions with an activation and a pool each, then linear layers; the last one's size follows from the target.
    Cnn(Cnn),
    /// Categories become numbers that are learned, beside the row's other numbers; then linear layers as in `mlp`. Takes rows
    /// with columns of codes, as `ordinal: {unknown: own}` makes them.
    Tabular(Tabular),
    /// Layers one after another; the last one must give what the target needs. Rows of images or sequences keep their
    /// dimensions where the first layer that minds them is a convolution or a pool, and are flat for others.
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

/// Convolutions with an activation and a pool each, then linear layers with an activation between.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cnn {
    /// Channels, height and width of a row, e.g. `[1, 28, 28]`. Default: as the dataset tells, if its rows are images.
    #[serde(default)]
    pub shape: Option<[u32; 3]>,
    /// Channels of each convolution.
    pub channels: Vec<u32>,
    /// Side of each convolution's window; half of it is padded around, so that an odd one keeps the size.
    #[serde(default = "three")]
    #[schemars(range(min = 1))]
    pub kernel_size: u32,
    /// Whether each convolution is followed by `batch_norm`.
    #[serde(default)]
    pub batch_norm: bool,
    /// Side of the window of the `max_pool2d` after each convolution; 1 is none.
    #[serde(default = "two")]
    #[schemars(range(min = 1))]
    pub pool: u32,
    /// Sizes of the linear layers between the convolutions and the last one.
    #[serde(default)]
    pub hidden: Vec<u32>,
    /// What follows each convolution and hidden layer.
    #[serde(default)]
    pub activation: Activation,
    /// Share of each hidden layer's outputs that is zeroed while training.
    #[serde(default)]
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0))]
    pub dropout: f64,
}

/// A table of learned numbers for each column of codes, then linear layers with an activation between.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tabular {
    /// Sizes of the hidden layers.
    pub hidden: Vec<u32>,
    /// Numbers for each category. Default: by column, half of its codes, at most 50 (the rule of thumb of fast.ai).
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub embedding_dim: Option<u32>,
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
    /// Numbers that are learned for each code: a row of codes becomes channels and length, one channel for each of the numbers.
    /// The first layer only.
    Embedding {
        /// Numbers for each code.
        #[schemars(range(min = 1))]
        embedding_dim: u32,
        /// How many codes there are, from 0. Default: as the dataset tells.
        #[serde(default)]
        #[schemars(range(min = 1))]
        num_embeddings: Option<u32>,
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
    /// A one-dimensional convolution over (channels, length).
    Conv1d {
        /// Channels it gives.
        #[schemars(range(min = 1))]
        out_channels: u32,
        /// Length of the window.
        #[schemars(range(min = 1))]
        kernel_size: u32,
        /// Steps from one window to the next.
        #[serde(default = "one")]
        #[schemars(range(min = 1))]
        stride: u32,
        /// Zeros on both sides.
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
    /// The mean of each window of an image; the border counts as zeros.
    AvgPool2d {
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
    /// The largest value of each window of a sequence.
    MaxPool1d {
        /// Length of the window.
        #[schemars(range(min = 1))]
        kernel_size: u32,
        /// Steps from one window to the next. Default: `kernel_size`.
        #[serde(default)]
        #[schemars(range(min = 1))]
        stride: Option<u32>,
        /// Border on both sides, at most half of `kernel_size`.
        #[serde(default)]
        padding: u32,
    },
    /// The mean of each channel: an image or a sequence becomes a flat row of its channels.
    GlobalAvgPool,
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
    /// Normalizes each row by itself, over all its values.
    LayerNorm {
        /// Added to the variance.
        #[serde(default = "batch_norm_eps")]
        #[schemars(extend("exclusiveMinimum" = 0.0))]
        eps: f64,
    },
    /// Layers whose output is added to their input.
    Residual {
        /// The layers. They must give what they get, or what `shortcut` gives.
        layers: Vec<LayerSpec>,
        /// What the input goes through before it is added. Default: nothing.
        #[serde(default)]
        shortcut: Vec<LayerSpec>,
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
    /// Shares that add up to 1, over the features of a flat row, or over the channels. Not for the last layer of
    /// `cross_entropy`, which takes logits.
    Softmax,
}

impl LayerSpec {
    /// The word for it in a spec.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Linear { .. } => "linear",
            Self::Embedding { .. } => "embedding",
            Self::Conv2d { .. } => "conv2d",
            Self::Conv1d { .. } => "conv1d",
            Self::MaxPool2d { .. } => "max_pool2d",
            Self::AvgPool2d { .. } => "avg_pool2d",
            Self::MaxPool1d { .. } => "max_pool1d",
            Self::GlobalAvgPool => "global_avg_pool",
            Self::LayerNorm { .. } => "layer_norm",
            Self::Residual { .. } => "residual",
            Self::Softmax => "softmax",
            Self::BatchNorm { .. } => "batch_norm",
            Self::Dropout { .. } => "dropout",
            Self::Flatten => "flatten",
            Self::Reshape { .. } => "reshape",
            Self::Relu => "relu",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
            Self::Gelu => "gelu",
        }
    }
}

fn two() -> u32 {
    2
}

fn three() -> u32 {
    3
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
