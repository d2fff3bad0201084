//! The `evaluate` block: metrics and predictions of a model on a part of a dataset.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::train::Device;
use crate::reference::Reference;

/// Measures a model on a part of a dataset. Predictions are part of the report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evaluate {
    /// The model: of a train or compress stage.
    pub model: Reference,
    /// The part it is measured on, e.g. `prepare.test`.
    pub data: Reference,
    /// What is measured. Default: `accuracy, f1_macro, log_loss` for classes, `rmse, mae, r2` for numbers.
    #[serde(default)]
    pub metrics: Vec<Metric>,
    /// Rows a step; changes nothing but memory and speed.
    #[serde(default = "default_batch_size")]
    #[schemars(range(min = 1))]
    pub batch_size: u32,
    /// Where it computes.
    #[serde(default)]
    pub device: Device,
}

fn default_batch_size() -> u32 {
    1024
}

/// A metric. Names and meanings are scikit-learn's.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Share of rows whose class is right.
    Accuracy,
    PrecisionMacro,
    PrecisionMicro,
    PrecisionWeighted,
    RecallMacro,
    RecallMicro,
    RecallWeighted,
    F1Macro,
    F1Micro,
    F1Weighted,
    /// Mean negative log of the probability given to the right class.
    LogLoss,
    /// Rows by true class and predicted class; a table in the report, not a number.
    ConfusionMatrix,
    /// Mean squared error.
    Mse,
    /// Root of the mean squared error, in the target's unit.
    Rmse,
    /// Mean absolute error, in the target's unit.
    Mae,
    /// Share of the target's variance that is explained.
    R2,
}

impl Metric {
    /// All metrics, those of classes first.
    pub const ALL: [Self; 16] = [
        Self::Accuracy,
        Self::PrecisionMacro,
        Self::PrecisionMicro,
        Self::PrecisionWeighted,
        Self::RecallMacro,
        Self::RecallMicro,
        Self::RecallWeighted,
        Self::F1Macro,
        Self::F1Micro,
        Self::F1Weighted,
        Self::LogLoss,
        Self::ConfusionMatrix,
        Self::Mse,
        Self::Rmse,
        Self::Mae,
        Self::R2,
    ];

    /// The name in specs and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::PrecisionMacro => "precision_macro",
            Self::PrecisionMicro => "precision_micro",
            Self::PrecisionWeighted => "precision_weighted",
            Self::RecallMacro => "recall_macro",
            Self::RecallMicro => "recall_micro",
            Self::RecallWeighted => "recall_weighted",
            Self::F1Macro => "f1_macro",
            Self::F1Micro => "f1_micro",
            Self::F1Weighted => "f1_weighted",
            Self::LogLoss => "log_loss",
            Self::ConfusionMatrix => "confusion_matrix",
            Self::Mse => "mse",
            Self::Rmse => "rmse",
            Self::Mae => "mae",
            Self::R2 => "r2",
        }
    }

    /// Whether it measures classes; the others measure numbers.
    pub fn is_for_classes(self) -> bool {
        !matches!(self, Self::Mse | Self::Rmse | Self::Mae | Self::R2)
    }

    /// Whether a higher value is better. The confusion matrix is no value.
    pub fn higher_is_better(self) -> bool {
        !matches!(self, Self::LogLoss | Self::Mse | Self::Rmse | Self::Mae)
    }
}
