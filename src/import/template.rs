//! DVC's templates: `${a.b[0]}` in text, and the text that values have in it. Knows text and values, not where they are.

use crate::spec::{Node, Value};

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// As it is in the end: `\${` is `${` already.
    Text(String),
    /// What stands between the braces.
    Name(String),
}

/// How maps become flags of a command: `parsing` of DVC's configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parsing {
    /// `bool = boolean_optional`: false is `--no-flag`.
    pub has_no_flags: bool,
    /// `list = append`: the flag is repeated.
    pub repeats_flags: bool,
}

impl Parsing {
    /// Reads `.dvc/config`.
    pub fn read(text: &str) -> Self {
        let mut parsing = Self::default();
        let mut is_inside = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with('[') {
                is_inside = line.trim_matches(['[', ']']).trim() == "parsing";
            } else if let Some((name, value)) = line.split_once('=').filter(|_| is_inside) {
                match (name.trim(), value.trim()) {
                    ("bool", "boolean_optional") => parsing.has_no_flags = true,
                    ("list", "append") => parsing.repeats_flags = true,
                    _ => {}
                }
            }
        }
        parsing
    }
}

/// Takes a text apart.
pub fn split(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        if let Some(before) = before.strip_suffix('\\') {
            plain.push_str(before);
            plain.push_str("${");
            rest = &from[2..];
            continue;
        }
        plain.push_str(before);
        let line = from.split('\n').next().unwrap_or(from);
        let Some(end) = line.find('}') else {
            plain.push_str("${");
            rest = &from[2..];
            continue;
        };
        if !plain.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
        }
        pieces.push(Piece::Name(from[2..end].to_owned()));
        rest = &from[end + 1..];
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    pieces
}

/// The keys and indices of a name; `None` where one of them is empty.
pub fn steps(name: &str) -> Option<Vec<String>> {
    let dotted = name.replace('[', ".").replace(']', "");
    let steps: Vec<String> = dotted.split('.').map(|it| it.trim().to_owned()).collect();
    steps.iter().all(|it| !it.is_empty()).then_some(steps)
}

/// Whether a template anywhere in a value begins with this name.
pub fn mentions(node: &Node, name: &str) -> bool {
    any_name(node, &|it| steps(it).is_some_and(|it| it[0] == name))
}

/// Whether there is a template anywhere in a value.
pub fn has_names(node: &Node) -> bool {
    any_name(node, &|_| true)
}

fn any_name(node: &Node, is_meant: &dyn Fn(&str) -> bool) -> bool {
    let in_text = |text: &str| {
        split(text).iter().any(|piece| match piece {
            Piece::Name(it) => is_meant(it),
            Piece::Text(_) => false,
        })
    };
    match &node.value {
        Value::Text(text) => in_text(text),
        Value::List(items) => items.iter().any(|it| any_name(it, is_meant)),
        Value::Map(entries) => entries
            .iter()
            .any(|it| in_text(&it.key) || any_name(&it.node, is_meant)),
        _ => false,
    }
}

/// The text of a scalar inside other text. Numbers are written as Python writes them.
pub fn text_of(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Float(it) => float(*it),
        other => other.canonical(),
    }
}

/// Whether a spec writes a scalar in the same way.
pub fn is_alike(value: &Value) -> bool {
    match value {
        Value::Null => false,
        other => other.canonical() == text_of(other),
    }
}

/// The shortest text that reads back as the number; with an exponent below 1e-4 and from 1e16 on.
fn float(number: f64) -> String {
    if !number.is_finite() {
        let sign = if number < 0.0 { "-" } else { "" };
        return if number.is_nan() {
            "nan".to_owned()
        } else {
            format!("{sign}inf")
        };
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if number != 0.0 && !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    let plain = number.to_string();
    if plain.contains('.') {
        plain
    } else {
        format!("{plain}.0")
    }
}

/// A part of the flags that a map becomes.
#[derive(Clone, Debug, PartialEq)]
pub enum Flag<'n> {
    Text(String),
    /// A value, by its keys below the map.
    Value(Vec<String>, &'n Node),
}

/// The flags of a map: `--lr 0.1 --sizes 1 2 --verbose`. `Err` names what cannot be one.
pub fn flags(node: &Node, parsing: Parsing) -> Result<Vec<Flag<'_>>, String> {
    let mut leaves = Vec::new();
    collect(node, &mut Vec::new(), &mut leaves);
    let mut found = Vec::new();
    for (keys, leaf) in leaves {
        let name = keys.join(".");
        let mut words: Vec<Flag<'_>> = Vec::new();
        match &leaf.value {
            Value::Bool(true) => words.push(Flag::Text(format!("--{name}"))),
            Value::Bool(false) if parsing.has_no_flags => {
                words.push(Flag::Text(format!("--no-{name}")));
            }
            Value::Bool(false) => {}
            Value::List(items) => {
                for (i, item) in items.iter().enumerate() {
                    if matches!(item.value, Value::List(_) | Value::Map(_)) {
                        return Err(name);
                    }
                    if i == 0 || parsing.repeats_flags {
                        words.push(Flag::Text(format!("--{name}")));
                    }
                    let mut keys = keys.clone();
                    keys.push(i.to_string());
                    words.push(Flag::Value(keys, item));
                }
            }
            _ => {
                words.push(Flag::Text(format!("--{name}")));
                words.push(Flag::Value(keys, leaf));
            }
        }
        for word in words {
            if !found.is_empty() {
                found.push(Flag::Text(" ".to_owned()));
            }
            found.push(word);
        }
    }
    Ok(found)
}

fn collect<'n>(node: &'n Node, keys: &mut Vec<String>, leaves: &mut Vec<(Vec<String>, &'n Node)>) {
    match &node.value {
        Value::Map(entries) => {
            for entry in entries {
                keys.push(entry.key.clone());
                collect(&entry.node, keys, leaves);
                keys.pop();
            }
        }
        _ => leaves.push((keys.clone(), node)),
    }
}
