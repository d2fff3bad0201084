//! Training after pruning, with the zeros held. The step is that of the `train` stage.

use pipe_schema::{model::EpochRecord, report::Metrics, stage::compress::Finetune};
use pipe_wire::Reporter;
use tch::{Device, Kind, Tensor};

use super::prune::Masks;
use crate::{
    error::{Error, Result},
    loss::Criterion,
    model::Net,
    rows::Rows,
    train::{Batches, Learner, check_weights, step},
};

/// Trains the network and gives it back with its history; `None` if it was told to stop.
pub fn finetune(
    net: Net,
    criterion: Criterion,
    how: &Finetune,
    rows: &Rows,
    masks: &Masks,
    reporter: &mut Reporter,
) -> Result<Option<(Net, Vec<EpochRecord>)>> {
    let device = net.device();
    let mut learner = Learner::with(net, criterion, &how.optimizer, None)?;
    let lr = learner.optimizer.lr();
    let batches = Batches::new(rows.len(), how.batch_size, learner.net.layers());
    let total = u64::from(how.epochs) * rows.len() as u64;
    let mut history = Vec::new();
    for epoch in 1..=how.epochs {
        // Drawn on the CPU, so that it does not depend on the device.
        let order =
            Tensor::f_randperm(rows.len(), (Kind::Int64, Device::Cpu))?.f_to_device(device)?;
        let (mut start, mut sum) = (0, 0.0);
        while start < rows.len() {
            let batch = rows.batch(Some(&order), start, batches.rows_from(start))?;
            let loss = step(&mut learner, &batch, lr)?;
            if !loss.is_finite() {
                return Err(Error::wrong(format!(
                    "the loss is {loss} in epoch {epoch} of finetune"
                ))
                .hint("a lower `lr` keeps it finite"));
            }
            masks.apply(&learner.net)?;
            start += batch.len();
            sum += loss * batch.len() as f64;
            let done = u64::from(epoch - 1) * rows.len() as u64 + start as u64;
            reporter.progress(done, total, "rows");
            if reporter.should_stop() {
                return Ok(None);
            }
        }
        let mean = sum / rows.len() as f64;
        reporter.metric("train.loss", u64::from(epoch), mean);
        history.push(EpochRecord {
            epoch,
            lr,
            metrics: Metrics::from([("train.loss".to_owned(), mean)]),
            kept: epoch == how.epochs,
        });
    }
    check_weights(&learner.net)?;
    Ok(Some((learner.net, history)))
}
