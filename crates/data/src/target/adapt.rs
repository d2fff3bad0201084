//! The targets of one dataset as another dataset names them: by the names of columns and classes, never by their positions.
//! Knows no features.

use std::collections::BTreeMap;

use pipe_schema::{
    dataset::{Target, TargetKind},
    stage::ClassName,
};

use super::find_class;
use crate::{
    dataset::TargetValues,
    error::DataError,
    grid::Grid,
    infer::{self, listed},
};

/// What to do about another target.
const REMEDY: &str =
    "the model is measured by the target that it was trained for: name it in the preprocess stage";

/// Returns the targets of rows as a model gives its answers.
pub fn adapt(
    model: &Target,
    own: &Target,
    values: &TargetValues,
) -> Result<TargetValues, DataError> {
    let places = places(model, own)?;
    if is_same(&model.kind, &own.kind) {
        return Ok(values.clone());
    }
    let columns = places.iter().map(|at| texts(own, values, *at));
    let columns: Vec<Vec<String>> = columns.collect();
    match &model.kind {
        TargetKind::Classes { names, .. } => {
            classes(&model.name, names, &columns[0]).map(TargetValues::Classes)
        }
        TargetKind::Number { .. } => {
            let read = |text: &str| infer::number(text.as_bytes());
            let numbers = read_all(&model.name, &columns[0], "a number", read)?;
            Ok(TargetValues::Numbers(numbers))
        }
        TargetKind::Numbers { names, .. } => {
            let read = |text: &str| infer::number(text.as_bytes());
            let columns = read_each(names, &columns, "a number", read)?;
            Ok(TargetValues::Several(Grid::of_columns(&columns)))
        }
        TargetKind::Labels { names, .. } => {
            let read = |text: &str| infer::truth_or_digit(text.as_bytes());
            let columns = read_each(names, &columns, "yes or no", read)?;
            Ok(TargetValues::Labels(Grid::of_columns(&columns)))
        }
    }
}

/// The position among the dataset's targets of each of the model's.
fn places(model: &Target, own: &Target) -> Result<Vec<usize>, DataError> {
    let theirs = own.columns();
    let place = |name: &String| {
        let place = theirs.iter().position(|it| it == name);
        place.ok_or_else(|| {
            let error = match model.columns() {
                [_] => format!("its target is {}, the model's is `{name}`", listed(theirs)),
                _ => format!("it has no target `{name}`, only {}", listed(theirs)),
            };
            misfit(error).hint(REMEDY)
        })
    };
    model.columns().iter().map(place).collect()
}

/// Whether targets of the two kinds are written alike.
fn is_same(model: &TargetKind, own: &TargetKind) -> bool {
    match (model, own) {
        (TargetKind::Classes { names: mine, .. }, TargetKind::Classes { names: theirs, .. })
        | (TargetKind::Numbers { names: mine, .. }, TargetKind::Numbers { names: theirs, .. })
        | (TargetKind::Labels { names: mine, .. }, TargetKind::Labels { names: theirs, .. }) => {
            mine == theirs
        }
        (TargetKind::Number { .. }, TargetKind::Number { .. }) => true,
        _ => false,
    }
}

/// The values of one target column as text, from which another kind may be read.
fn texts(own: &Target, values: &TargetValues, at: usize) -> Vec<String> {
    match values {
        TargetValues::Classes(classes) => {
            let names = own.classes();
            let name = |class: &i64| names.get(*class as usize).cloned().unwrap_or_default();
            classes.iter().map(name).collect()
        }
        TargetValues::Numbers(numbers) => numbers
            .iter()
            .map(|number| infer::number_text(*number))
            .collect(),
        TargetValues::Several(numbers) => numbers.column(at).map(infer::number_text).collect(),
        TargetValues::Labels(labels) => labels.column(at).map(|truth| truth.to_string()).collect(),
    }
}

/// The classes by their names, or by their values: of numbers, or of words for yes and no.
fn classes(target: &str, names: &[String], texts: &[String]) -> Result<Vec<i64>, DataError> {
    let find = |text: &str| {
        let class = find_class(names, &ClassName(text.to_owned()));
        class.map(|class| class as i64)
    };
    let mut known: BTreeMap<&str, Option<i64>> = BTreeMap::new();
    let found: Vec<Option<i64>> = texts
        .iter()
        .map(|text| *known.entry(text).or_insert_with(|| find(text)))
        .collect();
    let unknown: Vec<&str> = known
        .iter()
        .filter_map(|(text, class)| class.is_none().then_some(*text))
        .collect();
    let count = found.iter().filter(|class| class.is_none()).count();
    let found: Option<Vec<i64>> = found.into_iter().collect();
    found.ok_or_else(|| {
        let noun = if unknown.len() == 1 { "class" } else { "classes" };
        let verb = if count == 1 { "is" } else { "are" };
        misfit(format!(
            "{count} of {} rows {verb} of the {noun} {}, and the target `{target}` of the model has {}",
            texts.len(),
            listed(&unknown),
            listed(names)
        ))
        .hint("leave these rows out, or train the model on rows of these classes, too")
    })
}

fn read_each<T>(
    names: &[String],
    columns: &[Vec<String>],
    expected: &str,
    read: impl Fn(&str) -> Option<T> + Copy,
) -> Result<Vec<Vec<T>>, DataError> {
    let columns = names.iter().zip(columns);
    columns
        .map(|(name, texts)| read_all(name, texts, expected, read))
        .collect()
}

fn read_all<T>(
    name: &str,
    texts: &[String],
    expected: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, DataError> {
    let value = |text: &String| {
        read(text).ok_or_else(|| {
            misfit(format!(
                "`{text}` of its target `{name}` is not {expected}, which the model gives"
            ))
            .hint(REMEDY)
        })
    };
    texts.iter().map(value).collect()
}

/// The error for a dataset that a model cannot be applied to.
pub fn misfit(why: impl std::fmt::Display) -> DataError {
    DataError::wrong(format!("the dataset does not fit the model: {why}"))
}
