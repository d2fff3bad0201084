//! What is minimized. Knows no network.

use indexmap::IndexMap;
use pipe_schema::{
    dataset::{Target, TargetKind},
    layer::Layer,
    stage::train::{ClassWeights, Loss, PosWeight},
};
use tch::{Device, Kind, Reduction, Tensor};

use crate::error::{Error, Result};

/// A loss with its options.
pub struct Criterion {
    loss: Loss,
    /// f32 [classes]; or [labels]: how much a yes of each counts.
    class_weights: Option<Tensor>,
    label_smoothing: f64,
    /// f32 [targets]: what differences are divided by.
    scale: Option<Tensor>,
}

impl Criterion {
    /// `class_weights` are by class or label, or none where all count alike.
    pub fn new(
        loss: Loss,
        class_weights: &[f64],
        label_smoothing: Option<f64>,
        device: Device,
    ) -> Result<Self> {
        let class_weights = match class_weights {
            [] => None,
            weights => {
                let weights = Tensor::f_from_slice(weights)?.f_to_kind(Kind::Float)?;
                Some(weights.f_to_device(device)?)
            }
        };
        Ok(Self {
            loss,
            class_weights,
            label_smoothing: label_smoothing.unwrap_or(0.0),
            scale: None,
        })
    }

    /// For a network that ends by going from deviations of its targets to their units: measured in deviations.
    pub fn for_layers(self, layers: &[Layer], device: Device) -> Result<Self> {
        let scale = match layers.last() {
            Some(Layer::Rescale { scale, .. }) => {
                let scale = Tensor::f_from_slice(scale)?.f_to_kind(Kind::Float)?;
                Some(scale.f_to_device(device)?)
            }
            _ => None,
        };
        Ok(Self { scale, ..self })
    }

    /// Whether it measures numbers in other units than those of the targets.
    pub fn is_scaled(&self) -> bool {
        self.scale.is_some()
    }

    pub fn loss(&self) -> Loss {
        self.loss
    }

    /// The mean loss over the rows of a batch, as they weigh: outputs `[n, k]` or `[n, 1]` against classes `i64 [n]`, or
    /// outputs `[n, k]` against numbers or labels `f32 [n, k]`.
    pub fn mean(&self, outputs: &Tensor, target: &Tensor) -> Result<Tensor> {
        if let Some(scale) = &self.scale {
            // All losses of numbers follow from differences alone.
            let off = outputs.f_sub(target)?.f_div(scale)?;
            return self.unscaled(&off, &off.f_zeros_like()?);
        }
        self.unscaled(outputs, target)
    }

    fn unscaled(&self, outputs: &Tensor, target: &Tensor) -> Result<Tensor> {
        Ok(match self.loss {
            Loss::CrossEntropy => outputs.f_cross_entropy_loss(
                target,
                self.class_weights.as_ref(),
                Reduction::Mean,
                /* no class is ignored */ -100,
                self.label_smoothing,
            )?,
            Loss::BceWithLogits => {
                // Of one target the weights are by class, of several how much a yes of each counts.
                let by_class = target.dim() == 1;
                let of_rows = match &self.class_weights {
                    Some(weights) if by_class => {
                        Some(weights.f_index_select(0, target)?.f_view_as(outputs)?)
                    }
                    _ => None,
                };
                let of_yes = self.class_weights.as_ref().filter(|_| !by_class);
                let target = target.f_to_kind(Kind::Float)?.f_view_as(outputs)?;
                outputs.f_binary_cross_entropy_with_logits(
                    &target,
                    of_rows.as_ref(),
                    of_yes,
                    Reduction::Mean,
                )?
            }
            Loss::Mse => outputs.f_mse_loss(target, Reduction::Mean)?,
            Loss::L1 => outputs.f_l1_loss(target, Reduction::Mean)?,
            Loss::Huber { delta } => outputs.f_huber_loss(target, Reduction::Mean, delta)?,
        })
    }

    /// What `mean` divides by: the number of rows, or the sum of their weights.
    pub fn weight(&self, target: &Tensor) -> Result<f64> {
        Ok(match &self.class_weights {
            Some(weights) if self.loss == Loss::CrossEntropy => {
                let of_rows = weights.f_index_select(0, target)?;
                of_rows.f_sum(Kind::Double)?.f_double_value(&[])?
            }
            _ => target.size()[0] as f64,
        })
    }
}

/// The weight of each class of the target, or of a yes of each label; none where all count alike.
pub fn class_weights(given: Option<&ClassWeights>, target: &TargetKind) -> Result<Vec<f64>> {
    match (given, target) {
        (
            Some(ClassWeights::Balanced),
            TargetKind::Classes {
                names,
                train_counts,
            },
        ) => {
            let rows: u64 = train_counts.iter().sum();
            let of = |&count: &u64| rows as f64 / (names.len() as f64 * count.max(1) as f64);
            Ok(train_counts.iter().map(of).collect())
        }
        (
            Some(ClassWeights::Balanced),
            TargetKind::Labels {
                train_counts,
                train_rows,
                ..
            },
        ) => {
            let of = |&count: &u64| (train_rows - count) as f64 / count.max(1) as f64;
            Ok(train_counts.iter().map(of).collect())
        }
        (Some(ClassWeights::Named(weights)), TargetKind::Classes { names, .. }) => {
            by_name(weights, names, "class")
        }
        (Some(ClassWeights::Named(weights)), TargetKind::Labels { names, .. }) => {
            by_name(weights, names, "label")
        }
        (Some(_), TargetKind::Number { .. } | TargetKind::Numbers { .. }) | (None, _) => {
            Ok(Vec::new())
        }
    }
}

/// The weight of each class where rows of the positive one count more; none where all count alike.
pub fn pos_weights(given: Option<PosWeight>, target: &Target) -> Result<Vec<f64>> {
    let (
        Some(given),
        TargetKind::Classes {
            names,
            train_counts,
        },
    ) = (given, &target.kind)
    else {
        return Ok(Vec::new());
    };
    let positive = target
        .positive_class()
        .and_then(|it| names.iter().position(|name| *name == it.class))
        .ok_or_else(|| Error::wrong("pos_weight: the target has no positive class"))?;
    let rows: u64 = train_counts.iter().sum();
    let of_positive = train_counts[positive];
    let weight = match given {
        PosWeight::Balanced => (rows - of_positive) as f64 / of_positive.max(1) as f64,
        PosWeight::Times(weight) => weight,
    };
    let mut weights = vec![1.0; names.len()];
    weights[positive] = weight;
    Ok(weights)
}

fn by_name(weights: &IndexMap<String, f64>, names: &[String], noun: &str) -> Result<Vec<f64>> {
    if let Some(unknown) = weights.keys().find(|it| !names.contains(it)) {
        return Err(Error::wrong(format!(
            "class_weights: the target has no {noun} `{unknown}`"
        ))
        .hint(format!("it has {}", names.join(", "))));
    }
    let of = |name: &String| weights.get(name).copied().unwrap_or(1.0);
    Ok(names.iter().map(of).collect())
}

#[cfg(test)]
mod tests;
