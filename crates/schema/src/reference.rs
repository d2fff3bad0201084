//! How a stage names another stage's output. Knows the notation; not whether the stage exists.

use std::{borrow::Cow, collections::BTreeMap, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, IntoDeserializer as _},
};

use crate::{remote::Remote, scalar::ByteSize};

/// `stage`, `stage.part`, `stage.output.part`, each with selectors last: `score.accuracy@fold=0@lr=0.1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// The stage's name as written in the spec, without an instance.
    pub stage: String,
    /// The words behind the dots: a part, an output, a metric or a file.
    pub path: Vec<String>,
    /// Pinned matrix axes, as (axis, canonical text of the value), in the order written.
    pub selectors: Vec<(String, String)>,
}

impl Reference {
    /// A reference to the main output of `stage`.
    pub fn to_stage(stage: impl Into<String>) -> Self {
        Self {
            stage: stage.into(),
            path: Vec::new(),
            selectors: Vec::new(),
        }
    }
}

/// Why a text is no reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadReference(pub String);

impl fmt::Display for BadReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadReference {}

impl FromStr for Reference {
    type Err = BadReference;

    fn from_str(text: &str) -> Result<Self, BadReference> {
        let bad = |why: &str| {
            BadReference(format!(
                "`{text}` is not a reference: {why} (expected `stage`, `stage.part` or `stage.part@axis=value`)"
            ))
        };
        let mut pieces = text.split('@');
        let head = pieces.next().unwrap_or_default();
        let mut words = head.split('.').map(str::to_owned);
        let stage = words.next().unwrap_or_default();
        let path: Vec<String> = words.collect();
        if stage.is_empty() || path.iter().any(String::is_empty) {
            return Err(bad("a name is empty"));
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) && !text.contains('@') {
            return Err(bad("names have no spaces"));
        }
        let mut selectors = Vec::new();
        for piece in pieces {
            let (axis, value) = piece
                .split_once('=')
                .ok_or_else(|| bad("a selector is `@axis=value`"))?;
            if axis.is_empty() {
                return Err(bad("a selector's axis is empty"));
            }
            selectors.push((axis.to_owned(), value.to_owned()));
        }
        Ok(Self {
            stage,
            path,
            selectors,
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.stage)?;
        for word in &self.path {
            write!(f, ".{word}")?;
        }
        for (axis, value) in &self.selectors {
            write!(f, "@{axis}={value}")?;
        }
        Ok(())
    }
}

impl Serialize for Reference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Reference;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a stage's name or a reference like `stage.part`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Reference, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl JsonSchema for Reference {
    fn schema_name() -> Cow<'static, str> {
        "Reference".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "a stage's output: `stage`, `stage.part`, or `stage.part@axis=value`"
        })
    }
}

/// A path in the project, `{from: stage.part}`, or `{url: …, sha256: …}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathOrStage {
    /// A file or folder of the project, relative to the spec's folder.
    Path(String),
    /// Another stage's output.
    Stage(Reference),
    /// A file elsewhere.
    Url(Remote),
}

impl PathOrStage {
    /// The reference, where it is one.
    pub fn reference(&self) -> Option<&Reference> {
        match self {
            Self::Path(_) | Self::Url(_) => None,
            Self::Stage(reference) => Some(reference),
        }
    }
}

#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct From {
    /// The stage whose output is read.
    from: Reference,
}

/// What is written as a map.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    from: Option<Reference>,
    url: Option<String>,
    sha256: Option<String>,
    max_size: Option<ByteSize>,
}

impl Serialize for PathOrStage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Path(path) => serializer.serialize_str(path),
            Self::Stage(from) => From { from: from.clone() }.serialize(serializer),
            Self::Url(remote) => remote.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for PathOrStage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> de::Visitor<'de> for Either {
            type Value = PathOrStage;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path, `{from: stage}`, or `{url: …, sha256: …}`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<PathOrStage, E> {
                Ok(PathOrStage::Path(text.to_owned()))
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<PathOrStage, A::Error> {
                let entry = Entry::deserialize(de::value::MapAccessDeserializer::new(map))?;
                let max_size = entry.max_size;
                match (entry.from, entry.url, entry.sha256) {
                    (Some(stage), None, None) if max_size.is_none() => {
                        Ok(PathOrStage::Stage(stage))
                    }
                    (None, Some(url), Some(sha256)) => Ok(PathOrStage::Url(Remote {
                        url,
                        sha256,
                        max_size,
                    })),
                    _ => Err(de::Error::custom(
                        "expected `{from: stage}`, or `{url: …, sha256: …}`",
                    )),
                }
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for PathOrStage {
    fn schema_name() -> Cow<'static, str> {
        "PathOrStage".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let from = From::json_schema(generator);
        let url = Remote::json_schema(generator);
        json_schema!({"anyOf": [{"type": "string"}, from, url]})
    }
}

/// Files one after another, or by the name of the column that each holds; names in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NamedFiles {
    /// Empty where the files are a list.
    pub names: Vec<String>,
    pub files: Vec<PathOrStage>,
}

impl NamedFiles {
    /// Whether there is no file.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

impl Serialize for NamedFiles {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.files.as_slice() {
            _ if !self.names.is_empty() => {
                serializer.collect_map(self.names.iter().zip(&self.files))
            }
            [one] => one.serialize(serializer),
            files => files.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for NamedFiles {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> de::Visitor<'de> for Any {
            type Value = NamedFiles;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a path, `{from: stage}`, a list of them, or a map from columns to them",
                )
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<NamedFiles, E> {
                Ok(list(vec![PathOrStage::Path(text.to_owned())]))
            }
            fn visit_unit<E: de::Error>(self) -> Result<NamedFiles, E> {
                Ok(NamedFiles::default())
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, items: A) -> Result<NamedFiles, A::Error> {
                Vec::deserialize(de::value::SeqAccessDeserializer::new(items)).map(list)
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<NamedFiles, A::Error> {
                let mut all = BTreeMap::new();
                while let Some((name, file)) = map.next_entry::<String, PathOrStage>()? {
                    all.insert(name, file);
                }
                if let Some(remote) = remote(&all)? {
                    return Ok(list(vec![PathOrStage::Url(remote)]));
                }
                // `{from: stage}` is a stage's output, not a column.
                if let (1, Some(PathOrStage::Path(stage))) = (all.len(), all.get("from")) {
                    let stage = stage.parse().map_err(de::Error::custom)?;
                    return Ok(list(vec![PathOrStage::Stage(stage)]));
                }
                let (names, files) = all.into_iter().unzip();
                Ok(NamedFiles { names, files })
            }
        }
        /// `{url: …, sha256: …}` is one file, not two columns.
        fn remote<E: de::Error>(all: &BTreeMap<String, PathOrStage>) -> Result<Option<Remote>, E> {
            let text = |name: &str| match all.get(name) {
                Some(PathOrStage::Path(text)) => Some(text.clone()),
                _ => None,
            };
            let (Some(url), Some(sha256)) = (text("url"), text("sha256")) else {
                return Ok(None);
            };
            let max_size = text("max_size");
            if all.len() != 2 + usize::from(max_size.is_some()) {
                return Ok(None);
            }
            let size = |text: String| ByteSize::deserialize(text.into_deserializer());
            Ok(Some(Remote {
                url,
                sha256,
                max_size: max_size.map(size).transpose()?,
            }))
        }
        fn list(files: Vec<PathOrStage>) -> NamedFiles {
            NamedFiles {
                names: Vec::new(),
                files,
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl JsonSchema for NamedFiles {
    fn schema_name() -> Cow<'static, str> {
        "NamedFiles".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let file = PathOrStage::json_schema(generator);
        json_schema!({"anyOf": [
            file,
            {"type": "array", "items": file},
            {"type": "object", "additionalProperties": file},
        ]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_reads_back_as_written() {
        for text in [
            "fit",
            "prepare.test",
            "score.accuracy@fold=0@lr=0.1",
            "audit.report.accuracy",
        ] {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_reference_says_why() {
        for text in ["", ".a", "a.", "a..b", "a@b", "a@=1", "a b"] {
            let error = text.parse::<Reference>().unwrap_err();
            assert!(error.0.contains("is not a reference"), "{text}: {error}");
        }
    }
}
