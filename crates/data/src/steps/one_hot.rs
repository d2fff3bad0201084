//! One column of 0 and 1 for each category of the train part. The new columns are boolean, so that a later step for
//! numeric columns leaves them alone.

use std::collections::HashSet;

use indexmap::IndexMap;
use pipe_schema::{
    dataset::FittedStep,
    stage::preprocess::{ColumnType, OneHot, Unknown},
};

use super::choice;
use crate::{
    categories::Categories,
    error::DataError,
    frame::{Frame, Values},
    infer,
    sparse::NewColumns,
    words::Words,
};

/// The column of rare categories has this in place of a category.
const OTHER: &str = "(other)";

/// Learns the categories of each column, sorted by code point.
pub fn fit(step: &OneHot, frame: &Frame, train: &[usize]) -> Result<FittedStep, DataError> {
    let fewest = step.min_count.unwrap_or(1);
    let (mut categories, mut rare) = (IndexMap::new(), IndexMap::new());
    for name in choice::resolve(&step.columns, frame)? {
        let seen = seen(choice::words(frame, &name, "one_hot")?, train);
        if seen.is_empty() {
            return Err(choice::no_values(&name));
        }
        let (kept, few): (Vec<_>, Vec<_>) = seen.into_iter().partition(|it| it.1 >= fewest);
        let words = |them: Vec<(String, u64)>| them.into_iter().map(|it| it.0).collect();
        if !few.is_empty() {
            rare.insert(name.clone(), words(few));
        }
        categories.insert(name, words(kept));
    }
    Ok(FittedStep::OneHot {
        categories,
        unknown: step.unknown,
        rare,
    })
}

/// The categories that some of the rows have, sorted, each with its count.
pub fn seen(words: &Words, rows: &[usize]) -> Vec<(String, u64)> {
    let counts = words.counts(rows);
    let mut seen: Vec<(String, u64)> = words
        .names()
        .zip(counts)
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| (name.to_owned(), count))
        .collect();
    seen.sort_unstable();
    seen
}

/// Puts the new columns where the old one was.
pub fn apply(
    categories: &IndexMap<String, Vec<String>>,
    rare: &IndexMap<String, Vec<String>>,
    unknown: Unknown,
    frame: &mut Frame,
) -> Result<(), DataError> {
    let places = &frame.places;
    let mut columns = IndexMap::with_capacity(frame.columns.len());
    for (name, values) in std::mem::take(&mut frame.columns) {
        let (Some(seen), Values::Words(words)) = (categories.get(&name), &values) else {
            choice::insert(&mut columns, "one_hot", name, values)?;
            continue;
        };
        choice::check_present(places, &name, &values)?;
        let rare = rare.get(&name);
        let known: Vec<String> = seen
            .iter()
            .chain(rare.into_iter().flatten())
            .cloned()
            .collect();
        let mut positions = positions(words, &known);
        frame.met.note_unseen(&name, words, &positions);
        if rare.is_some() {
            for place in &mut positions {
                *place = match *place {
                    Some(at) => Some(at.min(seen.len())),
                    None => (unknown == Unknown::Other).then_some(seen.len()),
                };
            }
        }
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
        let other = rare.map(|_| OTHER);
        let titles = seen.iter().map(String::as_str).chain(other);
        let count = seen.len() + usize::from(rare.is_some());
        let mut made = NewColumns::booleans(count, words.codes.len());
        for (row, code) in words.codes.iter().enumerate() {
            if let Some(at) = positions[*code as usize] {
                made.set(at, row, 1.0);
            }
        }
        for (category, column) in titles.zip(made.finish()) {
            let title = format!("{name}={category}");
            choice::insert(&mut columns, "one_hot", title, column)?;
        }
    }
    frame.columns = columns;
    Ok(())
}

/// For each code of the words, which of the categories it is.
pub fn positions(words: &Words, seen: &[String]) -> Vec<Option<usize>> {
    let categories = Categories::of(seen.iter().map(String::as_str));
    words.names().map(|name| categories.find(name)).collect()
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
            rows.len() >= FEWEST && matches!(values, Values::Words(words) if values.is(ColumnType::Categorical) && is_distinct(words))
        })
        .map(|(name, _)| name.clone())
        .collect()
}
