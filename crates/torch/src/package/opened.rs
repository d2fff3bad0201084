//! A package that can answer: raw rows in, answers out. Knows no stage and no store.

use std::path::Path;

use pipe_data::{FeatureRows, Grid, RawRows, transform_and_count, transform_rows};
use pipe_package::{OpenOptions, Package};
use pipe_schema::{
    dataset::{DatasetSchema, RowFindings},
    model::WEIGHTS_FILE,
    package::{GoldenRow, Package as Front, TORCHSCRIPT_FILE},
};
use serde_json::{Map, Value};
use tch::Device;

use crate::{
    answer::{Answers, Form, Threshold},
    error::{Error, Result},
    inference::Inference,
};

/// The most bytes that a step of the network may take for its rows.
const MOST_BYTES: u64 = 1 << 30;
/// The most rows in a step of the network.
const BATCH: u64 = 1024;

/// A package that can answer.
pub struct Opened {
    pub front: Front,
    pub schema: DatasetSchema,
    /// What it answers.
    pub form: Form,
    /// How many rows go through the network at a time.
    pub batch: usize,
    golden: Vec<GoldenRow>,
    /// The file each came from, with the network in it; first the one that answers.
    networks: Vec<(&'static str, Inference)>,
}

impl Opened {
    /// Opens a package. Its TorchScript is loaded only where the options allow it.
    pub fn open(folder: &Path, options: &OpenOptions) -> Result<Self> {
        let package = Package::open(folder, options)?;
        let Package {
            front,
            schema,
            layers,
            script,
            golden,
        } = package;
        let threshold = front.threshold.as_ref().and_then(|it| {
            let names = schema.target.classes();
            Threshold::of_class(names, &it.class, it.at)
        });
        let mut networks = Vec::new();
        let mut batch = BATCH;
        if let Some(layers) = layers {
            batch = (MOST_BYTES / layers.size.bytes_a_row.max(1)).clamp(1, BATCH);
            let path = folder.join(WEIGHTS_FILE);
            let network = Inference::of_layers(layers, &schema, Device::Cpu)
                .map_err(|error| error.at(path.display()))?;
            networks.push((WEIGHTS_FILE, network));
        }
        if let Some(script) = script {
            let path = folder.join(TORCHSCRIPT_FILE);
            let mut network = Inference::of_script(&script, Device::Cpu)
                .map_err(|error| error.at(path.display()))?;
            network.threshold = threshold;
            networks.push((TORCHSCRIPT_FILE, network));
        }
        Ok(Self {
            form: Form::of(&schema.target),
            schema,
            front,
            golden,
            networks,
            batch: usize::try_from(batch).unwrap_or(1),
        })
    }

    /// The networks in the package, by file.
    pub fn networks(&self) -> &[(&'static str, Inference)] {
        &self.networks
    }

    /// Answers for raw rows, and what the rows have that the train part had not.
    pub fn answers(&self, rows: &RawRows) -> Result<(Answers, RowFindings)> {
        let (features, findings) = transform_and_count(&self.schema, rows)?;
        let answers = self.answers_of(&self.networks[0].1, &features)?;
        Ok((answers, findings))
    }

    /// Checks that raw golden rows, through the stored preprocessing, get the predictions they had.
    pub fn check_golden(&self) -> Result<()> {
        let golden = &self.golden;
        let inputs: Vec<Map<String, Value>> = golden.iter().map(|row| row.input.clone()).collect();
        let rows = RawRows::from_json(&inputs, &self.schema)?;
        let features = transform_rows(&self.schema, &rows)?;
        let expected = self.expected(golden).ok_or_else(|| {
            Error::wrong("a golden prediction is not one that this package can give")
        })?;
        for (file, network) in &self.networks {
            let found = self.answers_of(network, &features)?;
            if found.len() != golden.len() {
                return Err(Error::wrong(format!(
                    "{file}: golden rows get no predictions"
                )));
            }
            let tolerance = self.front.tolerance;
            if let Some(difference) =
                expected.first_difference(&found, &self.form, network.threshold, tolerance)
            {
                return Err(Error::wrong(format!(
                    "{file}: golden row {}: {} is {}, not {}",
                    golden[difference.position].row,
                    difference.what,
                    difference.found,
                    difference.expected
                ))
                .hint("the preprocessing in the package is not what the predictions were made with, or it was changed"));
            }
        }
        Ok(())
    }

    fn answers_of(&self, network: &Inference, features: &FeatureRows) -> Result<Answers> {
        let ids: Vec<u64> = (0..features.rows() as u64).collect();
        network.answers(features, &self.form, self.batch, &ids, &mut |_| {})
    }

    /// The predictions of golden rows.
    fn expected(&self, golden: &[GoldenRow]) -> Option<Answers> {
        let names = self.form.names();
        let number = |it: &Value| Some(it.as_f64()? as f32);
        let probabilities = golden.iter().flat_map(|it| &it.probabilities);
        let probabilities: Vec<f32> = probabilities.map(|it| *it as f32).collect();
        let are_whole = probabilities.len() == golden.len() * names.len();
        // Of several targets, by name.
        let each = golden
            .iter()
            .flat_map(|row| names.iter().map(|name| row.prediction.get(name)));
        match &self.form {
            Form::Number => {
                let numbers = golden.iter().map(|it| number(&it.prediction));
                Some(Answers::Numbers(numbers.collect::<Option<_>>()?))
            }
            Form::Numbers(_) => {
                let numbers = each.map(|it| number(it?)).collect::<Option<_>>()?;
                Some(Answers::Several(Grid::new(names.len(), numbers)))
            }
            Form::Labels(_) => {
                let chosen = each.map(|it| it?.as_bool());
                let chosen = chosen.collect::<Option<_>>()?;
                are_whole.then(|| Answers::Labels {
                    chosen: Grid::new(names.len(), chosen),
                    probabilities: Grid::new(names.len(), probabilities),
                })
            }
            Form::Classes(_) => {
                let is = |prediction: &Value, name: &str| match prediction.as_bool() {
                    Some(truth) => self.form.truth(name) == Some(truth),
                    // Packages that were made before tell classes called true and false by their names too.
                    None => *prediction == *name,
                };
                let class = |it: &GoldenRow| names.iter().position(|name| is(&it.prediction, name));
                let chosen = golden.iter().map(class).collect::<Option<_>>()?;
                are_whole.then_some(Answers::Classes {
                    chosen,
                    probabilities,
                })
            }
        }
    }
}
