//! `golden.jsonl` before it is used: each prediction is one that the target can have.

use pipe_schema::{
    dataset::{Target, TargetKind, truth_of_class},
    package::GoldenRow,
};
use serde_json::Value;

/// The most golden rows that a package may have.
const MOST_ROWS: usize = 10_000;

/// The golden rows in a file's bytes.
pub fn parse_golden(bytes: &[u8], target: &Target) -> Result<Vec<GoldenRow>, String> {
    let text = str::from_utf8(bytes).map_err(|_| "it is not text".to_owned())?;
    let mut rows = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if rows.len() == MOST_ROWS {
            return Err(format!("more than {MOST_ROWS} rows"));
        }
        let row: GoldenRow =
            serde_json::from_str(line).map_err(|error| format!("line {number}: {error}"))?;
        if !is_possible(&row, target) {
            return Err(format!(
                "line {number}: a prediction is not one that this package can give"
            ));
        }
        rows.push(row);
    }
    Ok(rows)
}

/// Whether a prediction is of this class: its name, or the truth value that it stands for.
fn is_class(prediction: &Value, names: &[String], name: &str) -> bool {
    match prediction.as_bool() {
        Some(truth) => truth_of_class(names, name) == Some(truth),
        None => prediction == name,
    }
}

/// Whether the target can have this prediction, with as many probabilities.
fn is_possible(row: &GoldenRow, target: &Target) -> bool {
    let GoldenRow {
        prediction,
        probabilities,
        ..
    } = row;
    let each = |names: &[String], is_value: fn(&Value) -> bool| {
        names
            .iter()
            .all(|name| prediction.get(name).is_some_and(is_value))
    };
    match &target.kind {
        TargetKind::Classes { names, .. } => {
            probabilities.len() == names.len()
                && names.iter().any(|name| is_class(prediction, names, name))
        }
        TargetKind::Labels { names, .. } => {
            probabilities.len() == names.len() && each(names, Value::is_boolean)
        }
        TargetKind::Number { .. } => probabilities.is_empty() && prediction.is_number(),
        TargetKind::Numbers { names, .. } => {
            probabilities.is_empty() && each(names, Value::is_number)
        }
    }
}
