//! What a column holds, and how a step chooses its columns.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

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

/// A choice of columns: all of a type, or named ones. The target is never among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Columns {
    #[default]
    All,
    OfType(ColumnType),
    Named(Vec<String>),
}

impl Columns {
    pub(super) fn numeric() -> Self {
        Self::OfType(ColumnType::Numeric)
    }

    pub(super) fn categorical() -> Self {
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
