//! `model.json` before it is used: what each layer gets and gives, followed through all of them, with the memory that this
//! takes. Knows sizes alone; no tensors.

use std::collections::BTreeMap;

use pipe_schema::{
    layer::{Layer, points},
    model::Model,
    slot::{Slot, SlotKind, slots},
};

/// Bytes of a number between layers.
const FLOAT: u64 = 4;
/// The most numbers that a row may become between layers.
const MOST_NUMBERS: u64 = 1 << 32;
/// The most dimensions of a row.
const MOST_DIMENSIONS: usize = 8;

/// What a network takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkSize {
    /// Bytes of all weights.
    pub weights: u64,
    /// Bytes for each row that goes through it, at most.
    pub bytes_a_row: u64,
}

/// Checks that the layers fit each other, take rows of `inputs` values and give as many values as the model says.
pub fn check_network(model: &Model, inputs: usize) -> Result<NetworkSize, String> {
    if usize::try_from(model.inputs).ok() != Some(inputs) {
        return Err(format!(
            "it takes {} values, the schema names {inputs} features",
            model.inputs
        ));
    }
    if model.layers.is_empty() {
        return Err("it has no layers".to_owned());
    }
    let points = points(&model.layers);
    let mut given: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
    let mut row = vec![u64::from(model.inputs)];
    let (mut weights, mut widest, mut kept) = (0_u64, 0_u64, 0_u64);
    for (index, layer) in model.layers.iter().enumerate() {
        let at = |why: String| format!("layer {index}, {}: {why}", layer.name());
        let before = numbers_in(&row).map_err(at)?;
        if points.contains(&index) {
            kept = kept.saturating_add(before);
            given.insert(index, row.clone());
        }
        row = pass(layer, &row, &given).map_err(at)?;
        let after = numbers_in(&row).map_err(at)?;
        widest = widest.max(before.saturating_add(after));
        for slot in slots(layer) {
            let bytes = slot_bytes(&slot).ok_or_else(|| at("has too many weights".to_owned()))?;
            weights = weights.saturating_add(bytes);
        }
    }
    if row != [u64::from(model.outputs)] {
        return Err(format!(
            "its layers give {row:?} values, it says {}",
            model.outputs
        ));
    }
    Ok(NetworkSize {
        weights,
        bytes_a_row: widest.saturating_add(kept).saturating_mul(FLOAT),
    })
}

/// Bytes of a tensor; nothing for one that is too large to count.
pub fn slot_bytes(slot: &Slot) -> Option<u64> {
    let size = match slot.kind {
        SlotKind::Parameter | SlotKind::Buffer => FLOAT,
        SlotKind::Quantized => 1,
        SlotKind::Scale => 8,
    };
    slot.shape.iter().try_fold(size, |bytes, length| {
        bytes.checked_mul(u64::try_from(*length).ok()?)
    })
}

/// What a layer gives for a row of this shape.
fn pass(layer: &Layer, row: &[u64], given: &BTreeMap<usize, Vec<u64>>) -> Result<Vec<u64>, String> {
    let same = || Ok(row.to_vec());
    match layer {
        Layer::Linear {
            in_features,
            out_features,
            ..
        }
        | Layer::QuantizedLinear {
            in_features,
            out_features,
            ..
        } => {
            let [before @ .., last] = row else {
                return Err(takes(*in_features, row));
            };
            if *last != u64::from(*in_features) || *out_features == 0 {
                return Err(takes(*in_features, row));
            }
            Ok([before, &[u64::from(*out_features)]].concat())
        }
        Layer::Embedding {
            num_embeddings,
            embedding_dim,
        } => match row {
            [length] if *num_embeddings > 0 => Ok(vec![u64::from(*embedding_dim), *length]),
            _ => Err(takes("a row of codes", row)),
        },
        Layer::ColumnEmbedding {
            column,
            num_embeddings,
            embedding_dim,
        } => match row {
            [width] if *width > u64::from(*column) && *num_embeddings > 0 => {
                Ok(vec![width - 1 + u64::from(*embedding_dim)])
            }
            _ => Err(takes(format!("a row with a code at {column}"), row)),
        },
        Layer::Conv2d {
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            ..
        }
        | Layer::Conv1d {
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            ..
        } => {
            let axes = if matches!(layer, Layer::Conv1d { .. }) {
                1
            } else {
                2
            };
            let window = [*kernel_size, *stride, *padding];
            convolve(row, axes, *in_channels, *out_channels, window)
        }
        Layer::MaxPool2d {
            kernel_size,
            stride,
            padding,
        }
        | Layer::AvgPool2d {
            kernel_size,
            stride,
            padding,
        } => pool(row, 2, [*kernel_size, *stride, *padding]),
        Layer::MaxPool1d {
            kernel_size,
            stride,
            padding,
        } => pool(row, 1, [*kernel_size, *stride, *padding]),
        Layer::GlobalAvgPool => match row {
            [channels, _, ..] => Ok(vec![*channels]),
            _ => Err(takes("channels", row)),
        },
        Layer::BatchNorm {
            features, spatial, ..
        } => {
            let fits = row.first() == Some(&u64::from(*features)) && (row.len() > 1) == *spatial;
            if fits {
                same()
            } else {
                Err(takes(features, row))
            }
        }
        Layer::LayerNorm { shape, .. } => {
            let fits = shape
                .iter()
                .map(|size| u64::from(*size))
                .eq(row.iter().copied());
            if fits {
                same()
            } else {
                Err(takes(format!("{shape:?}"), row))
            }
        }
        Layer::Dropout { p } if !(0.0..=1.0).contains(p) => Err(format!("a share of {p}")),
        Layer::Recall { point } => recall(*point, given),
        Layer::Add { point } => {
            let other = recall(*point, given)?;
            if other == row {
                same()
            } else {
                Err(takes(format!("{other:?}"), row))
            }
        }
        Layer::Flatten => Ok(vec![numbers_in(row)?]),
        Layer::Reshape { shape } => {
            let shape: Vec<u64> = shape.iter().map(|size| u64::from(*size)).collect();
            if shape.is_empty() || numbers_in(&shape)? != numbers_in(row)? {
                return Err(takes(format!("{shape:?}"), row));
            }
            Ok(shape)
        }
        Layer::Rescale { scale, shift } => {
            let width = row.last().and_then(|width| usize::try_from(*width).ok());
            if width == Some(scale.len()) && scale.len() == shift.len() {
                return same();
            }
            Err(takes(scale.len(), row))
        }
        Layer::Dropout { .. }
        | Layer::Relu
        | Layer::Tanh
        | Layer::Sigmoid
        | Layer::Gelu
        | Layer::Softmax => same(),
    }
}

/// What the layer at this point gets, which must come before.
fn recall(point: u32, given: &BTreeMap<usize, Vec<u64>>) -> Result<Vec<u64>, String> {
    let before = given.get(&(point as usize)).cloned();
    before.ok_or_else(|| format!("asks for what layer {point} gets, which comes later"))
}

fn convolve(
    row: &[u64],
    sides: usize,
    in_channels: u32,
    out_channels: u32,
    window: [u32; 3],
) -> Result<Vec<u64>, String> {
    if row.first() != Some(&u64::from(in_channels)) || out_channels == 0 {
        return Err(takes(format!("{in_channels} channels"), row));
    }
    let mut gives = slide(row, sides, window)?;
    gives[0] = u64::from(out_channels);
    Ok(gives)
}

fn pool(row: &[u64], sides: usize, window: [u32; 3]) -> Result<Vec<u64>, String> {
    let [kernel_size, _, padding] = window;
    if u64::from(padding) * 2 > u64::from(kernel_size) {
        return Err(format!(
            "a border of {padding} around a window of {kernel_size}"
        ));
    }
    slide(row, sides, window)
}

/// The positions of a window along each side of a row, behind its channels.
fn slide(row: &[u64], sides: usize, window: [u32; 3]) -> Result<Vec<u64>, String> {
    let [kernel_size, stride, padding] = window.map(u64::from);
    if row.len() != sides + 1 || kernel_size == 0 || stride == 0 {
        return Err(takes(format!("channels and {sides} sides"), row));
    }
    let positions = row[1..].iter().map(|side| {
        let free = (side + 2 * padding).checked_sub(kernel_size);
        free.map(|free| free / stride + 1)
    });
    let positions: Option<Vec<u64>> = positions.collect();
    let positions = positions.ok_or_else(|| takes(format!("a window of {kernel_size}"), row))?;
    Ok([&row[..1], &positions].concat())
}

fn numbers_in(row: &[u64]) -> Result<u64, String> {
    let product = row
        .iter()
        .try_fold(1_u64, |product, size| product.checked_mul(*size))
        .filter(|numbers| (1..=MOST_NUMBERS).contains(numbers) && row.len() <= MOST_DIMENSIONS);
    product.ok_or_else(|| format!("a row of {row:?} values"))
}

fn takes(what: impl std::fmt::Display, row: &[u64]) -> String {
    format!("takes {what}, and gets {row:?}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn model(inputs: u32, outputs: u32, layers: &Value) -> Model {
        serde_json::from_value(json!({
            "inputs": inputs, "outputs": outputs, "loss": "cross_entropy", "layers": layers, "parameters": 0,
        }))
        .unwrap()
    }

    #[test]
    fn check_network_counts_weights_and_the_widest_moment_of_a_row() {
        let layers = json!([
            {"reshape": {"shape": [1, 4, 4]}},
            {"conv2d": {"in_channels": 1, "out_channels": 2, "kernel_size": 3, "stride": 1, "padding": 1, "bias": true}},
            {"recall": {"point": 2}}, {"add": {"point": 2}}, "relu", "global_avg_pool",
            {"linear": {"in_features": 2, "out_features": 3, "bias": false}},
        ]);
        let size = check_network(&model(16, 3, &layers), 16).unwrap();
        assert_eq!(size.weights, 4 * (18 + 2 + 6));
        assert_eq!(size.bytes_a_row, 4 * (64 + 32));
    }

    #[test]
    fn check_network_names_the_layer_that_does_not_fit() {
        let linear = json!({"linear": {"in_features": 4, "out_features": 2, "bias": true}});
        for (layers, complaint) in [
            (json!([]), "it has no layers"),
            (
                json!([linear, linear]),
                "layer 1, linear: takes 4, and gets [2]",
            ),
            (
                json!([linear, "relu", {"add": {"point": 9}}]),
                "layer 2, add: asks for what layer 9",
            ),
            (
                json!([{"reshape": {"shape": [2, 0]}}]),
                "layer 0, reshape: a row of [2, 0]",
            ),
            (
                json!([{"reshape": {"shape": [u32::MAX, u32::MAX, u32::MAX]}}]),
                "layer 0, reshape: a row",
            ),
            (
                json!([{"reshape": {"shape": [1, 2, 2]}}, {"conv2d": {
                    "in_channels": 1, "out_channels": 1, "kernel_size": 1, "stride": 1, "padding": u32::MAX,
                    "bias": false,
                }}]),
                "layer 1, conv2d: a row of [1, 8589934592",
            ),
            (
                json!([{"reshape": {"shape": [1, 2, 2]}}, {"max_pool2d": {
                    "kernel_size": 2, "stride": 0, "padding": 0,
                }}]),
                "layer 1, max_pool2d: takes channels and 2 sides",
            ),
            (
                json!([{"column_embedding": {"column": 4, "num_embeddings": 2, "embedding_dim": 1}}]),
                "layer 0, column",
            ),
            (
                json!([{"rescale": {"scale": [1.0], "shift": [1.0, 2.0]}}]),
                "layer 0, rescale",
            ),
            (
                json!([{"linear": {"in_features": 4, "out_features": 3, "bias": true}}]),
                "its layers give [3] values",
            ),
        ] {
            let error = check_network(&model(4, 2, &layers), 4).unwrap_err();
            assert!(error.starts_with(complaint), "{layers}: {error}");
        }
        assert!(check_network(&model(4, 2, &json!([linear])), 5).is_err());
    }
}
