//! What a column holds, and how a step chooses its columns.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What a column holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// Numbers.
    Numeric,
    /// One of a set of words.
    #[default]
    Categorical,
    /// Yes or no: `true`/`false`, `yes`/`no`, `0`/`1`.
    Boolean,
    /// Dates, or dates with a time of day, as ISO 8601 has them: `2024-01-31`, `2024-01-31 13:45`.
    Datetime,
    /// Free text: several words a value, and mostly another value in each row.
    Text,
    /// Pictures.
    Image,
}

impl ColumnType {
    /// All types, in the order in which messages name them.
    pub const ALL: [Self; 6] = [
        Self::Numeric,
        Self::Categorical,
        Self::Boolean,
        Self::Datetime,
        Self::Text,
        Self::Image,
    ];

    /// The type that a word in a spec means.
    pub fn of_name(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == word)
    }

    /// The word in a spec.
    pub fn name(self) -> &'static str {
        match self {
            Self::Numeric => "numeric",
            Self::Categorical => "categorical",
            Self::Boolean => "boolean",
            Self::Datetime => "datetime",
            Self::Text => "text",
            Self::Image => "image",
        }
    }
}

/// A choice of columns: all of a type, or named ones. The target is never among them.
/// A type's word that no column is of means the column of this name, if there is one.
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

    pub(super) fn datetime() -> Self {
        Self::OfType(ColumnType::Datetime)
    }

    pub(super) fn text() -> Self {
        Self::OfType(ColumnType::Text)
    }
}

const CHOICES: &str = "`all`, `numeric`, `categorical`, `boolean`, `datetime`, `text`, `image`, a column's name or a list of names";

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
                f.write_str(CHOICES)
            }
            fn visit_str<E: de::Error>(self, word: &str) -> Result<Columns, E> {
                Ok(match word {
                    "all" => Columns::All,
                    word => match ColumnType::of_name(word) {
                        Some(r#type) => Columns::OfType(r#type),
                        None => Columns::Named(vec![word.to_owned()]),
                    },
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
            "description": CHOICES,
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
            ("\"text\"", Columns::OfType(ColumnType::Text)),
            ("[\"all\"]", Columns::Named(vec!["all".to_owned()])),
        ] {
            assert_eq!(serde_json::from_str::<Columns>(text).unwrap(), columns);
            assert_eq!(serde_json::to_string(&columns).unwrap(), text);
        }
        let named: Columns = serde_json::from_str("\"age\"").unwrap();
        assert_eq!(named, Columns::Named(vec!["age".to_owned()]));
    }
}
