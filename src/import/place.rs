//! A stage's place: what its templates find, and how they are written in a spec. Knows names and values, not stages.

use super::{
    group,
    scope::{Scope, descend},
    template::{self, Flag, Parsing, Piece},
    vars::Vars,
};
use crate::spec::{Diagnostic, Node, Span, Value, suggest::unknown};

/// What a name of a group stands for.
#[derive(Clone, Debug)]
pub enum Bound {
    /// An axis of the spec: another value in each instance.
    Axis(String),
    /// One value; with where it stands among the vars, if it does.
    Value(Node, Option<String>),
}

/// Names with what they stand for: `item`, `key`, `item.lr`.
pub type Bindings = Vec<(String, Bound)>;

/// Where a text stands.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub scope: &'a Scope,
    pub bindings: &'a Bindings,
    pub parsing: Parsing,
}

/// A piece of a text whose names were found.
#[derive(Clone, Debug)]
enum Found {
    Text(String),
    Axis(String),
    /// A scalar, and the name of it among the vars.
    Value(Value, String),
}

/// What a command gets in the place of a name.
#[derive(Clone, Debug)]
pub enum Spliced {
    Axis(String),
    Value(Value),
}

/// What a name was found to be.
enum Target<'n> {
    Axis(String),
    Node(&'n Node, Option<String>),
    /// All of a matrix's axes, as flags.
    Axes(Vec<(String, Bound)>),
    /// The same as DVC's name of the instance.
    Key(Vec<(String, Bound)>),
}

impl<'a> Place<'a> {
    /// The text as a spec has it: names become vars and axes. In a command a map becomes flags.
    pub fn write(
        &self,
        node: &Node,
        is_command: bool,
        vars: &mut Vars,
        errors: &mut Vec<Diagnostic>,
    ) -> String {
        let Some(text) = node.as_text() else {
            return node.value.canonical();
        };
        let mut written = String::new();
        for piece in self.bind(text, node, is_command, errors) {
            let (name, plain) = match piece {
                Found::Text(text) => {
                    push_escaped(&mut written, &text);
                    continue;
                }
                Found::Axis(axis) => (Some(format!("matrix.{axis}")), None),
                Found::Value(value, path) => {
                    (vars.name_of(&path, &value), Some(template::text_of(&value)))
                }
            };
            // `$${` would be an escape.
            let is_free = !written.ends_with('$');
            match (name, plain) {
                (Some(name), _) if is_free => written.push_str(&format!("${{{name}}}")),
                (_, Some(plain)) => push_escaped(&mut written, &plain),
                _ => errors.push(
                    Diagnostic::error("a `$` before `${…}` cannot be written in a spec")
                        .at(node.span, "here")
                        .hint("put something between the two"),
                ),
            }
        }
        written
    }

    /// The values that a command names and that stay vars or axes of the spec.
    pub fn spliced(&self, node: &Node) -> Vec<Spliced> {
        let text = node.as_text().unwrap_or_default();
        let found = self.bind(text, node, true, &mut Vec::new());
        let named = found.into_iter().filter_map(|piece| match piece {
            Found::Text(_) => None,
            Found::Axis(axis) => Some(Spliced::Axis(axis)),
            Found::Value(value, _) => Some(Spliced::Value(value)),
        });
        named.collect()
    }

    /// The text as DVC makes it. Only where no axis is open.
    pub fn read(&self, node: &Node, errors: &mut Vec<Diagnostic>) -> String {
        let Some(text) = node.as_text() else {
            return node.value.canonical();
        };
        let found = self.bind(text, node, false, errors);
        let plain = |piece: Found| match piece {
            Found::Text(text) => text,
            Found::Axis(axis) => axis,
            Found::Value(value, _) => template::text_of(&value),
        };
        found.into_iter().map(plain).collect()
    }

    /// A value whose names are bound: the value itself where a text is one name alone. With its path among the vars.
    pub fn value(&self, node: &Node, errors: &mut Vec<Diagnostic>) -> (Node, Option<String>) {
        match &node.value {
            Value::Text(text) => {
                if let [Piece::Name(name)] = template::split(text).as_slice()
                    && let Some(Target::Node(found, path)) = self.look_up(name, node, errors)
                {
                    return (found.clone(), path);
                }
                let text = Value::Text(self.read(node, errors));
                (Node::new(node.span, text), None)
            }
            Value::List(items) => {
                let items = items.iter().map(|it| self.value(it, errors).0);
                (Node::new(node.span, Value::List(items.collect())), None)
            }
            Value::Map(entries) => {
                let entries = entries.iter().map(|it| crate::spec::Entry {
                    node: self.value(&it.node, errors).0,
                    ..it.clone()
                });
                (Node::new(node.span, Value::Map(entries.collect())), None)
            }
            _ => (node.clone(), None),
        }
    }

    fn bind(
        &self,
        text: &str,
        node: &Node,
        is_command: bool,
        errors: &mut Vec<Diagnostic>,
    ) -> Vec<Found> {
        let mut found = Vec::new();
        let pieces = template::split(text);
        let is_alone = pieces.len() == 1;
        for piece in pieces {
            let name = match piece {
                Piece::Text(text) => {
                    found.push(Found::Text(text));
                    continue;
                }
                Piece::Name(name) => name,
            };
            match self.look_up(&name, node, errors) {
                None => {}
                Some(Target::Axis(axis)) => found.push(Found::Axis(axis)),
                Some(Target::Node(target, path)) => match &target.value {
                    Value::Map(_) if is_command => {
                        self.push_flags(target, path.as_deref(), node, &mut found, errors);
                    }
                    Value::Map(_) | Value::List(_) => errors.push(no_text(&name, target, node)),
                    // DVC takes the escapes out of the whole text, values too.
                    Value::Text(inner) if inner.contains("\\${") && !is_alone => {
                        found.push(Found::Text(inner.replace("\\${", "${")));
                    }
                    value => found.push(match path {
                        Some(path) => Found::Value(value.clone(), path),
                        None => Found::Text(template::text_of(value)),
                    }),
                },
                Some(Target::Axes(axes)) => {
                    for (i, (name, bound)) in axes.into_iter().enumerate() {
                        let space = if i == 0 { "" } else { " " };
                        found.push(Found::Text(format!("{space}--{name} ")));
                        found.push(plain(bound));
                    }
                }
                Some(Target::Key(axes)) => {
                    for (i, (_, bound)) in axes.into_iter().enumerate() {
                        if i > 0 {
                            found.push(Found::Text("-".to_owned()));
                        }
                        found.push(plain(bound));
                    }
                }
            }
        }
        found
    }

    fn push_flags(
        &self,
        target: &Node,
        path: Option<&str>,
        node: &Node,
        found: &mut Vec<Found>,
        errors: &mut Vec<Diagnostic>,
    ) {
        let flags = match template::flags(target, self.parsing) {
            Ok(flags) => flags,
            Err(name) => {
                errors.push(
                    Diagnostic::error(format!("`{name}` is a list of lists and cannot be a flag"))
                        .at(node.span, "in this command"),
                );
                return;
            }
        };
        for flag in flags {
            found.push(match flag {
                Flag::Text(text) => Found::Text(text),
                Flag::Value(keys, leaf) => {
                    let text = template::text_of(&leaf.value);
                    let is_text = matches!(leaf.value, Value::Text(_));
                    let quoted = if is_text { quote(&text) } else { text.clone() };
                    match path {
                        Some(path) if quoted == text => {
                            Found::Value(leaf.value.clone(), format!("{path}.{}", keys.join(".")))
                        }
                        _ => Found::Text(quoted),
                    }
                }
            });
        }
    }

    fn look_up(&self, name: &str, node: &Node, errors: &mut Vec<Diagnostic>) -> Option<Target<'a>> {
        let Some(steps) = template::steps(name) else {
            errors.push(
                Diagnostic::error(format!("`${{{name}}}` names nothing"))
                    .at(inside(node, name), "in this text")
                    .hint("a shell's variable is written `\\${NAME}` in a dvc.yaml"),
            );
            return None;
        };
        for n in (1..=steps.len()).rev() {
            let prefix = steps[..n].join(".");
            let rest: Vec<&str> = steps[n..].iter().map(String::as_str).collect();
            match self.bindings.iter().find(|it| it.0 == prefix) {
                Some((_, Bound::Axis(axis))) if rest.is_empty() => {
                    return Some(Target::Axis(axis.clone()));
                }
                Some((_, Bound::Value(value, path))) => {
                    if let Some(found) = descend(value, &rest) {
                        let below = |path: &String| {
                            std::iter::once(path.as_str())
                                .chain(rest.iter().copied())
                                .collect::<Vec<_>>()
                                .join(".")
                        };
                        return Some(Target::Node(found, path.as_ref().map(below)));
                    }
                }
                _ => {}
            }
        }
        if steps == ["item"] || steps == ["key"] {
            let axes: Vec<(String, Bound)> = self
                .bindings
                .iter()
                .filter_map(|(name, bound)| {
                    Some((name.strip_prefix("item.")?.to_owned(), bound.clone()))
                })
                .collect();
            let is_plain = |it: &(String, Bound)| match &it.1 {
                Bound::Axis(_) => true,
                Bound::Value(node, _) => !matches!(node.value, Value::List(_) | Value::Map(_)),
            };
            if !axes.is_empty() && steps == ["key"] {
                // What a map or a list adds is bound beside it.
                let fragments = axes.into_iter().map(|(axis, bound)| {
                    let name = group::key_fragment(&axis);
                    let fragment = self.bindings.iter().find(|it| it.0 == name);
                    let bound = fragment.map_or(bound, |it| it.1.clone());
                    (axis, bound)
                });
                return Some(Target::Key(fragments.collect()));
            }
            if !axes.is_empty() && axes.iter().all(is_plain) {
                return Some(Target::Axes(axes));
            }
        }
        let words: Vec<&str> = steps.iter().map(String::as_str).collect();
        if let Some(found) = self.scope.find(&words) {
            return Some(Target::Node(found, Some(steps.join("."))));
        }
        let near = self.scope.names_near(&words);
        let mut names: Vec<&str> = self.bindings.iter().map(|it| it.0.as_str()).collect();
        names.extend(near.iter().map(String::as_str));
        errors.push(
            unknown("name", &steps.join("."), &names, inside(node, name))
                .hint("names come from params.yaml and from `vars`"),
        );
        None
    }
}

fn plain(bound: Bound) -> Found {
    match bound {
        Bound::Axis(axis) => Found::Axis(axis),
        Bound::Value(node, _) => Found::Text(template::text_of(&node.value)),
    }
}

fn no_text(name: &str, target: &Node, node: &Node) -> Diagnostic {
    Diagnostic::error(format!(
        "`${{{name}}}` is {} and cannot stand in text",
        target.value.describe()
    ))
    .at(inside(node, name), "in this text")
    .at(target.span, "set here")
}

/// Where `${name}` stands in a text, if that is written as it is.
fn inside(node: &Node, name: &str) -> Span {
    let text = node.as_text().unwrap_or_default();
    let whole = format!("${{{name}}}");
    let written = (node.span.end - node.span.start) as usize;
    let quote = match written.checked_sub(text.len()) {
        Some(0) => 0,
        Some(2) => 1,
        _ => return node.span,
    };
    let Some(at) = text.find(&whole) else {
        return node.span;
    };
    let start = node.span.start + (quote + at) as u32;
    Span {
        start,
        end: start + whole.len() as u32,
        ..node.span
    }
}

/// Adds a text in which `${` means itself.
fn push_escaped(written: &mut String, text: &str) {
    let is_split = written.ends_with('$') && text.starts_with('{');
    if is_split {
        written.push('$');
    }
    written.push_str(&text.replace("${", "$${"));
}

/// A word as a shell takes it, by the rules that DVC has from Python.
pub fn quote(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\"'\"'"))
}
