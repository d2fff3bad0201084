//! A column as a spec declares it: its type, and how its values are written. Knows no values.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap};

use super::{ColumnType, MissingWords};

/// The type of a column and, where it is not the usual one, the notation of its values.
#[derive(Clone, Debug, PartialEq)]
pub enum DeclaredColumn {
    Plain(ColumnType),
    Numeric(NumberNotation),
    Datetime(DateNotation),
}

/// Numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NumberNotation {
    /// The mark before the fraction: with `,` the text `3,5` is the number 3.5. Default: that of `read`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<char>,
    /// The mark between groups of digits: with `.` the text `1.234,5` is the number 1234.5. Default: that of `read`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thousands: Option<char>,
    /// A sign before or behind the number that is passed over, like `€` or `%`: `12 %` is the number 12.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Words that stand for a missing value in this column, beside those of `read.na`.
    #[serde(skip_serializing_if = "MissingWords::is_usual")]
    pub na: MissingWords,
}

/// Dates, or dates with a time of day, as ISO 8601 has them: `2024-01-31`, `2024-01-31 13:45`; or in another format.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DateNotation {
    /// How the dates are written, in the words of strftime: `%d.%m.%Y`, `%m/%d/%y %H:%M`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Words that stand for a missing value in this column, beside those of `read.na`.
    #[serde(skip_serializing_if = "MissingWords::is_usual")]
    pub na: MissingWords,
}

impl DeclaredColumn {
    /// The type.
    pub fn r#type(&self) -> ColumnType {
        match self {
            Self::Plain(r#type) => *r#type,
            Self::Numeric(_) => ColumnType::Numeric,
            Self::Datetime(_) => ColumnType::Datetime,
        }
    }

    /// Whether the values are written as usual.
    pub fn is_plain(&self) -> bool {
        matches!(self, Self::Plain(_))
    }

    fn numeric(notation: NumberNotation) -> Self {
        if notation == NumberNotation::default() {
            Self::Plain(ColumnType::Numeric)
        } else {
            Self::Numeric(notation)
        }
    }

    fn datetime(notation: DateNotation) -> Self {
        if notation == DateNotation::default() {
            Self::Plain(ColumnType::Datetime)
        } else {
            Self::Datetime(notation)
        }
    }
}

impl fmt::Display for DeclaredColumn {
    /// As a spec has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let mut options: Vec<String> = Vec::new();
        let na = match self {
            Self::Plain(r#type) => return f.write_str(r#type.name()),
            Self::Numeric(it) => {
                let marks = [("decimal", it.decimal), ("thousands", it.thousands)];
                for (option, mark) in marks {
                    options.extend(mark.map(|it| format!("{option}: {}", quoted(&it.to_string()))));
                }
                options.extend(it.unit.iter().map(|it| format!("unit: {}", quoted(it))));
                &it.na
            }
            Self::Datetime(it) => {
                options.extend(it.format.iter().map(|it| format!("format: {}", quoted(it))));
                &it.na
            }
        };
        let words: Vec<String> = na.words().iter().map(|word| quoted(word)).collect();
        match na {
            MissingWords::List(_) if words.is_empty() => {}
            MissingWords::List(_) => options.push(format!("na: [{}]", words.join(", "))),
            MissingWords::Only(_) => options.push(format!("na: {{only: [{}]}}", words.join(", "))),
        }
        write!(
            f,
            "{{{}: {{{}}}}}",
            self.r#type().name(),
            options.join(", ")
        )
    }
}

impl From<ColumnType> for DeclaredColumn {
    fn from(r#type: ColumnType) -> Self {
        Self::Plain(r#type)
    }
}

impl Serialize for DeclaredColumn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Self::Plain(r#type) = self {
            return r#type.serialize(serializer);
        }
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            Self::Plain(_) => {}
            Self::Numeric(notation) => map.serialize_entry("numeric", notation)?,
            Self::Datetime(notation) => map.serialize_entry("datetime", notation)?,
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for DeclaredColumn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TypeOrNotation;
        impl<'de> de::Visitor<'de> for TypeOrNotation {
            type Value = DeclaredColumn;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a type, `{numeric: …}` or `{datetime: …}`")
            }
            fn visit_str<E: de::Error>(self, word: &str) -> Result<DeclaredColumn, E> {
                ColumnType::deserialize(de::value::StrDeserializer::new(word))
                    .map(DeclaredColumn::Plain)
            }
            fn visit_map<A: de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<DeclaredColumn, A::Error> {
                let Some(word) = map.next_key::<String>()? else {
                    return Err(de::Error::invalid_length(0, &self));
                };
                let column = match word.as_str() {
                    "numeric" => DeclaredColumn::numeric(map.next_value()?),
                    "datetime" => DeclaredColumn::datetime(map.next_value()?),
                    other => {
                        return Err(de::Error::unknown_variant(other, &["numeric", "datetime"]));
                    }
                };
                match map.next_key::<String>()? {
                    None => Ok(column),
                    Some(_) => Err(de::Error::invalid_length(2, &self)),
                }
            }
        }
        deserializer.deserialize_any(TypeOrNotation)
    }
}

impl JsonSchema for DeclaredColumn {
    fn schema_name() -> Cow<'static, str> {
        "DeclaredColumn".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let types = ColumnType::json_schema(generator);
        let types = types.as_value()["oneOf"].as_array().cloned();
        let mut forms = types.unwrap_or_default();
        for (word, options) in [
            ("numeric", generator.subschema_for::<NumberNotation>()),
            ("datetime", generator.subschema_for::<DateNotation>()),
        ] {
            for form in forms.iter_mut().filter(|form| form["const"] == word) {
                *form = serde_json::json!({
                    "type": "object",
                    "description": form["description"],
                    "properties": {word: options},
                    "required": [word],
                    "additionalProperties": false,
                });
            }
        }
        json_schema!({"oneOf": forms})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declared_column_is_a_type_or_a_notation() {
        for text in [
            r#""numeric""#,
            r#""categorical""#,
            r#"{"numeric":{"decimal":",","thousands":"."}}"#,
            r#"{"numeric":{"unit":"€","na":["-"]}}"#,
            r#"{"datetime":{"format":"%d.%m.%Y"}}"#,
        ] {
            let column: DeclaredColumn = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&column).unwrap(), text);
        }
        let plain: DeclaredColumn = serde_json::from_str(r#"{"datetime": {}}"#).unwrap();
        assert_eq!(plain, DeclaredColumn::Plain(ColumnType::Datetime));
        for bad in [
            r#""number""#,
            "{}",
            r#"{"text": {}}"#,
            r#"{"numeric": {}, "datetime": {}}"#,
        ] {
            assert!(
                serde_json::from_str::<DeclaredColumn>(bad).is_err(),
                "{bad}"
            );
        }
    }
}
