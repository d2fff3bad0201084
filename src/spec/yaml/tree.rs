//! Parser events -> tree: duplicate keys, anchors, merge keys, and what they may cost. Knows no scalar.

use std::collections::HashMap;

use saphyr_parser::{Event, ScalarStyle};

use super::{MOST_DEPTH, MOST_NODES, scalar};
use crate::spec::{Diagnostic, Entry, Node, Span, Value};

/// What aliases may add, in bytes of tree: this, and a multiple of the text.
const ALIAS_BYTES: usize = 1 << 20;
const ALIAS_BYTES_A_BYTE: usize = 20;
/// Bytes of tree that a node takes.
const NODE_BYTES: usize = 96;
/// From so many keys on, a hash table looks for duplicates.
const MANY_KEYS: usize = 16;

pub struct Builder<'a> {
    text: &'a str,
    file: u32,
    stack: Vec<Frame>,
    /// Those of all lists that are open, one after another: a list is made once its length is known.
    items: Vec<Node>,
    /// The same of maps.
    entries: Vec<Entry>,
    anchors: HashMap<usize, Node>,
    alias_bytes_left: usize,
    n_nodes: usize,
    /// Where the event before ended.
    before: usize,
    pub root: Option<Node>,
    pub found: Vec<Diagnostic>,
}

struct Frame {
    anchor: usize,
    span: Span,
    content: Content,
}

enum Content {
    List {
        /// Where its items begin.
        first: usize,
    },
    Map {
        /// Where its entries begin.
        first: usize,
        key: Option<Key>,
        /// Where each key is in the map, once there are many.
        places: HashMap<String, usize>,
        /// Places of `<<` entries in the map.
        merges: Vec<usize>,
    },
}

struct Key {
    text: String,
    span: Span,
    is_merge: bool,
}

impl<'a> Builder<'a> {
    pub fn new(text: &'a str, file: u32) -> Self {
        Self {
            text,
            file,
            stack: Vec::new(),
            items: Vec::new(),
            entries: Vec::new(),
            anchors: HashMap::new(),
            alias_bytes_left: ALIAS_BYTES + ALIAS_BYTES_A_BYTE * text.len(),
            n_nodes: 0,
            before: 0,
            root: None,
            found: Vec::new(),
        }
    }

    /// Takes the next event; an error ends the reading.
    pub fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Diagnostic> {
        self.n_nodes += 1;
        if self.n_nodes > MOST_NODES {
            return Err(
                Diagnostic::error(format!("more than {MOST_NODES} values in one file"))
                    .at(span, ""),
            );
        }
        let tag = match &event {
            Event::Scalar(_, _, _, tag)
            | Event::SequenceStart(_, tag)
            | Event::MappingStart(_, tag) => tag.as_ref(),
            _ => None,
        };
        if let Some(tag) = tag {
            let error = Diagnostic::error(format!(
                "the YAML tag `{}{}` has no meaning here",
                tag.handle, tag.suffix
            ))
            .at(span, "tagged value")
            .hint("remove the tag; quote the value if it is meant as text")
            .unreadable();
            self.found.push(error);
        }
        let end = span.end as usize;
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let span = self.with_header(style, span);
                self.scalar(&text, style, anchor, span)?;
            }
            Event::SequenceStart(anchor, _) => {
                let first = self.items.len();
                self.open(anchor, span, Content::List { first })?;
            }
            Event::MappingStart(anchor, _) => {
                let content = Content::Map {
                    first: self.entries.len(),
                    key: None,
                    places: HashMap::new(),
                    merges: Vec::new(),
                };
                self.open(anchor, span, content)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span)?,
            Event::Alias(anchor) => self.alias(anchor, span)?,
            _ => {}
        }
        self.before = end.max(self.before);
        Ok(())
    }

    /// The parser's span of a block scalar starts behind its `|` or `>`.
    fn with_header(&self, style: ScalarStyle, span: Span) -> Span {
        let header = match style {
            ScalarStyle::Literal | ScalarStyle::Folded => self
                .text
                .get(self.before..span.start as usize)
                .and_then(|it| it.find(['|', '>'])),
            _ => None,
        };
        Span {
            start: header.map_or(span.start, |it| (self.before + it) as u32),
            ..span
        }
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        span: Span,
    ) -> Result<(), Diagnostic> {
        if let Some(Frame {
            content: Content::Map {
                key: key @ None, ..
            },
            ..
        }) = self.stack.last_mut()
        {
            *key = Some(Key {
                text: text.to_owned(),
                span,
                is_merge: text == "<<" && style == ScalarStyle::Plain,
            });
            return Ok(());
        }
        let raw = self
            .text
            .get(span.start as usize..span.end as usize)
            .unwrap_or(text);
        let value = match scalar::read(text, raw, style, || self.indent()) {
            Ok(value) => value,
            Err(difference) => {
                self.found.push(difference.diagnostic(span).unreadable());
                Value::Text(text.to_owned())
            }
        };
        self.finish(Node::new(span, value), anchor)
    }

    /// The column of the block that a value stands in: block scalars are indented relative to it.
    fn indent(&self) -> usize {
        let start = self.stack.last().map_or(0, |it| match &it.content {
            Content::Map { key: Some(key), .. } => key.span.start,
            _ => it.span.start,
        }) as usize;
        start - self.text[..start].rfind('\n').map_or(0, |it| it + 1)
    }

    fn open(&mut self, anchor: usize, span: Span, content: Content) -> Result<(), Diagnostic> {
        if self.stack.len() >= MOST_DEPTH {
            return Err(too_deep(span));
        }
        self.stack.push(Frame {
            anchor,
            span,
            content,
        });
        Ok(())
    }

    fn close(&mut self, end: Span) -> Result<(), Diagnostic> {
        let Some(frame) = self.stack.pop() else {
            return Ok(());
        };
        let last = match &frame.content {
            Content::List { first } => self.items[*first..].last().map(|it| it.span),
            Content::Map { first, .. } => self.entries[*first..]
                .last()
                .map(|it| it.key_span.to(local(it.node.span, self.file))),
        };
        // A block ends where its last value ends; the parser says where the next token starts.
        let is_flow = self.text[frame.span.start as usize..].starts_with(['[', '{']);
        let span = match last {
            Some(last) if !is_flow => frame.span.to(last),
            _ => frame.span.to(end),
        };
        let value = match frame.content {
            Content::List { first } => Value::List(self.items.split_off(first)),
            Content::Map { first, merges, .. } => {
                let entries = self.entries.split_off(first);
                Value::Map(if merges.is_empty() {
                    entries
                } else {
                    self.merge(entries, &merges)?
                })
            }
        };
        self.finish(Node::new(span, value), frame.anchor)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Diagnostic> {
        let Some(meant) = self.anchors.get(&anchor) else {
            return Err(Diagnostic::error("an alias inside the value that it names")
                .at(span, "this would contain itself"));
        };
        if self.stack.len() + meant.depth() > MOST_DEPTH {
            return Err(too_deep(span));
        }
        let cost = bytes(meant);
        let mut node = meant.clone();
        self.spend(cost, span)?;
        if !matches!(node.value, Value::List(_) | Value::Map(_)) {
            node.origin = Some(node.span);
            node.span = span;
        }
        self.finish(node, 0)
    }

    fn spend(&mut self, cost: usize, span: Span) -> Result<(), Diagnostic> {
        let Some(left) = self.alias_bytes_left.checked_sub(cost) else {
            return Err(Diagnostic::error("aliases make the spec too large")
                .at(span, "expanded too often")
                .hint("aliases copy what they name; use fewer, or nest them less"));
        };
        self.alias_bytes_left = left;
        Ok(())
    }

    /// Puts a finished value where it belongs.
    fn finish(&mut self, node: Node, anchor: usize) -> Result<(), Diagnostic> {
        if anchor > 0 {
            self.spend(bytes(&node), node.span)?;
            self.anchors.insert(anchor, node.clone());
        }
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(Frame {
                content: Content::List { .. },
                ..
            }) => self.items.push(node),
            Some(Frame {
                content:
                    Content::Map {
                        first,
                        key,
                        places,
                        merges,
                    },
                ..
            }) => match key.take() {
                Some(name) if name.is_merge => {
                    merges.push(self.entries.len() - *first);
                    self.entries.push(Entry {
                        key: name.text,
                        key_span: name.span,
                        node,
                    });
                }
                Some(name) => {
                    let entries = &self.entries[*first..];
                    if let Some(given) = place_of(entries, places, &name.text) {
                        let error =
                            Diagnostic::error(format!("the key `{}` is given twice", name.text))
                                .at(name.span, "given again here")
                                .at(entries[given].key_span, "first given here")
                                .hint("remove one of the two");
                        self.found.push(error);
                    } else {
                        self.entries.push(Entry {
                            key: name.text,
                            key_span: name.span,
                            node,
                        });
                    }
                }
                None => {
                    let error = Diagnostic::error("a key must be a word")
                        .at(node.span, format!("found {}", node.value.describe()))
                        .hint("a var in flow style must be quoted: `\"${x}\"`");
                    self.found.push(error);
                    *key = Some(Key {
                        text: String::new(),
                        span: node.span,
                        is_merge: false,
                    });
                }
            },
        }
        Ok(())
    }

    /// `<<: *base` gives the keys of `base` that are not given beside it.
    fn merge(&mut self, entries: Vec<Entry>, merges: &[usize]) -> Result<Vec<Entry>, Diagnostic> {
        let mut merged: Vec<Entry> = Vec::new();
        let mut bases: Vec<Node> = Vec::new();
        for (i, entry) in entries.into_iter().enumerate() {
            if !merges.contains(&i) {
                merged.push(entry);
                continue;
            }
            match entry.node.value {
                Value::List(items) => bases.extend(items),
                _ => bases.push(entry.node),
            }
        }
        let mut names: std::collections::HashSet<String> =
            merged.iter().map(|it| it.key.clone()).collect();
        for base in bases {
            self.spend(bytes(&base), base.span)?;
            match base.value {
                Value::Map(given) => {
                    merged.extend(given.into_iter().filter(|it| names.insert(it.key.clone())));
                }
                other => {
                    let error = Diagnostic::error("`<<` takes a map or a list of maps")
                        .at(base.span, format!("found {}", other.describe()))
                        .hint("write `<<: *name`, where `&name` stands before a map");
                    self.found.push(error);
                    break;
                }
            }
        }
        Ok(merged)
    }
}

/// The index of the entry with this key. Many keys are kept in a table, which this brings up to date.
fn place_of(entries: &[Entry], places: &mut HashMap<String, usize>, key: &str) -> Option<usize> {
    if entries.len() < MANY_KEYS {
        return entries.iter().position(|it| it.key == key);
    }
    for (i, entry) in entries.iter().enumerate().skip(places.len()) {
        places.insert(entry.key.clone(), i);
    }
    places.get(key).copied()
}

/// An alias's map keeps the place where it is written, which may lie before the key.
fn local(span: Span, file: u32) -> Span {
    Span { file, ..span }
}

fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::error(format!("nested more than {MOST_DEPTH} levels deep")).at(span, "too deep")
}

/// What a tree takes in memory, roughly.
fn bytes(node: &Node) -> usize {
    NODE_BYTES
        + match &node.value {
            Value::Text(text) => text.len(),
            Value::List(items) => items.iter().map(bytes).sum(),
            Value::Map(entries) => entries
                .iter()
                .map(|it| 48 + it.key.len() + bytes(&it.node))
                .sum(),
            _ => 0,
        }
}
