//! How many threads a stage computes with: a function of the plan alone, never of how busy the machine is,
//! because results depend on it.

use pipe_schema::stage::{
    Task,
    train::{LayerSpec, Network},
};

use crate::plan::Stage;

/// Below so many weights, waking a second thread costs more than it brings.
const ONE_THREAD: u64 = 250_000;
/// Below so many weights, four threads are enough.
const FOUR_THREADS: u64 = 4_000_000;

/// The lesser of `resources.cpus` and what the model's size deserves: 1 thread below 250,000 weights, 4 below 4,000,000,
/// then all. Of a network, those weights count that its block alone tells: between two hidden layers, or in a convolution.
/// Stages that only read a model compute with `resources.cpus`; a preprocess does not depend on threads.
pub fn of(stage: &Stage) -> u32 {
    let most = match &stage.task {
        Task::Train(train) => by_weights(weights(&train.model)),
        _ => u32::MAX,
    };
    stage.control.resources.cpus.clamp(1, most)
}

fn by_weights(weights: u64) -> u32 {
    match weights {
        ..ONE_THREAD => 1,
        ONE_THREAD..FOUR_THREADS => 4,
        _ => u32::MAX,
    }
}

fn weights(network: &Network) -> u64 {
    match network {
        Network::Mlp(mlp) => mlp
            .hidden
            .windows(2)
            .map(|pair| u64::from(pair[0]) * u64::from(pair[1]))
            .sum(),
        Network::Layers(layers) => {
            let mut width = 0;
            let mut sum = 0;
            for layer in layers {
                let (next, weights) = match layer {
                    LayerSpec::Linear { out_features, .. } => {
                        let next = u64::from(*out_features);
                        (next, width * next)
                    }
                    LayerSpec::Conv2d {
                        out_channels,
                        kernel_size,
                        ..
                    } => {
                        let next = u64::from(*out_channels);
                        let window = u64::from(*kernel_size).pow(2);
                        // Each weight works once a position: count it as often as a small image has them.
                        (next, width.max(1) * next * window * 64)
                    }
                    _ => continue,
                };
                width = next;
                sum += weights;
            }
            sum
        }
    }
}

#[cfg(test)]
mod tests {
    use pipe_schema::stage::train::{Activation, Mlp};

    use super::*;

    fn mlp(hidden: &[u32]) -> Network {
        Network::Mlp(Mlp {
            hidden: hidden.to_vec(),
            activation: Activation::Relu,
            dropout: 0.0,
        })
    }

    #[test]
    fn small_models_get_one_thread() {
        assert_eq!(by_weights(weights(&mlp(&[64, 32]))), 1);
        assert_eq!(by_weights(weights(&mlp(&[1024, 1024]))), 4);
        assert_eq!(by_weights(weights(&mlp(&[4096, 4096]))), u32::MAX);
    }
}
