//! Options of metrics. Computes nothing.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Options of `top_k_accuracy`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TopKAccuracy {
    /// How many classes may be named.
    #[serde(default = "two")]
    #[schemars(range(min = 1))]
    pub k: u32,
}

fn two() -> u32 {
    2
}

impl Default for TopKAccuracy {
    fn default() -> Self {
        Self { k: two() }
    }
}

/// Options of `mean_pinball_loss`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MeanPinballLoss {
    /// The quantile that is predicted; 0.5 is the median.
    #[serde(default = "half")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub alpha: f64,
}

fn half() -> f64 {
    0.5
}

impl Default for MeanPinballLoss {
    fn default() -> Self {
        Self { alpha: half() }
    }
}

/// Options of `fbeta`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fbeta {
    /// Above 1 recall counts more, below 1 precision.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub beta: f64,
}

impl Default for Fbeta {
    fn default() -> Self {
        Self { beta: 2.0 }
    }
}

/// Options of `recall_at_precision`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecallAtPrecision {
    /// The least precision.
    #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0.0))]
    pub precision: f64,
}

impl Default for RecallAtPrecision {
    fn default() -> Self {
        Self { precision: 0.9 }
    }
}

/// The rows in which the positive class is most probable. Of rows with equal probabilities at the end of the list, a share
/// counts: their mean over all orders.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TopRows {
    /// So many rows; a part of fewer has no such metric.
    K(#[schemars(range(min = 1))] u32),
    /// A share of the rows, rounded up to whole rows.
    Share(#[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0))] f64),
}

impl Default for TopRows {
    fn default() -> Self {
        Self::K(10)
    }
}

impl TopRows {
    /// Reads what is behind the metric's word in its name.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(k) = text.parse::<u32>() {
            return (k > 0).then_some(Self::K(k));
        }
        let share = text.parse::<f64>().ok()?;
        (share > 0.0 && share < 1.0).then_some(Self::Share(share))
    }

    /// How many of `rows` rows; more than there are where `k` is.
    pub fn count(self, rows: usize) -> usize {
        match self {
            Self::K(k) => k as usize,
            // A product that is a whole number but for its last bit is that number.
            Self::Share(share) => (share * rows as f64 * (1.0 - f64::EPSILON)).ceil() as usize,
        }
    }
}

impl fmt::Display for TopRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::K(k) => write!(f, "{k}"),
            Self::Share(share) => write!(f, "{share}"),
        }
    }
}

/// Options of `expected_calibration_error`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CalibrationBins {
    /// How many ranges of equal width the probabilities are divided into.
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 1000))]
    pub bins: u32,
}

fn ten() -> u32 {
    10
}

impl Default for CalibrationBins {
    fn default() -> Self {
        Self { bins: ten() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_of_the_rows_is_rounded_up_to_whole_rows() {
        for (share, rows, count) in [
            (0.1, 30, 3),
            (0.1, 31, 4),
            (0.3, 10, 3),
            (0.7, 10, 7),
            (0.001, 10, 1),
            (0.999, 10, 10),
        ] {
            assert_eq!(TopRows::Share(share).count(rows), count, "{share} {rows}");
        }
    }
}
