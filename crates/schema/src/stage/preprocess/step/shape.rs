//! Steps that bend, cut or sort numbers into buckets.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::column::Columns;

/// The natural logarithm of 1 + x, for numbers above -1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Which columns: `numeric`, or names.
    #[serde(default = "Columns::numeric")]
    pub columns: Columns,
}

/// The Yeo-Johnson transform, its exponent by maximum likelihood: numbers become as normal as it can make them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Power {
    /// Which columns: `numeric`, or names.
    #[serde(default = "Columns::numeric")]
    pub columns: Columns,
    /// Whether the mean becomes 0 and the standard deviation 1.
    #[serde(default = "yes")]
    pub standardize: bool,
}

fn yes() -> bool {
    true
}

/// Cuts numbers to bounds: given ones, or quantiles of the train part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Clip {
    /// Which columns: `numeric`, or names.
    #[serde(default = "Columns::numeric")]
    pub columns: Columns,
    /// What is below becomes this.
    #[serde(default)]
    pub min: Option<f64>,
    /// What is above becomes this.
    #[serde(default)]
    pub max: Option<f64>,
    /// Two quantiles of the train part that are the bounds, in place of `min` and `max`: `[0.01, 0.99]`.
    #[serde(default)]
    pub quantiles: Option<[f64; 2]>,
}

/// Sorts numbers into buckets, which are numbered from 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bucketize {
    /// Which columns: `numeric`, or names.
    #[serde(default = "Columns::numeric")]
    pub columns: Columns,
    /// How many buckets; fewer where many values are equal. Default: 5.
    #[serde(default)]
    #[schemars(range(min = 2))]
    pub bins: Option<u32>,
    /// Where a bucket ends. Default: `quantile`.
    #[serde(default)]
    pub strategy: Option<BucketStrategy>,
    /// Where buckets end, in place of `bins` and `strategy`: `[18, 65]` makes three. A bucket begins at its lower edge.
    #[serde(default)]
    pub edges: Option<Vec<f64>>,
    /// What a bucket becomes.
    #[serde(default)]
    pub encode: BucketEncoding,
}

/// Where buckets end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BucketStrategy {
    /// Each has as many rows of the train part.
    Quantile,
    /// Each is as wide.
    Uniform,
}

/// What a bucket becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BucketEncoding {
    /// Its number.
    #[default]
    Number,
    /// One column of 0 and 1 for each.
    OneHot,
}
