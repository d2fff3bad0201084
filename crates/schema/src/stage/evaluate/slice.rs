//! Slices: metrics for the rows of each value of a raw column. Says how rows are told apart; measures nothing.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

use super::Metric;

/// A raw column by whose values rows are told apart; written as its name, where nothing more is said of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SliceBy {
    pub column: String,
    pub bins: Vec<f64>,
    pub most: u32,
    pub min_rows: u64,
}

impl SliceBy {
    /// The name of a metric's worst value over the column's slices.
    pub fn worst(&self, metric: Metric) -> String {
        format!("{}{WORST}{}", metric.name(), self.column)
    }
}

/// Between a metric and a column in the name of the worst value over the column's slices.
pub const WORST: &str = "_worst_";

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Long {
    /// A raw column: as it was read, before any step. Not the target: a report tells of each class anyway.
    column: String,
    /// Of a numeric column: where one range of values ends and the next begins; `[30, 50]` makes `< 30`, `30 to < 50` and `>= 50`.
    /// Default: each value of at most ten in the train part, else the quartiles of the train part.
    #[serde(default)]
    bins: Vec<f64>,
    /// How many values have a slice of their own, those with most rows first; the rows of all others are one more slice.
    #[serde(default = "twenty")]
    #[schemars(range(min = 1, max = 1000))]
    most: u32,
    /// Slices of fewer rows are counted and not measured.
    #[serde(default = "ten")]
    #[schemars(range(min = 1))]
    min_rows: u64,
}

fn twenty() -> u32 {
    20
}

fn ten() -> u64 {
    10
}

impl<'de> Deserialize<'de> for SliceBy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> de::Visitor<'de> for Either {
            type Value = Long;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a column, or `{column: age, bins: [30, 50]}`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Long, E> {
                Ok(Long {
                    column: text.to_owned(),
                    bins: Vec::new(),
                    most: twenty(),
                    min_rows: ten(),
                })
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Long, A::Error> {
                Long::deserialize(de::value::MapAccessDeserializer::new(map))
            }
        }
        let long = deserializer.deserialize_any(Either)?;
        Ok(Self {
            column: long.column,
            bins: long.bins,
            most: long.most,
            min_rows: long.min_rows,
        })
    }
}

impl JsonSchema for SliceBy {
    fn schema_name() -> Cow<'static, str> {
        "SliceBy".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let long = Long::json_schema(generator);
        json_schema!({"anyOf": [{"type": "string"}, long]})
    }
}
