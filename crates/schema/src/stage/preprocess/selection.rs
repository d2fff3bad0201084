//! Which columns of the source's files are read.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap as _};

/// The columns that are read of a source: those of a list, or all but those of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceColumns {
    Only(Vec<String>),
    Except(Vec<String>),
}

impl SourceColumns {
    /// Whether a column is read.
    pub fn takes(&self, name: &str) -> bool {
        match self {
            Self::Only(names) => names.iter().any(|named| named == name),
            Self::Except(names) => !names.iter().any(|named| named == name),
        }
    }

    /// The names that are written.
    pub fn names(&self) -> &[String] {
        match self {
            Self::Only(names) | Self::Except(names) => names,
        }
    }
}

const EXCEPT: &str = "except";

impl Serialize for SourceColumns {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Only(names) => names.serialize(serializer),
            Self::Except(names) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(EXCEPT, names)?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for SourceColumns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Except {
            except: Vec<String>,
        }
        struct ListOrExcept;
        impl<'de> de::Visitor<'de> for ListOrExcept {
            type Value = SourceColumns;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of names, or `{except: […]}`")
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, names: A) -> Result<SourceColumns, A::Error> {
                Vec::deserialize(de::value::SeqAccessDeserializer::new(names))
                    .map(SourceColumns::Only)
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<SourceColumns, A::Error> {
                Except::deserialize(de::value::MapAccessDeserializer::new(map))
                    .map(|map| SourceColumns::Except(map.except))
            }
        }
        deserializer.deserialize_any(ListOrExcept)
    }
}

impl JsonSchema for SourceColumns {
    fn schema_name() -> Cow<'static, str> {
        "SourceColumns".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names = json_schema!({"type": "array", "items": {"type": "string"}});
        let except = json_schema!({
            "description": "The columns that are not read.",
            "type": "array",
            "items": {"type": "string"},
        });
        json_schema!({"anyOf": [
            names,
            {
                "type": "object",
                "properties": {EXCEPT: except},
                "required": [EXCEPT],
                "additionalProperties": false,
            },
        ]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_columns_are_a_list_or_all_except_a_list() {
        let only: SourceColumns = serde_json::from_str("[\"a\"]").unwrap();
        let except: SourceColumns = serde_json::from_str("{\"except\":[\"a\"]}").unwrap();
        assert_eq!([only.takes("a"), only.takes("b")], [true, false]);
        assert_eq!([except.takes("a"), except.takes("b")], [false, true]);
        for columns in [only, except] {
            let text = serde_json::to_string(&columns).unwrap();
            assert_eq!(
                serde_json::from_str::<SourceColumns>(&text).unwrap(),
                columns
            );
        }
        assert!(serde_json::from_str::<SourceColumns>("{\"without\":[]}").is_err());
    }
}
