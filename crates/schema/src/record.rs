//! What the store keeps for a key.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::{
    key::{EnvironmentClass, Key, KeyParts},
    manifest::Digest,
    report::Metrics,
    stage::ArtifactType,
};

/// The memory of one execution: what went in, what came out, and what was seen meanwhile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub key: Key,
    pub parts: KeyParts,
    /// Outputs by name; a built-in kind's only output is `main`.
    pub outputs: IndexMap<String, Output>,
    /// A command's outs: workspace paths, as written, with what they held.
    #[serde(default)]
    pub outs: IndexMap<String, Out>,
    pub observed: Observed,
}

/// An artifact that a stage made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    pub r#type: ArtifactType,
    pub digest: Digest,
    pub bytes: u64,
    /// Whether a command wrote a file, which the artifact holds alone; absent of built-in kinds and in records of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_file: Option<bool>,
}

/// A workspace path that a command made. The artifact holds the file under its own name, or the folder's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Out {
    pub digest: Digest,
    pub bytes: u64,
    pub is_directory: bool,
}

/// What differs between two honest executions of the same action. Never an input of anything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Observed {
    /// RFC 3339, UTC.
    pub started: String,
    pub seconds: f64,
    pub cpu_seconds: f64,
    /// Largest resident memory of one process.
    pub peak_bytes: u64,
    pub host: String,
    /// The run that made it.
    pub run: String,
    pub stage: String,
    /// The attempt that succeeded, from 1.
    pub attempt: u32,
    /// Version of pipe.
    pub pipe: String,
    /// The project's commit, with `+` where the tree had changes.
    pub git: Option<String>,
    /// Final metrics, for lists; the report artifact is the truth.
    pub metrics: Metrics,
    /// What else the worker saw: latencies, samples per second.
    pub measured: BTreeMap<String, f64>,
    /// Keys of the records that the inputs came from, by role.
    pub upstream: BTreeMap<String, Key>,
    /// What the execution told about the result: columns taken for categories, rows without a partner. Repeated whenever
    /// the result is used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Files that an execution of the same action made with other bytes than the one before; empty where none did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differing: Vec<String>,
    /// The class of machine that computed it; in the key, too, unless any machine's result may be reused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<Box<EnvironmentClass>>,
}
