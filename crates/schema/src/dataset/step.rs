//! The steps of preprocessing with what they learned.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::stage::preprocess::{BucketEncoding, DatetimePart, Unknown, UnknownRank};

/// A step with what it learned. Applied to named raw or intermediate columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FittedStep {
    /// Value that fills a missing one, by column: a number or a word.
    Impute {
        fill: IndexMap<String, Value>,
        /// Columns for which a last column `NAME_missing` tells where a value was missing.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        indicators: Vec<String>,
    },
    /// `(x - mean) / scale` by column.
    Standardize {
        columns: IndexMap<String, MeanScale>,
    },
    /// `x * scale + offset` by column.
    MinMax {
        columns: IndexMap<String, ScaleOffset>,
    },
    /// Categories by column; column `c` becomes `c=category` for each.
    OneHot {
        categories: IndexMap<String, Vec<String>>,
        unknown: Unknown,
        /// Rare categories by column, which share the column `c=(other)`.
        #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
        rare: IndexMap<String, Vec<String>>,
    },
    /// `(x - center) / scale` by column.
    Robust {
        columns: IndexMap<String, CenterScale>,
    },
    /// `ln(1 + x)` of these columns.
    Log { columns: Vec<String> },
    /// The Yeo-Johnson transform with `lambda`, then `(y - mean) / scale`, by column.
    Power {
        columns: IndexMap<String, PowerScale>,
    },
    /// Bounds by column.
    Clip { columns: IndexMap<String, Bounds> },
    /// Inner edges by column: the bucket of a number is how many of them are at most the number.
    Bucketize {
        edges: IndexMap<String, Vec<f64>>,
        encode: BucketEncoding,
    },
    /// Categories by column, in the order of their numbers.
    Ordinal {
        categories: IndexMap<String, Vec<String>>,
        unknown: UnknownRank,
    },
    /// Column `c` becomes `c#0` to `c#n` with n + 1 buckets.
    Hash {
        columns: Vec<String>,
        buckets: u32,
        /// Whether a number is hashed as its shortest text, whatever its spelling.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        by_value: Vec<String>,
    },
    /// Encodings by column; with `classes`, or several targets, column `c` becomes `c~class` for each.
    TargetEncode {
        columns: IndexMap<String, Encodings>,
        classes: Vec<String>,
    },
    /// Column `c` becomes `c_year` and so on.
    DatetimeParts {
        columns: Vec<String>,
        parts: Vec<DatetimePart>,
        cyclic: bool,
    },
    /// Terms by column; column `c` becomes `c:term` for each.
    BagOfWords {
        columns: IndexMap<String, Vocabulary>,
        ngrams: [u32; 2],
    },
    /// Words by column, in the order of their codes from 2; 0 fills up to the length, 1 is an unknown word.
    Tokens {
        columns: IndexMap<String, Vec<String>>,
        length: u32,
        lowercase: bool,
    },
    /// Channels by column; pictures become blocks of this height and width.
    Resize {
        columns: IndexMap<String, u32>,
        size: [u32; 2],
    },
    /// `(x - mean) / scale` by column and channel.
    Normalize {
        columns: IndexMap<String, ChannelScales>,
    },
    /// Columns left out.
    Drop { columns: Vec<String> },
}

/// Fitted by `standardize`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeanScale {
    pub mean: f64,
    pub scale: f64,
}

/// Fitted by `min_max`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScaleOffset {
    pub scale: f64,
    pub offset: f64,
}

/// Fitted by `robust`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CenterScale {
    pub center: f64,
    pub scale: f64,
}

/// Fitted by `power`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PowerScale {
    pub lambda: f64,
    pub mean: f64,
    pub scale: f64,
}

/// Of `normalize`, given or fitted: by channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChannelScales {
    pub mean: Vec<f64>,
    pub scale: Vec<f64>,
}

/// Bounds of `clip`, given or fitted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    pub low: Option<f64>,
    pub high: Option<f64>,
}

/// Fitted by `target_encode`: a number for each class or target, or one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Encodings {
    pub categories: IndexMap<String, Vec<f64>>,
    /// Of a missing value, where the train part has some.
    pub missing: Option<Vec<f64>>,
    /// Of all else: the mean of all rows.
    pub unknown: Vec<f64>,
}

/// Fitted by `bag_of_words`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Vocabulary {
    /// Sorted by code point.
    pub terms: Vec<String>,
    /// By term; absent where terms are counted.
    pub idf: Option<Vec<f64>>,
}
