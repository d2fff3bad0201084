//! How parameters are changed: optimizers, the learning rate over the epochs, bounds on gradients.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How parameters are changed. Formulas are PyTorch's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Optimizer {
    /// Stochastic gradient descent, with momentum if asked for.
    Sgd(Sgd),
    /// RMSprop.
    Rmsprop(Rmsprop),
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
    /// Whether momentum looks ahead, as Nesterov proposed.
    #[serde(default, skip_serializing_if = "is_false")]
    #[schemars(extend("default" = false))]
    pub nesterov: bool,
}

/// An option added later is not written where it is off, so that old keys stay.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(option: &bool) -> bool {
    !option
}

/// RMSprop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rmsprop {
    /// Learning rate.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub lr: f64,
    /// Decay of the mean of the gradient's square.
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0))]
    pub alpha: f64,
    /// Added to the root of the mean square.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub eps: f64,
    /// Share of each weight that is added to its gradient.
    #[schemars(range(min = 0.0))]
    pub weight_decay: f64,
    /// Share of the step before that is taken again.
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0))]
    pub momentum: f64,
    /// Whether the gradient is divided by an estimate of its spread rather than of its size.
    pub centered: bool,
}

impl Default for Rmsprop {
    fn default() -> Self {
        Self {
            lr: 1e-2,
            alpha: 0.99,
            eps: 1e-8,
            weight_decay: 0.0,
            momentum: 0.0,
            centered: false,
        }
    }
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
    /// Half a cosine from `lr / div_factor` up to the optimizer's rate, then one down to a `final_div_factor`th of where it
    /// began; changed after each step. Momentum stays as it is.
    OneCycle {
        /// Share of the steps in which the rate rises.
        #[serde(default = "pct_start")]
        #[schemars(range(min = 0.0, max = 1.0))]
        pct_start: f64,
        /// The rate at the top, over that at the start.
        #[serde(default = "div_factor")]
        #[schemars(extend("exclusiveMinimum" = 0.0))]
        div_factor: f64,
        /// The rate at the start, over that at the end.
        #[serde(default = "final_div_factor")]
        #[schemars(extend("exclusiveMinimum" = 0.0))]
        final_div_factor: f64,
    },
    /// Multiplied by `factor` after an epoch that is one too many without improvement.
    Plateau {
        /// What is watched, as in `early_stopping`.
        #[serde(default = "val_loss")]
        metric: String,
        /// What the rate is multiplied by.
        #[serde(default = "step_gamma")]
        #[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0))]
        factor: f64,
        /// Epochs without improvement that are borne.
        #[serde(default = "plateau_patience")]
        patience: u32,
        /// Share of the best value by which a better one must differ.
        #[serde(default = "plateau_threshold")]
        #[schemars(range(min = 0.0))]
        threshold: f64,
        /// Epochs after a change in which none is counted.
        #[serde(default)]
        cooldown: u32,
        /// The lowest rate.
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

fn pct_start() -> f64 {
    0.3
}

fn div_factor() -> f64 {
    25.0
}

fn final_div_factor() -> f64 {
    1e4
}

fn val_loss() -> String {
    "val.loss".to_owned()
}

fn plateau_patience() -> u32 {
    10
}

fn plateau_threshold() -> f64 {
    1e-4
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
