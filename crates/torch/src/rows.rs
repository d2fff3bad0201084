//! A part of a dataset as tensors on a device, and batches of it. Knows nothing of networks.

use pipe_data::{Dataset, TargetValues};
use pipe_schema::{
    dataset::TargetKind,
    stage::train::{Answer, Loss},
};
use tch::{Device, Kind, Tensor};

use crate::error::{Error, Result};

/// Rows in memory.
pub struct Rows {
    /// f32 [n, d].
    pub features: Tensor,
    /// Classes `i64 [n]`, or numbers `f32 [n, 1]`.
    pub target: Tensor,
}

impl Rows {
    /// The rows of a part.
    pub fn load(dataset: &Dataset, part: &str, device: Device) -> Result<Self> {
        let rows = dataset.part(part)?;
        let size = [rows.features.rows as i64, rows.features.width as i64];
        let features = Tensor::f_from_slice(&rows.features.values)?.f_reshape(size)?;
        let target = match &rows.target {
            TargetValues::Classes(classes) => {
                check_classes(dataset, part, classes)?;
                Tensor::f_from_slice(classes)?
            }
            TargetValues::Numbers(numbers) => Tensor::f_from_slice(numbers)?
                .f_to_kind(Kind::Float)?
                .f_reshape([-1, 1])?,
        };
        Ok(Self {
            features: features.f_to_device(device)?,
            target: target.f_to_device(device)?,
        })
    }

    pub fn len(&self) -> i64 {
        self.features.size()[0]
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Up to `count` rows from `start`, in the order of `order`, or in their own.
    pub fn batch(&self, order: Option<&Tensor>, start: i64, count: i64) -> Result<Self> {
        let count = count.min(self.len() - start);
        let Some(order) = order else {
            return Ok(Self {
                features: self.features.f_narrow(0, start, count)?,
                target: self.target.f_narrow(0, start, count)?,
            });
        };
        let index = order.f_narrow(0, start, count)?;
        Ok(Self {
            features: self.features.f_index_select(0, &index)?,
            target: self.target.f_index_select(0, &index)?,
        })
    }
}

/// Refuses a loss that is not for the dataset's target.
pub fn check_target(dataset: &Dataset, loss: Loss) -> Result<()> {
    let target = &dataset.schema().target;
    let name = &target.name;
    let (is, answer, column_type) = match &target.kind {
        TargetKind::Classes { names, .. } => {
            if loss.answer() == Answer::Classes && names.len() < 2 {
                return Err(Error::wrong(format!(
                    "the target `{name}` has {} class in the train part, there is nothing to tell apart",
                    names.len()
                )));
            }
            if loss == Loss::BceWithLogits && names.len() != 2 {
                return Err(Error::wrong(format!(
                    "loss bce_with_logits needs two classes, the target `{name}` has {}",
                    names.len()
                ))
                .hint("take `loss: cross_entropy`"));
            }
            (Answer::Classes, Answer::Number, "numeric")
        }
        TargetKind::Number { .. } => (Answer::Number, Answer::Classes, "categorical"),
    };
    if loss.answer() == is {
        return Ok(());
    }
    let made = answer.name();
    Err(Error::wrong(format!(
        "loss {} needs {}, the target `{name}` is {}",
        loss.name(),
        answer.name(),
        is.name()
    ))
    .hint(format!(
        "take `loss: {}`, or make it {made} in the preprocess stage: `columns: {{{name}: {column_type}}}`",
        is.usual_loss().name()
    )))
}

fn check_classes(dataset: &Dataset, part: &str, classes: &[i64]) -> Result<()> {
    let TargetKind::Classes { names, .. } = &dataset.schema().target.kind else {
        return Ok(());
    };
    let known = 0..names.len() as i64;
    match classes.iter().find(|class| !known.contains(class)) {
        Some(class) => Err(Error::wrong(format!(
            "the {part} part has class number {class}, the schema names {} classes",
            names.len()
        ))),
        None => Ok(()),
    }
}
