//! What is legal in each place of a spec, read off the types themselves through their JSON Schema.
//! Knows fields, words and ranges; not what a value means.

mod reader;

use std::sync::OnceLock;

use indexmap::IndexMap;
use pipe_schema::{
    promote::Promote,
    scalar::{BatchSize, ByteSize, Duration},
    stage::{Control, Task},
    sweep::Sweep,
};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::Deserialize;
use serde_json::Value as Json;

/// Words that mean a field or a value of another name.
pub const ALIASES: [(&str, &str); 2] = [("valid", "val"), ("bayes", "tpe")];

/// What may stand somewhere.
#[derive(Clone, Debug, PartialEq)]
pub enum Grammar {
    Any,
    Bool,
    Int(Bounds),
    Number(Bounds),
    Text,
    Character,
    /// A scalar with a notation of its own.
    Scalar(Notation),
    Record(Record),
    Choice(Choice),
    /// A list, and how long it must be where that is fixed.
    List(Box<Grammar>, Option<usize>),
    /// A map with keys of the user's choice.
    Map(Box<Grammar>),
    /// One of several forms.
    Either(Vec<Grammar>),
}

/// Fields with fixed names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    pub doc: String,
    pub fields: IndexMap<String, Field>,
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub grammar: Grammar,
    pub doc: String,
    pub is_required: bool,
    /// Whether nothing (`null`) may be given for it.
    pub is_nullable: bool,
    pub default: Option<Json>,
}

/// One of several words, some with options.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    pub doc: String,
    pub words: IndexMap<String, Option<Grammar>>,
    pub docs: IndexMap<String, String>,
    /// Whether it stands inside itself; there it has no word that would go deeper.
    pub is_nested: bool,
}

/// Where a number must lie.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bounds {
    pub min: Option<f64>,
    pub max: Option<f64>,
    /// Neither `above` nor `below` itself is legal.
    pub above: Option<f64>,
    pub below: Option<f64>,
}

/// Scalars that are read by a function of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    Duration,
    ByteSize,
    BatchSize,
    Reference,
}

impl Notation {
    const ALL: [(&str, Self); 4] = [
        ("Duration", Self::Duration),
        ("ByteSize", Self::ByteSize),
        ("BatchSize", Self::BatchSize),
        ("Reference", Self::Reference),
    ];

    /// What is expected, in words.
    pub fn expected(self) -> &'static str {
        match self {
            Self::Duration => "a duration like `30s`, `10m` or `2h`",
            Self::ByteSize => "a size like `512MiB`, `4GiB` or a number of bytes",
            Self::BatchSize => "a number of rows of at least 1, or `full`",
            Self::Reference => "a stage, or a part of it like `stage.part`",
        }
    }

    /// Whether a value is written so. A reference is looked at later, with the stages at hand.
    pub fn accepts(self, value: &Json) -> bool {
        match self {
            Self::Duration => Duration::deserialize(value).is_ok(),
            Self::ByteSize => ByteSize::deserialize(value).is_ok(),
            Self::BatchSize => BatchSize::deserialize(value).is_ok(),
            Self::Reference => value.is_string(),
        }
    }
}

/// The kinds of stages, each with its block.
pub fn kinds() -> &'static Choice {
    static KINDS: OnceLock<Choice> = OnceLock::new();
    KINDS.get_or_init(|| match of::<Task>() {
        Grammar::Choice(choice) => choice,
        _ => Choice::default(),
    })
}

/// The control keys.
pub fn control() -> &'static Record {
    static CONTROL: OnceLock<Record> = OnceLock::new();
    CONTROL.get_or_init(record::<Control>)
}

/// An entry of `sweeps`.
pub fn sweep() -> &'static Record {
    static SWEEP: OnceLock<Record> = OnceLock::new();
    SWEEP.get_or_init(record::<Sweep>)
}

/// An entry of `promote`.
pub fn promote() -> &'static Record {
    static PROMOTE: OnceLock<Record> = OnceLock::new();
    PROMOTE.get_or_init(record::<Promote>)
}

/// The block of a kind.
pub fn block(kind: &str) -> Option<&'static Record> {
    match kinds().words.get(kind) {
        Some(Some(Grammar::Record(record))) => Some(record),
        _ => None,
    }
}

/// The JSON Schema of a type, as the types give it.
pub fn json_schema<T: JsonSchema>() -> Json {
    SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}

fn record<T: JsonSchema>() -> Record {
    match of::<T>() {
        Grammar::Record(record) => record,
        _ => Record::default(),
    }
}

fn of<T: JsonSchema>() -> Grammar {
    let schema = json_schema::<T>();
    reader::read(&schema)
}

impl Bounds {
    pub fn contain(&self, value: f64) -> bool {
        self.min.is_none_or(|it| value >= it)
            && self.max.is_none_or(|it| value <= it)
            && self.above.is_none_or(|it| value > it)
            && self.below.is_none_or(|it| value < it)
    }

    /// `at least 1`, `from 0 to 1`, `above 0`; nothing where all numbers are legal.
    pub fn describe(&self) -> Option<String> {
        let lower = match (self.min, self.above) {
            (Some(min), _) => Some(format!("at least {min}")),
            (_, Some(above)) => Some(format!("above {above}")),
            _ => None,
        };
        let max = self.max.filter(|it| *it < f64::from(u32::MAX));
        let upper = match (max, self.below) {
            (Some(max), _) => Some(format!("at most {max}")),
            (_, Some(below)) => Some(format!("below {below}")),
            _ => None,
        };
        match (lower, upper) {
            (Some(lower), Some(upper)) => Some(format!("{lower} and {upper}")),
            (lower, upper) => lower.or(upper),
        }
    }
}

impl Choice {
    /// Whether a word may stand alone: it has no options, or none that must be given.
    pub fn stands_alone(&self, word: &str) -> bool {
        match self.words.get(word) {
            Some(None) => true,
            Some(Some(Grammar::Record(record))) => record.fields.values().all(|it| !it.is_required),
            _ => false,
        }
    }
}

impl Field {
    /// The default as it would be written, where it is short; nothing where it is required or absent.
    pub fn default_text(&self) -> Option<String> {
        match self.default.as_ref()? {
            Json::Null => None,
            Json::Array(items) if items.is_empty() => None,
            // A word with options: these have defaults of their own.
            Json::Object(map) => map.keys().next().filter(|_| map.len() == 1).cloned(),
            Json::String(text) if text.len() > 1 => Some(text.clone()),
            value => Some(value.to_string()),
        }
    }
}
