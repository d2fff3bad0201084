//! A category becomes its place in an order. Missing values stay missing, unless unknown ones have a place of their own.

use indexmap::IndexMap;
use pipe_schema::{
    dataset::FittedStep,
    stage::preprocess::{Ordinal, UnknownRank},
};

use super::{choice, one_hot};
use crate::{
    categories::Categories,
    error::DataError,
    frame::{Frame, Values},
    infer,
};

/// Learns the categories of each column, sorted by code point, or takes those given.
pub fn fit(step: &Ordinal, frame: &Frame, train: &[usize]) -> Result<FittedStep, DataError> {
    let mut categories = IndexMap::new();
    for name in choice::resolve(&step.columns, frame)? {
        let words = choice::words(frame, &name, "ordinal")?;
        let seen = one_hot::seen(words, train);
        let Some(order) = step.order.get(&name) else {
            if seen.is_empty() {
                return Err(choice::no_values(&name));
            }
            categories.insert(name, seen.into_iter().map(|it| it.0).collect());
            continue;
        };
        let ranks = Categories::of(order.iter().map(String::as_str));
        if let Some((other, _)) = seen.iter().find(|it| ranks.find(&it.0).is_none()) {
            return Err(DataError::wrong(format!(
                "column `{name}`: the train part has `{other}`, and `order` does not"
            ))
            .hint(format!("the order given is {}", infer::listed(order))));
        }
        categories.insert(name, order.clone());
    }
    if let Some(name) = step.order.keys().find(|it| !categories.contains_key(*it)) {
        return Err(DataError::wrong(format!(
            "`order` names column `{name}`, which is not among the step's columns"
        )));
    }
    Ok(FittedStep::Ordinal {
        categories,
        unknown: step.unknown,
    })
}

/// Puts numbers where the words were.
pub fn apply(
    categories: &IndexMap<String, Vec<String>>,
    unknown: UnknownRank,
    frame: &mut Frame,
) -> Result<(), DataError> {
    for (name, seen) in categories {
        let Some(Values::Words(words)) = frame.columns.get(name) else {
            continue;
        };
        let places = one_hot::positions(words, seen);
        frame.met.note_unseen(name, words, &places);
        let mut numbers = Vec::with_capacity(words.codes.len());
        for (row, code) in words.codes.iter().enumerate() {
            numbers.push(match places.get(*code as usize) {
                None | Some(None) if unknown == UnknownRank::Own => seen.len() as f64,
                None => f64::NAN,
                Some(Some(place)) => *place as f64,
                Some(None) if unknown == UnknownRank::MinusOne => -1.0,
                Some(None) => {
                    return Err(DataError::wrong(format!(
                        "{}: column `{name}`: the train part has no `{}`",
                        frame.places.of(row),
                        words.get(row).unwrap_or_default()
                    ))
                    .hint(format!(
                        "it has {}; `unknown: minus_one` would make it -1, `unknown: own` a number of its own",
                        infer::listed(seen)
                    )));
                }
            });
        }
        frame.columns.insert(name.clone(), Values::Numbers(numbers));
    }
    Ok(())
}
