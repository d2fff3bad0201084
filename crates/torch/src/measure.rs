//! What is looked at while a network learns: its loss and one metric on rows, and how fast it goes.
//! The `evaluate` stage measures more; this is what early stopping reads.

use std::time::{Duration, Instant};

use indexmap::IndexMap;
use pipe_schema::{
    report::Metrics,
    stage::train::{Answer, Loss},
};
use tch::Kind;

use crate::{error::Result, loss, model::Net, rows::Rows};

/// Rows at a time; more need memory and are not faster.
const BATCH: i64 = 1024;

/// `loss`, and the metric that goes with it.
pub fn measure(net: &Net, loss: Loss, rows: &Rows) -> Result<Metrics> {
    let _no_grad = tch::no_grad_guard();
    let (mut loss_sum, mut right, mut start) = (0.0, 0, 0);
    while start < rows.len() {
        let batch = rows.batch(None, start, BATCH)?;
        let outputs = net.forward(&batch.features, false)?;
        let mean = loss::mean(loss, &outputs, &batch.target)?;
        loss_sum += mean.f_double_value(&[])? * batch.len() as f64;
        if loss.answer() == Answer::Classes {
            let classes = outputs.f_argmax(1, false)?;
            let equal = classes.f_eq_tensor(&batch.target)?;
            right += equal.f_sum(Kind::Int64)?.f_int64_value(&[])?;
        }
        start += batch.len();
    }
    let count = rows.len() as f64;
    let mean = loss_sum / count;
    let metric = match loss {
        Loss::CrossEntropy => right as f64 / count,
        Loss::Mse => mean.sqrt(),
    };
    Ok(Metrics::from([
        ("loss".to_owned(), mean),
        (loss.metric().to_owned(), metric),
    ]))
}

/// Rows learned from by time, in this attempt.
pub struct Pace {
    start: Instant,
    rows: u64,
    told: Instant,
}

impl Pace {
    /// Starts the clock.
    pub fn start() -> Self {
        let now = Instant::now();
        Self {
            start: now,
            rows: 0,
            told: now,
        }
    }

    pub fn count(&mut self, rows: i64) {
        self.rows += rows.unsigned_abs();
    }

    /// Rows a second so far, if that was not told within the last second.
    pub fn news(&mut self) -> Option<f64> {
        if self.told.elapsed() < Duration::from_secs(1) {
            return None;
        }
        self.told = Instant::now();
        Some(self.rate())
    }

    /// For the record.
    pub fn measured(&self) -> IndexMap<String, f64> {
        IndexMap::from([("samples_per_second".to_owned(), self.rate())])
    }

    fn rate(&self) -> f64 {
        self.rows as f64 / self.start.elapsed().as_secs_f64().max(1e-9)
    }
}
