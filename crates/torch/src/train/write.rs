//! Writes the model artifact of a training. Only what the key determines: no times.

use std::{fs, path::Path};

use pipe_schema::{
    dataset::SCHEMA_FILE,
    model::{HISTORY_FILE, MODEL_FILE, Model, WEIGHTS_FILE},
};
use serde::Serialize;

use super::{Setting, State};
use crate::{
    error::{Error, Result},
    model::{Net, parameter_count},
    rows::outputs,
};

/// Writes layers, weights, the dataset's schema and the history into the folder.
pub fn write_model(setting: &Setting, net: &Net, state: &State, folder: &Path) -> Result<()> {
    let model = Model {
        inputs: setting.dataset.schema().features.len() as u32,
        outputs: outputs(&setting.dataset, setting.stage.loss)?,
        loss: setting.stage.loss,
        layers: setting.layers.clone(),
        parameters: parameter_count(&setting.layers),
    };
    write_json(&folder.join(MODEL_FILE), &model)?;
    net.save(&folder.join(WEIGHTS_FILE))?;
    write_json(&folder.join(SCHEMA_FILE), setting.dataset.schema())?;
    write_json(&folder.join(HISTORY_FILE), &state.history)
}

fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let mut text =
        serde_json::to_string_pretty(value).map_err(|error| Error::unreadable(path, error))?;
    text.push('\n');
    fs::write(path, text).map_err(|error| Error::io(path, &error))
}
