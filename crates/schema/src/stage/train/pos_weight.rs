//! How much a row of the positive class counts. Knows no rows.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// How much a row of the positive class counts beside one of the other class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PosWeight {
    /// As much as makes both classes count alike: rows of the other class / rows of the positive one, of the train part.
    Balanced,
    Times(f64),
}

impl Serialize for PosWeight {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Balanced => serializer.serialize_str("balanced"),
            Self::Times(weight) => serializer.serialize_f64(*weight),
        }
    }
}

impl<'de> Deserialize<'de> for PosWeight {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordOrNumber;
        impl de::Visitor<'_> for WordOrNumber {
            type Value = PosWeight;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`balanced`, or a number above 0")
            }
            fn visit_str<E: de::Error>(self, word: &str) -> Result<PosWeight, E> {
                match word {
                    "balanced" => Ok(PosWeight::Balanced),
                    _ => Err(E::invalid_value(de::Unexpected::Str(word), &self)),
                }
            }
            fn visit_f64<E: de::Error>(self, weight: f64) -> Result<PosWeight, E> {
                Ok(PosWeight::Times(weight))
            }
            fn visit_u64<E: de::Error>(self, weight: u64) -> Result<PosWeight, E> {
                Ok(PosWeight::Times(weight as f64))
            }
            fn visit_i64<E: de::Error>(self, weight: i64) -> Result<PosWeight, E> {
                Ok(PosWeight::Times(weight as f64))
            }
        }
        deserializer.deserialize_any(WordOrNumber)
    }
}

impl JsonSchema for PosWeight {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PosWeight".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "`balanced`, or a number above 0",
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0.0},
                {"type": "string", "enum": ["balanced"]},
            ]
        })
    }
}
