//! The `preprocess` block: from raw tables to a dataset in parts.

use std::fmt;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use crate::{reference::PathOrStage, scalar::OneOrMany};

/// Reads tables, splits the rows into parts, fits steps on the train part and writes a dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Preprocess {
    /// Where the rows come from. Not needed where `split.files` names a table for each part.
    #[serde(default)]
    pub source: Source,
    /// The column to predict.
    pub target: String,
    /// Types of columns, where the inferred one is not meant.
    #[serde(default)]
    pub columns: IndexMap<String, ColumnType>,
    /// How rows are divided into train, val and test.
    #[serde(default)]
    pub split: Split,
    /// What is done to the columns, in order. Each step is fitted on the train part alone.
    #[serde(default)]
    pub steps: Vec<Step>,
}

/// Where rows come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Source {
    /// CSV files, plain or gzip: a path, a glob or a list; or `{from: stage}`.
    pub csv: Option<OneOrMany<PathOrStage>>,
    /// Another stage's output; its files are read as CSV, plain or gzip.
    pub from: Option<crate::reference::Reference>,
    /// How the files are read.
    pub read: Read,
}

/// How CSV files are read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Read {
    /// The character between fields.
    pub delimiter: char,
    /// Words that stand for a missing value, beside the empty field.
    pub na: Vec<String>,
    /// Whether the first line names the columns. If `false`, `names` gives them.
    pub header: bool,
    /// The columns' names, where the file has none or others are wanted.
    pub names: Vec<String>,
}

impl Default for Read {
    fn default() -> Self {
        Self {
            delimiter: ',',
            na: ["NA", "N/A", "n/a", "NaN", "nan", "NULL", "null"]
                .map(str::to_owned)
                .to_vec(),
            header: true,
            names: Vec::new(),
        }
    }
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// Numbers.
    Numeric,
    /// One of a set of words.
    Categorical,
    /// Yes or no: `true`/`false`, `yes`/`no`, `0`/`1`.
    Boolean,
}

impl ColumnType {
    /// The word in a spec.
    pub fn name(self) -> &'static str {
        match self {
            Self::Numeric => "numeric",
            Self::Categorical => "categorical",
            Self::Boolean => "boolean",
        }
    }
}

/// How rows are divided into parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Split {
    /// By a seeded shuffle.
    Random(RandomSplit),
    /// Each part has files of its own.
    Files(FilesSplit),
}

impl Default for Split {
    fn default() -> Self {
        Self::Random(RandomSplit::default())
    }
}

/// Shares of the rows, by a seeded shuffle. They must add up to 1; a share of 0 leaves the part out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandomSplit {
    /// Share of the rows that are trained on.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub train: f64,
    /// Share of the rows that steer training: early stopping, choice of a model.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub val: f64,
    /// Share of the rows that are kept for the final measurement.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub test: f64,
    /// A column whose values get the same shares in each part; usually the target of a classification.
    #[serde(default)]
    pub stratify: Option<String>,
    /// Seed of the shuffle.
    #[serde(default)]
    pub seed: u64,
}

impl Default for RandomSplit {
    fn default() -> Self {
        Self {
            train: 0.8,
            val: 0.1,
            test: 0.1,
            stratify: None,
            seed: 0,
        }
    }
}

/// Files for each part, read as `source.read` says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilesSplit {
    /// Files of the train part.
    pub train: OneOrMany<PathOrStage>,
    /// Files of the val part.
    #[serde(default)]
    pub val: OneOrMany<PathOrStage>,
    /// Files of the test part.
    #[serde(default)]
    pub test: OneOrMany<PathOrStage>,
}

/// One step of preprocessing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Fills missing values.
    Impute(Impute),
    /// Subtracts the mean and divides by the population standard deviation; a constant column is divided by 1.
    Standardize(Standardize),
    /// Maps the train part's range to `range`.
    MinMax(MinMax),
    /// One column of 0 and 1 for each category.
    OneHot(OneHot),
    /// Leaves columns out.
    Drop(Drop),
}

impl Step {
    /// The step's key in YAML.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Impute(_) => "impute",
            Self::Standardize(_) => "standardize",
            Self::MinMax(_) => "min_max",
            Self::OneHot(_) => "one_hot",
            Self::Drop(_) => "drop",
        }
    }

    /// What it is done to.
    pub fn columns(&self) -> &Columns {
        match self {
            Self::Impute(it) => &it.columns,
            Self::Standardize(it) => &it.columns,
            Self::MinMax(it) => &it.columns,
            Self::OneHot(it) => &it.columns,
            Self::Drop(it) => &it.columns,
        }
    }
}

/// Fills missing values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Impute {
    /// Which columns: `all`, `numeric`, `categorical`, `boolean`, or names.
    #[serde(default)]
    pub columns: Columns,
    /// What is filled in. Default: `median` for numeric columns, `most_frequent` for others.
    #[serde(default)]
    pub strategy: Option<ImputeStrategy>,
    /// The value of `strategy: constant`.
    #[serde(default)]
    pub value: Option<Value>,
}

/// What stands in for a missing value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImputeStrategy {
    Mean,
    Median,
    /// The most frequent value; of equally frequent ones the smallest.
    MostFrequent,
    Constant,
}

/// Subtracts the mean and divides by the population standard deviation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Standardize {
    /// Which columns: `numeric`, or names.
    #[serde(default = "Columns::numeric")]
    pub columns: Columns,
}

/// Maps the train part's range to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MinMax {
    /// Which columns: `numeric`, or names.
    #[serde(default = "Columns::numeric")]
    pub columns: Columns,
    /// The range mapped to.
    #[serde(default = "unit_range")]
    pub range: [f64; 2],
}

fn unit_range() -> [f64; 2] {
    [0.0, 1.0]
}

/// One column of 0 and 1 for each category seen in the train part, in sorted order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OneHot {
    /// Which columns: `categorical`, or names.
    #[serde(default = "Columns::categorical")]
    pub columns: Columns,
    /// What a category means that the train part does not have.
    #[serde(default)]
    pub unknown: Unknown,
}

/// What a category means that the train part does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// All its columns are 0.
    #[default]
    Ignore,
    /// The stage, or the prediction, fails and names the row.
    Error,
}

/// Leaves columns out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Drop {
    /// Which columns: a type's word or names.
    pub columns: Columns,
}

/// A choice of columns: all of a type, or named ones. The target is never among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Columns {
    #[default]
    All,
    OfType(ColumnType),
    Named(Vec<String>),
}

impl Columns {
    fn numeric() -> Self {
        Self::OfType(ColumnType::Numeric)
    }

    fn categorical() -> Self {
        Self::OfType(ColumnType::Categorical)
    }
}

impl Serialize for Columns {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::OfType(column_type) => column_type.serialize(serializer),
            Self::Named(names) => names.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordOrNames;
        impl<'de> de::Visitor<'de> for WordOrNames {
            type Value = Columns;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`all`, `numeric`, `categorical`, `boolean`, a column's name or a list of names")
            }
            fn visit_str<E: de::Error>(self, word: &str) -> Result<Columns, E> {
                Ok(match word {
                    "all" => Columns::All,
                    "numeric" => Columns::OfType(ColumnType::Numeric),
                    "categorical" => Columns::OfType(ColumnType::Categorical),
                    "boolean" => Columns::OfType(ColumnType::Boolean),
                    name => Columns::Named(vec![name.to_owned()]),
                })
            }
            /// In a list all words are names, so that a column may be called `all`.
            fn visit_seq<A: de::SeqAccess<'de>>(self, names: A) -> Result<Columns, A::Error> {
                Vec::deserialize(de::value::SeqAccessDeserializer::new(names)).map(Columns::Named)
            }
        }
        deserializer.deserialize_any(WordOrNames)
    }
}

impl JsonSchema for Columns {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Columns".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "`all`, `numeric`, `categorical`, `boolean`, a column's name or a list of names",
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_may_mean_a_type_and_a_list_means_names() {
        for (text, columns) in [
            ("\"all\"", Columns::All),
            ("\"numeric\"", Columns::OfType(ColumnType::Numeric)),
            ("[\"all\"]", Columns::Named(vec!["all".to_owned()])),
        ] {
            assert_eq!(serde_json::from_str::<Columns>(text).unwrap(), columns);
            assert_eq!(serde_json::to_string(&columns).unwrap(), text);
        }
        let named: Columns = serde_json::from_str("\"age\"").unwrap();
        assert_eq!(named, Columns::Named(vec!["age".to_owned()]));
    }
}
