//! Spec -> Plan: vars bound, defaults filled, matrices expanded, references and types checked.
//! Pure: it sees files only through the loader it is given, and starts no process.

mod account;
mod columns;
mod draft;
mod escape;
mod essence;
mod expand;
mod facts;
mod files;
mod fit;
mod grammar;
mod interpolate;
mod layers;
mod lineage;
pub mod manual;
mod matrix;
pub mod name;
mod order;
mod outline;
pub mod paths;
mod resolve;
mod rules;
mod script;
mod search;
pub mod schema;
mod sections;
pub mod shell;
mod splice;
mod target;
mod upstream;
mod vars;
mod wiring;

use indexmap::IndexMap;
use pipe_schema::{
    promote::Promote,
    remote::Remote,
    stage::{ArtifactType, Control, Reuse, Task},
    sweep::Sweep,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::{
    escape::{file_name, original_name},
    essence::Essence,
    outline::{Group, is_meant, stage_name},
    resolve::resolve,
};
use crate::protected::ProtectedPaths;

/// A spec made definite: what would run, in the order of the spec. Pure data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The spec's `name`.
    pub name: String,
    /// The vars as bound: defaults, profile, `--set`.
    pub vars: IndexMap<String, Value>,
    /// Overrides as given, `--profile ci` and `--set lr=0.01`.
    pub overrides: Vec<String>,
    /// Whether an override set a stage's field rather than a var: promotion refuses such runs.
    pub has_field_overrides: bool,
    /// Stages by id; a stage with a matrix is here once an instance.
    pub stages: Stages,
    pub sweeps: IndexMap<String, Sweep>,
    pub promote: IndexMap<String, Promote>,
}

/// A stage's id: its name, with its instance: `score` or `score@fold=0@lr=0.1`. Axes are in the order of the matrix.
pub type StageId = String;

/// Stages by id.
pub type Stages = IndexMap<StageId, Box<Stage>, foldhash::fast::RandomState>;

/// One node of the plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    pub id: StageId,
    /// The name in the spec.
    pub name: String,
    /// Its place in the matrix: axis -> value; empty for a single stage.
    pub instance: IndexMap<String, Value>,
    /// The block, with every var bound and every default filled.
    /// References in it are as written; what they mean is in `inputs`.
    /// In a command, `${inputs.x}` and `${outputs.y}` are still there.
    pub task: Task,
    pub control: Control,
    /// The stage's `reuse`, else the spec's.
    pub reuse: Reuse,
    /// What it reads of other stages.
    pub inputs: Vec<Input>,
    /// What it reads of the project.
    pub files: Vec<FileInput>,
    /// Its typed outputs by name: `main` for built-in kinds, the declared ones for a command.
    pub outputs: IndexMap<String, ArtifactType>,
    /// Of a command: workspace paths that it writes (`outs` and `metrics`), relative to the spec's folder.
    pub outs: Vec<String>,
    /// Stages that must be done before it: `needs`, and the producers of workspace paths that it reads.
    pub after: Vec<StageId>,
}

/// One input of a stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// What the stage uses it for: `data`, `model`, `report`, `init_from`; `inputs/x` and `deps/0` of a command;
    /// `source/0`, `split/train/0`, `join/0/0` by place in the list (a list has paths or stages, not both);
    /// of a summarize or choose, `reports/fold=0`, `model/fold=0`, `by/fold=0`: the axes that end there, in the order of `over`;
    /// of a package, also `data`: the rows that the report was made on. No role is there twice.
    pub role: String,
    /// The instance whose output it is.
    pub stage: StageId,
    /// Which output: `main`, or a command's output by name.
    pub output: String,
    pub r#type: ArtifactType,
    /// The part of a dataset that is meant: `test`.
    pub part: Option<String>,
    /// The metric that is meant, by its name in `metrics.json`.
    pub metric: Option<String>,
    /// The one file of the artifact that is meant: `model.pt` of `bundle.torchscript`.
    pub file: Option<String>,
    /// The paths inside the artifact that the stage reads, so that it is stale only when they change.
    /// Empty: all of it. A path that the artifact does not have counts as absent, not as an error.
    pub reads: Vec<String>,
}

/// Files of the project that a stage reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileInput {
    /// What the stage uses it for: `source`, `split/train`, `join/0`, `init_from`, `dep`.
    pub role: String,
    /// A path or glob relative to the spec's folder, with `/`. A folder means all that is in it.
    /// Of a file elsewhere: its address, for people.
    pub path: String,
    /// A file that is no path of the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<Remote>,
}

/// What plan may ask of the outside.
pub trait Loader {
    /// The text of an included spec, by its path relative to the spec's folder; or why it cannot be read.
    fn include(&self, path: &str) -> Result<String, String>;

    /// How many folders the spec's folder lies below the project's: so far up paths may go.
    fn levels_up(&self) -> usize {
        0
    }

    /// What no out may replace.
    fn protected(&self) -> Option<ProtectedPaths> {
        None
    }

    /// Whether something is at this path or glob, relative to the spec's folder.
    fn exists(&self, path: &str) -> bool;

    /// What is at this path, or at one that the glob matches, and is neither a file nor a folder.
    fn special(&self, _path: &str) -> Option<(std::path::PathBuf, &'static str)> {
        None
    }

    /// Names of the columns of a table of the project, if that can be told cheaply.
    fn columns(
        &self,
        path: &str,
        read: &pipe_schema::stage::preprocess::Read,
    ) -> Option<Vec<String>>;

    /// What the first rows of a table tell of a column, if anything.
    fn evidence(
        &self,
        _path: &str,
        _read: &pipe_schema::stage::preprocess::Read,
        _column: &str,
    ) -> Option<Evidence> {
        None
    }

    /// The distinct values of a column of a small table, if they can be told cheaply: all of them.
    fn values(
        &self,
        _path: &str,
        _read: &pipe_schema::stage::preprocess::Read,
        _column: &str,
    ) -> Option<Vec<String>> {
        None
    }
}

/// A value that tells what its column holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// No number.
    Word(String),
    /// A number with a fraction, where no word was met.
    Fraction(String),
}

/// What the command line changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Overrides {
    pub profiles: Vec<String>,
    /// `(path, value)`: `lr` sets a var, `stage.field` a field. Values are read as YAML.
    pub set: Vec<(String, String)>,
    /// Whether paths may leave the project.
    pub allow_outside: bool,
}

impl Plan {
    /// A stage's name among the stages of all specs that share a store: `digits@digits.yaml/fit`. `spec` is the spec's path
    /// as logs name it.
    pub fn full_name(&self, spec: &str, stage: &str) -> String {
        format!("{}@{}/{stage}", self.name, escape::file_name(spec))
    }

    /// The instances of a stage that are meant: all by its name, or those with these values of axes.
    pub fn instances<'a>(&'a self, meant: &'a str) -> impl Iterator<Item = &'a Stage> {
        self.stages
            .values()
            .map(|it| &**it)
            .filter(move |it| is_meant(&it.id, meant))
    }
}

impl Stage {
    /// Ids of all stages that must be done before this one, each once.
    pub fn predecessors(&self) -> impl Iterator<Item = &StageId> {
        let mut seen = std::collections::BTreeSet::new();
        self.inputs
            .iter()
            .map(|it| &it.stage)
            .chain(&self.after)
            .filter(move |it| seen.insert(*it))
    }
}

#[cfg(test)]
mod tests;
