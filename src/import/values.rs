//! Some values of a YAML or JSON file as one canonical text. Knows no stage.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::scope::descend;
use crate::spec::{Diagnostics, Source, yaml};

/// Why values could not be picked.
#[derive(Debug)]
pub enum PickError {
    /// The file is no YAML.
    Unreadable(Diagnostics),
    /// It lacks a key.
    Missing(String),
}

/// The values at these keys as JSON, a key a line; all that the file holds where no key is named.
/// Maps are sorted, so that the same values give the same text.
pub fn pick(source: Source, keys: &[String]) -> Result<String, PickError> {
    let source = Arc::new(source);
    let tree = yaml::read(&source.text, 0)
        .and_then(|it| {
            if it.found.is_empty() {
                Ok(it.root)
            } else {
                Err(it.found)
            }
        })
        .map_err(|found| PickError::Unreadable(Diagnostics::new(vec![source], found)))?;
    let picked = if keys.is_empty() {
        sorted(tree.to_json())
    } else {
        let mut picked = Map::new();
        for key in keys {
            let steps: Vec<&str> = key.split('.').collect();
            let found = descend(&tree, &steps).ok_or_else(|| PickError::Missing(key.clone()))?;
            picked.insert(key.clone(), sorted(found.to_json()));
        }
        Json::Object(picked)
    };
    Ok(match picked {
        Json::Object(entries) if !entries.is_empty() => {
            let lines: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("  {}: {value}", Json::from(key.as_str())))
                .collect();
            format!("{{\n{}\n}}\n", lines.join(",\n"))
        }
        other => format!("{other}\n"),
    })
}

fn sorted(value: Json) -> Json {
    match value {
        Json::Object(map) => {
            let mut entries: Vec<(String, Json)> =
                map.into_iter().map(|(key, it)| (key, sorted(it))).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Json::Object(entries.into_iter().collect())
        }
        Json::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}
