//! Which columns a step means. Knows names and types only.

use indexmap::IndexMap;
use pipe_schema::stage::preprocess::{ColumnType, Columns};

use crate::{
    error::DataError,
    frame::{Frame, Values, missing_error},
    infer,
    table::Places,
    words::Words,
};

/// The names of the chosen columns, in the frame's order for a type, else in the order written.
pub fn resolve(columns: &Columns, frame: &Frame) -> Result<Vec<String>, DataError> {
    match columns {
        Columns::All => Ok(frame.columns.keys().cloned().collect()),
        Columns::OfType(it) => {
            let chosen = frame.columns.iter().filter(|(_, values)| values.is(*it));
            let chosen: Vec<String> = chosen.map(|(name, _)| name.clone()).collect();
            if chosen.is_empty() && frame.columns.contains_key(it.name()) {
                return Ok(vec![it.name().to_owned()]);
            }
            Ok(chosen)
        }
        Columns::Named(names) => {
            for (at, name) in names.iter().enumerate() {
                if !frame.columns.contains_key(name) {
                    return Err(unknown(name, frame));
                }
                if names[..at].contains(name) {
                    return Err(DataError::wrong(format!("column `{name}` is named twice")));
                }
            }
            Ok(names.clone())
        }
    }
}

/// The numbers of a column, or an error that says why `step` does not take it.
pub fn numbers<'a>(frame: &'a Frame, name: &str, step: &str) -> Result<&'a [f64], DataError> {
    match frame.columns.get(name) {
        Some(Values::Numbers(values)) => Ok(values),
        Some(other) => {
            let error = DataError::wrong(format!(
                "{step} needs numbers: column `{name}` is {}",
                other.type_word()
            ));
            Err(match other {
                Values::Truths(_) => error.hint(format!(
                    "leave it out of the step (it becomes 0 and 1 by itself), or set `columns: {{{name}: numeric}}`"
                )),
                Values::Block(_) | Values::Pictures(_) => error.hint(
                    "it takes columns of one number a row: name them; blocks are scaled by `standardize`, `min_max` and `normalize`",
                ),
                _ => error.hint(format!(
                    "leave it out of the step, or set `columns: {{{name}: numeric}}` if it holds numbers"
                )),
            })
        }
        None => Err(unknown(name, frame)),
    }
}

/// The numbers of a column in the rows `train`, without missing ones; at least one.
pub fn known(
    frame: &Frame,
    name: &str,
    step: &str,
    train: &[usize],
) -> Result<Vec<f64>, DataError> {
    let values = numbers(frame, name, step)?;
    let known: Vec<f64> = train
        .iter()
        .map(|row| values[*row])
        .filter(|it| !it.is_nan())
        .collect();
    if known.is_empty() {
        return Err(no_values(name));
    }
    Ok(known)
}

/// The categories of a column, or an error that says why `step` does not take it.
pub fn words<'a>(frame: &'a Frame, name: &str, step: &str) -> Result<&'a Words, DataError> {
    match frame.columns.get(name) {
        Some(Values::Words(words)) => Ok(words),
        Some(other) => Err(DataError::wrong(format!(
            "{step} needs categories: column `{name}` is {}",
            other.type_word()
        ))
        .hint(format!(
            "leave it out of the step, or set `columns: {{{name}: categorical}}`"
        ))),
        None => Err(unknown(name, frame)),
    }
}

/// Adds a column that a step makes.
pub fn insert(
    columns: &mut IndexMap<String, Values>,
    step: &str,
    name: String,
    values: Values,
) -> Result<(), DataError> {
    if columns.contains_key(&name) {
        return Err(DataError::wrong(format!(
            "{step} gives a column `{name}`, and there is one already"
        ))
        .hint("rename the column, or drop it"));
    }
    columns.insert(name, values);
    Ok(())
}

/// Checks that no row of a column lacks its value.
pub fn check_present(places: &Places, name: &str, values: &Values) -> Result<(), DataError> {
    let rows = values.rows();
    let Some(first) = (0..rows).find(|row| values.is_missing(*row)) else {
        return Ok(());
    };
    let count = (first..rows).filter(|row| values.is_missing(*row)).count();
    Err(missing_error(places, name, first, count))
}

/// The error for a column without values to learn from.
pub fn no_values(name: &str) -> DataError {
    DataError::wrong(format!("column `{name}` has no value in the train part")).hint(format!(
        "leave the column out with an earlier step: `- drop: {{columns: [{name}]}}`"
    ))
}

fn unknown(name: &str, frame: &Frame) -> DataError {
    let error = DataError::wrong(format!("there is no column `{name}` at this step"));
    let names: Vec<&String> = frame.columns.keys().collect();
    if name == "all" || ColumnType::of_name(name).is_some() {
        return error.hint(format!(
            "for all such columns write the word alone, without brackets: `columns: {name}`"
        ));
    }
    match infer::closest(name, frame.columns.keys().map(String::as_str)) {
        Some(meant) => error.hint(format!("did you mean `{meant}`?")),
        None if names.is_empty() => error.hint("all columns were dropped before"),
        None => error.hint(format!("the columns are: {}", infer::listed(&names))),
    }
}
