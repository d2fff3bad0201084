//! What a report artifact holds.
//!
//! ```text
//! metrics.json           flat: name -> number
//! report.json            Report (of an evaluate stage)
//! plots/*.svg            what fits the target: confusion_matrix, roc, precision_recall, threshold, calibration; residuals (of several
//!                        targets one each: residuals_1, residuals_2, …)
//! predictions.csv        row,target,prediction and, for classes, one `p=CLASS` a class; where each row
//!                        is a file, also `file`; numbers as doubles with all their digits
//!                        several targets: row, each `target:NAME`, each `prediction:NAME`, for labels each `p=NAME`
//! ```
//! A command's report has `metrics.json` alone, or what else the command wrote.

use std::fmt;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::{dataset::PositiveClass, model::ClassThreshold};

pub const METRICS_FILE: &str = "metrics.json";
pub const REPORT_FILE: &str = "report.json";
pub const PREDICTIONS_FILE: &str = "predictions.csv";
pub const PLOTS_FOLDER: &str = "plots";

/// Metrics by name.
pub type Metrics = IndexMap<String, f64>;

/// What an evaluate stage found out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The part measured on.
    pub part: String,
    pub rows: u64,
    /// Rows with the same inputs as a row that the model was trained on. Absent if the part is held out of the model's own
    /// dataset and there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_train: Option<u64>,
    pub metrics: Metrics,
    /// The same metrics for the trivial prediction: the train part's shares, or its means.
    pub baseline: Metrics,
    /// Names of the classes; empty for a number.
    pub classes: Vec<String>,
    /// The class that figures of one class look for, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positive: Option<PositiveClass>,
    /// From which probability on a class of two was predicted, where the model has a threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<ClassThreshold>,
    /// Metrics that are undefined and told as 0, with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Rows by true class, then predicted class; where it was asked for.
    pub confusion_matrix: Option<Vec<Vec<u64>>>,
    /// What is said of each class by itself; empty for a number.
    #[serde(default)]
    pub per_class: Vec<ClassFigures>,
    /// What is said of each label by itself; of several boolean targets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub per_label: Vec<LabelFigures>,
    /// What is said of each target by itself; of several numeric targets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub per_target: Vec<TargetFigures>,
    /// How sure the metrics are; where it was asked for.
    #[serde(default)]
    pub bootstrap: Option<Intervals>,
    /// The metrics by values of raw columns; where it was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slices: Vec<Sliced>,
}

/// Rows told apart by a raw column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sliced {
    pub column: String,
    /// Together all rows, each of them once.
    pub slices: Vec<Slice>,
}

/// Some of the rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    pub of: SliceOf,
    pub rows: u64,
    pub metrics: Metrics,
    /// Metrics that the slice has not, with the reason.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub undefined: IndexMap<String, String>,
}

/// Which rows a slice has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SliceOf {
    /// Those of a value.
    Value(String),
    /// Those from a number on and below another; open where one is absent.
    Range {
        from: Option<f64>,
        below: Option<f64>,
    },
    /// Those of so many further values.
    Other { values: u64 },
    /// Those without a value.
    Missing,
}

impl fmt::Display for SliceOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(text) => f.write_str(text),
            Self::Range {
                from: None,
                below: Some(below),
            } => write!(f, "< {below}"),
            Self::Range {
                from: Some(from),
                below: Some(below),
            } => write!(f, "{from} to < {below}"),
            Self::Range {
                from: Some(from),
                below: None,
            } => write!(f, ">= {from}"),
            Self::Range {
                from: None,
                below: None,
            } => f.write_str("any number"),
            Self::Other { values: 1 } => f.write_str("(1 other value)"),
            Self::Other { values } => write!(f, "({values} other values)"),
            Self::Missing => f.write_str("(missing)"),
        }
    }
}

/// Percentile intervals over rows drawn with replacement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intervals {
    pub confidence: f64,
    pub samples: u32,
    pub seed: u64,
    /// By metric.
    pub metrics: IndexMap<String, Interval>,
}

/// Where a metric lies in so many of the samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
    /// Samples for which the metric is undefined, such as those of one class; they do not count.
    pub undefined: u32,
}

/// One class against the rest. A share of no rows is 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassFigures {
    pub class: String,
    /// Rows that are of it.
    pub rows: u64,
    /// Rows that were predicted as it.
    pub predicted: u64,
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
}

/// Yes against no of one label. A share of no rows is 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelFigures {
    pub label: String,
    /// Rows with yes.
    pub rows: u64,
    /// Rows that were predicted as yes.
    pub predicted: u64,
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
    /// Absent where all rows are alike.
    pub roc_auc: Option<f64>,
    /// Absent where no row has yes.
    pub average_precision: Option<f64>,
}

/// One of several numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetFigures {
    pub target: String,
    /// The report's metrics, of this target alone.
    pub metrics: Metrics,
    /// Likewise, of the trivial prediction.
    pub baseline: Metrics,
}
