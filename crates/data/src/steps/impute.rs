//! Fills missing values. Knows one column at a time.

use indexmap::IndexMap;
use pipe_schema::{
    dataset::FittedStep,
    stage::preprocess::{Impute, ImputeStrategy},
};
use serde_json::Value;

use super::choice;
use crate::{
    error::DataError,
    frame::{Frame, Values, number_json},
    words::NO_WORD,
};

/// Learns what fills each column.
pub fn fit(step: &Impute, frame: &Frame, train: &[usize]) -> Result<FittedStep, DataError> {
    let constant = match (step.strategy, &step.value) {
        (Some(ImputeStrategy::Constant), None | Some(Value::Null)) => {
            return Err(DataError::wrong("`strategy: constant` has no value")
                .hint("give one: `- impute: {strategy: constant, value: 0}`"));
        }
        (Some(ImputeStrategy::Constant), Some(value)) => Some(value),
        (_, Some(_)) => {
            return Err(DataError::wrong("`value` needs `strategy: constant`"));
        }
        (_, None) => None,
    };
    let mut fill = IndexMap::new();
    let mut indicators = Vec::new();
    for name in choice::resolve(&step.columns, frame)? {
        let values = &frame.columns[&name];
        // They have no missing values.
        if matches!(values, Values::Block(_) | Values::Pictures(_)) {
            continue;
        }
        let learned = match (constant, step.strategy) {
            (Some(value), _) => check(value, values, &name)?,
            (None, Some(ImputeStrategy::MostFrequent)) => most_frequent(values, train, &name)?,
            (None, Some(ImputeStrategy::Mean)) => {
                let known = known(choice::numbers(frame, &name, "impute with mean")?, train);
                number_json(mean(&known).ok_or_else(|| choice::no_values(&name))?)
            }
            (None, None) if !matches!(values, Values::Numbers(_)) => {
                most_frequent(values, train, &name)?
            }
            (None, _) => {
                let known = known(choice::numbers(frame, &name, "impute with median")?, train);
                number_json(median(known).ok_or_else(|| choice::no_values(&name))?)
            }
        };
        if step.indicator && train.iter().any(|row| values.is_missing(*row)) {
            indicators.push(name.clone());
        }
        fill.insert(name, learned);
    }
    Ok(FittedStep::Impute { fill, indicators })
}

/// Fills the columns, and tells in columns behind all others where some were missing.
pub fn apply(
    fill: &IndexMap<String, Value>,
    indicators: &[String],
    frame: &mut Frame,
) -> Result<(), DataError> {
    for name in indicators {
        if let Some(values) = frame.columns.get(name) {
            let told = (0..values.rows()).map(|row| Some(values.is_missing(row)));
            let told = Values::Truths(told.collect());
            choice::insert(
                &mut frame.columns,
                "impute",
                format!("{name}_missing"),
                told,
            )?;
        }
    }
    for (name, value) in fill {
        let Some(column) = frame.columns.get_mut(name) else {
            continue;
        };
        let rows = (0..column.rows()).filter(|row| column.is_missing(*row));
        frame.met.note_filled(name, rows.collect());
        match (column, value) {
            (Values::Numbers(values), Value::Number(number)) => {
                let number = number.as_f64().unwrap_or(f64::NAN);
                for value in values.iter_mut().filter(|it| it.is_nan()) {
                    *value = number;
                }
            }
            (Values::Truths(values), Value::Bool(truth)) => {
                for value in values.iter_mut().filter(|it| it.is_none()) {
                    *value = Some(*truth);
                }
            }
            (Values::Words(words), Value::String(word)) => {
                let code = words.code(word);
                for it in words.codes.iter_mut().filter(|it| **it == NO_WORD) {
                    *it = code;
                }
            }
            (values, _) => {
                return Err(DataError::wrong(format!(
                    "impute: {value} cannot fill column `{name}`, which is {}",
                    values.type_word()
                )));
            }
        }
    }
    Ok(())
}

/// A constant as the column's type has it. A number may fill a categorical column: its text does.
fn check(value: &Value, values: &Values, name: &str) -> Result<Value, DataError> {
    let fitting = match (values, value) {
        (Values::Numbers(_), Value::Number(number)) => number.as_f64().map(number_json),
        (Values::Truths(_), Value::Bool(_)) => Some(value.clone()),
        (Values::Words(_), Value::String(word)) => Some(Value::from(word.trim())),
        (Values::Words(_), Value::Number(_) | Value::Bool(_)) => {
            Some(Value::from(value.to_string()))
        }
        _ => None,
    };
    fitting.ok_or_else(|| {
        DataError::wrong(format!(
            "the value {value} cannot fill column `{name}`, which is {}",
            values.type_word()
        ))
        .hint("name the columns that the value is for: `columns: numeric` or `columns: [a, b]`")
    })
}

fn known(values: &[f64], train: &[usize]) -> Vec<f64> {
    let values = train.iter().map(|row| values[*row]);
    values.filter(|it| !it.is_nan()).collect()
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    let middle = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    let (below, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let upper = *upper;
    if below.len() == middle && values.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = values[..middle].iter().copied().max_by(f64::total_cmp)?;
    Some(f64::midpoint(lower, upper))
}

fn most_frequent(values: &Values, train: &[usize], name: &str) -> Result<Value, DataError> {
    let none = || choice::no_values(name);
    match values {
        Values::Numbers(values) => {
            let mut known = known(values, train);
            known.sort_unstable_by(f64::total_cmp);
            let mut best: (usize, f64) = (0, f64::NAN);
            for run in known.chunk_by(|a, b| a == b) {
                if run.len() > best.0 {
                    best = (run.len(), run[0]);
                }
            }
            (best.0 > 0).then(|| number_json(best.1)).ok_or_else(none)
        }
        Values::Truths(values) => {
            let known: Vec<bool> = train.iter().filter_map(|row| values[*row]).collect();
            let yes = known.iter().filter(|it| **it).count();
            (!known.is_empty())
                .then_some(Value::Bool(2 * yes > known.len()))
                .ok_or_else(none)
        }
        Values::Words(words) => {
            let counts = words.counts(train);
            let best = counts
                .iter()
                .zip(words.names())
                .filter(|(count, _)| **count > 0)
                .max_by(|a, b| a.0.cmp(b.0).then_with(|| b.1.cmp(a.1)));
            best.map(|(_, name)| Value::from(name)).ok_or_else(none)
        }
        Values::Block(_) | Values::Pictures(_) | Values::Sparse(_) => Err(none()),
    }
}
