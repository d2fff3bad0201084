//! How many threads a stage computes with: a function of the plan alone, never of how busy the machine is,
//! because results depend on it.

use pipe_schema::{
    shape::specs,
    stage::{
        Task,
        train::{LayerSpec, Network},
    },
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
    sum(&specs(network), &mut 0)
}

/// The weights of layers, `width` being what the first gets and then what the last gives.
fn sum(layers: &[LayerSpec], width: &mut u64) -> u64 {
    let mut total = 0u64;
    for layer in layers {
        // Each weight of a convolution works once a position: count it as often as a small image has them.
        let (next, each) = match layer {
            LayerSpec::Linear { out_features, .. } => (u64::from(*out_features), *width),
            LayerSpec::Conv2d {
                out_channels,
                kernel_size,
                ..
            } => {
                let window = u64::from(*kernel_size).pow(2);
                let each = (*width).max(1).saturating_mul(window);
                (u64::from(*out_channels), each.saturating_mul(64))
            }
            LayerSpec::Conv1d {
                out_channels,
                kernel_size,
                ..
            } => {
                let each = (*width).max(1).saturating_mul(u64::from(*kernel_size));
                (u64::from(*out_channels), each.saturating_mul(64))
            }
            LayerSpec::Residual { layers, shortcut } => {
                let mut around = *width;
                total = total.saturating_add(sum(layers, width));
                total = total.saturating_add(sum(shortcut, &mut around));
                continue;
            }
            _ => continue,
        };
        total = total.saturating_add(each.saturating_mul(next));
        *width = next;
    }
    total
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
