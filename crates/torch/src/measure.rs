//! What is looked at while a network learns: its loss and one metric on rows, and how fast it goes.
//! The `evaluate` stage measures more; this is what early stopping reads.

use std::time::{Duration, Instant};

use indexmap::IndexMap;
use pipe_schema::{report::Metrics, stage::train::Loss};
use tch::{Device, Kind, Tensor};

use crate::{error::Result, loss::Criterion, model::Net, rows::Rows};

/// Rows at a time; more need memory and are not faster.
const BATCH: i64 = 1024;

/// What the network gives for all rows, by row.
pub fn outputs(net: &Net, rows: &Rows) -> Result<Vec<f32>> {
    let _no_grad = tch::no_grad_guard();
    let mut values = Vec::new();
    let mut start = 0;
    let at_once = rows.at_once(BATCH);
    while start < rows.len() {
        let batch = rows.batch(None, start, at_once)?;
        values.extend(on_cpu(&net.forward(&batch.features, false)?)?);
        start += batch.len();
    }
    Ok(values)
}

fn on_cpu(outputs: &Tensor) -> Result<Vec<f32>> {
    let flat = outputs.f_to_kind(Kind::Float)?.f_flatten(0, -1)?;
    Ok(Vec::try_from(flat.f_to_device(Device::Cpu)?)?)
}

/// `loss`, and the metric that goes with it. What the network gives for the rows is added to `kept`, where it is wanted.
pub fn measure(
    net: &Net,
    criterion: &Criterion,
    rows: &Rows,
    mut kept: Option<&mut Vec<f32>>,
) -> Result<Metrics> {
    let _no_grad = tch::no_grad_guard();
    let loss = criterion.loss();
    let targets = if rows.target.dim() == 2 {
        rows.target.size()[1]
    } else {
        1
    };
    let (mut loss_sum, mut weight, mut beside, mut start) = (0.0, 0.0, 0.0, 0);
    // Elsewhere the loss tells it.
    let by_target = targets > 1 || criterion.is_scaled();
    let mut squares = Tensor::f_zeros([targets], (Kind::Double, rows.target.device()))?;
    let at_once = rows.at_once(BATCH);
    while start < rows.len() {
        let batch = rows.batch(None, start, at_once)?;
        let outputs = net.forward(&batch.features, false)?;
        if let Some(kept) = &mut kept {
            kept.extend(on_cpu(&outputs)?);
        }
        let mean = criterion.mean(&outputs, &batch.target)?;
        let of_batch = criterion.weight(&batch.target)?;
        loss_sum += mean.f_double_value(&[])? * of_batch;
        weight += of_batch;
        beside += match loss.metric() {
            "accuracy" => right(&outputs, &batch.target)?,
            "mae" => {
                let off = outputs.f_sub(&batch.target)?.f_abs()?;
                off.f_sum(Kind::Double)?.f_double_value(&[])? / targets as f64
            }
            _ => 0.0,
        };
        if by_target && loss == Loss::Mse {
            let off = outputs.f_sub(&batch.target)?.f_to_kind(Kind::Double)?;
            squares += off
                .f_square()?
                .f_sum_dim_intlist([0].as_slice(), false, Kind::Double)?;
        }
        start += batch.len();
    }
    let mean = loss_sum / weight;
    let metric = match loss.metric() {
        // As the report has it: the mean of each target's own.
        "rmse" if by_target => {
            let each = (squares / rows.len() as f64).f_sqrt()?;
            each.f_mean(Kind::Double)?.f_double_value(&[])?
        }
        "rmse" => mean.sqrt(),
        _ => beside / rows.len() as f64,
    };
    Ok(Metrics::from([
        ("loss".to_owned(), mean),
        (loss.metric().to_owned(), metric),
    ]))
}

/// Rows whose class is the most probable one, or whose labels are all right.
fn right(outputs: &Tensor, classes: &Tensor) -> Result<f64> {
    if classes.dim() == 2 {
        let equal = outputs.f_gt(0.0)?.f_eq_tensor(&classes.f_gt(0.5)?)?;
        let all = equal.f_all_dim(1, false)?;
        return Ok(all.f_sum(Kind::Int64)?.f_int64_value(&[])? as f64);
    }
    let chosen = match outputs.size()[1] {
        1 => outputs
            .f_gt(0.0)?
            .f_to_kind(Kind::Int64)?
            .f_flatten(0, -1)?,
        _ => outputs.f_argmax(1, false)?,
    };
    let equal = chosen.f_eq_tensor(classes)?;
    Ok(equal.f_sum(Kind::Int64)?.f_int64_value(&[])? as f64)
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
