//! The columns to predict: one, or several at once.

use std::{borrow::Cow, fmt, ops::Deref};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::stage::ClassName;

/// Names of columns. A list of one is that column alone, and is written as it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets {
    names: Vec<String>,
    positive: Option<ClassName>,
}

/// One column with what is said of its classes.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OneTarget {
    /// The column to predict.
    column: String,
    /// The class that `precision`, `recall`, `average_precision` and all other figures of one class look for. Default: the rarer
    /// of two classes in the train part.
    #[serde(default)]
    positive: Option<ClassName>,
}

impl Targets {
    pub fn new(names: Vec<String>) -> Self {
        Self {
            names,
            positive: None,
        }
    }

    /// The class that figures of one class look for, as the spec names it.
    pub fn positive(&self) -> Option<&ClassName> {
        self.positive.as_ref()
    }

    /// Whether each row has more than one thing to predict.
    pub fn are_several(&self) -> bool {
        self.names.len() > 1
    }
}

impl Deref for Targets {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.names
    }
}

impl Serialize for Targets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.names.as_slice(), &self.positive) {
            ([one], Some(_)) => OneTarget {
                column: one.clone(),
                positive: self.positive.clone(),
            }
            .serialize(serializer),
            ([one], None) => one.serialize(serializer),
            (names, _) => names.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Targets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ColumnOrColumns;
        impl<'de> de::Visitor<'de> for ColumnOrColumns {
            type Value = Targets;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a column, a list of columns, or `{column: y, positive: fraud}`")
            }
            fn visit_str<E: de::Error>(self, name: &str) -> Result<Targets, E> {
                Ok(Targets::new(vec![name.to_owned()]))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, names: A) -> Result<Targets, A::Error> {
                Vec::deserialize(de::value::SeqAccessDeserializer::new(names)).map(Targets::new)
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Targets, A::Error> {
                let one = OneTarget::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(Targets {
                    names: vec![one.column],
                    positive: one.positive,
                })
            }
        }
        deserializer.deserialize_any(ColumnOrColumns)
    }
}

impl JsonSchema for Targets {
    fn schema_name() -> Cow<'static, str> {
        "Targets".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = OneTarget::json_schema(generator);
        json_schema!({
            "description": "a column's name, a list of names, or a column with its positive class",
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}, one]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_one_is_the_column_alone() {
        for (text, written) in [
            ("\"y\"", "\"y\""),
            ("[\"y\"]", "\"y\""),
            ("[\"y\",\"x\"]", "[\"y\",\"x\"]"),
            ("[]", "[]"),
            ("{\"column\":\"y\"}", "\"y\""),
        ] {
            let targets: Targets = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&targets).unwrap(), written);
            assert_eq!(targets.are_several(), text.contains(','));
        }
    }

    #[test]
    fn target_with_a_positive_class_reads_back_as_written() {
        for (text, written) in [
            (r#"{"column":"y","positive":"fraud"}"#, "\"fraud\""),
            (r#"{"column":"y","positive":1}"#, "\"1\""),
            (r#"{"column":"y","positive":true}"#, "\"true\""),
        ] {
            let targets: Targets = serde_json::from_str(text).unwrap();
            assert_eq!(*targets, ["y".to_owned()]);
            let again = serde_json::to_string(&targets).unwrap();
            assert_eq!(again, format!(r#"{{"column":"y","positive":{written}}}"#));
            assert_eq!(serde_json::from_str::<Targets>(&again).unwrap(), targets);
        }
        assert!(serde_json::from_str::<Targets>(r#"{"column":"y","positve":1}"#).is_err());
        assert!(serde_json::from_str::<Targets>(r#"{"positive":1}"#).is_err());
    }
}
