//! The located tree: what YAML said, and where. Knows no field of the language.

use indexmap::IndexMap;

/// A range of bytes in one of the files of a spec.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Which file, as an index into the sources of the spec.
    pub file: u32,
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// From the start of `self` to the end of `other`, which stands behind it in the same file.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self {
            end: other.end.max(self.end),
            ..self
        }
    }
}

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub span: Span,
    pub value: Value,
    /// Where the value comes from, if it stands elsewhere: the var behind `${x}`, the anchor behind `*a`.
    pub origin: Option<Span>,
}

/// What YAML can say. Numbers are finite or not: who wants a number refuses what is not.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key of a map with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub key: String,
    pub key_span: Span,
    pub node: Node,
}

impl Node {
    pub fn new(span: Span, value: Value) -> Self {
        Self {
            span,
            value,
            origin: None,
        }
    }

    /// The entries of a map; none of anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none of anything else.
    pub fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The value of a key of a map.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|it| &it.node)
    }

    /// The entry of a key of a map.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|it| it.key == key)
    }

    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The node at a path of keys and indices, or the nearest one above it that there is.
    pub fn nearest<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> &Self {
        let mut node = self;
        for step in path {
            let next = match &node.value {
                Value::Map(_) => node.get(step),
                Value::List(items) => step.parse::<usize>().ok().and_then(|it| items.get(it)),
                _ => None,
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node
    }

    /// How many nodes the tree has.
    pub fn size(&self) -> usize {
        let below: usize = match &self.value {
            Value::List(items) => items.iter().map(Self::size).sum(),
            Value::Map(entries) => entries.iter().map(|it| it.node.size()).sum(),
            Value::Text(text) => text.len() / 64,
            _ => 0,
        };
        1 + below
    }

    /// How many lists and maps lie in each other.
    pub fn depth(&self) -> usize {
        match &self.value {
            Value::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Value::Map(entries) => {
                1 + (entries.iter().map(|it| it.node.depth()))
                    .max()
                    .unwrap_or(0)
            }
            _ => 0,
        }
    }

    /// The plain value, without places. A float that is not finite becomes null: JSON has none.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(it) => (*it).into(),
            Value::Int(it) => (*it).into(),
            Value::Float(it) => (*it).into(),
            Value::Text(it) => it.as_str().into(),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => entries
                .iter()
                .map(|it| (it.key.clone(), it.node.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }

    /// A tree of which every node stands at `span`.
    pub fn from_json(json: &serde_json::Value, span: Span) -> Self {
        let value = match json {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(it) => Value::Bool(*it),
            serde_json::Value::Number(it) => match it.as_i64() {
                Some(int) => Value::Int(int),
                None => Value::Float(it.as_f64().unwrap_or(f64::NAN)),
            },
            serde_json::Value::String(it) => Value::Text(it.clone()),
            serde_json::Value::Array(items) => {
                Value::List(items.iter().map(|it| Self::from_json(it, span)).collect())
            }
            serde_json::Value::Object(map) => Value::Map(
                map.iter()
                    .map(|(key, it)| Entry {
                        key: key.clone(),
                        key_span: span,
                        node: Self::from_json(it, span),
                    })
                    .collect(),
            ),
        };
        Self::new(span, value)
    }
}

impl Value {
    /// What kind of value it is, in words for a message, with the value itself where it is short.
    pub fn describe(&self) -> String {
        match self {
            Self::Null => "nothing".to_owned(),
            Self::Bool(it) => format!("the boolean `{it}`"),
            Self::Int(it) => format!("the number `{it}`"),
            Self::Float(_) => format!("the number `{}`", self.canonical()),
            Self::Text(it) => format!("the text {}", quoted(it)),
            Self::List(items) if items.is_empty() => "an empty list".to_owned(),
            Self::List(_) => "a list".to_owned(),
            Self::Map(_) => "a map".to_owned(),
        }
    }

    /// The one text that a value has in instance names and inside other text.
    pub fn canonical(&self) -> String {
        match self {
            Self::Text(it) => it.clone(),
            Self::Float(it) if it.is_nan() => ".nan".to_owned(),
            Self::Float(it) if it.is_infinite() => {
                if *it > 0.0 { ".inf" } else { "-.inf" }.to_owned()
            }
            _ => Node::new(Span::default(), self.clone())
                .to_json()
                .to_string(),
        }
    }
}

/// A text in double quotes, shortened where it is long and escaped where it would break a line.
pub fn quoted(text: &str) -> String {
    const LONG: usize = 40;
    if text.chars().count() <= LONG {
        return format!("{text:?}");
    }
    let start: String = text.chars().take(LONG - 1).collect();
    format!("{:?}", start + "…")
}

/// A map's entries by key.
pub fn by_key(node: &Node) -> IndexMap<&str, &Entry> {
    node.entries()
        .iter()
        .map(|it| (it.key.as_str(), it))
        .collect()
}
