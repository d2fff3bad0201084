//! The control key `cache`: whether earlier results are used, and how sources are compared with what they were.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Whether and how a stage's earlier results are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cache {
    /// They are; a source counts as unchanged if its size, inode, mode and times are.
    #[default]
    On,
    /// They are; sources are read each time, whatever their times say.
    HashSources,
    /// The stage runs every time.
    Off,
}

/// `{sources: hash}`
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Options {
    /// How sources are compared with what they were.
    sources: SourceCheck,
}

/// How a source is known to be unchanged.
#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum SourceCheck {
    /// By its size, inode, mode and times.
    Stat,
    /// By its content: it is read in each run.
    Hash,
}

impl Cache {
    pub fn is_on(self) -> bool {
        self != Self::Off
    }
}

impl Serialize for Cache {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::On => serializer.serialize_bool(true),
            Self::Off => serializer.serialize_bool(false),
            Self::HashSources => Options {
                sources: SourceCheck::Hash,
            }
            .serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Cache {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> de::Visitor<'de> for Either {
            type Value = Cache;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false, or `{sources: hash}`")
            }
            fn visit_bool<E: de::Error>(self, is_on: bool) -> Result<Cache, E> {
                Ok(if is_on { Cache::On } else { Cache::Off })
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Cache, A::Error> {
                let options = Options::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(match options.sources {
                    SourceCheck::Stat => Cache::On,
                    SourceCheck::Hash => Cache::HashSources,
                })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Cache {
    fn schema_name() -> Cow<'static, str> {
        "Cache".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let options = Options::json_schema(generator);
        json_schema!({"anyOf": [{"type": "boolean"}, options]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_is_read_back_as_written() {
        for text in ["true", "false", r#"{"sources":"hash"}"#] {
            let cache: Cache = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&cache).unwrap(), text);
        }
        let plain: Cache = serde_json::from_str(r#"{"sources":"stat"}"#).unwrap();
        assert_eq!(plain, Cache::On);
    }
}
