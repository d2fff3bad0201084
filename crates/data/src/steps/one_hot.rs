//! One column of 0 and 1 for each category of the train part. The new columns are boolean, so that a later step for
//! numeric columns leaves them alone.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;
use pipe_schema::{
    dataset::FittedStep,
    stage::preprocess::{OneHot, Unknown},
};

use super::choice;
use crate::{
    error::DataError,
    frame::{Frame, Values, missing_error},
    infer,
    words::{NO_WORD, Words},
};

/// Learns the categories of each column, sorted by code point.
pub fn fit(step: &OneHot, frame: &Frame, train: &[usize]) -> Result<FittedStep, DataError> {
    let mut categories = IndexMap::new();
    for name in choice::resolve(&step.columns, frame)? {
        let words = match &frame.columns[&name] {
            Values::Words(words) => words,
            other => {
                return Err(DataError::wrong(format!(
                    "one_hot needs categories: column `{name}` is {}",
                    other.type_word()
                ))
                .hint(format!(
                    "leave it out of the step, or set `columns: {{{name}: categorical}}`"
                )));
            }
        };
        let counts = words.counts(train);
        let mut seen: Vec<String> = words
            .names()
            .zip(counts)
            .filter(|(_, count)| *count > 0)
            .map(|(name, _)| name.to_owned())
            .collect();
        if seen.is_empty() {
            return Err(choice::no_values(&name));
        }
        seen.sort_unstable();
        categories.insert(name, seen);
    }
    Ok(FittedStep::OneHot {
        categories,
        unknown: step.unknown,
    })
}

/// Puts the new columns where the old one was.
pub fn apply(
    categories: &IndexMap<String, Vec<String>>,
    unknown: Unknown,
    frame: &mut Frame,
) -> Result<(), DataError> {
    let places = &frame.places;
    let mut columns = IndexMap::with_capacity(frame.columns.len());
    for (name, values) in std::mem::take(&mut frame.columns) {
        let (Some(seen), Values::Words(words)) = (categories.get(&name), &values) else {
            insert(&mut columns, name, values)?;
            continue;
        };
        if let Some(first) = words.codes.iter().position(|it| *it == NO_WORD) {
            let count = words.codes.iter().filter(|it| **it == NO_WORD).count();
            return Err(missing_error(places, &name, first, count));
        }
        let positions = positions(words, seen);
        if unknown == Unknown::Error
            && let Some(row) = words
                .codes
                .iter()
                .position(|it| positions[*it as usize].is_none())
        {
            return Err(DataError::wrong(format!(
                "{}: column `{name}`: the train part has no `{}`",
                places.of(row),
                words.get(row).unwrap_or_default()
            ))
            .hint(format!(
                "it has {}; `unknown: ignore` would give 0 in all its columns",
                infer::listed(seen)
            )));
        }
        for (at, category) in seen.iter().enumerate() {
            let is_it = |code: &u32| Some(positions[*code as usize] == Some(at));
            let column = Values::Truths(words.codes.iter().map(is_it).collect());
            insert(&mut columns, format!("{name}={category}"), column)?;
        }
    }
    frame.columns = columns;
    Ok(())
}

/// For each code of the words, which of the categories it is.
fn positions(words: &Words, seen: &[String]) -> Vec<Option<usize>> {
    let places: HashMap<&str, usize> = seen
        .iter()
        .enumerate()
        .map(|(at, it)| (it.as_str(), at))
        .collect();
    let names = words.names();
    names.map(|it| places.get(it).copied()).collect()
}

fn insert(
    columns: &mut IndexMap<String, Values>,
    name: String,
    values: Values,
) -> Result<(), DataError> {
    if columns.contains_key(&name) {
        return Err(DataError::wrong(format!(
            "one_hot gives a column `{name}`, and there is one already"
        ))
        .hint("rename the column, or drop it"));
    }
    columns.insert(name, values);
    Ok(())
}

/// Columns in which every one of the rows has a word of its own: names of rows rather than categories.
pub fn names_of_rows(frame: &Frame, rows: &[usize]) -> Vec<String> {
    const FEWEST: usize = 10;
    let is_distinct = |words: &Words| {
        let mut seen = HashSet::new();
        rows.iter().all(|row| seen.insert(words.codes[*row]))
    };
    let columns = frame.columns.iter();
    columns
        .filter(|(_, values)| {
            rows.len() >= FEWEST && matches!(values, Values::Words(words) if is_distinct(words))
        })
        .map(|(name, _)| name.clone())
        .collect()
}
