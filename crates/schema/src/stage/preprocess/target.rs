//! The columns to predict: one, or several at once.

use std::{borrow::Cow, ops::Deref};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::scalar::OneOrMany;

/// Names of columns. A list of one is that column alone, and is written as it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets(Vec<String>);

impl Targets {
    pub fn new(names: Vec<String>) -> Self {
        Self(names)
    }

    /// Whether each row has more than one thing to predict.
    pub fn are_several(&self) -> bool {
        self.0.len() > 1
    }
}

impl Deref for Targets {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.0
    }
}

impl Serialize for Targets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => one.serialize(serializer),
            names => names.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Targets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        OneOrMany::deserialize(deserializer).map(|names| Self(names.0))
    }
}

impl JsonSchema for Targets {
    fn schema_name() -> Cow<'static, str> {
        "Targets".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "a column's name or a list of names",
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]
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
        ] {
            let targets: Targets = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&targets).unwrap(), written);
            assert_eq!(targets.are_several(), text.contains(','));
        }
    }
}
