//! `${x}` in values: alone it keeps the var's type, inside text it is spliced; `$${x}` is `${x}` itself.
//! Knows names and values; not stages.

use indexmap::IndexMap;

use super::account::Account;
use crate::spec::{Diagnostic, Entry, Node, Span, Value, suggest::unknown};

/// Text that grows beyond this is refused.
const LONGEST_TEXT: usize = 64 << 10;
/// Bytes that a bound value takes beside its text.
const NODE_BYTES: usize = 64;

/// What names stand for in one place.
pub struct Scope<'a> {
    pub vars: &'a IndexMap<String, Node>,
    pub used: &'a Account,
    /// The axes; `None` while they are not known, so that `${matrix.x}` stays.
    pub axes: Option<&'a IndexMap<String, Value>>,
    /// In a command: the names of its inputs and outputs, which stay.
    pub ports: Option<Ports>,
    /// In what a shell runs: how values get into it.
    pub splice: Option<Splice>,
}

/// How a value gets into a shell's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Splice {
    /// As a word, quoted for where it stands.
    Quoted,
    /// As it is.
    Raw,
}

/// The names that `${inputs.x}` and `${outputs.x}` may have.
#[derive(Clone, Debug, Default)]
pub struct Ports {
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
}

/// A piece of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    Text(&'t str),
    /// `$${`, which is `${`.
    Escape,
    Name {
        name: &'t str,
        whole: &'t str,
    },
    /// `${` without its `}`.
    Open(&'t str),
}

/// Whether a text has anything to bind.
pub fn has_names(text: &str) -> bool {
    // Most have no `$`, and a byte is found sooner than a word.
    text.contains('$') && text.contains("${")
}

/// Whether a tree has anything to bind.
pub fn has_any_name(node: &Node) -> bool {
    match &node.value {
        Value::Text(text) => has_names(text),
        Value::List(items) => items.iter().any(has_any_name),
        Value::Map(entries) => entries.iter().any(|it| has_any_name(&it.node)),
        _ => false,
    }
}

/// Whether a key below looks as if it were to be bound.
fn has_open_key(node: &Node) -> bool {
    match &node.value {
        Value::List(items) => items.iter().any(has_open_key),
        Value::Map(entries) => {
            (entries.iter()).any(|it| has_names(&it.key) || has_open_key(&it.node))
        }
        _ => false,
    }
}

/// The place of a piece of a value's text, where the text stands in the file as it is.
pub(super) fn inside(node: &Node, text: &str, piece: &str) -> Span {
    let written = (node.span.end - node.span.start) as usize;
    let quote = match written.checked_sub(text.len()) {
        Some(0) => 0,
        Some(2) => 1,
        _ => return node.span,
    };
    let at = piece.as_ptr() as usize - text.as_ptr() as usize;
    let start = node.span.start + (quote + at) as u32;
    Span {
        start,
        end: start + piece.len() as u32,
        ..node.span
    }
}

impl Scope<'_> {
    /// The tree with its names bound.
    pub fn bind(&self, node: &Node, found: &mut Vec<Diagnostic>) -> Node {
        let value = match &node.value {
            Value::Text(text) if has_names(text) => {
                return match self.splice {
                    Some(splice) => self.bind_command(node, text, splice, found),
                    None => self.bind_text(node, text, found),
                };
            }
            Value::List(items) => {
                Value::List(items.iter().map(|it| self.bind(it, found)).collect())
            }
            Value::Map(entries) => Value::Map(
                entries
                    .iter()
                    .map(|it| {
                        if has_names(&it.key) {
                            found.push(
                                Diagnostic::error("a key cannot hold a var")
                                    .at(it.key_span, "a key")
                                    .hint("only values are bound; write the key out"),
                            );
                        }
                        self.bind_entry(it, found)
                    })
                    .collect(),
            ),
            other => other.clone(),
        };
        Node { value, ..*node }
    }

    /// An entry with the names in its value bound.
    pub fn bind_entry(&self, entry: &Entry, found: &mut Vec<Diagnostic>) -> Entry {
        Entry {
            key: entry.key.clone(),
            key_span: entry.key_span,
            node: self.bind(&entry.node, found),
        }
    }

    /// The same of an entry that is not wanted otherwise. Most have nothing to bind, and stay what they are.
    pub fn bind_own(&self, entry: Entry, found: &mut Vec<Diagnostic>) -> Entry {
        if has_any_name(&entry.node) || has_open_key(&entry.node) {
            self.bind_entry(&entry, found)
        } else {
            entry
        }
    }

    pub(super) fn bind_text(&self, node: &Node, text: &str, found: &mut Vec<Diagnostic>) -> Node {
        let pieces = split(text);
        if let [Piece::Name { name, whole }] = pieces.as_slice() {
            return match self.look_up(name, whole, node.span, found) {
                Looked::Value(value, _) if !self.used.spend(NODE_BYTES * value.size()) => {
                    found.push(too_much(node.span));
                    node.clone()
                }
                Looked::Value(mut value, origin) => {
                    value.span = node.span;
                    value.origin = origin;
                    value
                }
                Looked::Stays | Looked::Unknown => node.clone(),
            };
        }
        let mut bound = String::with_capacity(text.len());
        let inside = |piece: &str| inside(node, text, piece);
        for piece in pieces {
            match piece {
                Piece::Text(text) => bound.push_str(text),
                // While axes are open the text is bound once more, so the escape stays.
                Piece::Escape if self.axes.is_none() => bound.push_str("$${"),
                Piece::Escape => bound.push_str("${"),
                Piece::Open(rest) => {
                    found.push(not_closed(inside(rest)));
                    bound.push_str(rest);
                }
                Piece::Name { name, whole } => {
                    match self.look_up(name, whole, inside(whole), found) {
                        Looked::Value(value, origin) => {
                            if matches!(value.value, Value::List(_) | Value::Map(_)) {
                                found.push(
                                    no_text(whole, &value.value, inside(whole), origin).hint(
                                        format!("alone, as `\"{whole}\"`, it keeps its type"),
                                    ),
                                );
                            }
                            bound.push_str(&value.value.canonical());
                        }
                        Looked::Stays | Looked::Unknown => bound.push_str(whole),
                    }
                }
            }
            if bound.len() > LONGEST_TEXT {
                break;
            }
        }
        self.bound(node, bound, found)
    }

    /// A node with this text in its place, unless that takes too much room.
    pub(super) fn bound(&self, node: &Node, text: String, found: &mut Vec<Diagnostic>) -> Node {
        if text.len() > LONGEST_TEXT {
            found.push(
                Diagnostic::error(format!("the text grows beyond {} KiB", LONGEST_TEXT >> 10))
                    .at(node.span, "with its vars bound"),
            );
        }
        if !self.used.spend(NODE_BYTES + text.len()) {
            found.push(too_much(node.span));
            return node.clone();
        }
        Node {
            value: Value::Text(text),
            ..*node
        }
    }

    pub(super) fn look_up(
        &self,
        name: &str,
        whole: &str,
        span: Span,
        found: &mut Vec<Diagnostic>,
    ) -> Looked {
        if let Some(axis) = name.strip_prefix("matrix.") {
            let Some(axes) = self.axes else {
                return Looked::Stays;
            };
            if let Some(value) = axes.get(axis) {
                return Looked::Value(Node::new(span, value.clone()), None);
            }
            let legal: Vec<&str> = axes.keys().map(String::as_str).collect();
            found.push(unknown("axis", axis, &legal, span).unreadable().hint(
                "an axis comes from the stage's `matrix`, or from a stage with one that it reads",
            ));
            return Looked::Unknown;
        }
        if let Some(ports) = &self.ports {
            for (prefix, legal) in [("inputs.", &ports.inputs), ("outputs.", &ports.outputs)] {
                let Some(port) = name.strip_prefix(prefix) else {
                    continue;
                };
                if !legal.iter().any(|it| it == port) {
                    let legal: Vec<&str> = legal.iter().map(String::as_str).collect();
                    let what = prefix.trim_end_matches("s.");
                    found.push(
                        unknown(what, port, &legal, span)
                            .hint(format!("`{}` names them", prefix.trim_end_matches('.'))),
                    );
                }
                return Looked::Stays;
            }
        }
        if let Some(value) = self.vars.get(name) {
            self.used.note(name);
            return Looked::Value(value.clone(), Some(value.span));
        }
        let legal: Vec<&str> = self.vars.keys().map(String::as_str).collect();
        let mut error = unknown("var", name, &legal, span);
        if self.ports.is_some() {
            error = error.hint(format!("for a variable of the shell write `${whole}`"));
        } else if name.starts_with("inputs.") || name.starts_with("outputs.") {
            error = error.hint("inputs and outputs are named in a command's `cmd` only");
        } else if self.axes.is_some_and(|it| it.contains_key(name)) {
            error = error.hint(format!("an axis is written `${{matrix.{name}}}`"));
        }
        found.push(error.unreadable());
        Looked::Unknown
    }
}

pub(super) fn not_closed(span: Span) -> Diagnostic {
    Diagnostic::error("`${` without its `}`")
        .at(span, "not closed")
        .unreadable()
        .hint("write `$${` for the characters themselves")
}

/// A list or map where there must be text.
pub(super) fn no_text(whole: &str, value: &Value, span: Span, origin: Option<Span>) -> Diagnostic {
    let what = value.describe();
    Diagnostic::error(format!(
        "`{whole}` is {what} and cannot be spliced into text"
    ))
    .at(span, "inside text")
    .unreadable()
    .at_some(origin, "set here")
}

fn too_much(span: Span) -> Diagnostic {
    Diagnostic::error("vars make the spec too large")
        .at(span, "bound once too often")
        .hint("long values are copied wherever they are used")
        .unreadable()
}

pub(super) enum Looked {
    Value(Node, Option<Span>),
    /// Bound later, or by the runner.
    Stays,
    Unknown,
}

pub(super) fn split(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let is_escaped = rest[..at].ends_with('$');
        let before = if is_escaped {
            &rest[..at - 1]
        } else {
            &rest[..at]
        };
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        if is_escaped {
            pieces.push(Piece::Escape);
            rest = &rest[at + 2..];
            continue;
        }
        let Some(end) = rest[at..].find('}') else {
            pieces.push(Piece::Open(&rest[at..]));
            return pieces;
        };
        pieces.push(Piece::Name {
            name: rest[at + 2..at + end].trim(),
            whole: &rest[at..=at + end],
        });
        rest = &rest[at + end + 1..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bind(text: &str) -> (Value, Vec<String>) {
        let node = |value| Node::new(Span::default(), value);
        let vars = IndexMap::from([
            ("n".to_owned(), node(Value::Int(3))),
            ("lr".to_owned(), node(Value::Float(1e-5))),
            (
                "sizes".to_owned(),
                node(Value::List(vec![node(Value::Int(1))])),
            ),
        ]);
        let axes = IndexMap::from([("fold".to_owned(), Value::Int(2))]);
        let scope = Scope {
            vars: &vars,
            used: &Account::new(0),
            axes: Some(&axes),
            ports: None,
            splice: None,
        };
        let mut found = Vec::new();
        let bound = scope.bind(&node(Value::Text(text.to_owned())), &mut found);
        (bound.value, found.into_iter().map(|it| it.title).collect())
    }

    #[test]
    fn a_var_alone_keeps_its_type_and_is_spliced_inside_text() {
        assert_eq!(bind("${n}").0, Value::Int(3));
        assert_eq!(bind("${matrix.fold}").0, Value::Int(2));
        assert!(matches!(bind("${sizes}").0, Value::List(_)));
        assert_eq!(bind("a${n}b${lr}").0, Value::Text("a3b0.00001".to_owned()));
        assert_eq!(bind("$n {n} $").0, Value::Text("$n {n} $".to_owned()));
    }

    #[test]
    fn a_doubled_dollar_is_a_dollar() {
        assert_eq!(bind("$${HOME} ${n}").0, Value::Text("${HOME} 3".to_owned()));
    }

    #[test]
    fn what_cannot_be_bound_is_said() {
        for (text, title) in [
            ("${m}", "unknown var `m`"),
            ("x${matrix.flod}", "unknown axis `flod`"),
            ("x${n", "`${` without its `}`"),
            (
                "x${sizes}",
                "`${sizes}` is a list and cannot be spliced into text",
            ),
        ] {
            assert_eq!(bind(text).1, [title], "{text}");
        }
    }
}
