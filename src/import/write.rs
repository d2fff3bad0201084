//! YAML for people: short lists on one line, texts plain where that is certain. Knows no field of the language.

use crate::spec::{Value, yaml};

/// Lines are kept below this where they can be.
const WIDTH: usize = 100;

/// A value to write.
#[derive(Clone, Debug, PartialEq)]
pub enum Yaml {
    Text(String),
    /// A number or boolean, as it is written.
    Plain(String),
    List(Vec<Yaml>),
    /// Texts, each on a line of its own.
    Lines(Vec<String>),
    /// One line where it fits.
    Map(Vec<(String, Yaml)>),
    /// A key a line.
    Block(Vec<(String, Yaml)>),
}

impl Yaml {
    pub fn texts(texts: impl IntoIterator<Item = String>) -> Self {
        Self::List(texts.into_iter().map(Self::Text).collect())
    }
}

/// A key with its value, as lines with their ends.
pub fn entry(key: &str, value: &Yaml, indent: usize) -> String {
    let margin = " ".repeat(indent);
    let start = format!("{margin}{}:", scalar(key, true));
    if let Yaml::Text(text) = value {
        return format!("{start} {}\n", block_text(text, indent));
    }
    if let Some(line) = flow(value) {
        let is_block = matches!(value, Yaml::Block(_) | Yaml::Lines(_));
        if !is_block && start.len() + 1 + line.chars().count() <= WIDTH {
            return format!("{start} {line}\n");
        }
    }
    let mut lines = format!("{start}\n");
    match value {
        Yaml::List(items) => {
            for item in items {
                let item = match item {
                    Yaml::Text(text) => block_text(text, indent + 2),
                    other => flow(other).unwrap_or_default(),
                };
                lines.push_str(&format!("{margin}  - {item}\n"));
            }
        }
        Yaml::Lines(items) => {
            for item in items {
                lines.push_str(&format!("{margin}  - {}\n", block_text(item, indent + 2)));
            }
        }
        Yaml::Map(entries) | Yaml::Block(entries) => {
            for (key, value) in entries {
                lines.push_str(&entry(key, value, indent + 2));
            }
        }
        Yaml::Text(_) | Yaml::Plain(_) => {}
    }
    lines
}

/// A value on one line; `None` where a text has several.
fn flow(value: &Yaml) -> Option<String> {
    Some(match value {
        Yaml::Plain(text) => text.clone(),
        Yaml::Text(text) if text.contains('\n') => return None,
        Yaml::Text(text) => scalar(text, true),
        Yaml::List(items) => {
            let items: Option<Vec<String>> = items.iter().map(flow).collect();
            format!("[{}]", items?.join(", "))
        }
        Yaml::Lines(_) => return None,
        Yaml::Map(entries) | Yaml::Block(entries) => {
            let entries: Option<Vec<String>> = entries
                .iter()
                .map(|(key, value)| Some(format!("{}: {}", scalar(key, true), flow(value)?)))
                .collect();
            format!("{{{}}}", entries?.join(", "))
        }
    })
}

/// A text behind a key or a dash; several lines as they are, where YAML lets them be.
fn block_text(text: &str, indent: usize) -> String {
    let body = text.trim_end_matches('\n');
    let ending = match text.len() - body.len() {
        0 => "|-",
        1 => "|",
        _ => return scalar(text, false),
    };
    let is_tame = body.contains('\n')
        && !body.starts_with([' ', '\n'])
        && body.chars().all(|c| c == '\n' || !c.is_control())
        && body.lines().all(|it| !it.ends_with(' '));
    if !is_tame {
        return scalar(text, false);
    }
    let margin = " ".repeat(indent + 2);
    let lines: Vec<String> = body
        .split('\n')
        .map(|it| {
            if it.is_empty() {
                String::new()
            } else {
                format!("{margin}{it}")
            }
        })
        .collect();
    let written = format!("{ending}\n{}", lines.join("\n"));
    if reads_as(
        &format!("{}k: {written}\n", " ".repeat(indent)),
        text,
        false,
    ) {
        written
    } else {
        scalar(text, false)
    }
}

/// A text on one line: plain where it is read back as itself, else quoted.
pub fn scalar(text: &str, is_flow: bool) -> String {
    let breaks = |it: char| "\n\t\r".contains(it) || is_flow && ",[]{}".contains(it);
    let is_candidate = !text.is_empty() && !text.contains(breaks);
    let document = if is_flow {
        format!("k: [{text}]\n")
    } else {
        format!("k: {text}\n")
    };
    if is_candidate && !is_like_a_word_of_yaml(text) && reads_as(&document, text, is_flow) {
        return text.to_owned();
    }
    serde_json::Value::from(text).to_string()
}

/// Words that other readers of YAML take for booleans.
fn is_like_a_word_of_yaml(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    ["yes", "no", "on", "off", "y", "n"].contains(&lower.as_str())
}

fn reads_as(document: &str, text: &str, is_flow: bool) -> bool {
    let Ok(tree) = yaml::read(document, 0) else {
        return false;
    };
    let read = tree.root.get("k").and_then(|it| {
        if is_flow {
            match it.items() {
                [single] => Some(single),
                _ => None,
            }
        } else {
            Some(it)
        }
    });
    tree.found.is_empty() && matches!(read.map(|it| &it.value), Some(Value::Text(it)) if it == text)
}

/// A comment's lines, none of them long.
pub fn comment(text: &str, indent: usize) -> String {
    let margin = " ".repeat(indent);
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.len() - 1;
        let length = indent + 2 + lines[last].chars().count() + 1 + word.chars().count();
        if lines[last].is_empty() {
            lines[last].push_str(word);
        } else if length <= WIDTH {
            lines[last].push(' ');
            lines[last].push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    let start = format!("{margin}# ");
    format!("{start}{}\n", lines.join(&format!("\n{start}")))
}
