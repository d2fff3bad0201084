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
    /// Classes `i64 [n]`, or numbers or labels `f32 [n, k]`.
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
            TargetValues::Several(numbers) => Tensor::f_from_slice(numbers.values())?
                .f_to_kind(Kind::Float)?
                .f_reshape([-1, numbers.width() as i64])?,
            TargetValues::Labels(labels) => Tensor::f_from_slice(labels.values())?
                .f_to_kind(Kind::Float)?
                .f_reshape([-1, labels.width() as i64])?,
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
    let is = target.answer();
    if is == Answer::Classes {
        check_class_count(name, target.classes(), loss)?;
    }
    let (needed, other_type) = match is {
        Answer::Classes => (Some(loss.answer()), "numeric"),
        Answer::Number => (Some(loss.answer()), "categorical"),
        Answer::Labels => (loss.answer_of_several(), "numeric"),
        Answer::Numbers => (loss.answer_of_several(), "boolean"),
    };
    let usual = is.usual_loss().name();
    let word = loss.name();
    let Some(needed) = needed else {
        let count = target.columns().len();
        return Err(Error::wrong(format!(
            "loss {word} is for one target, the dataset has {count}: {name}"
        ))
        .hint(format!(
            "take `loss: {usual}`, or one target in the preprocess stage"
        )));
    };
    if needed == is {
        return Ok(());
    }
    let (title, hint) = match target.columns() {
        [_] => (
            format!("the target `{name}` is {}", is.name()),
            format!(
                "make it {} in the preprocess stage: `columns: {{{name}: {other_type}}}`",
                needed.name()
            ),
        ),
        columns => {
            let types: Vec<String> = columns
                .iter()
                .map(|it| format!("{it}: {other_type}"))
                .collect();
            (
                format!("the targets `{name}` are {}", is.name()),
                format!(
                    "make them {} in the preprocess stage: `columns: {{{}}}`",
                    needed.name(),
                    types.join(", ")
                ),
            )
        }
    };
    Err(
        Error::wrong(format!("loss {word} needs {}, {title}", needed.name()))
            .hint(format!("take `loss: {usual}`, or {hint}")),
    )
}

fn check_class_count(name: &str, classes: &[String], loss: Loss) -> Result<()> {
    if loss.answer() == Answer::Classes && classes.len() < 2 {
        return Err(Error::wrong(format!(
            "the target `{name}` has {} class in the train part, there is nothing to tell apart",
            classes.len()
        )));
    }
    if loss == Loss::BceWithLogits && classes.len() != 2 {
        return Err(Error::wrong(format!(
            "loss bce_with_logits needs two classes, the target `{name}` has {}",
            classes.len()
        ))
        .hint("take `loss: cross_entropy`"));
    }
    Ok(())
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
