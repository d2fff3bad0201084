//! A network as a TorchScript module, named as PyTorch's `Sequential` names it. Knows networks; no files but the one written.

use std::path::Path;

use pipe_schema::layer::Layer;

use super::script;
use crate::{
    error::Result,
    model::{Net, QuantizedLinear, SlotKind, slots},
    shim::Script,
};

/// Writes the network. The same network gives the same bytes, if the file's name is the same.
pub fn write(net: &Net, path: &Path) -> Result<()> {
    let mut module = Script::new("Network")?;
    for (index, layer) in net.layers().iter().enumerate() {
        if let Some(part) = part(net, index, layer)? {
            module.module(&index.to_string(), &part)?;
        }
    }
    module.define(&script::forward(net.layers()))?;
    module.save(path)
}

/// The tensors of a layer, if it has any.
fn part(net: &Net, index: usize, layer: &Layer) -> Result<Option<Script>> {
    let of_layer = net.of_layer(index);
    if of_layer.is_empty() {
        return Ok(None);
    }
    let mut part = Script::new(class(layer))?;
    if let Layer::QuantizedLinear { bias, .. } = layer {
        let quantized: &QuantizedLinear = net.quantized(index)?;
        part.attribute("packed", quantized.packed())?;
        part.buffer("sums", quantized.sums())?;
        if *bias {
            part.parameter("bias", &of_layer[2])?;
        }
        return Ok(Some(part));
    }
    for (slot, tensor) in slots(layer).iter().zip(of_layer) {
        if slot.kind == SlotKind::Parameter {
            part.parameter(slot.name, tensor)?;
        } else {
            part.buffer(slot.name, tensor)?;
        }
    }
    Ok(Some(part))
}

fn class(layer: &Layer) -> &'static str {
    match layer {
        Layer::Linear { .. } => "Linear",
        Layer::QuantizedLinear { .. } => "QuantizedLinear",
        Layer::Embedding { .. } | Layer::ColumnEmbedding { .. } => "Embedding",
        Layer::Conv2d { .. } => "Conv2d",
        Layer::Conv1d { .. } => "Conv1d",
        Layer::BatchNorm { .. } => "BatchNorm",
        Layer::LayerNorm { .. } => "LayerNorm",
        _ => "Layer",
    }
}
