//! What a dvc.yaml may have, and of which form. Says all that is wrong at once; knows forms, not meanings.

use crate::spec::{Diagnostic, Entry, Node, Value, suggest::unknown};

const TOP: [&str; 7] = [
    "stages",
    "vars",
    "params",
    "metrics",
    "plots",
    "artifacts",
    "datasets",
];
const STAGE: [&str; 13] = [
    "cmd",
    "wdir",
    "matrix",
    "deps",
    "params",
    "vars",
    "outs",
    "metrics",
    "plots",
    "frozen",
    "always_changed",
    "desc",
    "meta",
];
const OUT: [&str; 9] = [
    "cache",
    "persist",
    "push",
    "remote",
    "desc",
    "type",
    "labels",
    "meta",
    "checkpoint",
];
const PLOT: [&str; 7] = [
    "template", "x", "y", "x_label", "y_label", "title", "header",
];

/// Finds what is wrong with the form of a dvc.yaml.
pub fn check(root: &Node, found: &mut Vec<Diagnostic>) {
    if !expect(root, "a dvc.yaml", Form::Map, found) {
        return;
    }
    for entry in root.entries() {
        match entry.key.as_str() {
            "vars" | "plots" => list(entry, Form::TextOrMap, found),
            "params" | "metrics" => list(entry, Form::Text, found),
            "stages" | "artifacts" => {
                expect(&entry.node, &entry.key, Form::Map, found);
            }
            "datasets" => {}
            _ => found.push(unknown("field", &entry.key, &TOP, entry.key_span)),
        }
    }
    let stages = root.get("stages").map_or(&[][..], Node::entries);
    if stages.is_empty() {
        found.push(
            Diagnostic::error("there are no stages")
                .at(root.span, "nothing to import")
                .hint("a dvc.yaml has them under `stages`"),
        );
    }
    for entry in stages {
        if !expect(&entry.node, &entry.key, Form::Map, found) {
            continue;
        }
        if entry.node.get("foreach").is_some() || entry.node.get("do").is_some() {
            foreach(entry, found);
        } else {
            stage(&entry.key, &entry.node, &STAGE, found);
        }
    }
}

fn foreach(entry: &Entry, found: &mut Vec<Diagnostic>) {
    for field in entry.node.entries() {
        match field.key.as_str() {
            "foreach" => {
                expect(&field.node, "foreach", Form::Items, found);
            }
            "do" => {
                if expect(&field.node, "do", Form::Map, found) {
                    let known: Vec<&str> = STAGE.into_iter().filter(|it| *it != "matrix").collect();
                    stage(&entry.key, &field.node, &known, found);
                }
            }
            _ => found.push(
                unknown("field", &field.key, &["foreach", "do"], field.key_span)
                    .hint("a stage's own fields stand under `do`"),
            ),
        }
    }
    for (field, other) in [("foreach", "do"), ("do", "foreach")] {
        if entry.node.get(field).is_none() {
            found.push(
                Diagnostic::error(format!("`{}` has `{other}` and no `{field}`", entry.key))
                    .at(entry.key_span, "one goes with the other"),
            );
        }
    }
}

fn stage(name: &str, node: &Node, known: &[&str], found: &mut Vec<Diagnostic>) {
    for entry in node.entries() {
        let (key, value) = (entry.key.as_str(), &entry.node);
        if !known.contains(&key) {
            found.push(unknown("field", key, known, entry.key_span));
            continue;
        }
        match key {
            "cmd" => match &value.value {
                Value::List(_) => list(entry, Form::Text, found),
                _ => {
                    expect(value, key, Form::Text, found);
                }
            },
            "wdir" | "desc" => {
                expect(value, key, Form::Text, found);
            }
            "frozen" | "always_changed" => {
                expect(value, key, Form::Bool, found);
            }
            "deps" => list(entry, Form::Text, found),
            "params" | "vars" => list(entry, Form::TextOrMap, found),
            "outs" | "metrics" | "plots" => {
                list(entry, Form::TextOrMap, found);
                value.items().iter().for_each(|it| out(it, key, found));
            }
            "matrix" => {
                expect(value, key, Form::Map, found);
                for axis in value.entries() {
                    expect(&axis.node, &axis.key, Form::ListOrText, found);
                }
            }
            _ => {}
        }
    }
    if node.get("cmd").is_none() {
        found.push(
            Diagnostic::error(format!("`{name}` has no `cmd`")).at(node.span, "nothing to run"),
        );
    }
}

fn out(node: &Node, of: &str, found: &mut Vec<Diagnostic>) {
    for entry in node.entries() {
        let maps = match &entry.node.value {
            Value::Map(_) => std::slice::from_ref(&entry.node),
            Value::List(items) if of == "plots" => items,
            _ => {
                expect(&entry.node, &entry.key, Form::Map, found);
                continue;
            }
        };
        let mut known = OUT.to_vec();
        if of == "plots" {
            known.extend(PLOT);
        }
        for option in maps.iter().flat_map(Node::entries) {
            if !known.contains(&option.key.as_str()) {
                found.push(unknown("option", &option.key, &known, option.key_span));
            } else if ["cache", "persist", "push", "checkpoint"].contains(&option.key.as_str()) {
                expect(&option.node, &option.key, Form::Bool, found);
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Form {
    Text,
    Bool,
    Map,
    TextOrMap,
    ListOrText,
    /// What `foreach` takes.
    Items,
}

fn expect(node: &Node, name: &str, form: Form, found: &mut Vec<Diagnostic>) -> bool {
    let (is_right, wanted) = match (form, &node.value) {
        (Form::Text, it) => (matches!(it, Value::Text(_)), "text"),
        (Form::Bool, it) => (matches!(it, Value::Bool(_)), "true or false"),
        (Form::Map, it) => (matches!(it, Value::Map(_)), "a map"),
        (Form::TextOrMap, it) => (
            matches!(it, Value::Text(_) | Value::Map(_)),
            "text or a map",
        ),
        (Form::ListOrText, it) => (
            matches!(it, Value::Text(_) | Value::List(_)),
            "a list or `${name}`",
        ),
        (Form::Items, it) => (
            matches!(it, Value::Text(_) | Value::List(_) | Value::Map(_)),
            "a list, a map or `${name}`",
        ),
    };
    if !is_right {
        found.push(
            Diagnostic::error(format!("`{name}` must be {wanted}"))
                .at(node.span, format!("found {}", node.value.describe())),
        );
    }
    is_right
}

fn list(entry: &Entry, form: Form, found: &mut Vec<Diagnostic>) {
    match &entry.node.value {
        Value::List(items) => {
            for item in items {
                let name = format!("an item of {}", entry.key);
                expect(item, &name, form, found);
            }
        }
        Value::Null => {}
        other => found.push(
            Diagnostic::error(format!("`{}` must be a list", entry.key))
                .at(entry.node.span, format!("found {}", other.describe()))
                .hint(format!("write `{}: [...]`", entry.key)),
        ),
    }
}
