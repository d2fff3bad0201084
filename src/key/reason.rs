//! Reasons in users' words: `changed: lr 0.001 → 0.01`. Knows only what a `Reason` says.

use pipe_schema::{run::Reason, text::one_line};
use serde_json::Value;

/// Longest value that is shown in full.
const MAX_CHARS: usize = 40;

/// One reason, for a line of its own.
pub fn text(reason: &Reason) -> String {
    match reason {
        Reason::NeverRun => "never run".to_owned(),
        Reason::Changed { part, old, new } => {
            format!("changed: {}", change(part, old.as_ref(), new.as_ref()))
        }
        Reason::RecordMissing => "its record was removed".to_owned(),
        Reason::OutputDamaged { output, what } => format!("output `{output}` is damaged: {what}"),
        Reason::Revoked { because } => format!("taken back: {because}"),
        Reason::NotCached => "cache: false".to_owned(),
        Reason::Forced => "forced".to_owned(),
        Reason::Compared => "made again to compare it with its result".to_owned(),
    }
}

/// The files in which two executions of the same action differed: `a.bin` had other bytes than …
pub fn reproducibility(differing: &[String]) -> String {
    let names: Vec<String> = differing.iter().map(|name| format!("`{name}`")).collect();
    let (verb, names) = (
        if names.len() == 1 { "has" } else { "have" },
        names.join(", "),
    );
    format!("{names} {verb} other bytes than in another execution under the same key")
}

/// All reasons of a stage on one line; of many changes the first three.
pub fn summary(reasons: &[Reason]) -> String {
    let mut changes = Vec::new();
    let mut texts = Vec::new();
    for reason in reasons {
        match reason {
            Reason::Changed { part, old, new } => {
                changes.push(change(part, old.as_ref(), new.as_ref()));
            }
            _ => texts.push(text(reason)),
        }
    }
    changes.dedup();
    let more = changes.len().saturating_sub(3);
    changes.truncate(3);
    if more > 0 {
        changes.push(format!("and {more} more"));
    }
    if !changes.is_empty() {
        texts.insert(0, format!("changed: {}", changes.join(", ")));
    }
    one_line(&texts.join("; ")).into_owned()
}

/// The part's path as `explain` heads its two values: `optimizer.adam.lr`, `source data/digits.csv`, `env X`.
pub fn part_name(part: &str) -> String {
    match part.split_once('.') {
        Some(("config", path)) => path.to_owned(),
        Some(("inputs", role)) => input_name(role),
        Some(("env", name)) => format!("env {name}"),
        Some(("tools", name)) => format!("tool {name}"),
        Some(("outputs", name)) => format!("output {name}"),
        Some(("environment", name)) => name.replace('_', " "),
        None if part == "revision" => "pipe's way of doing it".to_owned(),
        _ => part.to_owned(),
    }
}

/// A value as it is shown beside a part: digests short, texts bare, long ones cut.
pub fn value_text(value: &Value) -> String {
    let text = match value {
        Value::String(text) if is_digest(text) => return text[..12].to_owned(),
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) => text.replace('\n', "⏎"),
        Value::Object(entries) if entries.len() == 1 => {
            entries.keys().next().cloned().unwrap_or_default()
        }
        _ => value.to_string(),
    };
    if text.chars().count() <= MAX_CHARS {
        return text;
    }
    let mut cut: String = text.chars().take(MAX_CHARS - 1).collect();
    cut.push('…');
    cut
}

fn change(part: &str, old: Option<&Value>, new: Option<&Value>) -> String {
    let name = match part.split_once('.') {
        Some(("config", path)) => last_word(path),
        _ => part_name(part),
    };
    let is_content = part.starts_with("inputs.");
    match (old, new) {
        (Some(_), Some(_)) if is_content => name,
        (Some(old), Some(new)) => {
            let (old, new) = (value_text(old), value_text(new));
            if old == new {
                // Cut alike, or the same word with other options: the values would say nothing.
                name
            } else {
                format!("{name} {old} → {new}")
            }
        }
        (None, Some(_)) if is_content => format!("{name} (new)"),
        (Some(_), None) if is_content => format!("{name} (no longer read)"),
        (None, Some(new)) => format!("{name} not set → {}", value_text(new)),
        (Some(old), None) => format!("{name} {} → not set", value_text(old)),
        (None, None) => name,
    }
}

/// `optimizer.adam.lr` -> `lr`; `model.mlp.hidden.0` -> `hidden[0]`.
fn last_word(path: &str) -> String {
    let mut places = String::new();
    for word in path.rsplit('.') {
        if word.bytes().all(|it| it.is_ascii_digit()) {
            places.insert_str(0, &format!("[{word}]"));
        } else {
            return format!("{word}{places}");
        }
    }
    path.to_owned()
}

/// `source/0 data/digits.csv` -> `source data/digits.csv`; `dep/prepare.py` -> `dep prepare.py`.
fn input_name(role: &str) -> String {
    match role.split_once(' ') {
        // Names of files may have spaces.
        _ if role.starts_with("dep/") => role.replacen('/', " ", 1),
        Some((role, place)) => {
            let word = role.split('/').next().unwrap_or(role);
            format!("{word} {place}")
        }
        None => role.replacen('/', " ", 1),
    }
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|it| it.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_named_by_their_place() {
        for (role, name) in [
            ("source/0 data/my digits.csv", "source data/my digits.csv"),
            ("dep/clean it.py", "dep clean it.py"),
            ("inputs/table", "inputs table"),
            ("data", "data"),
        ] {
            assert_eq!(input_name(role), name);
        }
    }
}
