//! Steps that move and stretch numbers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::column::Columns;

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

/// Subtracts the median and divides by the range between two quantiles: outliers do not matter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Robust {
    /// Which columns: `numeric`, or names.
    #[serde(default = "Columns::numeric")]
    pub columns: Columns,
    /// The two quantiles.
    #[serde(default = "quartiles")]
    pub quantiles: [f64; 2],
}

fn quartiles() -> [f64; 2] {
    [0.25, 0.75]
}
