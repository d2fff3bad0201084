//! A trained model, opened to answer for rows. Knows the files of models and packages; no stage.

use std::path::Path;

use pipe_data::FeatureRows;
use pipe_package::LayerNetwork;
use pipe_schema::{
    dataset::{DatasetSchema, SCHEMA_FILE},
    layer::Layer,
    model::{ClassThreshold, MODEL_FILE, Model, WEIGHTS_FILE},
    package::TORCHSCRIPT_FILE,
};
use tch::{CModule, Device, Tensor};

use crate::{
    answer::{Answers, Form, Threshold},
    error::{Error, Result},
    json::read_json,
    model::Net,
    rows::rows_at_once,
};

/// A network with what it says of itself.
pub struct Inference {
    network: Network,
    device: Device,
    /// From which probability on a class of two is chosen; else the more probable one is.
    pub threshold: Option<Threshold>,
    /// Of a model of ours; a script's TorchScript has none.
    pub model: Option<Model>,
    /// The dataset that it was trained on; a script's TorchScript has none.
    pub schema: Option<DatasetSchema>,
}

enum Network {
    Layers(Net),
    Script(CModule),
}

impl Inference {
    /// Opens a model's folder: layers and weights, or a script's TorchScript.
    pub fn open(folder: &Path, device: Device) -> Result<Self> {
        let script = folder.join(TORCHSCRIPT_FILE);
        if !folder.join(MODEL_FILE).exists() && script.exists() {
            return Self::open_script(&script, device);
        }
        let model: Model = read_json(&folder.join(MODEL_FILE))?;
        let schema: DatasetSchema = read_json(&folder.join(SCHEMA_FILE))?;
        let device = if is_quantized(&model.layers) {
            Device::Cpu
        } else {
            device
        };
        let net = Net::load(&model.layers, &folder.join(WEIGHTS_FILE), device)?;
        Ok(Self {
            network: Network::Layers(net),
            device,
            threshold: threshold_of(&model, &schema),
            model: Some(model),
            schema: Some(schema),
        })
    }

    /// A network whose layers and weights are at hand.
    pub fn of_layers(
        network: LayerNetwork,
        schema: &DatasetSchema,
        device: Device,
    ) -> Result<Self> {
        let LayerNetwork { model, weights, .. } = network;
        Ok(Self {
            network: Network::Layers(Net::from_file(&model.layers, &weights, device)?),
            device,
            threshold: threshold_of(&model, schema),
            model: Some(model),
            schema: Some(schema.clone()),
        })
    }

    /// The bytes of a TorchScript file, which is a program: it runs as it is loaded.
    pub fn of_script(mut bytes: &[u8], device: Device) -> Result<Self> {
        let mut module = CModule::load_data_on_device(&mut bytes, device)?;
        module.f_set_eval()?;
        Ok(Self {
            network: Network::Script(module),
            device,
            threshold: None,
            model: None,
            schema: None,
        })
    }

    /// Opens a TorchScript file.
    fn open_script(path: &Path, device: Device) -> Result<Self> {
        let mut module = CModule::load_on_device(path, device)
            .map_err(|error| Error::from(error).at(path.display()))?;
        module
            .f_set_eval()
            .map_err(|error| Error::from(error).at(path.display()))?;
        Ok(Self {
            network: Network::Script(module),
            device,
            threshold: None,
            model: None,
            schema: None,
        })
    }

    /// The outputs for rows: [n, features] gives [n, outputs], on the CPU.
    pub fn outputs(&self, rows: &Tensor) -> Result<Tensor> {
        let rows = rows.f_to_device(self.device)?;
        let outputs = tch::no_grad(|| match &self.network {
            Network::Layers(net) => net.forward(&rows, false),
            Network::Script(module) => Ok(module.forward_ts(&[&rows])?),
        })?;
        Ok(outputs.f_to_device(Device::Cpu)?)
    }

    /// Answers for rows, `batch` of them at a time. `ids` name the rows in messages; `tell` hears how many are done.
    pub fn answers(
        &self,
        features: &FeatureRows,
        form: &Form,
        batch: usize,
        ids: &[u64],
        tell: &mut dyn FnMut(u64),
    ) -> Result<Answers> {
        let width = features.width();
        let values = form.width();
        let mut outputs = Vec::with_capacity(features.rows() * values);
        let batch = match features {
            FeatureRows::Dense(_) => batch.max(1),
            FeatureRows::Sparse(_) => batch.clamp(1, rows_at_once(width)),
        };
        for start in (0..features.rows()).step_by(batch) {
            let chunk = start..features.rows().min(start + batch);
            let size = [chunk.len() as i64, width as i64];
            let rows = match features {
                FeatureRows::Dense(features) => {
                    let chunk = &features.values[chunk.start * width..chunk.end * width];
                    Tensor::f_from_slice(chunk)?
                }
                FeatureRows::Sparse(rows) => Tensor::f_from_slice(&rows.dense(chunk))?,
            };
            let rows = rows.f_view(size)?;
            let found = two_logits(self.outputs(&rows)?, form)?;
            let wanted = [rows.size()[0], values as i64];
            // A script may give one number a row without a dimension for it.
            if found.size() != wanted && (*form != Form::Number || found.size() != wanted[..1]) {
                return Err(Error::wrong(format!(
                    "the model gives outputs of shape {:?} for {} rows, not {wanted:?}",
                    found.size(),
                    wanted[0]
                )));
            }
            let found = found.f_to_kind(tch::Kind::Float)?.f_contiguous()?;
            outputs.extend(Vec::<f32>::try_from(found.f_flatten(0, -1)?)?);
            tell((outputs.len() / values) as u64);
        }
        let mut answers = Answers::of(&outputs, form).map_err(|error| {
            Error::wrong(format!(
                "the model gives {} for row {}",
                error.value, ids[error.position]
            ))
            .hint("its weights, or the row's values, are too large or no numbers")
        })?;
        if let Some(threshold) = self.threshold {
            answers.decide(threshold);
        }
        Ok(answers)
    }
}

/// The model's threshold, where it has one of a class of the target.
fn threshold_of(model: &Model, schema: &DatasetSchema) -> Option<Threshold> {
    let ClassThreshold { class, at } = &model.threshold.as_ref()?.of;
    Threshold::of_class(schema.target.classes(), class, *at)
}

/// One logit a row is that of the second of two classes; that of the first is 0.
fn two_logits(outputs: Tensor, form: &Form) -> Result<Tensor> {
    let rows = outputs.size()[0];
    let are_two = matches!(form, Form::Classes(names) if names.len() == 2);
    if !are_two || outputs.size() != [rows, 1] {
        return Ok(outputs);
    }
    Ok(Tensor::f_cat(&[outputs.f_zeros_like()?, outputs], 1)?)
}

/// Whether a layer computes with integers, on the CPU alone.
pub fn is_quantized(layers: &[Layer]) -> bool {
    layers
        .iter()
        .any(|it| matches!(it, Layer::QuantizedLinear { .. }))
}
