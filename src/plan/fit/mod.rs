//! A value beside what is legal in its place: every difference is reported, not only the first.
//! Short forms are written out on the way, and what is wrong but not needed is left out, so that the rest can be looked at.
//! Knows the grammar; not vars, not stages.

mod words;

use std::collections::HashSet;

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

pub use self::words::{expected, unknown_field};
use self::words::{lower_first, one_of, sample, unknown_word, wrong_type};
use super::grammar::{ALIASES, Bounds, Choice, Field, Grammar, Notation, Record};
use crate::spec::{Diagnostic, Entry, Node, Span, Value, suggest::either};

/// What became of a value.
#[derive(Debug, Default)]
pub struct Fitted {
    /// Whether what is left can be decoded.
    pub is_sound: bool,
    /// Where something was left out: records by their place.
    pub pruned: HashSet<Span>,
}

/// Compares a block with what is legal, reports differences and writes short forms out.
/// `name` is what the block is called in messages.
pub fn fit(node: &mut Node, record: &Record, name: &str, found: &mut Vec<Diagnostic>) -> Fitted {
    let mut fitter = Fitter {
        found,
        pruned: HashSet::new(),
    };
    let is_sound = fitter.fit_record(node, record, name);
    Fitted {
        is_sound,
        pruned: fitter.pruned,
    }
}

struct Fitter<'a> {
    found: &'a mut Vec<Diagnostic>,
    pruned: HashSet<Span>,
}

impl Fitter<'_> {
    /// Whether what is left of the value is sound.
    fn fit(&mut self, node: &mut Node, grammar: &Grammar, name: &str) -> bool {
        match grammar {
            Grammar::Any => self.fit_any(node),
            Grammar::Record(record) => self.fit_record(node, record, name),
            Grammar::Choice(choice) => self.fit_choice(node, choice, name),
            Grammar::List(item, length) => self.fit_list(node, item, *length, name),
            Grammar::Map(inner) => self.fit_map(node, inner, name),
            Grammar::Either(forms) => match fitting(node, forms) {
                Some(form) => self.fit(node, form, name),
                None => self.say(wrong_type(node, grammar, name)),
            },
            Grammar::Int(bounds) => match node.value {
                Value::Int(it) => self.fit_bounds(node, it as f64, bounds, name),
                _ => self.say(wrong_type(node, grammar, name)),
            },
            Grammar::Number(bounds) => match node.value {
                Value::Int(it) => self.fit_bounds(node, it as f64, bounds, name),
                Value::Float(it) if it.is_finite() => self.fit_bounds(node, it, bounds, name),
                _ => self.say(wrong_type(node, grammar, name)),
            },
            Grammar::Scalar(notation) => {
                notation.accepts(&node.to_json()) || self.say(wrong_type(node, grammar, name))
            }
            Grammar::Bool | Grammar::Text | Grammar::Character => {
                has_form(node, grammar) || self.say(wrong_type(node, grammar, name))
            }
        }
    }

    /// Reports; what is reported is not sound.
    fn say(&mut self, error: Diagnostic) -> bool {
        self.found.push(error);
        false
    }

    /// JSON has no number that is not finite, so none is legal anywhere.
    fn fit_any(&mut self, node: &Node) -> bool {
        match &node.value {
            Value::Float(it) if !it.is_finite() => self.say(
                Diagnostic::error("a number must be finite")
                    .at(node.span, format!("found `{}`", node.value.canonical()))
                    .at_some(node.origin, "set here"),
            ),
            // All are looked at: each says what is wrong with it.
            Value::List(items) => items.iter().filter(|it| !self.fit_any(it)).count() == 0,
            Value::Map(entries) => entries.iter().filter(|it| !self.fit_any(&it.node)).count() == 0,
            _ => true,
        }
    }

    fn fit_bounds(&mut self, node: &Node, value: f64, bounds: &Bounds, name: &str) -> bool {
        if bounds.contain(value) {
            return true;
        }
        let range = bounds
            .describe()
            .unwrap_or_else(|| format!("at most {}", u32::MAX));
        self.found.push(
            Diagnostic::error(format!("`{name}` must be {range}"))
                .at(node.span, format!("found {}", node.value.describe()))
                .at_some(node.origin, "set here"),
        );
        // The type can hold it, so what else is wrong with the block can be said too.
        matches!(node.value, Value::Float(_)) || (0.0..=f64::from(u8::MAX)).contains(&value)
    }

    fn fit_map(&mut self, node: &mut Node, inner: &Grammar, name: &str) -> bool {
        let Value::Map(entries) = &mut node.value else {
            return self.say(wrong_type(
                node,
                &Grammar::Map(Box::new(inner.clone())),
                name,
            ));
        };
        entries
            .retain_mut(|entry| self.fit(&mut entry.node, inner, &format!("{name}.{}", entry.key)));
        true
    }

    fn fit_list(
        &mut self,
        node: &mut Node,
        item: &Grammar,
        length: Option<usize>,
        name: &str,
    ) -> bool {
        let span = node.span;
        let Value::List(items) = &mut node.value else {
            let mut error = wrong_type(node, &Grammar::List(Box::new(item.clone()), length), name);
            if has_form(node, item) && length.is_none() && !matches!(node.value, Value::Map(_)) {
                error = error.hint(format!("write `[{}]`", node.value.canonical()));
            }
            return self.say(error);
        };
        let n = items.len();
        if let Some(length) = length.filter(|it| *it != n) {
            return self.say(
                Diagnostic::error(format!("`{name}` takes {length} values"))
                    .at(span, format!("found {n}")),
            );
        }
        let mut i = 0;
        items.retain_mut(|it| {
            i += 1;
            self.fit(it, item, &format!("{name}[{}]", i - 1))
        });
        // What is left of a list may stand for it, but nothing is no list.
        length.is_none_or(|it| it == items.len()) && (n == 0 || !items.is_empty())
    }

    fn fit_record(&mut self, node: &mut Node, record: &Record, name: &str) -> bool {
        let span = node.span;
        let Value::Map(entries) = &mut node.value else {
            let mut error = wrong_type(node, &Grammar::Record(record.clone()), name);
            if let Some(fix) = only_field(node, record, name) {
                error = error.hint(fix);
            }
            return self.say(error);
        };
        self.rename_aliases(entries, record);
        let head = head(span, entries);
        let n = entries.len();
        let mut is_sound = true;
        let is_given = |name: &String| entries.iter().any(|it| it.key == *name);
        let missing: Vec<(&String, &Field)> = record
            .fields
            .iter()
            .filter(|(name, field)| field.is_required && !is_given(name))
            .collect();
        entries.retain_mut(|entry| {
            let Some(field) = record.fields.get(&entry.key) else {
                return self.say(unknown_field(entry, name, record.fields.keys()));
            };
            let fits = if !matches!(entry.node.value, Value::Null) {
                self.fit(&mut entry.node, &field.grammar, &entry.key)
            } else if field.is_nullable || field.grammar == Grammar::Any {
                true
            } else {
                self.say(
                    Diagnostic::error(format!("`{}` has no value", entry.key)).at(
                        entry.key_span,
                        format!("expected {}", expected(&field.grammar)),
                    ),
                )
            };
            is_sound &= fits || !field.is_required;
            fits
        });
        if entries.len() < n {
            self.pruned.insert(span);
        }
        for (missing, field) in missing {
            let mut error = Diagnostic::error(format!("`{name}` lacks `{missing}`")).at(
                head,
                format!("expected `{missing}:` with {}", expected(&field.grammar)),
            );
            if !field.doc.is_empty() {
                error = error.hint(format!("`{missing}`: {}", lower_first(&field.doc)));
            }
            is_sound = self.say(error);
        }
        is_sound
    }

    fn rename_aliases(&mut self, entries: &mut [Entry], record: &Record) {
        for (alias, name) in ALIASES {
            if !record.fields.contains_key(name) {
                continue;
            }
            let other = entries
                .iter()
                .find(|it| it.key == name)
                .map(|it| it.key_span);
            for entry in entries.iter_mut().filter(|it| it.key == alias) {
                if let Some(other) = other {
                    self.found.push(
                        Diagnostic::error(format!("`{alias}` is another word for `{name}`"))
                            .at(entry.key_span, "given again here")
                            .at(other, "first given here"),
                    );
                }
                name.clone_into(&mut entry.key);
            }
        }
    }

    fn fit_choice(&mut self, node: &mut Node, choice: &Choice, name: &str) -> bool {
        if let Value::Text(word) = &mut node.value
            && let Some((_, meant)) = ALIASES
                .iter()
                .find(|it| it.0 == word && choice.words.contains_key(it.1))
        {
            (*meant).clone_into(word);
        }
        match &mut node.value {
            Value::Text(word) => match choice.words.get(word.as_str()) {
                Some(None) => true,
                Some(Some(_)) if choice.stands_alone(word) => {
                    let entry = Entry {
                        key: std::mem::take(word),
                        key_span: node.span,
                        node: Node::new(node.span, Value::Map(Vec::new())),
                    };
                    node.value = Value::Map(vec![entry]);
                    true
                }
                Some(Some(options)) => {
                    let form = sample(word, options);
                    self.say(
                        Diagnostic::error(format!("`{word}` needs options"))
                            .at(node.span, "no options given")
                            .hint(format!("write `{form}`")),
                    )
                }
                None => self.say(unknown_word(node.span, word, choice, name)),
            },
            Value::Map(entries) => match entries.as_mut_slice() {
                [entry] => match choice.words.get(&entry.key) {
                    None => self.say(unknown_word(entry.key_span, &entry.key, choice, name)),
                    Some(None) => self.fit_bare_word(node),
                    Some(Some(options)) => {
                        if matches!(entry.node.value, Value::Null)
                            && choice.stands_alone(&entry.key)
                        {
                            entry.node.value = Value::Map(Vec::new());
                        }
                        let name = entry.key.clone();
                        self.fit(&mut entry.node, options, &name)
                    }
                },
                [] => self.say(
                    Diagnostic::error(format!("`{name}` is empty"))
                        .at(node.span, format!("expected {}", one_of(choice))),
                ),
                [first, second, ..] => {
                    let words = either(choice.words.keys().map(String::as_str));
                    self.say(
                        Diagnostic::error(format!("`{name}` takes exactly one of {words}"))
                            .at(second.key_span, "a second one")
                            .at(first.key_span, "the first one"),
                    )
                }
            },
            _ => self.say(wrong_type(node, &Grammar::Choice(choice.clone()), name)),
        }
    }

    /// `relu: {}` is the word `relu`.
    fn fit_bare_word(&mut self, node: &mut Node) -> bool {
        let Some(entry) = node.entries().first().cloned() else {
            return false;
        };
        let is_bare = match &entry.node.value {
            Value::Null => true,
            Value::Map(entries) => entries.is_empty(),
            _ => false,
        };
        node.value = Value::Text(entry.key.clone());
        is_bare
            || self.say(
                Diagnostic::error(format!("`{}` has no options", entry.key))
                    .at(entry.node.span, "not expected here")
                    .hint(format!("write `{}` alone", entry.key)),
            )
    }
}

/// Whether the value is of the type that a form wants, whatever is inside it.
fn has_form(node: &Node, grammar: &Grammar) -> bool {
    match (grammar, &node.value) {
        (Grammar::Any, _)
        | (Grammar::Bool, Value::Bool(_))
        | (Grammar::Int(_) | Grammar::Number(_), Value::Int(_))
        | (Grammar::Number(_), Value::Float(_))
        | (Grammar::Text, Value::Text(_))
        | (Grammar::Record(_) | Grammar::Map(_), Value::Map(_))
        | (Grammar::Choice(_), Value::Text(_) | Value::Map(_))
        | (Grammar::List(..), Value::List(_)) => true,
        (Grammar::Character, Value::Text(text)) => text.chars().count() == 1,
        (Grammar::Scalar(Notation::Reference), value) => matches!(value, Value::Text(_)),
        (Grammar::Scalar(_), value) => matches!(value, Value::Text(_) | Value::Int(_)),
        (Grammar::Either(forms), _) => forms.iter().any(|it| has_form(node, it)),
        _ => false,
    }
}

/// The form that is meant: of those that the node may have, the first that knows its keys.
fn fitting<'a>(node: &Node, forms: &'a [Grammar]) -> Option<&'a Grammar> {
    let mut fitting = forms.iter().filter(|it| has_form(node, it));
    let known = fitting.clone().find(|it| knows_keys(node, it));
    known.or_else(|| fitting.next())
}

fn knows_keys(node: &Node, grammar: &Grammar) -> bool {
    match grammar {
        Grammar::Record(record) => {
            let mut keys = node.entries().iter();
            keys.all(|it| record.fields.contains_key(&it.key))
        }
        Grammar::Either(forms) => forms
            .iter()
            .any(|it| has_form(node, it) && knows_keys(node, it)),
        _ => true,
    }
}

/// Where a record needs one field alone, and the value is of that field's type, it is meant.
fn only_field(node: &Node, record: &Record, name: &str) -> Option<String> {
    let mut required = record.fields.iter().filter(|it| it.1.is_required);
    let (field, _) = required.next().filter(|it| has_form(node, &it.1.grammar))?;
    if required.next().is_some() {
        return None;
    }
    let value = node.value.canonical();
    let is_plain = |c: char| !c.is_control() && !":#{}[],\"'&*!|>%@`$".contains(c);
    let value = match &node.value {
        Value::Text(text) if !text.chars().all(is_plain) => "…",
        _ => &value,
    };
    Some(format!("write `{name}: {{{field}: {value}}}`"))
}

/// Where a block begins: its first key, so that the caret does not run over all of it.
fn head(span: Span, entries: &[Entry]) -> Span {
    match entries.first() {
        Some(first) if first.key_span.start == span.start => first.key_span,
        _ => span,
    }
}

/// A tree that fits, as its type. What cannot happen after `fit` is still said.
pub fn decode<T: DeserializeOwned>(node: &Node, found: &mut Vec<Diagnostic>) -> Option<T> {
    if let Ok(value) = T::deserialize(node) {
        return Some(value);
    }
    let json: Json = node.to_json();
    match serde_path_to_error::deserialize(&json) {
        Ok(value) => Some(value),
        Err(error) => {
            let path: Vec<String> = error.path().iter().map(ToString::to_string).collect();
            let place = node.nearest(path.iter().map(String::as_str));
            found.push(
                Diagnostic::error(error.inner().to_string())
                    .at(place.span, format!("at `{}`", error.path())),
            );
            None
        }
    }
}
