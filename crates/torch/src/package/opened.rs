//! A package, opened from its folder alone: raw rows in, answers out. Knows no stage and no store.

use std::{
    fs,
    path::{Path, PathBuf},
};

use pipe_data::{Grid, RawRows, transform};
use pipe_schema::{
    dataset::{DatasetSchema, SCHEMA_FILE},
    package::{
        GOLDEN_FILE, GoldenRow, PACKAGE_FILE, PACKAGE_VERSION, Package as Front, TORCHSCRIPT_FILE,
    },
    stage::package::Format,
};
use serde_json::{Map, Value};
use tch::Device;

use super::checksum;
use crate::{
    answer::{Answers, Form},
    error::{Error, Result},
    inference::Inference,
    json::read_json,
};

/// A package that can answer.
pub struct Opened {
    folder: PathBuf,
    pub front: Front,
    pub schema: DatasetSchema,
    /// What it answers.
    pub form: Form,
    /// The file each came from, with the network in it; first the one that answers.
    networks: Vec<(&'static str, Inference)>,
}

impl Opened {
    /// Opens a package.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(PACKAGE_FILE);
        if !path.is_file() {
            return Err(
                Error::wrong(format!("{} is not a package", folder.display()))
                    .hint(format!("a package is a folder with a {PACKAGE_FILE}")),
            );
        }
        let front: Front = read_version(&path)?;
        let mut networks = vec![("weights.safetensors", Inference::open(folder, Device::Cpu)?)];
        if front.formats.contains(&Format::Torchscript) {
            let path = folder.join(TORCHSCRIPT_FILE);
            networks.push((
                TORCHSCRIPT_FILE,
                Inference::open_script(&path, Device::Cpu)?,
            ));
        }
        let schema: DatasetSchema = read_json(&folder.join(SCHEMA_FILE))?;
        Ok(Self {
            form: Form::of(&schema.target),
            schema,
            folder: folder.to_owned(),
            front,
            networks,
        })
    }

    /// Checks the digests of all files, and that the golden rows get the predictions they had.
    pub fn verify(&self) -> Result<()> {
        checksum::verify(&self.folder)?;
        self.check_golden()
    }

    /// The networks in the package, by file.
    pub fn networks(&self) -> &[(&'static str, Inference)] {
        &self.networks
    }

    /// Answers for raw rows.
    pub fn answers(&self, rows: &RawRows, batch: usize) -> Result<Answers> {
        self.answers_of(&self.networks[0].1, rows, batch)
    }

    /// Checks that raw golden rows, through the stored preprocessing, get the predictions they had.
    pub fn check_golden(&self) -> Result<()> {
        let path = self.folder.join(GOLDEN_FILE);
        let text = fs::read_to_string(&path).map_err(|error| Error::io(&path, &error))?;
        let golden: Vec<GoldenRow> = text
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()
            .map_err(|error| Error::unreadable(&path, error))?;
        let inputs: Vec<Map<String, Value>> = golden.iter().map(|it| it.input.clone()).collect();
        let rows = RawRows::from_json(&inputs, &self.schema)?;
        let expected = self.expected(&golden).ok_or_else(|| {
            Error::unreadable(&path, "a prediction is not one that this package can give")
        })?;
        for (file, network) in &self.networks {
            let found = self.answers_of(network, &rows, golden.len())?;
            let tolerance = self.front.tolerance;
            if let Some(it) = expected.first_difference(&found, &self.form, tolerance) {
                return Err(Error::wrong(format!(
                    "{file}: golden row {}: {} is {}, not {}",
                    golden[it.position].row, it.what, it.found, it.expected
                ))
                .hint("the preprocessing in the package is not what the predictions were made with, or it was changed"));
            }
        }
        Ok(())
    }

    fn answers_of(&self, network: &Inference, rows: &RawRows, batch: usize) -> Result<Answers> {
        let features = transform(&self.schema, rows)?;
        let ids: Vec<u64> = (0..features.rows as u64).collect();
        network.answers(&features, &self.form, batch, &ids, &mut |_| {})
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
                let class = |it: &GoldenRow| names.iter().position(|name| it.prediction == **name);
                let chosen = golden.iter().map(class).collect::<Option<_>>()?;
                are_whole.then_some(Answers::Classes {
                    chosen,
                    probabilities,
                })
            }
        }
    }
}

/// Looks at the version before the rest, which another version may have changed.
fn read_version(path: &Path) -> Result<Front> {
    let front: Value = read_json(path)?;
    let version = front.get("version").and_then(Value::as_u64);
    if version != Some(u64::from(PACKAGE_VERSION)) {
        let version = version.map_or("without a version".to_owned(), |it| {
            format!("of version {it}")
        });
        return Err(Error::wrong(format!(
            "{}: a package {version}; this pipe reads version {PACKAGE_VERSION}",
            path.display()
        )));
    }
    serde_json::from_value(front).map_err(|error| Error::unreadable(path, error))
}
