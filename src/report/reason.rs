//! Why a stage must run, in users' words. Knows the paths of a key's parts; not how they are compared.

use pipe_schema::run::Reason;
use serde_json::Value;

/// How many changes a line names before it only counts them.
const SHOWN: usize = 3;

/// All reasons on one line: `changed: lr 0.001 → 0.01, data/train`.
pub fn line(reasons: &[Reason]) -> String {
    let changes: Vec<String> = reasons.iter().filter_map(change).collect();
    let mut parts: Vec<String> = reasons
        .iter()
        .filter(|it| change(it).is_none())
        .map(text)
        .collect();
    parts.dedup();
    if !changes.is_empty() {
        let more = changes.len().saturating_sub(SHOWN);
        let mut shown = changes[..changes.len().min(SHOWN)].join(", ");
        if more > 0 {
            shown = format!("{shown} and {more} more");
        }
        parts.push(format!("changed: {shown}"));
    }
    parts.join("; ")
}

/// One reason in words.
pub fn text(reason: &Reason) -> String {
    match reason {
        Reason::NeverRun => "never run".to_owned(),
        Reason::Changed { .. } => change(reason).unwrap_or_default(),
        Reason::RecordMissing => "its result was removed from the store".to_owned(),
        Reason::OutputDamaged { output, what } if output == "main" => {
            format!("its output was damaged: {what}")
        }
        Reason::OutputDamaged { output, what } => {
            format!("its output `{output}` was damaged: {what}")
        }
        Reason::NotCached => "always run (`cache: false`)".to_owned(),
        Reason::Forced => "forced".to_owned(),
    }
}

fn change(reason: &Reason) -> Option<String> {
    let Reason::Changed { part, old, new } = reason else {
        return None;
    };
    let name = part_name(part);
    let is_content = [old, new].into_iter().flatten().all(is_digest);
    Some(match (old, new) {
        (Some(_), Some(_)) if is_content => name,
        (Some(old), Some(new)) => format!("{name} {} → {}", value(old), value(new)),
        (None, Some(_)) if is_content => format!("{name} is new"),
        (None, Some(new)) => format!("{name} {} is new", value(new)),
        (Some(_), None) => format!("{name} is gone"),
        (None, None) => name,
    })
}

/// A part's name for people: `config.optimizer.adamw.lr` is `lr`, `inputs.dep/prepare.py` is `prepare.py`.
pub fn part_name(part: &str) -> String {
    let Some((head, tail)) = part.split_once('.') else {
        return match part {
            "revision" => "what this kind means in pipe".to_owned(),
            "until" => "the epoch it stops at".to_owned(),
            _ => part.to_owned(),
        };
    };
    match head {
        "config" => {
            let mut words = tail.rsplit('.');
            let last = words.next().unwrap_or(tail);
            match words.next() {
                Some(list) if last.bytes().all(|it| it.is_ascii_digit()) => {
                    format!("{list}[{last}]")
                }
                _ => last.to_owned(),
            }
        }
        "inputs" => tail.strip_prefix("dep/").unwrap_or(tail).to_owned(),
        "outputs" => format!("output {tail}"),
        "env" => format!("${tail}"),
        "tools" | "environment" => tail.to_owned(),
        _ => part.to_owned(),
    }
}

/// A value on one line; content is named by the start of its digest.
pub fn value(value: &Value) -> String {
    match value {
        Value::String(text) if is_digest(value) => text[..12].to_owned(),
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) => shortened(
            text.lines().next().unwrap_or_default(),
            text.lines().count() > 1,
        ),
        other => shortened(&other.to_string(), false),
    }
}

fn shortened(text: &str, is_cut: bool) -> String {
    const LONGEST: usize = 48;
    if text.chars().count() > LONGEST {
        format!("{}…", text.chars().take(LONGEST - 1).collect::<String>())
    } else if is_cut {
        format!("{text}…")
    } else {
        text.to_owned()
    }
}

fn is_digest(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|it| it.len() == 64 && it.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn changed(part: &str, old: Value, new: Value) -> Reason {
        let known = |it: Value| (!it.is_null()).then_some(it);
        Reason::Changed {
            part: part.to_owned(),
            old: known(old),
            new: known(new),
        }
    }

    #[test]
    fn a_knob_is_named_with_old_and_new() {
        let reason = changed("config.optimizer.adamw.lr", json!(0.001), json!(0.01));
        assert_eq!(line(&[reason]), "changed: lr 0.001 → 0.01");
        let reason = changed("config.model.mlp.hidden.0", json!(64), json!(32));
        assert_eq!(line(&[reason]), "changed: hidden[0] 64 → 32");
    }

    #[test]
    fn content_is_named_without_its_digests() {
        let (old, new) = ("a".repeat(64), "b".repeat(64));
        let reasons = [
            changed("inputs.data/train", json!(old), json!(new)),
            changed("inputs.dep/prepare.py", json!(old), json!(new)),
            changed("env.MODE", json!("a"), Value::Null),
        ];
        assert_eq!(
            line(&reasons),
            "changed: data/train, prepare.py, $MODE is gone"
        );
    }

    #[test]
    fn many_changes_are_counted() {
        let reasons: Vec<_> = (0..5)
            .map(|i| changed(&format!("config.x{i}"), json!(1), json!(2)))
            .collect();
        assert_eq!(
            line(&reasons),
            "changed: x0 1 → 2, x1 1 → 2, x2 1 → 2 and 2 more"
        );
        assert_eq!(line(&[Reason::NeverRun]), "never run");
        assert_eq!(line(&[]), "");
    }

    #[test]
    fn long_and_multiline_values_stay_on_a_line() {
        assert_eq!(value(&json!("first\nsecond")), "first…");
        assert_eq!(value(&json!("x".repeat(99))).chars().count(), 48);
    }
}
