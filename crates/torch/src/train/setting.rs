//! What a training is given: rows, layers and how long, checked before the first step. Nothing in it changes.

use std::path::{Path, PathBuf};

use pipe_data::Dataset;
use pipe_schema::{
    dataset::PositiveClass,
    layer::Layer,
    model::WEIGHTS_FILE,
    protocol::Request,
    stage::{
        Train,
        train::{Answer, LrScheduler, ThresholdPart},
    },
};
use tch::Device;

use super::{Batches, Watch, rescale::rescale, stopping::check_metric, watched::Watched};
use crate::{
    error::{Error, Result},
    loss::{class_weights, pos_weights},
    model::{Net, lower},
    optim::Schedule,
    request::{device_of, input},
    rows::{Rows, check_target},
    threshold::check_two_classes,
};

/// The given.
pub struct Setting<'a> {
    pub stage: &'a Train,
    pub dataset: Dataset,
    pub layers: Vec<Layer>,
    /// The train part.
    pub rows: Rows,
    pub val: Option<Rows>,
    pub batches: Batches,
    /// The epoch after which it ends, at the latest.
    pub last_epoch: u32,
    pub watch: Option<Watch>,
    /// What is measured on the val part beside the loss and its own metric.
    pub watched: Option<Watched>,
    /// By class or label; empty where all count alike.
    pub class_weights: Vec<f64>,
    pub device: Device,
    initial: Option<PathBuf>,
}

impl<'a> Setting<'a> {
    pub fn new(stage: &'a Train, request: &Request) -> Result<Self> {
        let device = device_of(request)?;
        let mut dataset = Dataset::open(&input(request, "data")?.path)?;
        if stage.loss.answer() == Answer::Classes {
            dataset = dataset.with_classes()?;
        }
        check_target(&dataset, stage.loss)?;
        let mut layers =
            lower(&stage.model, dataset.schema(), stage.loss).map_err(|error| error.at("model"))?;
        let rows = Rows::load(&dataset, "train", device)?;
        if rows.is_empty() {
            return Err(Error::wrong("the train part has no rows"));
        }
        if stage.scale_target {
            layers.push(rescale(&rows.target, &dataset.schema().target)?);
        }
        let val = dataset
            .has("val")
            .then(|| Rows::load(&dataset, "val", device))
            .transpose()?
            .filter(|val| !val.is_empty());
        let target = &dataset.schema().target;
        let watch = stage
            .early_stopping
            .as_ref()
            .map(|stopping| Watch::new(stopping, stage.loss, target, val.is_some()))
            .transpose()?;
        if let LrScheduler::Plateau { metric, .. } = &stage.lr_scheduler {
            check_metric("plateau", metric, stage.loss, target, val.is_some())?;
        }
        let watched = match &val {
            Some(_) => Watched::new(stage, &dataset)?,
            None => None,
        };
        if stage.threshold.is_some() {
            check_two_classes(target)?;
        }
        let class_weights = match stage.pos_weight {
            Some(_) => pos_weights(stage.pos_weight, target)?,
            None => class_weights(stage.class_weights.as_ref(), &target.kind)?,
        };
        let batches = Batches::new(rows.len(), stage.batch_size, &layers);
        rows.check_step(batches.rows_from(0))?;
        let last_epoch = request
            .until
            .map_or(stage.epochs, |it| it.min(stage.epochs));
        let initial = match stage.init_from {
            Some(_) => Some(weights_file(Path::new(&input(request, "init_from")?.path))),
            None => None,
        };
        Ok(Self {
            stage,
            dataset,
            layers,
            rows,
            val,
            batches,
            last_epoch,
            watch,
            watched,
            class_weights,
            device,
            initial,
        })
    }

    /// The positive class, where something of the training looks for it.
    pub fn positive_in_use(&self) -> Option<PositiveClass> {
        let is_watched = self
            .watched
            .as_ref()
            .is_some_and(Watched::looks_for_positive);
        let is_used = self.stage.pos_weight.is_some() || is_watched;
        let positive = self.dataset.schema().target.positive_class();
        positive.filter(|_| is_used)
    }

    /// The rows of a part that a threshold may be chosen on.
    pub fn rows_of(&self, part: ThresholdPart) -> Option<&Rows> {
        match part {
            ThresholdPart::Val => self.val.as_ref(),
            ThresholdPart::Train => Some(&self.rows),
        }
    }

    /// The network before the first step: from `init_from`, or drawn from the seed.
    pub fn initial_net(&self) -> Result<Net> {
        match &self.initial {
            Some(path) => {
                Net::load(&self.layers, path, self.device).map_err(|error| error.at("init_from"))
            }
            None => Net::new(&self.layers, self.device),
        }
    }

    /// The learning rate of every step, beginning with the optimizer's.
    pub fn schedule(&self, lr: f64) -> Schedule {
        let stage = self.stage;
        Schedule::new(&stage.lr_scheduler, lr, stage.epochs, self.batches.count())
    }

    /// Steps in all, unless it ends early.
    pub fn steps(&self) -> u64 {
        self.batches.count() * u64::from(self.last_epoch)
    }

    /// Whether each epoch sees the rows in another order. With one batch an epoch there is nothing to mix.
    pub fn shuffles(&self) -> bool {
        self.stage.shuffle && self.batches.count() > 1
    }

    /// The first feature that is not a number somewhere in the train part.
    pub fn column_without_numbers(&self) -> Option<&str> {
        let column = self.rows.column_without_numbers().ok()??;
        Some(&self.dataset.schema().features[column])
    }

    /// How far from zero the target goes in the train part.
    pub fn largest_target(&self) -> f64 {
        self.rows.target.abs().max().double_value(&[])
    }
}

/// A model's folder holds its weights under a fixed name.
fn weights_file(path: &Path) -> PathBuf {
    if path.is_dir() {
        return path.join(WEIGHTS_FILE);
    }
    path.to_owned()
}
