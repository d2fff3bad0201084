//! Steps for what is missing, and for what is not wanted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::column::Columns;

/// Fills missing values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Impute {
    /// Which columns: `all`, `numeric`, `categorical`, `boolean`, or names.
    #[serde(default)]
    pub columns: Columns,
    /// What is filled in. Default: `median` for numeric columns, `most_frequent` for others.
    #[serde(default)]
    pub strategy: Option<ImputeStrategy>,
    /// The value of `strategy: constant`.
    #[serde(default)]
    pub value: Option<Value>,
    /// Whether a boolean column `NAME_missing` tells where a value was missing, for each column in which the train
    /// part lacks some. Default: false.
    #[serde(default, skip_serializing_if = "is_no")]
    pub indicator: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_no(answer: &bool) -> bool {
    !answer
}

/// What stands in for a missing value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImputeStrategy {
    Mean,
    Median,
    /// The most frequent value; of equally frequent ones the smallest.
    MostFrequent,
    Constant,
}

/// Leaves columns out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Drop {
    /// Which columns: a type's word or names.
    pub columns: Columns,
}
