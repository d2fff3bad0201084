//! What differs between two sets of key parts, leaf by leaf. Knows no record: the caller says which is the old one.

use std::collections::{BTreeMap, BTreeSet};

use pipe_schema::{
    key::{EnvironmentClass, KeyParts},
    run::Reason,
};
use serde::Serialize;
use serde_json::{Map, Value};

/// The leaves that differ, as `config.optimizer.adam.lr`, `inputs.data/train`, `env.X`, `tools.python3`, `environment.threads`.
/// Empty if and only if both have the same key.
pub fn diff(old: &KeyParts, new: &KeyParts) -> Vec<Reason> {
    let mut found = Found(Vec::new());
    found.leaf("kind", Some(&old.kind), Some(&new.kind));
    found.leaf("revision", Some(&old.revision), Some(&new.revision));
    found.value("config", &old.config.value(), &new.config.value());
    found.map("inputs", &old.inputs, &new.inputs);
    found.map("outputs", &old.outputs, &new.outputs);
    found.map("env", &old.env, &new.env);
    found.map("tools", &old.tools, &new.tools);
    found.environment(old.environment.as_deref(), new.environment.as_deref());
    if !(is_full(old) && is_full(new)) {
        found.leaf("until", old.until.as_ref(), new.until.as_ref());
    }
    found.0
}

/// Whether a training goes to its end: then a change of `epochs` says all.
pub fn is_full(parts: &KeyParts) -> bool {
    parts.until.is_some_and(|until| {
        let config = parts.config.value();
        config.get("epochs").and_then(Value::as_u64) == Some(until.into())
    })
}

/// Says of changed inputs where they lie: `inputs.source/0` becomes `inputs.source/0 data/digits.csv`. `places` is by role.
pub fn name_inputs(reasons: &mut [Reason], places: &BTreeMap<String, String>) {
    for reason in reasons {
        if let Reason::Changed { part, .. } = reason
            && let Some(place) = part.strip_prefix("inputs.").and_then(|it| places.get(it))
        {
            *part = format!("{part} {place}");
        }
    }
}

struct Found(Vec<Reason>);

impl Found {
    fn add(&mut self, part: &str, old: Option<Value>, new: Option<Value>) {
        self.0.push(Reason::Changed {
            part: part.to_owned(),
            old,
            new,
        });
    }

    fn leaf<T: PartialEq + Serialize>(&mut self, part: &str, old: Option<&T>, new: Option<&T>) {
        if old != new {
            let value = |it: Option<&T>| it.and_then(|it| serde_json::to_value(it).ok());
            self.add(part, value(old), value(new));
        }
    }

    fn map<T: PartialEq + Serialize>(
        &mut self,
        part: &str,
        old: &BTreeMap<String, T>,
        new: &BTreeMap<String, T>,
    ) {
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for name in names {
            self.leaf(&format!("{part}.{name}"), old.get(name), new.get(name));
        }
    }

    fn value(&mut self, part: &str, old: &Value, new: &Value) {
        match (old, new) {
            (Value::Object(old), Value::Object(new)) if !is_other_variant(old, new) => {
                let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
                for name in names {
                    let part = format!("{part}.{name}");
                    match (old.get(name), new.get(name)) {
                        (Some(old), Some(new)) => self.value(&part, old, new),
                        (old, new) => self.add(&part, old.cloned(), new.cloned()),
                    }
                }
            }
            (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
                for (place, (old, new)) in old.iter().zip(new).enumerate() {
                    self.value(&format!("{part}.{place}"), old, new);
                }
            }
            _ if !is_same(old, new) => self.add(part, Some(old.clone()), Some(new.clone())),
            _ => {}
        }
    }

    fn environment(&mut self, old: Option<&EnvironmentClass>, new: Option<&EnvironmentClass>) {
        let fields = |class: Option<&EnvironmentClass>| {
            class
                .and_then(|it| serde_json::to_value(it).ok())
                .unwrap_or_else(|| Value::Object(Map::new()))
        };
        self.value("environment", &fields(old), &fields(new));
    }
}

/// Whether two maps are different choices, as `{adam: …}` and `{sgd: …}`: then the choice is what changed.
fn is_other_variant(old: &Map<String, Value>, new: &Map<String, Value>) -> bool {
    old.len() == 1 && new.len() == 1 && old.keys().ne(new.keys())
}

/// Equality as the key sees it: `0.0` and `-0.0` differ, `1` and `1.0` differ.
fn is_same(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::Number(old), Value::Number(new)) => {
            old.is_f64() == new.is_f64()
                && old.as_f64().map(f64::to_bits) == new.as_f64().map(f64::to_bits)
                && old.as_i128() == new.as_i128()
        }
        _ => old == new,
    }
}
