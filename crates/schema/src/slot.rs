//! Which tensors a layer has: their names, shapes and kinds, in the order in which a network holds them.
//! Pure: knows no tensors.

use crate::layer::Layer;

/// A tensor of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Without the layer's index: `weight`.
    pub name: &'static str,
    pub shape: Vec<i64>,
    pub kind: SlotKind,
}

/// What a tensor is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotKind {
    /// Learned; f32.
    Parameter,
    /// Measured while training; f32.
    Buffer,
    /// Weights as 8-bit integers.
    Quantized,
    /// One f64.
    Scale,
}

/// The tensors of a layer, in order. A layer without a bias has no slot for it.
pub fn slots(layer: &Layer) -> Vec<Slot> {
    let slot = |kind, name, shape: &[u32]| Slot {
        name,
        shape: shape.iter().map(|&size| i64::from(size)).collect(),
        kind,
    };
    let parameter = |name, shape: &[u32]| slot(SlotKind::Parameter, name, shape);
    let bias_of = |bias: bool, size: u32| bias.then(|| parameter("bias", &[size]));
    let mut slots = Vec::new();
    match *layer {
        Layer::Linear {
            in_features,
            out_features,
            bias,
        } => {
            slots.push(parameter("weight", &[out_features, in_features]));
            slots.extend(bias_of(bias, out_features));
        }
        Layer::QuantizedLinear {
            in_features,
            out_features,
            bias,
        } => {
            let shape = [out_features, in_features];
            slots.push(slot(SlotKind::Quantized, "weight", &shape));
            slots.push(slot(SlotKind::Scale, "scale", &[]));
            slots.extend(bias_of(bias, out_features));
        }
        Layer::Embedding {
            num_embeddings,
            embedding_dim,
        }
        | Layer::ColumnEmbedding {
            num_embeddings,
            embedding_dim,
            ..
        } => slots.push(parameter("weight", &[num_embeddings, embedding_dim])),
        Layer::Conv2d {
            in_channels,
            out_channels,
            kernel_size,
            bias,
            ..
        } => {
            let shape = [out_channels, in_channels, kernel_size, kernel_size];
            slots.push(parameter("weight", &shape));
            slots.extend(bias_of(bias, out_channels));
        }
        Layer::Conv1d {
            in_channels,
            out_channels,
            kernel_size,
            bias,
            ..
        } => {
            slots.push(parameter(
                "weight",
                &[out_channels, in_channels, kernel_size],
            ));
            slots.extend(bias_of(bias, out_channels));
        }
        Layer::LayerNorm { ref shape, .. } => {
            slots.push(parameter("weight", shape));
            slots.push(parameter("bias", shape));
        }
        Layer::BatchNorm { features, .. } => {
            slots.push(parameter("weight", &[features]));
            slots.push(parameter("bias", &[features]));
            slots.push(slot(SlotKind::Buffer, "running_mean", &[features]));
            slots.push(slot(SlotKind::Buffer, "running_var", &[features]));
        }
        Layer::MaxPool2d { .. }
        | Layer::AvgPool2d { .. }
        | Layer::MaxPool1d { .. }
        | Layer::GlobalAvgPool
        | Layer::Dropout { .. }
        | Layer::Recall { .. }
        | Layer::Add { .. }
        | Layer::Softmax
        | Layer::Rescale { .. }
        | Layer::Flatten
        | Layer::Reshape { .. }
        | Layer::Relu
        | Layer::Tanh
        | Layer::Sigmoid
        | Layer::Gelu => {}
    }
    slots
}

/// Numbers in weights and biases, whether floats or 8-bit integers. Buffers and scales do not count.
pub fn parameter_count(layers: &[Layer]) -> u64 {
    let counts = |slot: &Slot| matches!(slot.kind, SlotKind::Parameter | SlotKind::Quantized);
    let slots = layers.iter().flat_map(slots).filter(counts);
    slots
        .map(|slot| slot.shape.iter().product::<i64>() as u64)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_counted_as_the_layers_have_them() {
        let linear = Layer::Linear {
            in_features: 64,
            out_features: 10,
            bias: true,
        };
        assert_eq!(parameter_count(&[linear]), 650);
        let convolution = Layer::Conv2d {
            in_channels: 1,
            out_channels: 8,
            kernel_size: 3,
            stride: 1,
            padding: 1,
            bias: false,
        };
        assert_eq!(parameter_count(&[convolution]), 72);
    }
}
