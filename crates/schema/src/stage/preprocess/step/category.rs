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
