//! Numbers that got lost while training: where, and what most likely helps. Changes nothing.

use pipe_schema::{report::Metrics, stage::train::Answer};

use super::{Setting, State};
use crate::{
    error::{Error, Result},
    model::Net,
};

const SMALLER_STEPS: &str =
    "a lower `lr`, `clip: {norm: 1}` or a `standardize` step in preprocess keeps it finite";
/// Of numbers: a target far from 0 does the same.
const SCALED: &str = "`scale_target: true`, a lower `lr`, `clip: {norm: 1}` or a `standardize` step in preprocess keeps it finite";
/// The square of a larger number is none in f32.
const LARGEST: f64 = 1e18;

/// Refuses the loss of a step that is not finite.
pub fn check_loss(loss: f64, setting: &Setting, state: &State) -> Result<()> {
    if loss.is_finite() {
        return Ok(());
    }
    let steps = setting.batches.count();
    let place = format!("step {} of {steps}", state.step % steps + 1);
    Err(lost("the loss", loss, &place, setting, state))
}

/// Refuses a metric of an epoch that is not finite.
pub fn check_metrics(metrics: &Metrics, setting: &Setting, state: &State) -> Result<()> {
    let bad = metrics.iter().find(|(_, value)| !value.is_finite());
    let place = "after its last step";
    bad.map_or(Ok(()), |(name, value)| {
        Err(lost(name, *value, place, setting, state))
    })
}

/// Refuses weights that are not finite: without a val part nothing else would see what the last step did.
pub fn check_weights(net: &Net) -> Result<()> {
    match net.not_finite()? {
        None => Ok(()),
        Some(name) => Err(Error::wrong(format!(
            "the weights `{name}` are not finite after the last step"
        ))
        .hint(SMALLER_STEPS)),
    }
}

fn lost(what: &str, value: f64, place: &str, setting: &Setting, state: &State) -> Error {
    let epoch = state.epoch + 1;
    let error = Error::wrong(format!("{what} is {value} in epoch {epoch}, {place}"));
    if let Some(column) = setting.column_without_numbers() {
        return error.hint(format!(
            "column `{column}` of the train part has missing or infinite values: add an `impute` step"
        ));
    }
    let largest = setting.largest_target();
    if (largest.is_nan() || largest > LARGEST) && !setting.stage.scale_target {
        let target = &setting.dataset.schema().target.name;
        return error.hint(format!(
            "the target `{target}` has values too large to be squared: write `scale_target: true`, or give it in a larger unit"
        ));
    }
    let is_number = setting.stage.loss.answer() == Answer::Number;
    error.hint(if is_number && !setting.stage.scale_target {
        SCALED
    } else {
        SMALLER_STEPS
    })
}
