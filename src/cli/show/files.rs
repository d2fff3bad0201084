//! Files: what there is and how large.

use std::path::Path;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::{
    cli::{Context, context::Verbosity},
    report::{figures, table::Table},
};

/// Files that are listed without `-v`.
const LISTED: usize = 24;

/// For programs: path and size of each file.
pub fn content(path: &Path) -> anyhow::Result<Value> {
    Ok(list(path)?
        .into_iter()
        .map(|(path, bytes)| json!({"path": path, "bytes": bytes}))
        .collect())
}

/// For people.
pub fn render(path: &Path, context: &Context) -> anyhow::Result<String> {
    let files = list(path)?;
    let limit = if context.verbosity == Verbosity::Verbose {
        files.len()
    } else {
        LISTED
    };
    let mut table = Table::new(&["file", "#size"]);
    for (path, bytes) in files.iter().take(limit) {
        table.row([path.clone(), figures::bytes(*bytes)]);
    }
    let mut text = table.render(context.width);
    if files.len() > limit {
        text.push_str(&format!(
            "and {} more (`-v` shows all)\n",
            files.len() - limit
        ));
    }
    Ok(text)
}

fn list(path: &Path) -> anyhow::Result<Vec<(String, u64)>> {
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(path).sort_by_file_name() {
        let entry = entry.with_context(|| format!("cannot list {}", path.display()))?;
        if entry.file_type().is_dir() {
            continue;
        }
        let relative = entry.path().strip_prefix(path).unwrap_or(entry.path());
        let bytes = entry.metadata().map_or(0, |it| it.len());
        files.push((relative.display().to_string(), bytes));
    }
    Ok(files)
}
