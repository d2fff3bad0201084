//! Steps that make numbers of categories.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::column::Columns;

/// One column of 0 and 1 for each category seen in the train part, in sorted order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OneHot {
    /// Which columns: `categorical`, or names.
    #[serde(default = "Columns::categorical")]
    pub columns: Columns,
    /// What a category means that the train part does not have.
    #[serde(default)]
    pub unknown: Unknown,
    /// Categories with fewer rows of the train part share a last column `NAME=(other)`. Default: 1, each has its own.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub min_count: Option<u64>,
}

/// What a category means that the train part does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// All its columns are 0.
    #[default]
    Ignore,
    /// The stage, or the prediction, fails and names the row.
    Error,
    /// It shares the column of rare categories, where `min_count` made one; else all its columns are 0.
    Other,
}

/// A category becomes its place among those of the train part, sorted or in a given order, from 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ordinal {
    /// Which columns: `categorical`, or names.
    #[serde(default = "Columns::categorical")]
    pub columns: Columns,
    /// The order of a column's categories, all of them: `{size: [S, M, L]}`.
    #[serde(default)]
    pub order: IndexMap<String, Vec<String>>,
    /// What a category becomes that is not among them.
    #[serde(default)]
    pub unknown: UnknownRank,
}

/// What an unknown category becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnknownRank {
    /// -1.
    #[default]
    MinusOne,
    /// The stage, or the prediction, fails and names the row.
    Error,
    /// The number after the last; a missing value becomes it too. Numbers like these can be embedded.
    Own,
}

/// A category becomes a 1 in one of so many columns, told by its hash: nothing is learned, and no category is unknown.
///
/// The hash is MurmurHash3 (x86, 32 bits, seed 0) of the UTF-8 text; the column is its absolute value modulo `buckets`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hash {
    /// Which columns: `categorical`, or names.
    #[serde(default = "Columns::categorical")]
    pub columns: Columns,
    /// How many columns `NAME#0`, `NAME#1`, … there are.
    #[schemars(range(min = 2, max = 65536))]
    pub buckets: u32,
}

/// A category becomes the mean of the target over the rows that have it, drawn to the mean of all rows; with more than
/// two classes, one column `NAME~CLASS` for each; with several targets, one column `NAME~TARGET` for each.
///
/// Rows of the train part are encoded by what the other folds tell, so that no row's feature holds its own target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetEncode {
    /// Which columns: `categorical`, or names. A missing value counts as a category.
    #[serde(default = "Columns::categorical")]
    pub columns: Columns,
    /// How many rows the mean of all counts for. Default: as the data suggest it (empirical Bayes).
    #[serde(default)]
    #[schemars(range(min = 0.0))]
    pub smooth: Option<f64>,
    /// Into how many folds the train part is divided.
    #[serde(default = "five")]
    #[schemars(range(min = 2))]
    pub folds: u32,
    /// Whether rows are shuffled before they are dealt to folds.
    #[serde(default = "yes")]
    pub shuffle: bool,
    /// Seed of the shuffle.
    #[serde(default)]
    pub seed: u64,
}

fn five() -> u32 {
    5
}

fn yes() -> bool {
    true
}
