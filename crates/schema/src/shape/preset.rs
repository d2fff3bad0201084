//! Named architectures as the layers that they stand for.

use super::Misfit;
use crate::stage::train::{Activation, LayerSpec, Mlp, Network};

/// The layers that are written, or that an architecture stands for; its last one, which follows from the target, is not
/// among them.
pub fn specs(network: &Network) -> Vec<LayerSpec> {
    match network {
        Network::Layers(specs) => specs.clone(),
        Network::Mlp(mlp) => dense(&mlp.hidden, mlp.activation, mlp.dropout),
    }
}

/// Refuses what the types let through.
pub fn check_mlp(mlp: &Mlp) -> Result<(), Misfit> {
    check_hidden(&mlp.hidden)
}

fn check_hidden(hidden: &[u32]) -> Result<(), Misfit> {
    for (i, &size) in hidden.iter().enumerate() {
        if size == 0 {
            let error = Misfit::new("a hidden layer must have at least 1 unit", "found 0");
            return Err(error.under(&["hidden", &i.to_string()]));
        }
    }
    Ok(())
}

fn dense(hidden: &[u32], activation: Activation, dropout: f64) -> Vec<LayerSpec> {
    let mut specs = Vec::new();
    for &out_features in hidden {
        specs.push(LayerSpec::Linear {
            out_features,
            bias: true,
        });
        specs.push(of(activation));
        if dropout > 0.0 {
            specs.push(LayerSpec::Dropout { p: dropout });
        }
    }
    specs
}

fn of(activation: Activation) -> LayerSpec {
    match activation {
        Activation::Relu => LayerSpec::Relu,
        Activation::Tanh => LayerSpec::Tanh,
        Activation::Sigmoid => LayerSpec::Sigmoid,
        Activation::Gelu => LayerSpec::Gelu,
    }
}
