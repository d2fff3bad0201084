//! The `package` block: all that is needed to serve a model, in one folder.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reference::Reference;

/// Packs a model with its preprocessing, metrics and golden rows, loads it again and checks its predictions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// The model to pack.
    pub model: Reference,
    /// The report that measured this model; the packed model must reproduce its predictions.
    pub report: Reference,
    /// How the weights are stored.
    #[serde(default = "all_formats")]
    pub formats: Vec<Format>,
    /// The package's name. Default: the spec's name.
    #[serde(default)]
    pub name: Option<String>,
    /// What the model is for, in the model card.
    #[serde(default)]
    pub description: Option<String>,
}

fn all_formats() -> Vec<Format> {
    vec![Format::Safetensors, Format::Torchscript]
}

/// How the weights are stored.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Weights by name, for any reader of safetensors; always there.
    Safetensors,
    /// A TorchScript module, for libtorch and PyTorch.
    Torchscript,
}
