//! How parameters are changed: optimizers, the learning rate over the epochs, bounds on gradients.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How parameters are changed. Formulas are PyTorch's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Optimizer {
    /// Stochastic gradient descent, with momentum if asked for.
    Sgd(Sgd),
    /// Adam; `weight_decay` is added to the gradient.
    Adam(Adam),
    /// Adam with decoupled weight decay.
    Adamw(AdamW),
}

impl Default for Optimizer {
    fn default() -> Self {
        Self::Adamw(AdamW::default())
    }
}

/// Stochastic gradient descent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sgd {
    /// Learning rate.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub lr: f64,
    /// Share of the step before that is taken again.
    #[serde(default)]
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0))]
    pub momentum: f64,
    /// Share of each weight that is added to its gradient.
    #[serde(default)]
    #[schemars(range(min = 0.0))]
    pub weight_decay: f64,
}

/// Adam.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Adam {
    /// Learning rate.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub lr: f64,
    /// Decay of the means of the gradient and of its square; below 1.
    pub betas: [f64; 2],
    /// Added to the root of the mean square.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub eps: f64,
    /// Share of each weight that is added to its gradient.
    #[schemars(range(min = 0.0))]
    pub weight_decay: f64,
}

impl Default for Adam {
    fn default() -> Self {
        Self {
            lr: 1e-3,
            betas: [0.9, 0.999],
            eps: 1e-8,
            weight_decay: 0.0,
        }
    }
}

/// Adam with decoupled weight decay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AdamW {
    /// Learning rate.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub lr: f64,
    /// Decay of the means of the gradient and of its square; below 1.
    pub betas: [f64; 2],
    /// Added to the root of the mean square.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub eps: f64,
    /// Share of each weight that is taken away in a step, times the learning rate.
    #[schemars(range(min = 0.0))]
    pub weight_decay: f64,
}

impl Default for AdamW {
    fn default() -> Self {
        Self {
            lr: 1e-3,
            betas: [0.9, 0.999],
            eps: 1e-8,
            weight_decay: 0.01,
        }
    }
}

/// How the learning rate goes over the epochs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LrScheduler {
    /// Stays as it is.
    #[default]
    Constant,
    /// A linear rise over `warmup_epochs`, then half a cosine down to `min_lr`; changed after each step.
    Cosine {
        /// Epochs in which the rate rises from 0.
        #[serde(default)]
        warmup_epochs: u32,
        /// The rate at the end.
        #[serde(default)]
        #[schemars(range(min = 0.0))]
        min_lr: f64,
    },
    /// Multiplied by `gamma` after every `step_size` epochs.
    Step {
        /// Epochs between two changes.
        #[schemars(range(min = 1))]
        step_size: u32,
        /// What the rate is multiplied by.
        #[serde(default = "step_gamma")]
        #[schemars(extend("exclusiveMinimum" = 0.0))]
        gamma: f64,
    },
}

fn step_gamma() -> f64 {
    0.1
}

/// Bounds gradients before each step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Clip {
    /// Scales all gradients so that their common norm is at most this.
    Norm(f64),
    /// Cuts each value to at most this, and at least its negative.
    Value(f64),
}
