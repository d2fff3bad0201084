//! Vars: defaults, then profiles, then `--set`. Also `--set stage.field`, which changes the tree before it is decoded.
//! Knows values and names; not what a stage does.

use std::sync::Arc;

use indexmap::IndexMap;

use super::{
    Overrides,
    grammar::{self, Choice, Grammar},
    interpolate::has_names,
    sections::Sections,
};
use crate::spec::{Diagnostic, Entry, Node, Source, Span, Value, suggest::unknown, yaml};

/// Binds the vars and applies the overrides to the stages.
pub fn bind(
    sections: &mut Sections,
    overrides: &Overrides,
    found: &mut Vec<Diagnostic>,
) -> IndexMap<String, Node> {
    let mut vars: IndexMap<String, Node> = IndexMap::new();
    for (name, entry) in &sections.vars {
        check_value(name, &entry.node, found);
        vars.insert(name.clone(), entry.node.clone());
    }
    // Every profile is checked, also those that are not asked for.
    let mut profiles: IndexMap<String, Vec<Entry>> = IndexMap::new();
    for (name, entry) in &sections.profiles {
        profiles.insert(name.clone(), profile_vars(name, entry, &vars, found));
    }
    for name in &overrides.profiles {
        let Some(entries) = profiles.get(name) else {
            let span = command_line(sections, &format!("--profile {name}"));
            let span = Span {
                start: "--profile ".len() as u32,
                ..span
            };
            let names: Vec<&str> = profiles.keys().map(String::as_str).collect();
            found.push(unknown("profile", name, &names, span));
            continue;
        };
        for entry in entries {
            vars.insert(entry.key.clone(), entry.node.clone());
        }
    }
    for (path, text) in &overrides.set {
        set(path, text, sections, &mut vars, found);
    }
    vars
}

fn check_value(name: &str, node: &Node, found: &mut Vec<Diagnostic>) {
    let text = node.as_text().unwrap_or_default();
    if has_names(&text.replace("$${", "")) {
        found.push(
            Diagnostic::error(format!("the var `{name}` cannot refer to another var"))
                .at(node.span, "vars are plain values")
                .hint("put the two together where they are used"),
        );
    }
    if let Value::Map(_) | Value::Null = node.value {
        found.push(
            Diagnostic::error(format!("the var `{name}` must be a scalar or a list"))
                .at(node.span, format!("found {}", node.value.describe())),
        );
    }
    for item in node.items() {
        check_value(name, item, found);
    }
    if let Value::Float(it) = node.value
        && !it.is_finite()
    {
        found.push(
            Diagnostic::error(format!("the var `{name}` must be finite"))
                .at(node.span, format!("found `{}`", node.value.canonical())),
        );
    }
}

fn profile_vars(
    profile: &str,
    entry: &Entry,
    vars: &IndexMap<String, Node>,
    found: &mut Vec<Diagnostic>,
) -> Vec<Entry> {
    for field in entry.node.entries().iter().filter(|it| it.key != "vars") {
        let mut error = Diagnostic::error(format!(
            "unknown field `{}` in the profile `{profile}`",
            field.key
        ))
        .at(field.key_span, "a profile has `vars` only");
        if vars.contains_key(&field.key) {
            error = error.hint(format!("write `{profile}: {{vars: {{{}: …}}}}`", field.key));
        }
        found.push(error);
    }
    let given = entry.node.get("vars");
    if !matches!(given.map(|it| &it.value), Some(Value::Map(_))) {
        found.push(
            Diagnostic::error(format!("the profile `{profile}` has no vars"))
                .at(entry.key_span, "expected `{vars: {name: value}}`"),
        );
    }
    let given = given.map_or(&[][..], Node::entries);
    for it in given {
        if vars.contains_key(&it.key) {
            check_value(&it.key, &it.node, found);
        } else {
            let names: Vec<&str> = vars.keys().map(String::as_str).collect();
            found.push(
                unknown("var", &it.key, &names, it.key_span)
                    .hint("a profile changes vars of the spec; it brings no new ones"),
            );
        }
    }
    given
        .iter()
        .filter(|it| vars.contains_key(&it.key))
        .cloned()
        .collect()
}

/// A file that stands for a piece of the command line, so that errors in it are drawn like others.
fn command_line(sections: &mut Sections, text: &str) -> Span {
    let file = sections.sources.len() as u32;
    sections.sources.push(Arc::new(Source {
        path: "command line".to_owned(),
        text: text.to_owned(),
    }));
    Span {
        file,
        start: 0,
        end: text.len() as u32,
    }
}

fn set(
    path: &str,
    text: &str,
    sections: &mut Sections,
    vars: &mut IndexMap<String, Node>,
    found: &mut Vec<Diagnostic>,
) {
    let prefix = format!("--set {path}=");
    let line = command_line(sections, &format!("{prefix}{text}"));
    let at_path = Span {
        start: "--set ".len() as u32,
        end: prefix.len() as u32 - 1,
        ..line
    };
    let Some(value) = value(text, prefix.len(), line.file, found) else {
        return;
    };
    if let Some(known) = vars.get(path) {
        let is_number = |it: &Value| matches!(it, Value::Int(_) | Value::Float(_));
        if is_number(&known.value) && matches!(value.value, Value::Text(_)) {
            found.push(
                Diagnostic::error(format!("the var `{path}` is a number"))
                    .at(value.span, format!("found {}", value.value.describe()))
                    .at(known.span, "its default"),
            );
            return;
        }
        check_value(path, &value, found);
        vars.insert(path.to_owned(), value);
        return;
    }
    if let Some((name, item)) = path.split_once('.')
        && let Some(known) = vars.get_mut(name)
        && !sections.stages.contains_key(name)
    {
        check_value(path, &value, found);
        if let Err(error) = set_item(known, (name, item), value, at_path) {
            found.push(error);
        }
        return;
    }
    let Some((stage, field)) = path.split_once('.') else {
        let names: Vec<&str> = vars.keys().map(String::as_str).collect();
        let mut error = unknown("var", path, &names, at_path);
        if sections.stages.contains_key(path) {
            error = error.hint(format!(
                "`{path}` is a stage; a field of it is set with `--set {path}.field=…`"
            ));
        }
        found.push(error);
        return;
    };
    let Some(entry) = sections.stages.get_mut(stage) else {
        let names: Vec<&str> = sections.stages.keys().map(String::as_str).collect();
        found.push(unknown("stage", stage, &names, at_path));
        return;
    };
    let Some(kind) = entry
        .node
        .entries()
        .iter()
        .find(|it| grammar::kinds().words.contains_key(&it.key))
    else {
        return;
    };
    let kind = kind.key.clone();
    let mut steps: Vec<&str> = field.split('.').collect();
    let is_in_block = !grammar::control().fields.contains_key(steps[0]) && steps[0] != kind;
    if is_in_block {
        steps.insert(0, &kind);
    }
    let grammar = match (steps[0] == kind, grammar::block(&kind)) {
        (true, Some(block)) => Grammar::Record(block.clone()),
        _ => grammar::control()
            .fields
            .get(steps[0])
            .map_or(Grammar::Any, |it| it.grammar.clone()),
    };
    let root = child(&mut entry.node, steps[0], at_path);
    if let Err(error) = place(root, &grammar, &steps[1..], value, at_path) {
        found.push(error);
    }
}

/// Replaces an item of a var that is a list.
fn set_item(
    var: &mut Node,
    (name, item): (&str, &str),
    value: Node,
    span: Span,
) -> Result<(), Diagnostic> {
    let Value::List(items) = &mut var.value else {
        return Err(Diagnostic::error(format!("the var `{name}` is not a list"))
            .at(span, "only a list has items")
            .at(var.span, "its default")
            .hint(format!("set it whole: `--set {name}=…`")));
    };
    let n = items.len();
    let place = item.parse::<usize>().ok().and_then(|it| items.get_mut(it));
    *place.ok_or_else(|| no_place(item, n, span))? = value;
    Ok(())
}

fn no_place(step: &str, n: usize, span: Span) -> Diagnostic {
    Diagnostic::error(format!("`{step}` is no place in a list of {n}"))
        .at(span, "places count from 0")
}

/// The value behind the `=`, with places in the command line.
fn value(text: &str, offset: usize, file: u32, found: &mut Vec<Diagnostic>) -> Option<Node> {
    if text.trim().is_empty() {
        let span = Span {
            file,
            start: offset as u32,
            end: offset as u32,
        };
        return Some(Node::new(span, Value::Text(String::new())));
    }
    let (root, errors) = match yaml::read(text, file) {
        Ok(tree) => (Some(tree.root), tree.found),
        Err(errors) => (None, errors),
    };
    found.extend(errors.into_iter().map(|mut it| {
        for (span, _) in &mut it.places {
            *span = moved(*span, offset);
        }
        it
    }));
    root.map(|it| shift(it, offset))
}

fn moved(span: Span, offset: usize) -> Span {
    Span {
        start: span.start + offset as u32,
        end: span.end + offset as u32,
        ..span
    }
}

fn shift(mut node: Node, offset: usize) -> Node {
    node.span = moved(node.span, offset);
    match &mut node.value {
        Value::List(items) => {
            for item in items {
                *item = shift(item.clone(), offset);
            }
        }
        Value::Map(entries) => {
            for entry in entries {
                entry.key_span = moved(entry.key_span, offset);
                entry.node = shift(entry.node.clone(), offset);
            }
        }
        _ => {}
    }
    node
}

/// The value of a key, made an empty map where it is not one yet.
fn child<'a>(node: &'a mut Node, key: &str, span: Span) -> &'a mut Node {
    let mut entries = if let Value::Map(entries) = std::mem::replace(&mut node.value, Value::Null) {
        entries
    } else {
        // It is no more what the spec says.
        node.span = span;
        Vec::new()
    };
    let at = entries.iter().position(|it| it.key == key);
    let at = at.unwrap_or_else(|| {
        entries.push(Entry {
            key: key.to_owned(),
            key_span: span,
            node: Node::new(span, Value::Map(Vec::new())),
        });
        entries.len() - 1
    });
    node.value = Value::Map(entries);
    match &mut node.value {
        Value::Map(entries) => &mut entries[at].node,
        _ => unreachable!("a map was put there"),
    }
}

/// Puts a value at a path below a node. A word of a choice takes the place of the other word.
fn place(
    node: &mut Node,
    grammar: &Grammar,
    steps: &[&str],
    value: Node,
    span: Span,
) -> Result<(), Diagnostic> {
    let Some((step, rest)) = steps.split_first() else {
        *node = value;
        return Ok(());
    };
    if let Value::List(items) = &mut node.value {
        let n = items.len();
        let item = step.parse::<usize>().ok().and_then(|it| items.get_mut(it));
        let item = item.ok_or_else(|| no_place(step, n, span))?;
        let inner = match grammar {
            Grammar::List(inner, _) => inner,
            _ => &Grammar::Any,
        };
        return place(item, inner, rest, value, span);
    }
    let is_scalar = !matches!(node.value, Value::Map(_) | Value::Null);
    let is_list = matches!(grammar, Grammar::List(..));
    if step.parse::<usize>().is_ok() && (is_scalar || is_list) {
        let error = Diagnostic::error(format!("there is no list with a place `{step}`"));
        let error = error.at(span, "not a list in the spec");
        return Err(error.hint("set it whole: `--set path=[…]`"));
    }
    let any = Grammar::Any;
    let inner = match grammar {
        Grammar::Record(record) => record.fields.get(*step).map_or(&any, |it| &it.grammar),
        Grammar::Map(inner) => inner,
        Grammar::Choice(choice) => {
            choose(node, choice, step);
            choice
                .words
                .get(*step)
                .and_then(Option::as_ref)
                .unwrap_or(&any)
        }
        _ => &any,
    };
    place(child(node, step, span), inner, rest, value, span)
}

fn choose(node: &mut Node, choice: &Choice, word: &str) {
    let has_it = node.entries().iter().any(|it| it.key == word);
    if choice.words.contains_key(word) && !has_it {
        node.value = Value::Map(Vec::new());
    }
}
