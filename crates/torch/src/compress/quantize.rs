//! Networks whose linear layers compute with 8-bit integers. Knows networks alone.

use pipe_schema::layer::Layer;
use tch::{Device, Tensor};

use crate::{
    error::Result,
    model::{self, Integers, Net, Tensors},
};

/// The network with integers for the weights of its linear layers, on the CPU.
pub fn quantize(net: &Net) -> Result<Net> {
    let mut layers = net.layers().to_vec();
    let mut tensors: Tensors = net.tensors();
    for (index, layer) in layers.iter_mut().enumerate() {
        let Layer::Linear {
            in_features,
            out_features,
            bias,
        } = *layer
        else {
            continue;
        };
        let Integers { integers, scale } = model::quantize(&net.of_layer(index)[0])?;
        tensors.insert(format!("{index}.weight"), integers);
        let scale = Tensor::f_from_slice(&[scale])?.f_reshape([0i64; 0])?;
        tensors.insert(format!("{index}.scale"), scale);
        *layer = Layer::QuantizedLinear {
            in_features,
            out_features,
            bias,
        };
    }
    Net::from_tensors(&layers, tensors, Device::Cpu)
}
