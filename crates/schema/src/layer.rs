//! The layer list: what every architecture becomes. It is what is saved, exported and counted.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// A layer with all its sizes. Parameters are named by the layer's index, as PyTorch's `Sequential` does: `0.weight`.
/// Layers without parameters count too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// `weight` `[out, in]`, `bias` `[out]`.
    Linear {
        in_features: u32,
        out_features: u32,
        bias: bool,
    },
    /// `weight` i8 `[out, in]`, `scale` f64 `[]`, `bias` f32 `[out]`; activations are quantized as they come.
    QuantizedLinear {
        in_features: u32,
        out_features: u32,
        bias: bool,
    },
    /// `weight` `[num_embeddings, embedding_dim]`: codes (n, length) become (n, `embedding_dim`, length).
    Embedding {
        num_embeddings: u32,
        embedding_dim: u32,
    },
    /// `weight` likewise: of a flat row, the code at `column` is taken out, and its numbers come last.
    ColumnEmbedding {
        column: u32,
        num_embeddings: u32,
        embedding_dim: u32,
    },
    /// `weight` `[out, in, k, k]`, `bias` `[out]`.
    Conv2d {
        in_channels: u32,
        out_channels: u32,
        kernel_size: u32,
        stride: u32,
        padding: u32,
        bias: bool,
    },
    /// `weight` `[out, in, k]`, `bias` `[out]`.
    Conv1d {
        in_channels: u32,
        out_channels: u32,
        kernel_size: u32,
        stride: u32,
        padding: u32,
        bias: bool,
    },
    MaxPool2d {
        kernel_size: u32,
        stride: u32,
        padding: u32,
    },
    /// The border counts as zeros.
    AvgPool2d {
        kernel_size: u32,
        stride: u32,
        padding: u32,
    },
    MaxPool1d {
        kernel_size: u32,
        stride: u32,
        padding: u32,
    },
    /// The mean of each channel: (n, c, …) becomes (n, c).
    GlobalAvgPool,
    /// `weight`, `bias`, `running_mean`, `running_var` `[features]`; `spatial` tells (n, c, h, w) from (n, c).
    BatchNorm {
        features: u32,
        spatial: bool,
        eps: f64,
        momentum: f64,
    },
    /// `weight`, `bias` of the shape of a row, over all of which it normalizes.
    LayerNorm {
        shape: Vec<u32>,
        eps: f64,
    },
    Dropout {
        p: f64,
    },
    /// Gives what layer `point` gets, once more.
    Recall {
        point: u32,
    },
    /// Adds what layer `point` gets.
    Add {
        point: u32,
    },
    Flatten,
    Reshape {
        shape: Vec<u32>,
    },
    Relu,
    Tanh,
    Sigmoid,
    Gelu,
    /// Over dimension 1.
    Softmax,
    /// From deviations of a target to its own units, by target: times `scale`, plus `shift`. It learns nothing.
    Rescale {
        scale: Vec<f64>,
        shift: Vec<f64>,
    },
}

/// The layers whose input a later one asks for, in order.
pub fn points(layers: &[Layer]) -> BTreeSet<usize> {
    let asked = layers.iter().filter_map(|layer| match layer {
        Layer::Recall { point } | Layer::Add { point } => Some(*point as usize),
        _ => None,
    });
    asked.collect()
}

impl Layer {
    /// What people call it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Linear { .. } => "linear",
            Self::QuantizedLinear { .. } => "linear int8",
            Self::Embedding { .. } => "embedding",
            Self::ColumnEmbedding { .. } => "column_embedding",
            Self::Conv2d { .. } => "conv2d",
            Self::Conv1d { .. } => "conv1d",
            Self::MaxPool2d { .. } => "max_pool2d",
            Self::AvgPool2d { .. } => "avg_pool2d",
            Self::MaxPool1d { .. } => "max_pool1d",
            Self::GlobalAvgPool => "global_avg_pool",
            Self::LayerNorm { .. } => "layer_norm",
            Self::Recall { .. } => "recall",
            Self::Add { .. } => "add",
            Self::Softmax => "softmax",
            Self::Rescale { .. } => "rescale",
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

    /// Its sizes, for people; empty where it has none.
    pub fn sizes(&self) -> String {
        match self {
            Self::Linear {
                in_features,
                out_features,
                ..
            }
            | Self::QuantizedLinear {
                in_features,
                out_features,
                ..
            } => format!("{in_features} → {out_features}"),
            Self::Embedding {
                num_embeddings,
                embedding_dim,
            } => format!("{num_embeddings} → {embedding_dim}"),
            Self::ColumnEmbedding {
                column,
                num_embeddings,
                embedding_dim,
            } => format!("{num_embeddings} → {embedding_dim}, value {column}"),
            Self::Conv2d {
                in_channels,
                out_channels,
                kernel_size: k,
                stride,
                padding,
                ..
            } => format!(
                "{in_channels} → {out_channels}, {k}×{k}, stride {stride}, padding {padding}"
            ),
            Self::Conv1d {
                in_channels,
                out_channels,
                kernel_size: k,
                stride,
                padding,
                ..
            } => {
                format!("{in_channels} → {out_channels}, {k}, stride {stride}, padding {padding}")
            }
            Self::MaxPool2d {
                kernel_size: k,
                stride,
                padding,
            }
            | Self::AvgPool2d {
                kernel_size: k,
                stride,
                padding,
            } => format!("{k}×{k}, stride {stride}, padding {padding}"),
            Self::MaxPool1d {
                kernel_size: k,
                stride,
                padding,
            } => format!("{k}, stride {stride}, padding {padding}"),
            Self::Recall { point } | Self::Add { point } => format!("what {point} gets"),
            Self::BatchNorm { features, .. } => features.to_string(),
            Self::Dropout { p } => p.to_string(),
            Self::Reshape { shape } | Self::LayerNorm { shape, .. } => {
                let sizes: Vec<String> = shape.iter().map(ToString::to_string).collect();
                sizes.join("×")
            }
            Self::Rescale { scale, shift } => {
                let each = scale.iter().zip(shift);
                let each: Vec<String> = each.map(|(scale, shift)| line(*scale, *shift)).collect();
                each.join(", ")
            }
            Self::GlobalAvgPool
            | Self::Flatten
            | Self::Relu
            | Self::Tanh
            | Self::Sigmoid
            | Self::Gelu
            | Self::Softmax => String::new(),
        }
    }
}

/// A line's slope and where it begins, in at most five digits each: `× 12 + 150`.
fn line(scale: f64, shift: f64) -> String {
    let short = |value: f64| {
        let rounded: f64 = format!("{value:.4e}").parse().unwrap_or(value);
        if (1e-4..1e7).contains(&rounded) {
            rounded.to_string()
        } else {
            format!("{rounded:e}")
        }
    };
    let sign = if shift < 0.0 { "−" } else { "+" };
    format!("× {} {sign} {}", short(scale), short(shift.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rescaling_is_told_as_a_line() {
        let layer = Layer::Rescale {
            scale: vec![12.0, 0.000_012_345_678],
            shift: vec![152.133_456, -2e9],
        };
        assert_eq!(layer.sizes(), "× 12 + 152.13, × 1.2346e-5 − 2e9");
    }
}
