//! The `preprocess` block: from raw tables to a dataset in parts.

mod missing;
mod source;
mod reading;
mod selection;
mod join;
mod column;
mod declared;
mod split;
mod step;
mod target;
mod windows;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    column::{ColumnType, Columns},
    declared::{DateNotation, DeclaredColumn, NumberNotation},
    join::{How, Join, On},
    missing::{MissingWords, USUAL_WORDS},
    reading::{Broken, Encoding, TextRows},
    selection::SourceColumns,
    source::{Form, Read, Source},
    split::{FilesSplit, FoldPart, GroupSplit, KfoldSplit, RandomSplit, Split, TimeSplit},
    step::{
        BagOfWords, BucketEncoding, BucketStrategy, Bucketize, Clip, DatetimePart, DatetimeParts,
        Drop, Hash, Impute, ImputeStrategy, Log, MinMax, Normalize, OneHot, Ordinal, Power, Resize,
        Robust, Standardize, Step, TargetEncode, TermWeights, Tokens, Unknown, UnknownRank,
    },
    target::Targets,
    windows::Windows,
};

/// Reads tables, splits the rows into parts, fits steps on the train part and writes a dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Preprocess {
    /// Where the rows come from. Not needed where `split.files` names a table for each part.
    #[serde(default)]
    pub source: Source,
    /// The column to predict; or a list of columns, all numeric or all boolean, that are predicted together.
    pub target: Targets,
    /// Types of columns, where the inferred one is not meant; and how numbers and dates are written, where that is not usual:
    /// `{when: {datetime: {format: "%d.%m.%Y"}}, price: {numeric: {decimal: ",", unit: "€"}}}`.
    #[serde(default)]
    pub columns: IndexMap<String, DeclaredColumn>,
    /// How rows are divided into train, val and test.
    #[serde(default)]
    pub split: Split,
    /// What is done to the columns, in order. Each step is fitted on the train part alone.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// For rows that follow each other: so many of them become one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows: Option<Box<Windows>>,
}

impl Preprocess {
    /// Whether a `drop` step leaves a column out before another step means it, so that nothing depends on its values. Without a
    /// type, the column's values cannot be read: only a name means it.
    pub fn drops(&self, name: &str, r#type: Option<ColumnType>) -> bool {
        let is_named = self.target.iter().any(|target| target == name)
            || self.split.columns().iter().any(|named| named.1 == name)
            || (self.windows.iter().flat_map(|windows| windows.columns())).any(|it| it.1 == name);
        let meant = self.steps.iter().find(|step| match step.columns() {
            Columns::All => true,
            Columns::OfType(chosen) => r#type == Some(*chosen),
            Columns::Named(names) => names.iter().any(|named| named == name),
        });
        !is_named && matches!(meant, Some(Step::Drop(_)))
    }
}
