//! A class as a spec names it: `fraud`, `1` or `true`. Knows no target.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

/// The name of a class. A number or a truth value stands for its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ClassName(pub String);

impl fmt::Display for ClassName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ClassName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Scalar;
        impl de::Visitor<'_> for Scalar {
            type Value = String;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a class")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
                Ok(text.to_owned())
            }
            fn visit_bool<E: de::Error>(self, truth: bool) -> Result<String, E> {
                Ok(truth.to_string())
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<String, E> {
                Ok(number.to_string())
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<String, E> {
                Ok(number.to_string())
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<String, E> {
                Ok(number.to_string())
            }
        }
        deserializer.deserialize_any(Scalar).map(Self)
    }
}

impl JsonSchema for ClassName {
    fn schema_name() -> Cow<'static, str> {
        "ClassName".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "the name of a class",
            "anyOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_name_may_be_a_word_a_number_or_a_truth_value() {
        for (text, name) in [
            ("\"fraud\"", "fraud"),
            ("1", "1"),
            ("-2", "-2"),
            ("1.0", "1"),
            ("0.5", "0.5"),
            ("true", "true"),
        ] {
            let class: ClassName = serde_json::from_str(text).unwrap();
            assert_eq!(class.0, name);
        }
        assert!(serde_json::from_str::<ClassName>("[1]").is_err());
    }
}
