//! A part of a dataset as tensors on a device, and batches of it. Knows nothing of networks.

use pipe_data::{Dataset, FeatureRows, Part, SparseRows, TargetValues};
use pipe_schema::{
    dataset::{DatasetSchema, TargetKind},
    stage::train::{Answer, Loss},
    text::{count_words, size_words},
};
use pipe_wire::memory::room;
use tch::{Device, Kind, Tensor};

use crate::error::{Error, Result};

/// The most numbers of sparse rows that are dense at once where nothing is learned: 16 MiB.
const MOST_DENSE: usize = 1 << 22;

/// How many copies of rows there are at once while they are read, or become dense.
const COPIES: u64 = 2;

/// The rows of a part in memory.
pub struct Rows {
    features: Store,
    /// Classes `i64 [n]`, or numbers or labels `f32 [n, k]`.
    pub target: Tensor,
}

enum Store {
    /// f32 [n, d], on the device.
    Dense(Tensor),
    /// Only the rows of a batch become dense.
    Sparse(SparseRows, Device),
}

/// Some rows, all their numbers on the device.
pub struct Batch {
    /// f32 [n, d].
    pub features: Tensor,
    /// As that of `Rows`.
    pub target: Tensor,
}

impl Batch {
    pub fn len(&self) -> i64 {
        self.features.size()[0]
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Refuses a part whose rows are larger than the memory that is left.
pub fn check_room(dataset: &Dataset, part: &str) -> Result<()> {
    let bytes = dataset.bytes(part)?.saturating_mul(COPIES);
    let left = room();
    if bytes <= left {
        return Ok(());
    }
    Err(Error::wrong(format!(
        "the rows of the {part} part take {} while they are read, and {} of memory are left",
        size_words(bytes),
        size_words(left)
    ))
    .hint("raise `resources.memory`, or let the preprocess stage make fewer columns: `hash`, `min_count`, or `ordinal` with a `tabular` network"))
}

/// How many sparse rows of this width are dense at once where nothing is learned.
pub fn rows_at_once(width: usize) -> usize {
    (MOST_DENSE / width.max(1)).max(1)
}

impl Rows {
    /// The rows of a part, as the dataset's own steps prepared them.
    pub fn load(dataset: &Dataset, part: &str, device: Device) -> Result<Self> {
        check_room(dataset, part)?;
        Self::of(dataset.part_as_kept(part)?, dataset.schema(), part, device)
    }

    /// The rows of a part as the steps of a model prepare them.
    pub fn load_for(
        model: &DatasetSchema,
        dataset: &Dataset,
        part: &str,
        device: Device,
    ) -> Result<Self> {
        check_room(dataset, part)?;
        Self::of(dataset.part_for(part, model)?, model, part, device)
    }

    fn of(
        rows: Part<FeatureRows>,
        schema: &DatasetSchema,
        part: &str,
        device: Device,
    ) -> Result<Self> {
        let features = match rows.features {
            FeatureRows::Dense(features) => {
                let size = [features.rows as i64, features.width as i64];
                let features = Tensor::f_from_slice(&features.values)?.f_reshape(size)?;
                Store::Dense(features.f_to_device(device)?)
            }
            FeatureRows::Sparse(rows) => Store::Sparse(rows, device),
        };
        let target = match &rows.target {
            TargetValues::Classes(classes) => {
                check_classes(schema, part, classes)?;
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
            features,
            target: target.f_to_device(device)?,
        })
    }

    pub fn len(&self) -> i64 {
        self.target.size()[0]
    }

    /// Refuses steps of so many sparse rows if there is no room for them.
    pub fn check_step(&self, count: i64) -> Result<()> {
        let Store::Sparse(rows, _) = &self.features else {
            return Ok(());
        };
        let numbers = (count.min(self.len()) as u64).saturating_mul(rows.width() as u64);
        let (bytes, left) = (numbers.saturating_mul(COPIES * 4), room());
        if bytes <= left {
            return Ok(());
        }
        Err(Error::wrong(format!(
            "a step of {} rows takes {}, and {} of memory are left",
            count_words(count as u64),
            size_words(bytes),
            size_words(left)
        ))
        .hint("a smaller `batch_size` takes less: the rows of a step are dense"))
    }

    /// How many of up to `most` rows are measured at once.
    pub fn at_once(&self, most: i64) -> i64 {
        match &self.features {
            Store::Dense(_) => most,
            Store::Sparse(rows, _) => most.min(rows_at_once(rows.width()) as i64),
        }
    }

    /// The first column that is not a number somewhere.
    pub fn column_without_numbers(&self) -> Result<Option<usize>> {
        match &self.features {
            Store::Dense(features) => {
                let finite = features.f_isfinite()?.f_all_dim(0, false)?;
                let finite = Vec::<bool>::try_from(finite.f_to_device(Device::Cpu)?)?;
                Ok(finite.iter().position(|is_finite| !is_finite))
            }
            Store::Sparse(rows, _) => {
                let numbers = rows.columns().iter().zip(rows.numbers());
                let bad = numbers.filter(|(_, number)| !number.is_finite());
                Ok(bad.map(|(column, _)| *column as usize).min())
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Up to `count` rows from `start`, in the order of `order`, or in their own.
    pub fn batch(&self, order: Option<&Tensor>, start: i64, count: i64) -> Result<Batch> {
        let count = count.min(self.len() - start);
        let Some(order) = order else {
            let features = match &self.features {
                Store::Dense(features) => features.f_narrow(0, start, count)?,
                Store::Sparse(rows, device) => {
                    dense(rows, start as usize..(start + count) as usize, *device)?
                }
            };
            return Ok(Batch {
                features,
                target: self.target.f_narrow(0, start, count)?,
            });
        };
        let index = order.f_narrow(0, start, count)?;
        let features = match &self.features {
            Store::Dense(features) => features.f_index_select(0, &index)?,
            Store::Sparse(rows, device) => {
                let chosen = Vec::<i64>::try_from(index.f_to_device(Device::Cpu)?)?;
                dense(rows, chosen.into_iter().map(|row| row as usize), *device)?
            }
        };
        Ok(Batch {
            features,
            target: self.target.f_index_select(0, &index)?,
        })
    }
}

/// All numbers of these sparse rows, f32 [n, d].
fn dense(
    rows: &SparseRows,
    chosen: impl ExactSizeIterator<Item = usize>,
    device: Device,
) -> Result<Tensor> {
    let size = [chosen.len() as i64, rows.width() as i64];
    let values = rows.dense(chosen);
    let features = Tensor::f_from_slice(&values)?.f_reshape(size)?;
    Ok(features.f_to_device(device)?)
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

fn check_classes(schema: &DatasetSchema, part: &str, classes: &[i64]) -> Result<()> {
    let TargetKind::Classes { names, .. } = &schema.target.kind else {
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
