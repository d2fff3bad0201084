//! The steps: what is done to columns.

mod category;
mod fill;
mod image;
mod scale;
mod shape;
mod text;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    category::{Hash, OneHot, Ordinal, TargetEncode, Unknown, UnknownRank},
    fill::{Drop, Impute, ImputeStrategy},
    image::{Normalize, Resize},
    scale::{MinMax, Robust, Standardize},
    shape::{BucketEncoding, BucketStrategy, Bucketize, Clip, Log, Power},
    text::{BagOfWords, DatetimePart, DatetimeParts, TermWeights, Tokens},
};
use super::column::Columns;

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
    /// Subtracts the median and divides by the range between two quantiles; a constant column is divided by 1.
    Robust(Robust),
    /// The natural logarithm of 1 + x, for numbers above -1.
    Log(Log),
    /// Makes numbers more normal: the Yeo-Johnson transform.
    Power(Power),
    /// Cuts numbers to bounds.
    Clip(Clip),
    /// Sorts numbers into buckets.
    Bucketize(Bucketize),
    /// One column of 0 and 1 for each category.
    OneHot(OneHot),
    /// A category becomes its place in an order.
    Ordinal(Ordinal),
    /// A category becomes a 1 in one of so many columns, told by its hash.
    Hash(Hash),
    /// A category becomes the mean of the target, cross-fitted on the train part.
    TargetEncode(TargetEncode),
    /// Parts of a date.
    DatetimeParts(DatetimeParts),
    /// Counts or weights of a text's words.
    BagOfWords(BagOfWords),
    /// The words of a text as codes, in their order.
    Tokens(Tokens),
    /// Scales pictures to one size.
    Resize(Resize),
    /// Subtracts the mean of each channel of images and divides by its deviation.
    Normalize(Normalize),
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
            Self::Robust(_) => "robust",
            Self::Log(_) => "log",
            Self::Power(_) => "power",
            Self::Clip(_) => "clip",
            Self::Bucketize(_) => "bucketize",
            Self::OneHot(_) => "one_hot",
            Self::Ordinal(_) => "ordinal",
            Self::Hash(_) => "hash",
            Self::TargetEncode(_) => "target_encode",
            Self::DatetimeParts(_) => "datetime_parts",
            Self::BagOfWords(_) => "bag_of_words",
            Self::Tokens(_) => "tokens",
            Self::Resize(_) => "resize",
            Self::Normalize(_) => "normalize",
            Self::Drop(_) => "drop",
        }
    }

    /// What it is done to.
    pub fn columns(&self) -> &Columns {
        match self {
            Self::Impute(it) => &it.columns,
            Self::Standardize(it) => &it.columns,
            Self::MinMax(it) => &it.columns,
            Self::Robust(it) => &it.columns,
            Self::Log(it) => &it.columns,
            Self::Power(it) => &it.columns,
            Self::Clip(it) => &it.columns,
            Self::Bucketize(it) => &it.columns,
            Self::OneHot(it) => &it.columns,
            Self::Ordinal(it) => &it.columns,
            Self::Hash(it) => &it.columns,
            Self::TargetEncode(it) => &it.columns,
            Self::DatetimeParts(it) => &it.columns,
            Self::BagOfWords(it) => &it.columns,
            Self::Tokens(it) => &it.columns,
            Self::Resize(it) => &it.columns,
            Self::Normalize(it) => &it.columns,
            Self::Drop(it) => &it.columns,
        }
    }

    /// Whether it takes numbers only.
    pub fn needs_numbers(&self) -> bool {
        match self {
            Self::Standardize(_)
            | Self::MinMax(_)
            | Self::Robust(_)
            | Self::Log(_)
            | Self::Power(_)
            | Self::Clip(_)
            | Self::Bucketize(_) => true,
            Self::Impute(_)
            | Self::OneHot(_)
            | Self::Ordinal(_)
            | Self::Hash(_)
            | Self::TargetEncode(_)
            | Self::DatetimeParts(_)
            | Self::BagOfWords(_)
            | Self::Tokens(_)
            | Self::Resize(_)
            | Self::Normalize(_)
            | Self::Drop(_) => false,
        }
    }

    /// Whether it makes columns that no file has; their names begin with that of the column they come from.
    pub fn adds_columns(&self) -> bool {
        match self {
            Self::OneHot(_)
            | Self::Hash(_)
            | Self::TargetEncode(_)
            | Self::DatetimeParts(_)
            | Self::BagOfWords(_) => true,
            Self::Impute(it) => it.indicator,
            Self::Bucketize(it) => it.encode == BucketEncoding::OneHot,
            Self::Standardize(_)
            | Self::MinMax(_)
            | Self::Robust(_)
            | Self::Log(_)
            | Self::Power(_)
            | Self::Clip(_)
            | Self::Ordinal(_)
            | Self::Tokens(_)
            | Self::Resize(_)
            | Self::Normalize(_)
            | Self::Drop(_) => false,
        }
    }
}
