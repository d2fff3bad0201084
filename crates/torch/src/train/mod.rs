//! The `train` stage: a network learns from the train part of a dataset and is measured on its val part after each epoch.
//! Knows paths and rows; unaware of the graph, of keys and of the store.
//!
//! This page is the training loop. What it reads: `Setting` is all that is given and does not change, `State` is how far
//! the training is, `Learner` is the network with its optimizer.

mod batches;
mod checkpoint;
mod learner;
mod lost;
mod rescale;
mod setting;
mod state;
mod stopping;
mod watched;
mod write;

use pipe_schema::{
    protocol::{Done, Request},
    report::Metrics,
    stage::Train,
};
use pipe_wire::Reporter;

pub use self::{batches::Batches, learner::Learner, lost::check_weights};
use self::{
    checkpoint::{Checkpoints, begin},
    lost::check_loss,
    setting::Setting,
    state::State,
    stopping::Watch,
    write::write_model,
};
use crate::{
    error::Result,
    measure::{Pace, measure},
    optim::clip,
    rows::Batch,
    threshold,
};

/// Trains and writes the model, or stops early with a checkpoint when it is told to.
pub fn train(stage: &Train, request: &Request, reporter: &mut Reporter) -> Result<Done> {
    let setting = Setting::new(stage, request)?;
    if let Some(positive) = setting.positive_in_use() {
        reporter.log(positive.to_string());
    }
    let mut checkpoints = Checkpoints::new(request.checkpoints.as_deref());
    let (mut learner, mut state) = begin(&setting, &checkpoints, reporter)?;
    let mut schedule = setting.schedule(learner.optimizer.lr());
    let mut pace = Pace::start();

    // An epoch: each row of the train part once.
    while !state.is_over(&setting) {
        schedule.follow(&state.history);
        state.shuffle(&setting)?;
        while let Some(batch) = state.next_batch(&setting)? {
            let loss = step(&mut learner, &batch, schedule.lr(state.step))?;
            check_loss(loss, &setting, &state)?;
            state.count(loss, batch.len());
            pace.count(batch.len());
            reporter.progress(state.step, setting.steps(), "steps");
            if reporter.should_stop() {
                checkpoints.save(&learner, &state)?;
                return Ok(stopped(&pace));
            }
            checkpoints.save_when_due(&learner, &state, reporter);
        }
        let metrics = measure_epoch(&learner, &setting, &state)?;
        let lr = schedule.lr(state.step - 1);
        state.end_epoch(&learner.net, lr, metrics, setting.watch.as_ref())?;
        tell(&state, &mut pace, reporter);
    }

    if setting.last_epoch < stage.epochs {
        // A later training may go on from here.
        checkpoints.save_or_tell(&learner, &state, reporter);
    }
    let kept = state.keep(&learner.net)?;
    check_weights(&learner.net)?;
    if let Some(watch) = &setting.watch {
        reporter.log(watch.verdict(state.epoch, kept, stage.epochs));
    }
    let target = &setting.dataset.schema().target;
    let threshold = stage.threshold.as_ref().map(|rule| {
        let rows = setting.rows_of(rule.on);
        threshold::find(rule, target, &learner.net, rows)
    });
    let threshold = threshold.transpose()?;
    if let Some(chosen) = &threshold {
        reporter.log(threshold::told(&chosen.threshold));
    }
    let folder = request.output.as_ref();
    write_model(&setting, &learner.net, &state, threshold.as_ref(), folder)?;
    Ok(Done {
        metrics: state.metrics_of(kept),
        measured: pace.measured(),
        ..Done::default()
    })
}

/// One step: the loss of the batch, its gradients, and the change that follows from them. Gives the loss before the
/// change; where that is no number, nothing is changed.
pub fn step(learner: &mut Learner, batch: &Batch, lr: f64) -> Result<f64> {
    let outputs = learner.net.forward(&batch.features, /* train */ true)?;
    let loss = learner.criterion.mean(&outputs, &batch.target)?;
    let value = loss.f_double_value(&[])?;
    if value.is_finite() {
        learner.optimizer.zero_grad()?;
        loss.f_backward()?;
        clip(&learner.parameters, learner.clip.as_ref())?;
        learner.optimizer.step(lr)?;
    }
    Ok(value)
}

/// What an epoch came to: the mean loss of its steps, and loss and metric of the val part after it.
fn measure_epoch(learner: &Learner, setting: &Setting, state: &State) -> Result<Metrics> {
    let mut metrics = Metrics::from([("train.loss".to_owned(), state.mean_loss())]);
    if let Some(val) = &setting.val {
        let mut outputs = Vec::new();
        let kept = setting.watched.is_some().then_some(&mut outputs);
        let mut of_val = measure(&learner.net, &learner.criterion, val, kept)?;
        if let Some(watched) = &setting.watched {
            of_val.extend(watched.measure(&outputs)?);
        }
        for (name, value) in of_val {
            metrics.insert(format!("val.{name}"), value);
        }
    }
    lost::check_metrics(&metrics, setting, state)?;
    Ok(metrics)
}

fn tell(state: &State, pace: &mut Pace, reporter: &mut Reporter) {
    let epoch = u64::from(state.epoch);
    for (name, value) in state.metrics_of(state.epoch) {
        reporter.metric(&name, epoch, value);
    }
    if let Some(rate) = pace.news() {
        reporter.metric("samples_per_second", epoch, rate);
    }
}

fn stopped(pace: &Pace) -> Done {
    Done {
        measured: pace.measured(),
        stopped: true,
        ..Done::default()
    }
}

#[cfg(test)]
mod tests;
