//! How far a training is: all that changes beside the learner. It is what a checkpoint holds, to the last bit.

use pipe_schema::{model::EpochRecord, report::Metrics};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::{Setting, Watch};
use crate::{
    error::{Error, Result},
    model::{Net, Tensors},
    rows::Batch,
};

/// Where it stands.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// Epochs that are complete.
    pub epoch: u32,
    /// Steps in all.
    pub step: u64,
    /// Rows of the epoch in hand that were learned from.
    pub row: i64,
    /// Sum of their losses.
    loss_sum: f64,
    pub history: Vec<EpochRecord>,
    best: Option<Best>,
    /// The order of the rows in the epoch in hand.
    #[serde(skip)]
    pub order: Option<Tensor>,
    /// The weights of the best epoch.
    #[serde(skip)]
    pub best_weights: Option<Tensors>,
}

/// The best epoch by the metric that is watched.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Best {
    epoch: u32,
    value: f64,
}

impl State {
    /// Whether there is nothing left to do.
    pub fn is_over(&self, setting: &Setting) -> bool {
        let enough = match (&setting.watch, self.best) {
            (Some(watch), Some(best)) => watch.is_enough(self.epoch, best.epoch),
            _ => false,
        };
        self.epoch >= setting.last_epoch || enough
    }

    /// Draws the order of the rows for a new epoch.
    pub fn shuffle(&mut self, setting: &Setting) -> Result<()> {
        if self.row == 0 && setting.shuffles() {
            let order = Tensor::f_randperm(setting.rows.len(), (Kind::Int64, Device::Cpu))?;
            self.order = Some(order.f_to_device(setting.device)?);
        }
        Ok(())
    }

    /// The rows of the next step; none where the epoch in hand has had all.
    pub fn next_batch(&self, setting: &Setting) -> Result<Option<Batch>> {
        if self.row >= setting.rows.len() {
            return Ok(None);
        }
        let count = setting.batches.rows_from(self.row);
        let batch = setting.rows.batch(self.order.as_ref(), self.row, count)?;
        Ok(Some(batch))
    }

    /// A step was made on so many rows.
    pub fn count(&mut self, loss: f64, rows: i64) {
        self.loss_sum += loss * rows as f64;
        self.row += rows;
        self.step += 1;
    }

    /// The mean loss over the rows of the epoch in hand, each measured before the step it was part of.
    pub fn mean_loss(&self) -> f64 {
        self.loss_sum / self.row as f64
    }

    /// The epoch in hand is complete.
    pub fn end_epoch(
        &mut self,
        net: &Net,
        lr: f64,
        metrics: Metrics,
        watch: Option<&Watch>,
    ) -> Result<()> {
        self.epoch += 1;
        self.row = 0;
        self.loss_sum = 0.0;
        if let Some(watch) = watch {
            let value = *metrics
                .get(watch.metric())
                .ok_or_else(|| Error::bug(format!("no metric {}", watch.metric())))?;
            if watch.improves(value, self.best.map(|best| best.value)) {
                let epoch = self.epoch;
                self.best = Some(Best { epoch, value });
                self.best_weights = Some(net.snapshot()?);
            }
        }
        self.history.push(EpochRecord {
            epoch: self.epoch,
            lr,
            metrics,
            kept: false,
        });
        Ok(())
    }

    /// Gives the network the weights that are kept, and says of which epoch they are.
    pub fn keep(&mut self, net: &Net) -> Result<u32> {
        if let Some(weights) = &self.best_weights {
            net.restore(weights)?;
        }
        let kept = self.best.map_or(self.epoch, |best| best.epoch);
        for record in &mut self.history {
            record.kept = record.epoch == kept;
        }
        Ok(kept)
    }

    /// The metrics of an epoch.
    pub fn metrics_of(&self, epoch: u32) -> Metrics {
        let record = self.history.iter().find(|record| record.epoch == epoch);
        record.map(|it| it.metrics.clone()).unwrap_or_default()
    }
}
