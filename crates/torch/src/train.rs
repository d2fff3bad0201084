//! The `train` stage: a network learns from the train part of a dataset and is measured on its val part after each epoch.
//! Knows paths and rows; unaware of the graph, of keys and of the store.

mod checkpoint;
mod learner;
mod setting;
mod state;
mod stopping;
mod write;

use pipe_schema::{
    protocol::{Done, Request},
    report::Metrics,
    stage::Train,
};
use pipe_wire::Reporter;

pub use self::learner::Learner;
use self::{
    checkpoint::Checkpoints, setting::Setting, state::State, stopping::Watch, write::write_model,
};
use crate::{
    error::{Error, Result},
    measure::{Pace, measure},
    optim::Schedule,
};

/// Trains and writes the model, or stops early with a checkpoint when it is told to.
pub fn train(stage: &Train, request: &Request, reporter: &mut Reporter) -> Result<Done> {
    let setting = Setting::new(stage, request)?;
    let rows = &setting.rows;
    let mut checkpoints = Checkpoints::new(request.checkpoints.as_deref());
    let (mut learner, mut state) = begin(&setting, &checkpoints, reporter)?;
    let schedule = Schedule::new(
        &stage.lr_scheduler,
        learner.lr(),
        stage.epochs,
        setting.steps_per_epoch(),
    );
    let mut pace = Pace::start();

    while !state.is_over(&setting) {
        state.shuffle(&setting)?;
        while state.row < rows.len() {
            let batch = rows.batch(state.order.as_ref(), state.row, setting.batch_size)?;
            let loss = learner.step(&batch, schedule.lr(state.step))?;
            if !loss.is_finite() {
                let (steps, step) = (setting.steps_per_epoch(), state.step);
                let place = format!("step {} of {steps}", step % steps + 1);
                return Err(not_finite(&setting, &state, ("the loss", loss), &place));
            }
            state.count(loss, batch.len());
            pace.count(batch.len());
            reporter.progress(state.step, setting.steps(), "steps");
            if reporter.should_stop() {
                checkpoints.save(&learner, &state)?;
                return Ok(stopped(&pace));
            }
            checkpoints.save_when_due(&learner, &state, reporter);
        }

        let mut metrics = Metrics::from([("train.loss".to_owned(), state.mean_loss())]);
        if let Some(val) = &setting.val {
            let measured = measure(&learner.net, stage.loss, val)?;
            metrics.extend(
                measured
                    .into_iter()
                    .map(|(name, it)| (format!("val.{name}"), it)),
            );
        }
        if let Some((name, value)) = metrics.iter().find(|(_, value)| !value.is_finite()) {
            return Err(not_finite(
                &setting,
                &state,
                (name, *value),
                "after its last step",
            ));
        }
        let lr = schedule.lr(state.step - 1);
        state.end_epoch(&learner.net, lr, metrics, setting.watch.as_ref())?;
        tell(&state, &mut pace, reporter);
    }

    if setting.last_epoch < stage.epochs {
        // A later training may go on from here.
        checkpoints.save_or_tell(&learner, &state, reporter);
    }
    let kept = state.keep(&learner.net)?;
    if let Some(watch) = &setting.watch {
        reporter.log(watch.verdict(state.epoch, kept, stage.epochs));
    }
    write_model(&setting, &learner.net, &state, request.output.as_ref())?;
    Ok(Done {
        metrics: state.metrics_of(kept),
        measured: pace.measured(),
        ..Done::default()
    })
}

/// As the last checkpoint left it; or, where there is none that can be used, from the start.
fn begin(
    setting: &Setting,
    checkpoints: &Checkpoints,
    reporter: &mut Reporter,
) -> Result<(Learner, State)> {
    match checkpoints.load(setting) {
        Some(Ok((learner, state))) => {
            reporter.log(format!(
                "goes on from its checkpoint: epoch {}, row {}",
                state.epoch + 1,
                state.row
            ));
            return Ok((learner, state));
        }
        Some(Err(error)) => reporter.log(format!(
            "the checkpoint cannot be used, training starts afresh: {error}"
        )),
        None => {}
    }
    tch::manual_seed(setting.stage.seed as i64);
    let net = setting.initial_net()?;
    Ok((Learner::new(net, setting.stage)?, State::default()))
}

fn tell(state: &State, pace: &mut Pace, reporter: &mut Reporter) {
    let step = u64::from(state.epoch);
    for (name, value) in state.metrics_of(state.epoch) {
        reporter.metric(&name, step, value);
    }
    if let Some(rate) = pace.news() {
        reporter.metric("samples_per_second", step, rate);
    }
}

fn stopped(pace: &Pace) -> Done {
    Done {
        measured: pace.measured(),
        stopped: true,
        ..Done::default()
    }
}

/// Says where a number was lost, and what most likely helps.
fn not_finite(setting: &Setting, state: &State, (what, value): (&str, f64), place: &str) -> Error {
    let epoch = state.epoch + 1;
    let error = Error::wrong(format!("{what} is {value} in epoch {epoch}, {place}"));
    match setting.column_without_numbers() {
        Some(column) => error.hint(format!(
            "column `{column}` of the train part has missing or infinite values: add an `impute` step"
        )),
        None => error.hint(
            "a lower `lr`, `clip: {norm: 1}` or a `standardize` step in preprocess keeps it finite",
        ),
    }
}

#[cfg(test)]
mod tests;
