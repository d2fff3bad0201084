//! The `compress` block: a smaller or faster model from a trained one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::train::{Device, Optimizer};
use crate::{reference::Reference, scalar::BatchSize};

/// Makes a model smaller or faster. Size and metric before and after are kept with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compress {
    /// The model to compress.
    pub model: Reference,
    /// The dataset: fine-tuning uses its train part, the comparison its val part (train if it has none).
    pub data: Reference,
    /// What is done, in order.
    pub passes: Vec<Pass>,
    /// Seed of fine-tuning.
    #[serde(default)]
    pub seed: u64,
    /// Where fine-tuning computes; quantized models run on the CPU.
    #[serde(default)]
    pub device: Device,
}

/// One pass of compression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Pass {
    /// Weights of linear layers become 8-bit integers; activations are quantized as they come.
    Quantize(Quantize),
    /// The smallest weights of linear and convolution layers become zero.
    Prune(Prune),
}

/// Dynamic quantization. Must be the last pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Quantize {
    /// Bits a weight; 8 is what there is.
    #[serde(default = "eight")]
    pub bits: u8,
}

fn eight() -> u8 {
    8
}

/// Magnitude pruning, over all layers together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prune {
    /// Share of the weights that become zero.
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0))]
    pub sparsity: f64,
    /// Training after the cut, with the zeros held. Default: none.
    #[serde(default)]
    pub finetune: Option<Finetune>,
}

/// Training after pruning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Finetune {
    /// Passes over the train part.
    #[schemars(range(min = 1))]
    pub epochs: u32,
    /// How parameters are changed.
    #[serde(default)]
    pub optimizer: Optimizer,
    /// Rows a step.
    #[serde(default = "default_batch_size")]
    pub batch_size: BatchSize,
}

fn default_batch_size() -> BatchSize {
    BatchSize::Rows(32)
}
