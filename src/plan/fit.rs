//! A value beside what is legal in its place: every difference is reported, not only the first.
//! Short forms are written out on the way. Knows the grammar; not vars, not stages.

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::grammar::{ALIASES, Bounds, Choice, Grammar, Notation, Record};
use crate::spec::{
    Diagnostic, Entry, Node, Value,
    suggest::{list, nearest},
};

/// Compares a value with what is legal, reports differences and writes short forms out.
/// `name` is what the value is called in messages.
pub fn fit(node: &mut Node, grammar: &Grammar, name: &str, found: &mut Vec<Diagnostic>) {
    match grammar {
        Grammar::Any => fit_any(node, found),
        Grammar::Record(record) => fit_record(node, record, name, found),
        Grammar::Choice(choice) => fit_choice(node, choice, name, found),
        Grammar::List(item, length) => fit_list(node, item, *length, name, found),
        Grammar::Map(inner) => {
            if let Value::Map(entries) = &mut node.value {
                for entry in entries {
                    let name = format!("{name}.{}", entry.key);
                    fit(&mut entry.node, inner, &name, found);
                }
            } else {
                found.push(wrong_type(node, grammar, name));
            }
        }
        Grammar::Either(forms) => match forms.iter().find(|it| has_form(node, it)) {
            Some(form) => fit(node, form, name, found),
            None => found.push(wrong_type(node, grammar, name)),
        },
        Grammar::Int(bounds) => match node.value {
            Value::Int(it) => fit_bounds(node, it as f64, bounds, name, found),
            _ => found.push(wrong_type(node, grammar, name)),
        },
        Grammar::Number(bounds) => match node.value {
            Value::Int(it) => fit_bounds(node, it as f64, bounds, name, found),
            Value::Float(it) if it.is_finite() => fit_bounds(node, it, bounds, name, found),
            _ => found.push(wrong_type(node, grammar, name)),
        },
        Grammar::Scalar(notation) => {
            if !notation.accepts(&node.to_json()) {
                found.push(wrong_type(node, grammar, name));
            }
        }
        Grammar::Bool | Grammar::Text | Grammar::Character => {
            if !has_form(node, grammar) {
                found.push(wrong_type(node, grammar, name));
            }
        }
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

/// JSON has no number that is not finite, so none is legal anywhere.
fn fit_any(node: &Node, found: &mut Vec<Diagnostic>) {
    match &node.value {
        Value::Float(it) if !it.is_finite() => {
            found.push(
                Diagnostic::error("a number must be finite")
                    .at(node.span, format!("found `{}`", node.value.canonical()))
                    .at_some(node.origin, "set here"),
            );
        }
        Value::List(items) => items.iter().for_each(|it| fit_any(it, found)),
        Value::Map(entries) => entries.iter().for_each(|it| fit_any(&it.node, found)),
        _ => {}
    }
}

fn fit_bounds(node: &Node, value: f64, bounds: &Bounds, name: &str, found: &mut Vec<Diagnostic>) {
    if !bounds.contain(value) {
        let range = bounds
            .describe()
            .unwrap_or_else(|| format!("at most {}", u32::MAX));
        found.push(
            Diagnostic::error(format!("`{name}` must be {range}"))
                .at(node.span, format!("found {}", node.value.describe()))
                .at_some(node.origin, "set here"),
        );
    }
}

fn fit_list(
    node: &mut Node,
    item: &Grammar,
    length: Option<usize>,
    name: &str,
    found: &mut Vec<Diagnostic>,
) {
    let Value::List(items) = &mut node.value else {
        let mut error = wrong_type(node, &Grammar::List(Box::new(item.clone()), length), name);
        if has_form(node, item) && length.is_none() && !matches!(node.value, Value::Map(_)) {
            error = error.hint(format!("write `[{}]`", node.value.canonical()));
        }
        return found.push(error);
    };
    if let Some(length) = length.filter(|it| *it != items.len()) {
        let n = items.len();
        return found.push(
            Diagnostic::error(format!("`{name}` takes {length} values"))
                .at(node.span, format!("found {n}")),
        );
    }
    for (i, it) in items.iter_mut().enumerate() {
        fit(it, item, &format!("{name}[{i}]"), found);
    }
}

fn fit_record(node: &mut Node, record: &Record, name: &str, found: &mut Vec<Diagnostic>) {
    let span = node.span;
    let Value::Map(entries) = &mut node.value else {
        return found.push(wrong_type(node, &Grammar::Record(record.clone()), name));
    };
    rename_aliases(entries, record, found);
    for entry in entries.iter_mut() {
        let Some(field) = record.fields.get(&entry.key) else {
            found.push(unknown_field(entry, name, record.fields.keys()));
            continue;
        };
        if matches!(entry.node.value, Value::Null) {
            if !field.is_nullable && field.grammar != Grammar::Any {
                let expected = expected(&field.grammar);
                found.push(
                    Diagnostic::error(format!("`{}` has no value", entry.key))
                        .at(entry.key_span, format!("expected {expected}")),
                );
            }
            continue;
        }
        fit(&mut entry.node, &field.grammar, &entry.key, found);
    }
    for (missing, field) in &record.fields {
        let is_missing = field.is_required && !entries.iter().any(|it| it.key == *missing);
        if is_missing {
            let mut error = Diagnostic::error(format!("`{name}` lacks `{missing}`")).at(
                head(span, entries),
                format!("expected `{missing}:` with {}", expected(&field.grammar)),
            );
            if !field.doc.is_empty() {
                error = error.hint(format!("`{missing}`: {}", lower_first(&field.doc)));
            }
            found.push(error);
        }
    }
}

/// Where a block begins: its first key, so that the caret does not run over all of it.
fn head(span: crate::spec::Span, entries: &[Entry]) -> crate::spec::Span {
    match entries.first() {
        Some(first) if first.key_span.start == span.start => first.key_span,
        _ => span,
    }
}

/// An unknown field of a block, with the legal ones.
pub fn unknown_field<'a>(
    entry: &Entry,
    block: &str,
    legal: impl Iterator<Item = &'a String> + Clone,
) -> Diagnostic {
    let near = nearest(&entry.key, legal.clone().map(String::as_str));
    let error = Diagnostic::error(format!("unknown field `{}` in `{block}`", entry.key));
    match near {
        Some(near) => error
            .at(entry.key_span, format!("did you mean `{near}`?"))
            .hint(format!("legal here: {}", list(legal.map(String::as_str)))),
        None => error
            .at(entry.key_span, "unknown field")
            .hint(format!("legal here: {}", list(legal.map(String::as_str)))),
    }
}

fn rename_aliases(entries: &mut [Entry], record: &Record, found: &mut Vec<Diagnostic>) {
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
                found.push(
                    Diagnostic::error(format!("`{alias}` is another word for `{name}`"))
                        .at(entry.key_span, "given again here")
                        .at(other, "first given here"),
                );
            }
            name.clone_into(&mut entry.key);
        }
    }
}

fn fit_choice(node: &mut Node, choice: &Choice, name: &str, found: &mut Vec<Diagnostic>) {
    if let Value::Text(word) = &mut node.value {
        if let Some((_, meant)) = ALIASES
            .iter()
            .find(|it| it.0 == word && choice.words.contains_key(it.1))
        {
            (*meant).clone_into(word);
        }
    }
    match &mut node.value {
        Value::Text(word) => match choice.words.get(word.as_str()) {
            Some(None) => {}
            Some(Some(_)) if choice.stands_alone(word) => {
                let entry = Entry {
                    key: std::mem::take(word),
                    key_span: node.span,
                    node: Node::new(node.span, Value::Map(Vec::new())),
                };
                node.value = Value::Map(vec![entry]);
            }
            Some(Some(options)) => {
                let form = sample(word, options);
                found.push(
                    Diagnostic::error(format!("`{word}` needs options"))
                        .at(node.span, "no options given")
                        .hint(format!("write `{form}`")),
                );
            }
            None => found.push(unknown_word(node.span, word, choice, name)),
        },
        Value::Map(entries) => match entries.as_mut_slice() {
            [entry] => match choice.words.get(&entry.key) {
                None => found.push(unknown_word(entry.key_span, &entry.key, choice, name)),
                Some(None) => {
                    if !matches!(entry.node.value, Value::Null) && !entry.node.entries().is_empty()
                    {
                        found.push(
                            Diagnostic::error(format!("`{}` has no options", entry.key))
                                .at(entry.node.span, "not expected here")
                                .hint(format!("write `{}` alone", entry.key)),
                        );
                    }
                    node.value = Value::Text(entry.key.clone());
                }
                Some(Some(options)) => {
                    if matches!(entry.node.value, Value::Null) && choice.stands_alone(&entry.key) {
                        entry.node.value = Value::Map(Vec::new());
                    }
                    fit(&mut entry.node, options, &entry.key, found);
                }
            },
            [] => found.push(
                Diagnostic::error(format!("`{name}` is empty"))
                    .at(node.span, format!("expected {}", one_of(choice))),
            ),
            [_, second, ..] => {
                let span = second.key_span;
                found.push(
                    Diagnostic::error(format!("`{name}` takes exactly one of {}", words(choice)))
                        .at(span, "a second one")
                        .at(entries[0].key_span, "the first one"),
                );
            }
        },
        _ => found.push(wrong_type(node, &Grammar::Choice(choice.clone()), name)),
    }
}

fn unknown_word(span: crate::spec::Span, word: &str, choice: &Choice, name: &str) -> Diagnostic {
    let near = nearest(word, choice.words.keys().map(String::as_str));
    let label = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "not known".to_owned(),
    };
    Diagnostic::error(format!("unknown `{name}`: `{word}`"))
        .at(span, label)
        .hint(format!("legal here: {}", words(choice)))
}

fn words(choice: &Choice) -> String {
    list(choice.words.keys().map(String::as_str))
}

fn one_of(choice: &Choice) -> String {
    match choice.words.len() {
        1 => words(choice),
        _ => format!("one of {}", words(choice)),
    }
}

/// A value of another type than its place wants, with the fix where it is plain.
fn wrong_type(node: &Node, grammar: &Grammar, name: &str) -> Diagnostic {
    let error = Diagnostic::error(format!("`{name}` must be {}", expected(grammar)))
        .at(node.span, format!("found {}", node.value.describe()))
        .at_some(node.origin, "set here");
    match fix(&node.value, grammar) {
        Some(fix) => error.hint(fix),
        None => error,
    }
}

fn fix(value: &Value, grammar: &Grammar) -> Option<String> {
    let is_int = matches!(
        grammar,
        Grammar::Int(_) | Grammar::Scalar(Notation::BatchSize | Notation::ByteSize)
    );
    match (grammar, value) {
        (_, Value::Float(it)) if is_int && it.fract() == 0.0 && it.abs() < 1e15 => Some(format!(
            "a whole number has no point and no exponent: write `{it:.0}`"
        )),
        (Grammar::Int(_) | Grammar::Number(_) | Grammar::Bool, Value::Text(text)) => {
            let meant = crate::spec::yaml::value_of(text);
            let is_meant = match grammar {
                Grammar::Bool => matches!(meant, Value::Bool(_)),
                _ => matches!(meant, Value::Int(_) | Value::Float(_)),
            };
            match (grammar, text.to_lowercase().as_str()) {
                _ if is_meant => Some(format!("remove the quotes: `{text}`")),
                (Grammar::Bool, "yes" | "on") => Some("write `true`".to_owned()),
                (Grammar::Bool, "no" | "off") => Some("write `false`".to_owned()),
                _ => None,
            }
        }
        (Grammar::Scalar(Notation::Duration), Value::Int(it)) => {
            Some(format!("give the unit: `{it}s` or `{it}m`"))
        }
        (
            Grammar::Text | Grammar::Scalar(Notation::Reference),
            Value::Int(_) | Value::Float(_) | Value::Bool(_),
        ) => Some(format!("quote it: `\"{}\"`", value.canonical())),
        (Grammar::Int(_) | Grammar::Number(_) | Grammar::Text, Value::Map(entries)) => {
            match entries.as_slice() {
                [only] if matches!(only.node.value, Value::Null) => Some(format!(
                    "braces alone make a map; a var is written `\"${{{}}}\"`",
                    only.key
                )),
                _ => None,
            }
        }
        _ => None,
    }
}

/// What is legal, in words.
pub fn expected(grammar: &Grammar) -> String {
    match grammar {
        Grammar::Any => "a value".to_owned(),
        Grammar::Bool => "`true` or `false`".to_owned(),
        Grammar::Int(_) => "a whole number".to_owned(),
        Grammar::Number(_) => "a number".to_owned(),
        Grammar::Text => "text".to_owned(),
        Grammar::Character => "one character".to_owned(),
        Grammar::Scalar(notation) => notation.expected().to_owned(),
        Grammar::Record(record) => match record.fields.keys().next() {
            Some(_) => format!(
                "a map with {}",
                list(record.fields.keys().map(String::as_str))
            ),
            None => "a map".to_owned(),
        },
        Grammar::Choice(choice) => one_of(choice),
        Grammar::List(item, None) => format!("a list, each item {}", expected(item)),
        Grammar::List(item, Some(n)) => format!("a list of {n}, each {}", expected(item)),
        Grammar::Map(_) => "a map".to_owned(),
        Grammar::Either(forms) => {
            let forms: Vec<String> = forms.iter().map(expected).collect();
            forms.join(", or ")
        }
    }
}

/// `{linear: {out_features: …}}`
fn sample(word: &str, options: &Grammar) -> String {
    let inside = match options {
        Grammar::Record(record) => {
            let required: Vec<String> = record
                .fields
                .iter()
                .filter(|(_, it)| it.is_required)
                .map(|(name, _)| format!("{name}: …"))
                .collect();
            format!("{{{}}}", required.join(", "))
        }
        Grammar::List(..) => "[…]".to_owned(),
        _ => "…".to_owned(),
    };
    format!("{{{word}: {inside}}}")
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|it| it.to_lowercase().to_string());
    first.unwrap_or_default() + chars.as_str().trim_end_matches('.')
}

/// A tree that fits, as its type. What cannot happen after `fit` is still said.
pub fn decode<T: DeserializeOwned>(node: &Node, found: &mut Vec<Diagnostic>) -> Option<T> {
    let json: Json = node.to_json();
    if let Ok(value) = T::deserialize(&json) {
        return Some(value);
    }
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
