//! What is said where a value does not fit: what was found, what is legal, the fix where it is plain.

use crate::{
    plan::grammar::{self, Choice, Grammar, Notation},
    spec::{
        Diagnostic, Entry, Node, Span, Value,
        suggest::{either, list, nearest},
    },
};

/// An unknown field of a block, with the legal ones.
pub fn unknown_field<'a>(
    entry: &Entry,
    block: &str,
    legal: impl Iterator<Item = &'a String> + Clone,
) -> Diagnostic {
    if grammar::block(block).is_some() && grammar::control().fields.contains_key(&entry.key) {
        return Diagnostic::error(format!(
            "`{}` stands beside `{block}`, not inside it",
            entry.key
        ))
        .at(entry.key_span, "a control key")
        .hint(format!("indent it two spaces less, as far as `{block}`"));
    }
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

pub fn unknown_word(span: Span, word: &str, choice: &Choice, name: &str) -> Diagnostic {
    let near = nearest(word, choice.words.keys().map(String::as_str));
    let label = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "not known".to_owned(),
    };
    let title = match one(name) {
        // Of a step's field of that name.
        "unknown" => format!("`unknown` cannot be `{word}`"),
        name => format!("unknown {name} `{word}`"),
    };
    Diagnostic::error(title)
        .at(span, label)
        .hint(format!("legal here: {}", words(choice)))
}

/// `steps[2]` is a step.
fn one(name: &str) -> &str {
    match name.split_once('[') {
        None => name,
        Some((list, _)) if list.ends_with("sses") => list.trim_end_matches("es"),
        Some((list, _)) => list.trim_end_matches('s'),
    }
}

fn words(choice: &Choice) -> String {
    list(choice.words.keys().map(String::as_str))
}

pub fn one_of(choice: &Choice) -> String {
    match choice.words.len() {
        1 => words(choice),
        _ => either(choice.words.keys().map(String::as_str)),
    }
}

/// A value of another type than its place wants, with the fix where it is plain.
pub fn wrong_type(node: &Node, grammar: &Grammar, name: &str) -> Diagnostic {
    let wanted = match node.value {
        Value::Float(it) if !it.is_finite() && matches!(grammar, Grammar::Number(_)) => {
            "a finite number".to_owned()
        }
        _ => expected(grammar),
    };
    let error = Diagnostic::error(format!("`{name}` must be {wanted}"))
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
        (Grammar::Text | Grammar::Scalar(Notation::Reference), Value::Map(entries)) => {
            match entries.as_slice() {
                [only] if matches!(only.node.value, Value::Null) => {
                    Some(format!("braces make a map: write `{}` alone", only.key))
                }
                _ => None,
            }
        }
        (Grammar::Int(_) | Grammar::Number(_), Value::Map(entries)) => match entries.as_slice() {
            [only] if matches!(only.node.value, Value::Null) => Some(format!(
                "braces alone make a map; a var is written `\"${{{}}}\"`",
                only.key
            )),
            _ => None,
        },
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
pub fn sample(word: &str, options: &Grammar) -> String {
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

pub fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|it| it.to_lowercase().to_string());
    first.unwrap_or_default() + chars.as_str().trim_end_matches('.')
}
