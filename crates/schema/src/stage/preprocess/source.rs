//! Where rows come from, and how their files are read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    reference::{PathOrStage, Reference},
    scalar::OneOrMany,
};

/// Where rows come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Source {
    /// CSV files, plain or gzip: a path, a glob or a list; or `{from: stage}`.
    pub csv: Option<OneOrMany<PathOrStage>>,
    /// Another stage's output; its files are read as CSV, plain or gzip.
    pub from: Option<Reference>,
    /// How the files are read.
    pub read: Read,
}

/// How CSV files are read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Read {
    /// The character between fields.
    pub delimiter: char,
    /// Words that stand for a missing value, beside the empty field.
    pub na: Vec<String>,
    /// Whether the first line names the columns. If `false`, `names` gives them.
    pub header: bool,
    /// The columns' names, where the file has none or others are wanted.
    pub names: Vec<String>,
}

impl Default for Read {
    fn default() -> Self {
        Self {
            delimiter: ',',
            na: ["NA", "N/A", "n/a", "NaN", "nan", "NULL", "null"]
                .map(str::to_owned)
                .to_vec(),
            header: true,
            names: Vec::new(),
        }
    }
}
