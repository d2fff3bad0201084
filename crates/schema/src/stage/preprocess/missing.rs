//! The words that stand for a missing value, as a spec and a stored schema have them. Knows no files.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap};

use super::Form;

/// The words that stand for a missing value.
///
/// In a spec, a list adds to the usual words and `{only: […]}` replaces them. A settled value, as keys and stored schemas
/// have it, holds all words: `Only`, or the plain list that schemas had before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MissingWords {
    List(Vec<String>),
    Only(Vec<String>),
}

/// The default list of `pandas.read_csv`, without the empty text.
pub const USUAL_WORDS: [&str; 18] = [
    "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>",
    "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
];

/// What schemas of idx files have in this place: these hold numbers alone, so that no word was ever looked for.
const WORDS_OF_IDX: [&str; 7] = ["NA", "N/A", "n/a", "NaN", "nan", "NULL", "null"];

impl MissingWords {
    /// The words that are named.
    pub fn words(&self) -> &[String] {
        match self {
            Self::List(words) | Self::Only(words) => words,
        }
    }

    /// Whether none are named and none are replaced.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// All words for files of this form. Files with nulls of their own have no usual words.
    #[must_use]
    pub fn settled(&self, form: Form) -> Self {
        let usual: &[&str] = match form {
            // A folder may be called `NA`.
            Form::Images | Form::Text => return Self::List(Vec::new()),
            Form::Idx if self.is_usual() => {
                return Self::List(WORDS_OF_IDX.map(str::to_owned).to_vec());
            }
            _ if form.has_nulls() => &[],
            _ => &USUAL_WORDS,
        };
        let Self::List(added) = self else {
            return self.clone();
        };
        let mut words: Vec<String> = usual.iter().map(|word| (*word).to_owned()).collect();
        for word in added {
            if !words.contains(word) {
                words.push(word.clone());
            }
        }
        Self::Only(words)
    }
}

impl Default for MissingWords {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl Serialize for MissingWords {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::List(words) => words.serialize(serializer),
            Self::Only(words) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("only", words)?;
                map.end()
            }
        }
    }
}

/// A word, or a number that is written as one.
struct Word(String);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrNumber;
        impl de::Visitor<'_> for TextOrNumber {
            type Value = Word;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a word or a number")
            }
            fn visit_str<E: de::Error>(self, word: &str) -> Result<Word, E> {
                Ok(Word(word.to_owned()))
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Word, E> {
                Ok(Word(number.to_string()))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Word, E> {
                Ok(Word(number.to_string()))
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Word, E> {
                Ok(Word(number.to_string()))
            }
        }
        deserializer.deserialize_any(TextOrNumber)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OnlyWords {
    only: Vec<Word>,
}

impl<'de> Deserialize<'de> for MissingWords {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListOrOnly;
        impl<'de> de::Visitor<'de> for ListOrOnly {
            type Value = MissingWords;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of words, or `{only: [WORD, …]}`")
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, words: A) -> Result<MissingWords, A::Error> {
                let words = Vec::deserialize(de::value::SeqAccessDeserializer::new(words))?;
                Ok(MissingWords::List(texts(words)))
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<MissingWords, A::Error> {
                let map = OnlyWords::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(MissingWords::Only(texts(map.only)))
            }
        }
        deserializer.deserialize_any(ListOrOnly)
    }
}

fn texts(words: Vec<Word>) -> Vec<String> {
    words.into_iter().map(|word| word.0).collect()
}

impl JsonSchema for MissingWords {
    fn schema_name() -> Cow<'static, str> {
        "MissingWords".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words = serde_json::json!({
            "type": "array",
            "items": {"anyOf": [{"type": "string"}, {"type": "number"}]},
        });
        let mut only = words.clone();
        only["description"] = "These words alone, without the usual ones.".into();
        json_schema!({"anyOf": [
            words,
            {
                "type": "object",
                "properties": {"only": only},
                "required": ["only"],
                "additionalProperties": false,
            },
        ]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> MissingWords {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn na_as_a_list_adds_to_the_usual_words_and_only_replaces_them() {
        let added = read(r#"["?", -999, 0.5]"#).settled(Form::Csv);
        assert!(
            USUAL_WORDS
                .iter()
                .all(|it| added.words().contains(&(*it).to_owned()))
        );
        assert_eq!(added.words()[USUAL_WORDS.len()..], ["?", "-999", "0.5"]);
        assert_eq!(read(r#"{"only": ["-"]}"#).settled(Form::Csv).words(), ["-"]);
    }

    #[test]
    fn na_of_files_with_nulls_of_their_own_has_no_usual_words() {
        for form in [Form::Parquet, Form::Jsonl] {
            assert_eq!(MissingWords::default().settled(form).words(), [""; 0]);
            assert_eq!(read(r#"["NA"]"#).settled(form).words(), ["NA"]);
        }
    }

    #[test]
    fn na_that_is_settled_stays_as_it_is() {
        for form in Form::ALL.into_iter().filter(|it| *it != Form::Idx) {
            let once = read(r#"["?"]"#).settled(form);
            assert_eq!(once.settled(form), once);
        }
    }

    #[test]
    fn na_of_forms_without_words_is_stored_as_before() {
        let text = |form| serde_json::to_string(&MissingWords::default().settled(form)).unwrap();
        assert_eq!(text(Form::Images), "[]");
        let before = r#"["NA","N/A","n/a","NaN","nan","NULL","null"]"#;
        assert_eq!(text(Form::Idx), before);
    }
}
