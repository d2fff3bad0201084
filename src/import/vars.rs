//! Vars of the spec: those values of params.yaml and `vars` that texts name. Knows names and values, not who uses them.

use std::collections::HashSet;

use indexmap::IndexMap;

use super::{template, write::Yaml};
use crate::{plan::name, spec::Value};

/// The vars as they are asked for.
#[derive(Debug, Default)]
pub struct Vars {
    by_name: IndexMap<String, Var>,
    /// Names of axes, which no var may bear.
    taken: HashSet<String>,
}

#[derive(Debug)]
struct Var {
    path: String,
    value: Value,
}

impl Vars {
    pub fn new(axes: impl IntoIterator<Item = String>) -> Self {
        Self {
            by_name: IndexMap::new(),
            taken: axes.into_iter().collect(),
        }
    }

    /// The name of the var with this value; `None` where a var cannot hold it.
    pub fn name_of(&mut self, path: &str, value: &Value) -> Option<String> {
        let holds_template = |it: &Value| matches!(it, Value::Text(text) if text.contains("${"));
        let is_odd = match value {
            Value::List(items) => items.iter().any(|it| holds_template(&it.value)),
            other => holds_template(other),
        };
        if is_odd {
            return None;
        }
        let wanted = legal_name(&path.replace('.', "_"));
        for n in 1.. {
            let name = match n {
                1 => wanted.clone(),
                _ => format!("{wanted}_{n}"),
            };
            if self.taken.contains(&name) {
                continue;
            }
            match self.by_name.get(&name) {
                Some(known) if known.path == path && is_same(&known.value, value) => {
                    return Some(name);
                }
                Some(_) => {}
                None => {
                    let (path, value) = (path.to_owned(), value.clone());
                    self.by_name.insert(name.clone(), Var { path, value });
                    return Some(name);
                }
            }
        }
        None
    }

    /// Names with values, and where each was, for a comment: nothing where the name says it.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Yaml, Option<&str>)> {
        self.by_name.iter().map(|(name, var)| {
            let path = (*name != var.path).then_some(var.path.as_str());
            (name.as_str(), yaml(&var.value), path)
        })
    }

    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Whether a value of this path, or one below it, is a var; and its name.
    pub fn at(&self, path: &str) -> Option<&str> {
        let is_below = |one: &str, other: &str| {
            one.strip_prefix(other)
                .is_some_and(|it| it.is_empty() || it.starts_with('.'))
        };
        let is_meant = |var: &Var| is_below(&var.path, path) || is_below(path, &var.path);
        let found = self.by_name.iter().find(|it| is_meant(it.1));
        found.map(|it| it.0.as_str())
    }
}

fn is_same(one: &Value, other: &Value) -> bool {
    template_texts(one) == template_texts(other)
}

fn template_texts(value: &Value) -> Vec<String> {
    match value {
        Value::List(items) => items
            .iter()
            .map(|it| template::text_of(&it.value))
            .collect(),
        other => vec![template::text_of(other)],
    }
}

/// A value as the spec has it: as text where numbers are written otherwise than DVC writes them.
pub fn yaml(value: &Value) -> Yaml {
    match value {
        Value::List(items) => Yaml::List(items.iter().map(|it| yaml(&it.value)).collect()),
        Value::Int(_) | Value::Bool(_) | Value::Float(_) if template::is_alike(value) => {
            Yaml::Plain(value.canonical())
        }
        other => Yaml::Text(template::text_of(other)),
    }
}

/// The text with every sign replaced that a name may not have.
pub fn legal_name(text: &str) -> String {
    let mut legal: String = text
        .chars()
        .map(|c| {
            if name::is_legal(&format!("_{c}")) {
                c
            } else {
                '_'
            }
        })
        .take(80)
        .collect();
    if !name::is_legal(&legal) {
        legal.insert(0, '_');
    }
    legal
}
