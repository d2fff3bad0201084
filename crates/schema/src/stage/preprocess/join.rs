//! A second table, whose columns are put beside those of the first where the rows' keys are equal. Knows no files.

use std::borrow::Cow;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Form, Read};
use crate::{
    reference::{NamedFiles, PathOrStage, Reference},
    scalar::OneOrMany,
};

/// A table whose columns are added to the rows of the source: to each row those of the one row that has its key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// CSV files, as in `source`.
    #[serde(default)]
    pub csv: Option<OneOrMany<PathOrStage>>,
    /// JSON Lines files, as in `source`.
    #[serde(default)]
    pub jsonl: Option<OneOrMany<PathOrStage>>,
    /// Parquet files, as in `source`.
    #[serde(default)]
    pub parquet: Option<OneOrMany<PathOrStage>>,
    /// numpy files, as in `source`.
    #[serde(default)]
    pub npz: Option<NamedFiles>,
    /// Another stage's output; its files are read in the form that `read.form` says.
    #[serde(default)]
    pub from: Option<Reference>,
    /// How the files are read: the options of `source.read`.
    #[serde(default)]
    pub read: Read,
    /// The column that both tables have as key, or a list of columns; where their names differ, a map from the names in the
    /// rows so far to the names in this table. No key may be in this table twice.
    pub on: On,
    /// What becomes of a row whose key this table does not have.
    #[serde(default)]
    pub how: How,
    /// The columns that are added. Default: all but the key.
    #[serde(default)]
    pub columns: Vec<String>,
}

/// What becomes of a row without a partner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// It stays; the values of the added columns are missing.
    #[default]
    Left,
    /// It is left out.
    Inner,
}

/// Columns that make up a key: the name among the rows so far -> the name in the table that is added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct On(pub IndexMap<String, String>);

impl Serialize for On {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.iter().any(|(left, right)| left != right) {
            return self.0.serialize(serializer);
        }
        let names: Vec<&String> = self.0.keys().collect();
        match names.as_slice() {
            [one] => one.serialize(serializer),
            names => names.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for On {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> de::Visitor<'de> for Any {
            type Value = On;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a column's name, a list of names, or a map from names to names")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<On, E> {
                Ok(same(vec![text.to_owned()]))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, items: A) -> Result<On, A::Error> {
                Vec::deserialize(de::value::SeqAccessDeserializer::new(items)).map(same)
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<On, A::Error> {
                IndexMap::deserialize(de::value::MapAccessDeserializer::new(map)).map(On)
            }
        }
        fn same(names: Vec<String>) -> On {
            On(names.into_iter().map(|it| (it.clone(), it)).collect())
        }
        deserializer.deserialize_any(Any)
    }
}

impl JsonSchema for On {
    fn schema_name() -> Cow<'static, str> {
        "On".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [
            {"type": "string"},
            {"type": "array", "items": {"type": "string"}},
            {"type": "object", "additionalProperties": {"type": "string"}},
        ]})
    }
}

impl Join {
    /// The forms that are named, with their files. More than one is an error.
    pub fn named(&self) -> Vec<(Form, &[PathOrStage])> {
        let lists = [
            (Form::Csv, &self.csv),
            (Form::Jsonl, &self.jsonl),
            (Form::Parquet, &self.parquet),
        ];
        let lists = lists.map(|(form, files)| Some((form, files.as_ref()?.0.as_slice())));
        let npz = self.npz.as_ref().map(|it| (Form::Npz, it.files.as_slice()));
        lists.into_iter().chain([npz]).flatten().collect()
    }

    /// Whether a column of the table is added to the rows.
    pub fn adds(&self, name: &str) -> bool {
        let is_key = self.on.0.values().any(|it| it == name);
        !is_key && (self.columns.is_empty() || self.columns.iter().any(|it| it == name))
    }

    /// How the files are read, with their form filled in as that of a source is.
    pub fn reading(&self) -> Read {
        let named = self.named().first().map(|it| it.0);
        let names = self.npz.as_ref().map_or(&[][..], |it| &it.names);
        self.read.settled(named, None, names)
    }

    /// The first of the files that are read, where the block names one.
    pub fn first_file(&self) -> Option<&PathOrStage> {
        self.named().into_iter().flat_map(|it| it.1).next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_name_a_list_or_a_map() {
        for (text, left, right) in [
            ("\"id\"", vec!["id"], vec!["id"]),
            ("[\"a\",\"b\"]", vec!["a", "b"], vec!["a", "b"]),
            ("{\"customer\":\"id\"}", vec!["customer"], vec!["id"]),
        ] {
            let on: On = serde_json::from_str(text).unwrap();
            assert_eq!(on.0.keys().collect::<Vec<_>>(), left);
            assert_eq!(on.0.values().collect::<Vec<_>>(), right);
            assert_eq!(serde_json::to_string(&on).unwrap(), text);
        }
    }
}
