//! Which columns a step means. Knows names and types only.

use pipe_schema::stage::preprocess::Columns;

use crate::{
    error::DataError,
    frame::{Frame, Values},
    infer,
};

/// The names of the chosen columns, in the frame's order for a type, else in the order written.
pub fn resolve(columns: &Columns, frame: &Frame) -> Result<Vec<String>, DataError> {
    match columns {
        Columns::All => Ok(frame.columns.keys().cloned().collect()),
        Columns::OfType(it) => {
            let chosen = frame.columns.iter().filter(|(_, values)| values.is(*it));
            Ok(chosen.map(|(name, _)| name.clone()).collect())
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
                _ => error.hint(format!(
                    "leave it out of the step, or set `columns: {{{name}: numeric}}` if it holds numbers"
                )),
            })
        }
        None => Err(unknown(name, frame)),
    }
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
    if ["all", "numeric", "categorical", "boolean"].contains(&name) {
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
