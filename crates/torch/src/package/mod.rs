//! The `package` stage: all that is needed to serve a model, in one folder, which is then loaded again on its own and must
//! give the predictions that the report has. Knows no store.

mod markdown;
mod card;
mod opened;
mod script;
pub mod torchscript;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, fs, path::Path};

use pipe_data::{Dataset, FeatureRows, Part, input_schema};
use pipe_package::{ManifestCheck, OpenOptions, write_manifest};
use pipe_schema::{
    dataset::{DatasetSchema, SCHEMA_FILE},
    model::{COMPRESSION_FILE, MODEL_FILE, Model, WEIGHTS_FILE},
    package::{
        CARD_FILE, GOLDEN_FILE, GoldenRow, INPUT_SCHEMA_FILE, PACKAGE_FILE, PACKAGE_VERSION,
        Package as Front, Several, TORCHSCRIPT_FILE,
    },
    protocol::{Done, Request},
    report::{METRICS_FILE, PREDICTIONS_FILE, REPORT_FILE, Report},
    stage::package::{Format, Package},
};
use pipe_wire::Reporter;
use tch::Device;

pub use self::opened::Opened;
use crate::{
    answer::{self, Difference, Form, Reported, shortest},
    error::{Error, Result},
    inference::is_quantized,
    json::{read_json, write_json},
    model::Net,
    request::input,
};

/// What a reload may differ by where all is computed in f32: other machines add in another order.
const TOLERANCE: f64 = 1e-4;
/// Likewise where activations become integers: a last bit may tip one over to the next.
const QUANTIZED_TOLERANCE: f64 = 1e-2;
/// The package was made here, its program with it.
const OWN: OpenOptions = OpenOptions {
    manifest: ManifestCheck::Always,
    allow_script: true,
    golden: true,
    memory: None,
};

/// Does the stage: reads the inputs `model`, `report` and `data`, writes the package and checks it.
pub fn package(block: &Package, request: &Request, reporter: &mut Reporter) -> Result<Done> {
    let folder = Path::new(&request.output);
    let sources = Sources::open(request)?;
    reporter.log("packing");
    let front = sources.write(block, folder)?;
    write_manifest(folder)?;

    reporter.log("loading the package again");
    let opened = Opened::open(folder, &OWN)?;
    let Reported { rows, answers } = &sources.reported;
    let total = rows.len() as u64 * opened.networks().len() as u64;
    let mut before = 0;
    for (file, network) in opened.networks() {
        let found = network.answers(
            &sources.part.features,
            &opened.form,
            opened.batch,
            rows,
            &mut |done| reporter.progress(before + done, total, "rows"),
        )?;
        before += rows.len() as u64;
        let (form, threshold) = (&opened.form, network.threshold);
        if let Some(found) = answers.first_difference(&found, form, threshold, front.tolerance) {
            return Err(not_the_reported(file, rows, &found));
        }
    }
    opened.check_golden()?;
    Ok(Done::default())
}

/// What a package is made of.
struct Sources<'a> {
    model_folder: &'a Path,
    report_folder: &'a Path,
    model: Model,
    schema: DatasetSchema,
    report: Report,
    form: Form,
    reported: Reported,
    dataset: Dataset,
    part: Part<FeatureRows>,
}

impl<'a> Sources<'a> {
    fn open(request: &'a Request) -> Result<Self> {
        let model_folder = Path::new(&input(request, "model")?.path);
        let report_folder = Path::new(&input(request, "report")?.path);
        if !model_folder.join(MODEL_FILE).exists() {
            return Err(Error::wrong(
                "the model is a script's TorchScript, without layers and preprocessing",
            )
            .hint("a package is made of the model of a train or compress stage"));
        }
        let schema: DatasetSchema = read_json(&model_folder.join(SCHEMA_FILE))?;
        if !report_folder.join(PREDICTIONS_FILE).exists() {
            return Err(
                Error::wrong("the report has no predictions to hold the package to")
                    .hint("`report` must be an evaluate stage"),
            );
        }
        let report: Report = read_json(&report_folder.join(REPORT_FILE))?;
        let form = Form::of(&schema.target);
        let reported = answer::read(&report_folder.join(PREDICTIONS_FILE), &form)
            .map_err(|error| error.hint(SAME_MODEL))?;
        let dataset = Dataset::open(&input(request, "data")?.path)?;
        let part = dataset.new_part_for(&report.part, &schema)?;
        if part.rows != reported.rows {
            return Err(Error::wrong(format!(
                "the report was made on other rows than the part `{}` has",
                report.part
            ))
            .hint(SAME_MODEL));
        }
        Ok(Self {
            model: read_json(&model_folder.join(MODEL_FILE))?,
            model_folder,
            report_folder,
            schema,
            report,
            form,
            reported,
            dataset,
            part,
        })
    }

    /// Writes all files but the manifest.
    fn write(&self, block: &Package, folder: &Path) -> Result<Front> {
        for (from, files) in [
            (
                self.model_folder,
                [MODEL_FILE, WEIGHTS_FILE, SCHEMA_FILE].as_slice(),
            ),
            (self.report_folder, &[METRICS_FILE, REPORT_FILE]),
        ] {
            for file in files {
                copy(&from.join(file), &folder.join(file))?;
            }
        }
        let front = self.front(block);
        if front.formats.contains(&Format::Torchscript) {
            let weights = self.model_folder.join(WEIGHTS_FILE);
            let net = Net::load(&self.model.layers, &weights, Device::Cpu)?;
            torchscript::write(&net, &folder.join(TORCHSCRIPT_FILE))?;
        }
        write_json(&folder.join(PACKAGE_FILE), &front)?;
        write_json(&folder.join(INPUT_SCHEMA_FILE), &input_schema(&self.schema))?;
        self.write_golden(&folder.join(GOLDEN_FILE))?;
        let compression = self.model_folder.join(COMPRESSION_FILE);
        let compression = compression
            .exists()
            .then(|| read_json(&compression))
            .transpose()?;
        let card = card::Card {
            package: &front,
            model: &self.model,
            schema: &self.schema,
            report: &self.report,
            compression: compression.as_ref(),
        };
        let path = folder.join(CARD_FILE);
        fs::write(&path, card.text()).map_err(|error| Error::io(&path, &error))?;
        Ok(front)
    }

    fn front(&self, block: &Package) -> Front {
        let target = self.schema.target.name.clone();
        let mut formats = block.formats.clone();
        formats.push(Format::Safetensors);
        formats.sort_unstable();
        formats.dedup();
        Front {
            version: PACKAGE_VERSION,
            name: block.name.clone().unwrap_or_else(|| target.clone()),
            description: block.description.clone(),
            formats,
            target,
            classes: self.schema.target.classes().to_vec(),
            targets: match &self.form {
                Form::Classes(_) | Form::Number => None,
                Form::Labels(names) => Some(Several::Labels(names.clone())),
                Form::Numbers(names) => Some(Several::Numbers(names.clone())),
            },
            threshold: self.model.threshold.as_ref().map(|it| it.of.clone()),
            tolerance: if is_quantized(&self.model.layers) {
                QUANTIZED_TOLERANCE
            } else {
                TOLERANCE
            },
        }
    }

    /// The part's first raw rows with what the report says of them.
    fn write_golden(&self, path: &Path) -> Result<()> {
        let positions: HashMap<u64, usize> = self
            .reported
            .rows
            .iter()
            .enumerate()
            .map(|(at, row)| (*row, at))
            .collect();
        let mut text = String::new();
        for head in self.dataset.head(&self.report.part)? {
            let at = *positions.get(&head.row).ok_or_else(|| {
                Error::wrong(format!("the report has no prediction for row {}", head.row))
            })?;
            let answers = &self.reported.answers;
            let golden = GoldenRow {
                row: head.row,
                input: head.input,
                prediction: answers.prediction(at, &self.form),
                probabilities: answers
                    .probabilities(at)
                    .iter()
                    .map(|it| shortest(*it))
                    .collect(),
            };
            text.push_str(
                &serde_json::to_string(&golden).map_err(|it| Error::unreadable(path, it))?,
            );
            text.push('\n');
        }
        fs::write(path, text).map_err(|error| Error::io(path, &error))
    }
}

const SAME_MODEL: &str = "`report` must be of the evaluate stage that measured this model";

fn not_the_reported(file: &str, rows: &[u64], found: &Difference) -> Error {
    let Difference {
        position,
        what,
        expected,
        found,
    } = found;
    Error::wrong(format!(
        "{file}: row {}: {what} is {found}, the report says {expected}",
        rows[*position]
    ))
    .hint(SAME_MODEL)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    // Not fs::copy: it would take over that the store's files cannot be written to.
    let bytes = fs::read(from).map_err(|error| Error::io(from, &error))?;
    fs::write(to, bytes).map_err(|error| Error::io(to, &error))
}
