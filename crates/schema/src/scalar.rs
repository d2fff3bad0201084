//! Small values with a notation of their own: durations, sizes, lists that may be one word. Knows no stage.

use std::{borrow::Cow, fmt, marker::PhantomData};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

macro_rules! text_scalar {
    ($name:ident, $expected:literal, $pattern:literal) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl de::Visitor<'_> for Text {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expected)
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        $name::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
                    }
                    fn visit_u64<E: de::Error>(self, plain: u64) -> Result<$name, E> {
                        $name::plain(plain).ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(plain), &self))
                    }
                }
                deserializer.deserialize_any(Text)
            }
        }
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"anyOf": [{"type": "string", "pattern": $pattern}, {"type": "integer", "minimum": 0}], "description": $expected})
            }
        }
    };
}

/// A span of time in milliseconds, written `500ms`, `30s`, `10m`, `2h` or `1d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration {
    pub millis: u64,
}

const TIME_UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
];

impl Duration {
    fn parse(text: &str) -> Option<Self> {
        let (unit, factor) = TIME_UNITS.iter().find(|(unit, _)| text.ends_with(unit))?;
        let count: u64 = text.strip_suffix(unit)?.parse().ok()?;
        count
            .checked_mul(*factor)
            .filter(|&millis| millis > 0)
            .map(|millis| Self { millis })
    }

    /// A bare number has no unit, so it is refused.
    fn plain(_: u64) -> Option<Self> {
        None
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let largest = [
            ("d", 86_400_000),
            ("h", 3_600_000),
            ("m", 60_000),
            ("s", 1000),
        ]
        .into_iter()
        .find(|(_, factor)| self.millis >= *factor && self.millis.is_multiple_of(*factor));
        match largest {
            Some((unit, factor)) => write!(f, "{}{unit}", self.millis / factor),
            None => write!(f, "{}ms", self.millis),
        }
    }
}

text_scalar!(
    Duration,
    "a duration like `30s`, `10m` or `2h`",
    "^[0-9]+(ms|s|m|h|d)$"
);

/// A size in bytes, written `512MiB`, `4GiB`, `2GB` or as a plain number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize {
    pub bytes: u64,
}

const SIZE_UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1000),
    ("B", 1),
];

impl ByteSize {
    fn parse(text: &str) -> Option<Self> {
        let (unit, factor) = SIZE_UNITS.iter().find(|(unit, _)| text.ends_with(unit))?;
        let count: u64 = text.strip_suffix(unit)?.trim_end().parse().ok()?;
        count.checked_mul(*factor).map(|bytes| Self { bytes })
    }

    #[allow(
        clippy::unnecessary_wraps,
        reason = "the shape that the other scalars need"
    )]
    fn plain(bytes: u64) -> Option<Self> {
        Some(Self { bytes })
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The unit with the smallest count: 2000000000 is `2GB`, though it is a whole number of KiB too.
        let is_exact = |factor: u64| self.bytes >= factor && self.bytes.is_multiple_of(factor);
        let exact = SIZE_UNITS
            .iter()
            .filter(|(_, factor)| is_exact(*factor))
            .max_by_key(|(_, factor)| *factor);
        let (unit, factor) = exact.unwrap_or(&("B", 1));
        write!(f, "{}{unit}", self.bytes / factor)
    }
}

text_scalar!(
    ByteSize,
    "a size like `512MiB`, `4GiB` or a number of bytes",
    "^[0-9]+ ?([KMGT]iB|[kMGT]?B)$"
);

/// How many rows a step of training sees: a number, or `full` for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchSize {
    Rows(u64),
    Full,
}

impl BatchSize {
    fn parse(text: &str) -> Option<Self> {
        (text == "full").then_some(Self::Full)
    }

    fn plain(rows: u64) -> Option<Self> {
        (rows > 0).then_some(Self::Rows(rows))
    }
}

impl Serialize for BatchSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Rows(rows) => serializer.serialize_u64(*rows),
            Self::Full => serializer.serialize_str("full"),
        }
    }
}

impl<'de> Deserialize<'de> for BatchSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Rows;
        impl de::Visitor<'_> for Rows {
            type Value = BatchSize;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of rows of at least 1, or `full`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<BatchSize, E> {
                BatchSize::parse(text)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
            fn visit_u64<E: de::Error>(self, rows: u64) -> Result<BatchSize, E> {
                BatchSize::plain(rows)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(rows), &self))
            }
        }
        deserializer.deserialize_any(Rows)
    }
}

impl JsonSchema for BatchSize {
    fn schema_name() -> Cow<'static, str> {
        "BatchSize".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [{"type": "integer", "minimum": 1}, {"const": "full"}]})
    }
}

/// One value, or a list of them. Always written back as a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneOrMany<T>(pub Vec<T>);

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Serialize> Serialize for OneOrMany<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Either<T> {
            type Value = Vec<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one value or a list")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<T>, E> {
                T::deserialize(de::value::StrDeserializer::new(text)).map(|it| vec![it])
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Vec<T>, A::Error> {
                T::deserialize(de::value::MapAccessDeserializer::new(map)).map(|it| vec![it])
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, seq: A) -> Result<Vec<T>, A::Error> {
                Vec::deserialize(de::value::SeqAccessDeserializer::new(seq))
            }
        }
        deserializer.deserialize_any(Either(PhantomData)).map(Self)
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("OneOrMany_{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({"anyOf": [one, {"type": "array", "items": one}]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_read_back_as_written() {
        for text in ["500ms", "30s", "90m", "2h", "1d"] {
            assert_eq!(Duration::parse(text).unwrap().to_string(), text);
        }
        for text in ["512MiB", "4GiB", "2GB", "17B"] {
            assert_eq!(ByteSize::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_has_no_unit_or_overflows_is_refused() {
        for text in ["", "s", "10", "-1s", "1.5h", "0s", "99999999999999999d"] {
            assert_eq!(Duration::parse(text), None, "{text}");
        }
        for text in ["", "GiB", "1.5GiB", "99999999999TiB"] {
            assert_eq!(ByteSize::parse(text), None, "{text}");
        }
    }

    #[test]
    fn one_or_many_takes_both() {
        let one: OneOrMany<String> = serde_json::from_str("\"a\"").unwrap();
        let many: OneOrMany<String> = serde_json::from_str("[\"a\", \"b\"]").unwrap();
        assert_eq!(
            (one.0, many.0),
            (vec!["a".to_owned()], vec!["a".to_owned(), "b".to_owned()])
        );
    }
}
