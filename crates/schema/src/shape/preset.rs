//! Named architectures as the layers that they stand for.

use super::Misfit;
use crate::stage::train::{Activation, Cnn, LayerSpec, Network};

/// The layers that are written, or that an architecture stands for; its last one, which follows from the target, is not
/// among them, nor are embeddings, which follow from the data.
pub fn specs(network: &Network) -> Vec<LayerSpec> {
    match network {
        Network::Layers(specs) => specs.clone(),
        Network::Mlp(mlp) => dense(&mlp.hidden, mlp.activation, mlp.dropout),
        Network::Cnn(cnn) => convolutions(cnn),
        Network::Tabular(it) => dense(&it.hidden, it.activation, it.dropout),
    }
}

/// The word for a network in a spec.
pub fn name(network: &Network) -> &'static str {
    match network {
        Network::Layers(_) => "layers",
        Network::Mlp(_) => "mlp",
        Network::Cnn(_) => "cnn",
        Network::Tabular(_) => "tabular",
    }
}

/// Refuses what the types let through.
pub fn check(network: &Network) -> Result<(), Misfit> {
    let hidden = match network {
        Network::Layers(_) => return Ok(()),
        Network::Mlp(mlp) => &mlp.hidden,
        Network::Tabular(tabular) => &tabular.hidden,
        Network::Cnn(cnn) => {
            if let Some(i) = cnn.channels.iter().position(|it| *it == 0) {
                let error = Misfit::new("a convolution must have at least 1 channel", "found 0");
                return Err(error.under(&["channels", &i.to_string()]));
            }
            if cnn.channels.is_empty() {
                let error =
                    Misfit::new("`channels` must have at least one entry", "no convolution");
                return Err(error
                    .hint("take `mlp` for a network without any")
                    .under(&["channels"]));
            }
            &cnn.hidden
        }
    };
    for (i, &size) in hidden.iter().enumerate() {
        if size == 0 {
            let error = Misfit::new("a hidden layer must have at least 1 unit", "found 0");
            return Err(error.under(&["hidden", &i.to_string()]));
        }
    }
    Ok(())
}

fn convolutions(cnn: &Cnn) -> Vec<LayerSpec> {
    let shape = cnn
        .shape
        .map(|it| LayerSpec::Reshape { shape: it.to_vec() });
    let mut specs: Vec<LayerSpec> = shape.into_iter().collect();
    for &out_channels in &cnn.channels {
        specs.push(LayerSpec::Conv2d {
            out_channels,
            kernel_size: cnn.kernel_size,
            stride: 1,
            padding: cnn.kernel_size / 2,
            bias: true,
        });
        if cnn.batch_norm {
            specs.push(LayerSpec::BatchNorm {
                eps: 1e-5,
                momentum: 0.1,
            });
        }
        specs.push(of(cnn.activation));
        if cnn.pool > 1 {
            specs.push(LayerSpec::MaxPool2d {
                kernel_size: cnn.pool,
                stride: None,
                padding: 0,
            });
        }
    }
    specs.push(LayerSpec::Flatten);
    specs.extend(dense(&cnn.hidden, cnn.activation, cnn.dropout));
    specs
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
