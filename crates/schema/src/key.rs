//! What a key is made of. `KeyParts` is printable: its parts are what `explain` shows and compares.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use crate::manifest::Digest;

/// SHA-256 of an action's `KeyParts`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(pub Digest);

/// Everything that an action's outputs depend on, and nothing else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyParts {
    pub kind: String,
    pub revision: u32,
    /// The stage's own resolved block, without its references (their content is in `inputs`).
    pub config: Config,
    /// Content by role: `data/train`, `model`, `source/0`, `dep/prepare.py`.
    pub inputs: BTreeMap<String, Digest>,
    /// Declared outputs by name, with their type.
    pub outputs: BTreeMap<String, String>,
    /// `env` and `pass_env` with values; a host variable that is not set is `null`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, Option<String>>,
    /// Version output of `tools`, and digests of programs that the command names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tools: BTreeMap<String, String>,
    /// Of tensor kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Box<EnvironmentClass>>,
    /// Of train: the epoch after which it stops, on the schedule of the full run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u32>,
}

/// A stage's block. Kept as text: most are never asked what is in them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Config(Box<RawValue>);

impl Config {
    /// # Errors
    /// Where JSON cannot say it.
    pub fn new(value: &Value) -> serde_json::Result<Self> {
        serde_json::value::to_raw_value(value).map(Self)
    }

    /// What is in it.
    pub fn value(&self) -> Value {
        // The text was read as JSON before: there is no other way to make one.
        serde_json::from_str(self.0.get()).unwrap_or_default()
    }
}

impl PartialEq for Config {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get() || self.value() == other.value()
    }
}

/// What of the machine the bits of a tensor result depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentClass {
    /// libtorch's version.
    pub libtorch: String,
    /// `cpu` or `cuda`.
    pub device: String,
    /// Of a GPU: `9.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute_capability: Option<String>,
    /// libtorch's name for the instruction set it uses: `AVX512`.
    pub cpu_capability: String,
    pub threads: u32,
    /// `f32`.
    pub precision: String,
}
