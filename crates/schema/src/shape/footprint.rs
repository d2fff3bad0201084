//! The memory that a network takes, by estimate, from its sizes alone. Knows no device and no libtorch.
//!
//! To train: weights, their gradients, the optimizer's numbers, and the most of three that follow one another: the
//! activations of a batch, and twice the largest of these for the gradients on the way back; what the rows take that are
//! measured at once after an epoch; a checkpoint, while it is written.
//! To run: weights, and for each row the most that a layer gets and gives at once.

use super::{Row, Sized};
use crate::{
    layer::{Layer, points},
    slot::{parameter_count, slots},
    stage::train::Optimizer,
};

/// Bytes of a number.
const FLOAT: u64 = 4;
/// Of a maximum, where it was found is kept, too.
const PLACE: u64 = 8;
/// The worker keeps what it frees for what comes next, which seldom fits into the gaps: measured, 1.5 to 2.3 times what is in
/// use at once.
const GAPS: u64 = 2;
/// A checkpoint is put together in memory, then written: a copy by tensor and one as a file.
const COPIES: u64 = 2;

/// Bytes by what they are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// Parameters, and what is measured of the data.
    pub weights: u64,
    /// The weights of the best epoch, where they are kept.
    pub best: u64,
    /// Of the parameters.
    pub gradients: u64,
    /// What the optimizer keeps of each parameter.
    pub optimizer: u64,
    /// Of weights and the optimizer's numbers, and of the best weights where they are kept, while they are saved.
    pub saving: u64,
    /// Of one row of a batch, forth and back, with the gaps between.
    pub activations_a_row: u64,
    /// Of one row, where nothing is learned.
    pub running_a_row: u64,
}

impl Footprint {
    /// Of these layers for rows like this; nothing where a size is not known. `keeps_best` is whether the weights of the
    /// best epoch are kept beside those of the last.
    pub fn of(sized: &[Sized], row: &Row, optimizer: &Optimizer, keeps_best: bool) -> Option<Self> {
        let layers: Vec<Layer> = sized
            .iter()
            .map(|it| it.layer.clone())
            .collect::<Option<_>>()?;
        let mut gets = row.numbers()?;
        let mut kept = gets.saturating_mul(FLOAT);
        let (mut largest, mut widest, mut around) = (0, 0, 0u64);
        let points = points(&layers);
        for (at, (layer, it)) in layers.iter().zip(sized).enumerate() {
            let gives = it.gives.numbers()?;
            kept = kept.saturating_add(gives.saturating_mul(bytes_a_value(layer)));
            largest = largest.max(gives);
            widest = widest.max(gets.saturating_add(gives));
            if points.contains(&at) {
                around = around.saturating_add(gets);
            }
            gets = gives;
        }
        let parameters = parameter_count(&layers);
        let all = layers.iter().flat_map(slots);
        let numbers: u64 = all.map(|it| it.shape.iter().product::<i64>() as u64).sum();
        let state = numbers_a_parameter(optimizer);
        let weights = numbers.saturating_mul(FLOAT);
        let optimizer = parameters.saturating_mul(FLOAT * state);
        let saved = weights.saturating_mul(1 + u64::from(keeps_best));
        let there_and_back = kept.saturating_add(largest.saturating_mul(2 * FLOAT));
        Some(Self {
            weights,
            best: saved - weights,
            gradients: parameters.saturating_mul(FLOAT),
            optimizer,
            saving: saved.saturating_add(optimizer).saturating_mul(COPIES),
            activations_a_row: there_and_back.saturating_mul(GAPS),
            running_a_row: widest.saturating_add(around).saturating_mul(FLOAT),
        })
    }

    /// To train with batches of `rows`, where `measured` rows at once are measured after each epoch.
    pub fn training(&self, rows: u64, measured: u64) -> u64 {
        let activations = self.activations(rows).max(self.measuring(measured));
        let moment = activations.max(self.saving);
        [self.gradients, self.optimizer, self.best, moment]
            .into_iter()
            .fold(self.weights, u64::saturating_add)
    }

    /// Of a batch of so many rows while training.
    pub fn activations(&self, rows: u64) -> u64 {
        self.activations_a_row.saturating_mul(rows)
    }

    /// To run with so many rows at once.
    pub fn running(&self, rows: u64) -> u64 {
        self.weights.saturating_add(self.measuring(rows))
    }

    /// Of so many rows at once where nothing is learned.
    pub fn measuring(&self, rows: u64) -> u64 {
        self.running_a_row.saturating_mul(rows)
    }
}

/// What is kept of each value that a layer gives until its gradient is known.
fn bytes_a_value(layer: &Layer) -> u64 {
    match layer {
        Layer::Reshape { .. } | Layer::Flatten | Layer::Recall { .. } => 0,
        Layer::MaxPool2d { .. } | Layer::MaxPool1d { .. } => FLOAT + PLACE,
        // And which of them were kept.
        Layer::Dropout { .. } => 2 * FLOAT,
        _ => FLOAT,
    }
}

fn numbers_a_parameter(optimizer: &Optimizer) -> u64 {
    match optimizer {
        Optimizer::Sgd(it) => u64::from(it.momentum > 0.0),
        Optimizer::Rmsprop(it) => 1 + u64::from(it.momentum > 0.0) + u64::from(it.centered),
        Optimizer::Adam(_) | Optimizer::Adamw(_) => 2,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        shape::{Codes, Ends, lower},
        stage::train::{Loss, Network},
    };

    fn footprint(
        network: serde_json::Value,
        row: &Row,
        optimizer: &Optimizer,
    ) -> Option<Footprint> {
        let network: Network = serde_json::from_value(network).unwrap();
        let ends = Ends {
            row: row.clone(),
            codes: Codes::Unknown,
            loss: Loss::CrossEntropy,
            classes: Some(2),
            targets: Some(1),
        };
        Footprint::of(&lower(&network, &ends).unwrap(), row, optimizer, false)
    }

    #[test]
    fn memory_is_the_sum_of_what_is_kept() {
        let layers = json!({"layers": [
            {"conv2d": {"out_channels": 2, "kernel_size": 3, "padding": 1, "bias": false}},
            {"batch_norm": {}}, {"max_pool2d": {"kernel_size": 2}}, "flatten",
            {"dropout": {"p": 0.5}}, {"linear": {"out_features": 2}},
        ]});
        let row = Row::Sizes(vec![1, 4, 4]);
        let found = footprint(layers, &row, &Optimizer::default()).unwrap();
        let (parameters, measured) = (18 + 4 + 18, 4);
        assert_eq!(found.weights, 4 * (parameters + measured));
        assert_eq!(found.gradients, 4 * parameters);
        assert_eq!(found.optimizer, 8 * parameters);
        let kept = 4 * (16 + 32 + 32 + 2) + 12 * 8 + 8 * 8;
        assert_eq!(found.activations_a_row, 2 * (kept + 2 * 4 * 32));
        assert_eq!(found.saving, 2 * (found.weights + found.optimizer));
        assert_eq!(found.running_a_row, 4 * (32 + 32));
        let all = found.weights + found.gradients + found.optimizer;
        assert_eq!(found.training(10, 0), all + 10 * found.activations_a_row);
        assert_eq!(found.training(1, 99), all + 99 * found.running_a_row);
        // A small batch is less than the checkpoint.
        let wide = json!({"mlp": {"hidden": [5000]}});
        let wide = footprint(wide, &Row::flat(100), &Optimizer::default()).unwrap();
        let all = wide.weights + wide.gradients + wide.optimizer;
        assert_eq!(wide.training(2, 0), all + wide.saving);
    }

    #[test]
    fn optimizers_keep_as_many_numbers_as_their_options_ask_for() {
        for (optimizer, numbers) in [
            (json!({"sgd": {"lr": 0.1}}), 0),
            (json!({"sgd": {"lr": 0.1, "momentum": 0.9}}), 1),
            (json!({"rmsprop": {"momentum": 0.5, "centered": true}}), 3),
            (json!({"adam": {}}), 2),
        ] {
            let optimizer = serde_json::from_value(optimizer).unwrap();
            let mlp = json!({"mlp": {"hidden": []}});
            let found = footprint(mlp, &Row::flat(3), &optimizer).unwrap();
            assert_eq!(found.optimizer, numbers * 4 * 8, "{optimizer:?}");
        }
    }

    #[test]
    fn unknown_sizes_have_no_footprint() {
        let mlp = json!({"mlp": {"hidden": [4]}});
        assert_eq!(footprint(mlp, &Row::Flat, &Optimizer::default()), None);
    }
}
