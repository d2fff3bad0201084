//! The `promote` block: which package may take an alias, and the gates before it. Validated with the spec.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reference::Reference;

/// A promotion: a package, the alias it wants and the gates it must pass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Promote {
    /// The package stage.
    pub package: Reference,
    /// The alias it is given.
    pub alias: String,
    /// What must hold.
    #[serde(default)]
    pub gates: Vec<Gate>,
    /// Promotes a sweep's winner instead of the plain run.
    #[serde(default)]
    pub from: Option<FromSweep>,
}

/// A trial of a sweep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FromSweep {
    /// The sweep's name.
    pub sweep: String,
    /// Which trial.
    #[serde(default)]
    pub trial: TrialChoice,
}

/// Which trial of a sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrialChoice {
    #[default]
    Best,
}

/// A condition for promotion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Gate {
    /// A metric within bounds.
    Threshold(Threshold),
    /// A metric not worse than that of the version an alias names.
    Against(Against),
}

/// A metric within bounds, both inclusive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// The metric of a report.
    pub metric: Reference,
    /// The smallest value that passes.
    #[serde(default)]
    pub min: Option<f64>,
    /// The largest value that passes.
    #[serde(default)]
    pub max: Option<f64>,
}

/// A metric not worse than that of the version an alias names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Against {
    /// Whose holder it is compared with.
    pub alias: String,
    /// The metric of a report.
    pub metric: Reference,
    /// By how much it must be better (negative: may be worse).
    #[serde(default)]
    pub margin: f64,
    /// How sure the comparison must be.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub confidence: Option<f64>,
    /// What holds while no version has the alias.
    #[serde(default)]
    pub if_absent: IfAbsent,
}

/// What holds while no version has the alias.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IfAbsent {
    /// The gate is refused.
    #[default]
    Refuse,
    /// The other gates decide.
    ThresholdsOnly,
}
