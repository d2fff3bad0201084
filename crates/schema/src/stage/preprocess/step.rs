//! The steps: what is done to columns.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::column::Columns;

/// One step of preprocessing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Fills missing values.
    Impute(Impute),
    /// Subtracts the mean and divides by the population standard deviation; a constant column is divided by 1.
    Standardize(Standardize),
    /// Maps the train part's range to `range`.
    MinMax(MinMax),
    /// One column of 0 and 1 for each category.
    OneHot(OneHot),
    /// Leaves columns out.
    Drop(Drop),
}

impl Step {
    /// The step's key in YAML.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Impute(_) => "impute",
            Self::Standardize(_) => "standardize",
            Self::MinMax(_) => "min_max",
            Self::OneHot(_) => "one_hot",
            Self::Drop(_) => "drop",
        }
    }

    /// What it is done to.
    pub fn columns(&self) -> &Columns {
        match self {
            Self::Impute(it) => &it.columns,
            Self::Standardize(it) => &it.columns,
            Self::MinMax(it) => &it.columns,
            Self::OneHot(it) => &it.columns,
            Self::Drop(it) => &it.columns,
        }
    }
}

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

/// Subtracts the mean and divides by the population standard deviation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Standardize {
    /// Which columns: `numeric`, or names.
    #[serde(default = "Columns::numeric")]
    pub columns: Columns,
}

/// Maps the train part's range to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MinMax {
    /// Which columns: `numeric`, or names.
    #[serde(default = "Columns::numeric")]
    pub columns: Columns,
    /// The range mapped to.
    #[serde(default = "unit_range")]
    pub range: [f64; 2],
}

fn unit_range() -> [f64; 2] {
    [0.0, 1.0]
}

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
}

/// Leaves columns out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Drop {
    /// Which columns: a type's word or names.
    pub columns: Columns,
}
