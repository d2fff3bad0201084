//! What a dataset artifact holds.
//!
//! ```text
//! schema.json            DatasetSchema: columns, target, fitted steps; depends on the train part alone
//! train/rows.safetensors features f32 [n, d]; target i64 [n] (classes) or f64 [n] (a number); row i64 [n] (ids)
//!                        several targets: target f64 [n, k] (numbers) or u8 [n, k] (labels)
//!                        sparse: features.indptr i64 [n + 1], features.indices i32 and features.data f32 in place of
//!                        features; SciPy reads them as `csr_array((data, indices, indptr), shape=(n, d))`
//! train/part.json        Part: counts and ranges of this part
//! train/head.jsonl       HeadRow: the first raw rows of the part, as read
//! train/files.json       the names of the files that are a row each, of images and texts, by row
//! val/…  test/…          likewise, where the split has them
//! raw/columns.json       KeptColumn: the raw columns that are kept; depends on the train part alone
//! raw/train.safetensors  their values before any step, by part: see crates/data/src/raw.rs
//! ```
//! raw/rest.json          KeptColumn: further raw columns, where there are some: free text, names, blocks; of windows all
//! raw/train.rest.safetensors  their values: see crates/data/src/raw/rest.rs
//! Raw columns lie beside the parts, not in them: a training reads `schema.json`, `train` and `val`, and none of `raw`.
//!
//! A row's id is its position among all rows read, from 0; with split by files, parts count on: train, val, test.

mod findings;
mod step;
mod target;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::{
    findings::RowFindings,
    step::{
        Bounds, CenterScale, ChannelScales, Encodings, FittedStep, MeanScale, PowerScale,
        ScaleOffset, Vocabulary,
    },
    target::{PositiveClass, Target, TargetKind, WhyPositive, truth_of_class},
};
use crate::stage::preprocess::{ColumnType, DeclaredColumn, Form, Read, Windows};

/// The parts a dataset may have, in order.
pub const PARTS: [&str; 3] = ["train", "val", "test"];
pub const SCHEMA_FILE: &str = "schema.json";
pub const ROWS_FILE: &str = "rows.safetensors";
/// The tensors of sparse features.
pub const SPARSE_TENSORS: [&str; 3] = ["features.indptr", "features.indices", "features.data"];
pub const PART_FILE: &str = "part.json";
pub const HEAD_FILE: &str = "head.jsonl";
/// The names of the files that are a row each, by row; not of other datasets.
pub const FILES_FILE: &str = "files.json";
pub const RAW_FOLDER: &str = "raw";
pub const KEPT_FILE: &str = "columns.json";
pub const REST_FILE: &str = "rest.json";
/// How many raw rows `head.jsonl` keeps.
pub const HEAD_ROWS: usize = 32;

/// From raw rows to tensors: everything that is needed to treat a new row as the train part was treated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DatasetSchema {
    /// The raw columns in the order of the files, without the targets.
    pub columns: Vec<Column>,
    pub target: Target,
    /// The steps in order, with what they learned from the train part.
    pub steps: Vec<FittedStep>,
    /// Names of the columns of `features` after the steps.
    pub features: Vec<String>,
    /// The shape of a row of `features`, where they are one block and nothing else: channels, height, width; or, of windows,
    /// columns and length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Vec<u32>>,
    /// How many codes there are, by feature or block that holds codes of categories: whole numbers from 0.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub codes: IndexMap<String, u32>,
    /// Where rows that follow each other became one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows: Option<Windows>,
    /// How files were read; predictions read theirs alike.
    pub read: Read,
}

impl DatasetSchema {
    /// How files of new rows are read, in their form where that is given.
    pub fn reading(&self, form: Option<Form>) -> Read {
        let columns = self.columns.iter();
        Read {
            form: form.or(self.read.form),
            notations: columns
                .filter_map(|column| Some((column.name.clone(), column.notation.clone()?)))
                .collect(),
            ..self.read.clone()
        }
    }
}

/// A raw column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    pub r#type: ColumnType,
    /// Of a block: the shape of a row's numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Vec<u32>>,
    /// Of images whose levels have more than 8 bits: how many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<u8>,
    /// How the values are written, where that is not usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notation: Option<DeclaredColumn>,
}

/// A raw column whose values are kept beside the rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptColumn {
    pub name: String,
    /// Of a numeric column of more than ten distinct values in the train part: its quartiles there, each once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quartiles: Option<Vec<f64>>,
}

/// The file of a part's raw columns within the dataset.
pub fn raw_file(part: &str) -> String {
    format!("{RAW_FOLDER}/{part}.safetensors")
}

/// The file of a part's further raw columns within the dataset.
pub fn rest_file(part: &str) -> String {
    format!("{RAW_FOLDER}/{part}.rest.safetensors")
}

/// Counts and ranges of one part, of the raw columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    pub rows: u64,
    pub columns: Vec<ColumnSummary>,
    /// Of several targets: their names alone.
    pub target: ColumnSummary,
    /// Of several targets: each of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<ColumnSummary>,
    /// Of val and test: rows whose inputs are those of a row of the train part, columns aside that are dropped.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub in_train: u64,
}

impl Part {
    /// What the part has that the train part had not, as a model with these steps meets it.
    pub fn findings(&self, steps: &[FittedStep]) -> RowFindings {
        let is_filled = |name: &String| {
            steps.iter().any(|step| match step {
                FittedStep::Impute { fill, .. } => fill.contains_key(name),
                _ => false,
            })
        };
        let counts = |count: fn(&ColumnSummary) -> u64| {
            let columns = self.columns.iter();
            columns
                .map(move |column| (column, count(column)))
                .filter(|(_, count)| *count > 0)
        };
        RowFindings {
            rows: self.rows,
            unseen: counts(|column| column.unseen)
                .map(|(column, count)| (column.name.clone(), count))
                .collect(),
            filled: counts(|column| column.missing)
                .filter(|(column, _)| is_filled(&column.name))
                .map(|(column, count)| (column.name.clone(), count))
                .collect(),
            unused: Vec::new(),
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A raw column in one part.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ColumnSummary {
    pub name: String,
    pub missing: u64,
    /// Of a categorical column: rows with a category that the train part does not have.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unseen: u64,
    /// Of a numeric column.
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub mean: Option<f64>,
    /// Of a categorical column: the most frequent values with their counts, at most 20.
    pub counts: IndexMap<String, u64>,
    /// Of a datetime column: the first and the last, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dates: Option<[String; 2]>,
    /// Of a column of dates or texts: how many different ones there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distinct: Option<u64>,
}

/// A raw row, as it was read: numbers as numbers, a missing value as null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeadRow {
    /// The row's id.
    pub row: u64,
    /// The raw columns, without the targets.
    pub input: Map<String, Value>,
    /// The target: a class's name, or a number. Of several: numbers, or true and false, by name.
    pub target: Value,
}
