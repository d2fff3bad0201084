//! What a training is given: rows, layers and how long, checked before the first step. Nothing in it changes.

use std::path::{Path, PathBuf};

use pipe_data::Dataset;
use pipe_schema::{
    layer::Layer, model::WEIGHTS_FILE, protocol::Request, scalar::BatchSize, stage::Train,
};
use tch::Device;

use super::Watch;
use crate::{
    error::{Error, Result},
    model::{Net, lower},
    request::{device_of, input},
    rows::{Rows, outputs},
};

/// The given.
pub struct Setting<'a> {
    pub stage: &'a Train,
    pub dataset: Dataset,
    pub layers: Vec<Layer>,
    /// The train part.
    pub rows: Rows,
    pub val: Option<Rows>,
    /// Rows a step.
    pub batch_size: i64,
    /// The epoch after which it ends, at the latest.
    pub last_epoch: u32,
    pub watch: Option<Watch>,
    pub device: Device,
    initial: Option<PathBuf>,
}

impl<'a> Setting<'a> {
    pub fn new(stage: &'a Train, request: &Request) -> Result<Self> {
        let device = device_of(request)?;
        let dataset = Dataset::open(&input(request, "data")?.path)?;
        let outputs = outputs(&dataset, stage.loss)?;
        let inputs = dataset.schema().features.len() as u32;
        let layers = lower(&stage.model, inputs, outputs).map_err(|error| error.at("model"))?;
        let rows = Rows::load(&dataset, "train", device)?;
        if rows.is_empty() {
            return Err(Error::wrong("the train part has no rows"));
        }
        let val = dataset
            .has("val")
            .then(|| Rows::load(&dataset, "val", device))
            .transpose()?
            .filter(|val| !val.is_empty());
        let watch = stage
            .early_stopping
            .as_ref()
            .map(|stopping| Watch::new(stopping, stage.loss, val.is_some()))
            .transpose()?;
        let batch_size = match stage.batch_size {
            BatchSize::Full => rows.len(),
            BatchSize::Rows(count) => rows.len().min(i64::try_from(count).unwrap_or(i64::MAX)),
        };
        check_batch_norm(&layers, rows.len(), batch_size)?;
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
            batch_size,
            last_epoch,
            watch,
            device,
            initial,
        })
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

    pub fn steps_per_epoch(&self) -> u64 {
        let rows = self.rows.len() as u64;
        rows.div_ceil(self.batch_size as u64)
    }

    /// Steps in all, unless it ends early.
    pub fn steps(&self) -> u64 {
        self.steps_per_epoch() * u64::from(self.last_epoch)
    }

    /// Whether each epoch sees the rows in another order. With one batch an epoch there is nothing to mix.
    pub fn shuffles(&self) -> bool {
        self.stage.shuffle && self.batch_size < self.rows.len()
    }

    /// The first feature that is not a number somewhere in the train part.
    pub fn column_without_numbers(&self) -> Option<&str> {
        let finite = self.rows.features.isfinite().all_dim(0, false);
        let columns = &self.dataset.schema().features;
        let is_bad = |index: &usize| finite.int64_value(&[*index as i64]) == 0;
        let column = (0..columns.len()).find(is_bad)?;
        Some(&columns[column])
    }
}

/// A model's folder holds its weights under a fixed name.
fn weights_file(path: &Path) -> PathBuf {
    if path.is_dir() {
        return path.join(WEIGHTS_FILE);
    }
    path.to_owned()
}

/// A single row has no variance: batch_norm would learn what is no number.
fn check_batch_norm(layers: &[Layer], rows: i64, batch_size: i64) -> Result<()> {
    let has_norm = layers
        .iter()
        .any(|layer| matches!(layer, Layer::BatchNorm { spatial: false, .. }));
    if !has_norm || (batch_size > 1 && rows % batch_size != 1) {
        return Ok(());
    }
    Err(Error::wrong(format!(
        "batch_norm needs at least 2 rows a step; {rows} rows in steps of {batch_size} leave a step with 1"
    ))
    .hint("take another `batch_size`"))
}
