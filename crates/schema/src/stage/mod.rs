//! The blocks of the language: one file a kind, and the control keys that stand beside the kind.
//! These types are decoded after vars are bound, so they hold plain values; their doc comments are `pipe help KIND`.

pub mod preprocess;
pub mod train;
pub mod evaluate;
pub mod compress;
pub mod package;
pub mod command;
pub mod shell;
pub mod matrix;
mod cache;
mod class;
mod control;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    cache::Cache,
    class::ClassName,
    command::Command,
    compress::Compress,
    control::{Control, Resources, Reuse},
    evaluate::Evaluate,
    matrix::{Choose, Summarize},
    package::Package,
    preprocess::Preprocess,
    train::Train,
};

/// What a stage does: one variant a kind. In YAML the variant's name is the kind's key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    Preprocess(Box<Preprocess>),
    Train(Box<Train>),
    Evaluate(Evaluate),
    Compress(Compress),
    Package(Package),
    Command(Command),
    Summarize(Summarize),
    Choose(Choose),
}

/// The kinds, in the order in which the documentation tells of them.
pub const KINDS: [&str; 8] = [
    "preprocess",
    "train",
    "evaluate",
    "compress",
    "package",
    "command",
    "summarize",
    "choose",
];

impl Task {
    /// The kind's key in YAML.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Preprocess(_) => "preprocess",
            Self::Train(_) => "train",
            Self::Evaluate(_) => "evaluate",
            Self::Compress(_) => "compress",
            Self::Package(_) => "package",
            Self::Command(_) => "command",
            Self::Summarize(_) => "summarize",
            Self::Choose(_) => "choose",
        }
    }

    /// Raised by hand when the meaning of a kind's outputs changes; part of the key.
    pub fn revision(&self) -> u32 {
        match self {
            // 2: with batch_norm, a last row alone joins the step before it; a package's card tells sizes of layers.
            // Of preprocess, 2: columns of dates and of free text are told from categories; raw columns are kept.
            Self::Train(_) | Self::Compress(_) | Self::Package(_) | Self::Preprocess(_) => 2,
            // 2: a report tells of each class; 3: it has plots; 4: figures of one class look for the positive one.
            Self::Evaluate(_) => 4,
            // 2: a line or a part of a pipeline that fails ends it.
            Self::Command(command) if command.depends_on_shell() => 2,
            _ => 1,
        }
    }

    /// Whether libtorch computes the outputs, so that they depend on the environment class.
    pub fn is_tensor(&self) -> bool {
        matches!(
            self,
            Self::Train(_) | Self::Evaluate(_) | Self::Compress(_) | Self::Package(_)
        )
    }

    /// Whether a worker process executes it. A command runs as itself, the rest in the runner.
    pub fn needs_worker(&self) -> bool {
        self.is_tensor() || matches!(self, Self::Preprocess(_))
    }
}

/// What an artifact is, and so what may be done with it.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactType {
    /// Rows in parts, with a schema.
    Dataset,
    /// A trained network.
    Model,
    /// Metrics as flat JSON, and what stands behind them.
    Report,
    /// A model with all that is needed to serve it.
    Package,
    /// Anything else.
    #[default]
    Files,
}

impl ArtifactType {
    /// The word used in the language and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dataset => "dataset",
            Self::Model => "model",
            Self::Report => "report",
            Self::Package => "package",
            Self::Files => "files",
        }
    }
}
