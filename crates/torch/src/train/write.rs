//! Writes the model artifact of a training. Only what the key determines: no times.

use std::path::Path;

use pipe_schema::{
    dataset::SCHEMA_FILE,
    model::{HISTORY_FILE, MODEL_FILE, Model, WEIGHTS_FILE},
};

use super::{Setting, State};
use crate::{
    error::Result,
    json::write_json,
    model::{Net, parameter_count},
    threshold::Chosen,
};

/// Writes layers, weights, the dataset's schema and the history into the folder.
pub fn write_model(
    setting: &Setting,
    net: &Net,
    state: &State,
    threshold: Option<&Chosen>,
    folder: &Path,
) -> Result<()> {
    let loss = setting.stage.loss;
    let model = Model {
        inputs: setting.dataset.schema().features.len() as u32,
        outputs: setting.dataset.schema().target.outputs(loss),
        loss,
        class_weights: setting.class_weights.clone(),
        label_smoothing: setting.stage.label_smoothing,
        threshold: threshold.map(|it| it.threshold.clone()),
        layers: setting.layers.clone(),
        parameters: parameter_count(&setting.layers),
    };
    write_json(&folder.join(MODEL_FILE), &model)?;
    net.save(&folder.join(WEIGHTS_FILE))?;
    write_json(&folder.join(SCHEMA_FILE), setting.dataset.schema())?;
    write_json(&folder.join(HISTORY_FILE), &state.history)?;
    threshold.map_or(Ok(()), |it| it.draw(folder))
}
