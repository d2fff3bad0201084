//! Whether what a command wrote is what it declared, and the metrics that it holds. Changes nothing.

use std::path::Path;

use pipe_schema::{
    dataset, package,
    report::{METRICS_FILE, Metrics},
    run::{Failure, FailureKind},
    stage::{ArtifactType, Task},
    text::one_line,
};
use serde_json::Value;

use crate::{bounded, exec::failure, plan::Stage, store::Attempt};

/// Metrics of a stage; more are hardly looked at by anybody.
const MOST_METRICS: usize = 100_000;
const FEWER: &str = "write fewer numbers there, and the rest into an out";

/// Checks a command's typed outputs. Adds the metrics of reports and of DVC's metrics files to `metrics`. Returns warnings:
/// metrics files that are not JSON, of which nothing is shown.
pub fn check(
    stage: &Stage,
    place: &Attempt,
    folder: &Path,
    metrics: &mut Metrics,
) -> Result<Vec<String>, Failure> {
    let Task::Command(command) = &stage.task else {
        return Ok(Vec::new());
    };
    let mut warnings = Vec::new();
    for (name, r#type) in &stage.outputs {
        let path = place.output(name);
        if !path.exists() {
            return Err(wrong(
                format!("output `{name}` was not written"),
                &format!("the command must write to ${{outputs.{name}}}"),
            ));
        }
        if !path.is_dir() && !path.is_file() {
            return Err(wrong(
                format!("output `{name}` is neither a file nor a folder"),
                "write an ordinary file, or a folder of files",
            ));
        }
        if let Some(needed) = needed_file(*r#type)
            && path.is_dir()
            && !path.join(needed).exists()
        {
            return Err(wrong(
                format!(
                    "output `{name}` is no {}: it has no `{needed}`",
                    r#type.name()
                ),
                "declare it as `{type: files}` if it is something else",
            ));
        }
        if *r#type == ArtifactType::Report {
            let file = if path.is_dir() {
                path.join(METRICS_FILE)
            } else {
                path
            };
            metrics.extend(read_flat(name, &file)?);
        }
    }
    let base = folder.join(command.wdir.as_deref().unwrap_or("."));
    for name in &command.metrics {
        let path = base.join(name);
        // A pipe would be waited for; what is wrong with it is said when it is published.
        if !path.is_file() {
            continue;
        }
        let place = path.display();
        let text = bounded::read(&path)
            .map_err(|error| wrong(format!("`{place}` cannot be read: {error}"), FEWER))?;
        match serde_json::from_slice::<Value>(&text) {
            Ok(value) => flatten("", &value, metrics),
            Err(error) => warnings.push(format!(
                "warning: `{}` is not JSON, so none of its metrics are shown: {}",
                one_line(name),
                why_no_json(&text, &error)
            )),
        }
        if metrics.len() > MOST_METRICS {
            let message = format!("`{place}` holds more than {MOST_METRICS} metrics");
            return Err(wrong(message, FEWER));
        }
    }
    Ok(warnings)
}

/// Numbers that are none are what most writers of JSON get wrong: Python's `json.dump` writes them.
fn why_no_json(text: &[u8], error: &serde_json::Error) -> String {
    let line = text
        .split(|it| *it == b'\n')
        .nth(error.line().saturating_sub(1));
    let at = error.column().saturating_sub(1);
    let rest = line
        .and_then(|it| it.get(at.saturating_sub(1)..))
        .unwrap_or_default();
    let word = ["NaN", "Infinity"].into_iter().find(|it| {
        let word = it.as_bytes();
        rest.starts_with(word) || rest.get(1..).is_some_and(|it| it.starts_with(word))
    });
    match word {
        Some(word) => format!(
            "{word} at line {} is no number of JSON; write null, or leave it out",
            error.line()
        ),
        None => error.to_string(),
    }
}

fn needed_file(r#type: ArtifactType) -> Option<&'static str> {
    match r#type {
        ArtifactType::Dataset => Some(dataset::SCHEMA_FILE),
        ArtifactType::Package => Some(package::PACKAGE_FILE),
        ArtifactType::Report => Some(METRICS_FILE),
        ArtifactType::Model | ArtifactType::Files => None,
    }
}

/// A report is flat JSON: names and numbers.
fn read_flat(name: &str, file: &Path) -> Result<Metrics, Failure> {
    let hint = r#"a report is flat JSON: {"accuracy": 0.97, "rows": 180}"#;
    if !file.is_file() {
        return Err(wrong(format!("report `{name}` is not a file"), hint));
    }
    let text = bounded::read(file)
        .map_err(|error| wrong(format!("report `{name}` cannot be read: {error}"), hint))?;
    serde_json::from_slice(&text)
        .map_err(|error| wrong(format!("report `{name}` is not flat JSON: {error}"), hint))
}

/// The numbers of nested JSON, named by their path.
fn flatten(prefix: &str, value: &Value, metrics: &mut Metrics) {
    match value {
        Value::Object(entries) => {
            for (name, value) in entries {
                let path = if prefix.is_empty() {
                    name.clone()
                } else {
                    format!("{prefix}.{name}")
                };
                flatten(&path, value, metrics);
            }
        }
        Value::Number(number) => {
            metrics.extend(number.as_f64().map(|value| (prefix.to_owned(), value)));
        }
        _ => {}
    }
}

fn wrong(message: String, hint: &str) -> Failure {
    failure::plain(FailureKind::Output, message, Some(hint))
}
