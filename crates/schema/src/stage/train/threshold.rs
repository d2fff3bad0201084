//! From which probability on a row is predicted as the positive class. Chooses nothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::stage::evaluate::Metric;

/// The probability of the positive class from which on a row is predicted as it, of two classes. One of `at`, `maximize`,
/// `recall`, `precision` and `costs` says how it is found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ThresholdRule {
    /// This probability.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub at: Option<f64>,
    /// The one with the highest value of a metric: `f1`, `fbeta`, `precision`, `accuracy`, `balanced_accuracy`, `f1_macro` or
    /// `matthews_corrcoef`. Of equals the highest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximize: Option<Metric>,
    /// The highest that finds this share of the rows of the positive class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0.0))]
    pub recall: Option<f64>,
    /// The one with the highest recall among those with this share of right ones among the rows predicted as the positive
    /// class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0.0))]
    pub precision: Option<f64>,
    /// The one with the lowest sum of costs. Of equals the highest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub costs: Option<Costs>,
    /// The part on which it is chosen.
    #[serde(default, skip_serializing_if = "ThresholdPart::is_val")]
    #[schemars(extend("default" = "val"))]
    pub on: ThresholdPart,
}

/// What a row of each kind costs; what is right may cost something as well, or save it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Costs {
    /// A row of the other class that is predicted as the positive one.
    pub false_positive: f64,
    /// A row of the positive class that is not predicted as it.
    pub false_negative: f64,
    /// A row of the positive class that is predicted as it.
    #[serde(default)]
    pub true_positive: f64,
    /// A row of the other class that is not predicted as the positive one.
    #[serde(default)]
    pub true_negative: f64,
}

/// A part that a threshold is chosen on. The test part chooses nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdPart {
    #[default]
    Val,
    Train,
}

impl ThresholdRule {
    /// The metrics that `maximize` takes: those that follow from which rows are predicted as the positive class, and of which
    /// neither end of the scale is the best.
    pub fn can_maximize(metric: Metric) -> bool {
        matches!(
            metric,
            Metric::F1
                | Metric::Fbeta(_)
                | Metric::Precision
                | Metric::Accuracy
                | Metric::BalancedAccuracy
                | Metric::F1Macro
                | Metric::MatthewsCorrcoef
        )
    }

    /// The fields that say how it is found, in the order of the language.
    pub fn ways(&self) -> Vec<&'static str> {
        let ways = [
            ("at", self.at.is_some()),
            ("maximize", self.maximize.is_some()),
            ("recall", self.recall.is_some()),
            ("precision", self.precision.is_some()),
            ("costs", self.costs.is_some()),
        ];
        let given = ways.into_iter().filter(|way| way.1);
        given.map(|way| way.0).collect()
    }
}

impl ThresholdPart {
    /// The part's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Val => "val",
            Self::Train => "train",
        }
    }

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes a reference"
    )]
    fn is_val(&self) -> bool {
        *self == Self::Val
    }
}
