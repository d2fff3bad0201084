//! A located tree read as a Rust value by serde, without a copy of it. Knows values, not what they mean.

use serde::{
    Deserializer,
    de::{
        IntoDeserializer, Visitor,
        value::{Error, MapAccessDeserializer, MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};

use super::{Entry, Node, Value};

impl<'de> IntoDeserializer<'de, Error> for &'de Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(it) => visitor.visit_bool(*it),
            // What takes no sign may ask for a number without one.
            Value::Int(it) => match u64::try_from(*it) {
                Ok(it) => visitor.visit_u64(it),
                Err(_) => visitor.visit_i64(*it),
            },
            Value::Float(it) => visitor.visit_f64(*it),
            Value::Text(it) => visitor.visit_borrowed_str(it),
            Value::List(items) => SeqDeserializer::new(items.iter()).deserialize_any(visitor),
            Value::Map(entries) => pairs(entries).deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    /// A word alone, or a word with its options.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.value {
            Value::Text(word) => visitor.visit_enum(word.as_str().into_deserializer()),
            Value::Map(entries) if entries.len() == 1 => {
                visitor.visit_enum(MapAccessDeserializer::new(pairs(entries)))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

type Pairs<'de> = MapDeserializer<
    'de,
    std::iter::Map<std::slice::Iter<'de, Entry>, fn(&'de Entry) -> (&'de str, &'de Node)>,
    Error,
>;

fn pairs(entries: &[Entry]) -> Pairs<'_> {
    MapDeserializer::new(entries.iter().map(|it| (it.key.as_str(), &it.node)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::{Deserialize, de::DeserializeOwned};

    use crate::spec::yaml;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Word {
        Alone,
        With { n: u8 },
        Of(f64),
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(untagged)]
    enum Either {
        Count(u64),
        Share(f64),
        Name(String),
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Newtype(i32);

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct All {
        words: Vec<Word>,
        either: Vec<Either>,
        pair: (u8, String),
        nothing: Option<u8>,
        something: Option<Newtype>,
        by_name: BTreeMap<String, bool>,
        #[serde(default)]
        absent: u8,
    }

    fn both<T: DeserializeOwned>(text: &str) -> (Option<T>, Option<T>) {
        let tree = yaml::read(text, 0).unwrap();
        (
            T::deserialize(&tree.root).ok(),
            serde_json::from_value(tree.root.to_json()).ok(),
        )
    }

    const SOUND: &str = "words: [alone, {with: {n: 3}}, {of: 2}]\neither: [3, -1, 0.5, x]\npair: [7, a]\nnothing: null
something: -4\nby_name: {a: true, b: false}\n";

    #[test]
    fn a_tree_is_read_as_its_json_is() {
        let (direct, by_json) = both::<All>(SOUND);
        assert_eq!(direct, by_json);
        assert_eq!(
            direct.unwrap().words,
            [Word::Alone, Word::With { n: 3 }, Word::Of(2.0)]
        );
    }

    #[test]
    fn what_json_would_refuse_is_refused() {
        for (from, to) in [
            ("n: 3", "n: 300"),
            ("alone", "other"),
            ("{of: 2}", "{of: 2, with: {n: 1}}"),
            ("[7, a]", "[7, a, b]"),
            ("[7, a]", "[7]"),
            ("-4", "four"),
            ("nothing", "unknown"),
            ("words", "word"),
        ] {
            let text = SOUND.replacen(from, to, 1);
            assert_eq!(both::<All>(&text), (None, None), "{text}");
        }
    }
}
