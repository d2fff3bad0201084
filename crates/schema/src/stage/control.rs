//! The control keys: what stands beside a stage's kind and says how, not what, to run.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Cache;
use crate::scalar::{ByteSize, Duration};

/// How a stage is run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Control {
    /// Stages that must be done before this one starts; order only, their outputs are not read.
    pub needs: Vec<String>,
    /// The stage is stopped and fails after this time, e.g. `30m`. Default: no limit.
    pub timeout: Option<Duration>,
    /// How often it is tried again after a crash, a timeout or an I/O error; not after a wrong answer.
    pub retries: u32,
    /// What it needs of the machine while it runs.
    pub resources: Resources,
    /// Environment variables it sees. Part of what makes it stale.
    pub env: IndexMap<String, String>,
    /// Names of host variables that it sees with the host's values. Part of what makes it stale.
    pub pass_env: Vec<String>,
    /// Names of host variables that it sees; never stored, masked in logs, not part of what makes it stale.
    pub secrets: Vec<String>,
    /// `false`: run it every time. What it did is recorded all the same. `{sources: hash}`: read its sources in each run,
    /// whatever their times say; for files that are written through a memory map.
    pub cache: Cache,
    /// Whether a result made by another class of machine may be reused. Default: the spec's `reuse`, else `exact`.
    pub reuse: Option<Reuse>,
    /// The axes over which the stage is repeated: `{fold: [0, 1, 2], exclude: [{fold: 1}]}`.
    pub matrix: IndexMap<String, Value>,
    /// A sentence for people; changes nothing.
    pub description: Option<String>,
}

impl Default for Control {
    fn default() -> Self {
        Self {
            needs: Vec::new(),
            timeout: None,
            retries: 0,
            resources: Resources::default(),
            env: IndexMap::new(),
            pass_env: Vec::new(),
            secrets: Vec::new(),
            cache: Cache::On,
            reuse: None,
            matrix: IndexMap::new(),
            description: None,
        }
    }
}

/// What a stage needs of the machine while it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Resources {
    /// Cores it is given. Training uses at most this many threads.
    #[schemars(range(min = 1))]
    pub cpus: u32,
    /// Memory it may take, e.g. `4GiB`; more ends it. Each process is bounded by the kernel; all processes of a command
    /// together, with what they share, are looked at a few times a second. Memory of GPUs and files that are mapped do not
    /// count. Default: no limit.
    pub memory: Option<ByteSize>,
    /// GPUs it is given.
    pub gpus: u32,
}

impl Default for Resources {
    fn default() -> Self {
        Self {
            cpus: 1,
            memory: None,
            gpus: 0,
        }
    }
}

/// Which results of other machines may be taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reuse {
    /// Only results made by the same class of machine: they would be equal to the bit.
    #[default]
    Exact,
    /// Results made by any machine.
    AnyMachine,
}
