//! What a package artifact holds. A package is a folder that needs nothing beside it.
//!
//! ```text
//! package.json           Package
//! README.md              the model card
//! model.json  weights.safetensors  schema.json   as in the model artifact
//! model.pt               TorchScript, where asked for: forward(features f32 [n, d]) -> outputs [n, k]
//! input.schema.json      JSON Schema of one raw row
//! metrics.json  report.json   as in the report artifact
//! golden.jsonl           GoldenRow: raw rows with the predictions that the package must reproduce
//! MANIFEST.sha256        SHA-256 of every other file, as `sha256sum -c` reads it
//! ```

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    dataset::SCHEMA_FILE,
    model::{COMPRESSION_FILE, ClassThreshold, MODEL_FILE, WEIGHTS_FILE},
    report::{METRICS_FILE, REPORT_FILE},
    stage::package::Format,
};

pub const PACKAGE_FILE: &str = "package.json";
pub const CARD_FILE: &str = "README.md";
pub const TORCHSCRIPT_FILE: &str = "model.pt";
pub const INPUT_SCHEMA_FILE: &str = "input.schema.json";
pub const GOLDEN_FILE: &str = "golden.jsonl";
pub const CHECKSUM_FILE: &str = "MANIFEST.sha256";
/// The names of all files that a package may have. Files of other names in its folder are nobody's.
pub const PACKAGE_FILES: [&str; 12] = [
    PACKAGE_FILE,
    CARD_FILE,
    MODEL_FILE,
    WEIGHTS_FILE,
    SCHEMA_FILE,
    COMPRESSION_FILE,
    TORCHSCRIPT_FILE,
    INPUT_SCHEMA_FILE,
    METRICS_FILE,
    REPORT_FILE,
    GOLDEN_FILE,
    CHECKSUM_FILE,
];
/// The layout's version.
pub const PACKAGE_VERSION: u32 = 1;

/// A package's front page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Package {
    /// The layout's version.
    pub version: u32,
    pub name: String,
    pub description: Option<String>,
    pub formats: Vec<Format>,
    /// The target's name; of several, what they are called together.
    pub target: String,
    /// Names of the classes; empty where there are none.
    pub classes: Vec<String>,
    /// Several targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<Several>,
    /// From which probability on a class of two is predicted, where that was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<ClassThreshold>,
    /// Largest difference that a reload may show, relative to 1 + |expected|.
    pub tolerance: f64,
}

/// Several targets, by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Several {
    Labels(Vec<String>),
    Numbers(Vec<String>),
}

/// A raw row and what the package says of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GoldenRow {
    pub row: u64,
    /// The raw columns, without the targets.
    pub input: Map<String, Value>,
    /// The class's name, or the number. Of several targets: numbers, or true and false, by name.
    pub prediction: Value,
    /// Probability by class, in the order of `classes`, or of yes by label; empty for numbers.
    pub probabilities: Vec<f64>,
}
