//! What is predicted: the classes or numbers of a column, or several columns. Knows the rule by which it is told, not what is trained.
//!
//! Without a given type: words mean classes; numbers with a fraction mean a number; integers mean classes if the train
//! part has at most 20 distinct ones, each in two rows on average. Classes that are numbers are told by their value;
//! words for yes and no that are spelled in several ways (`yes`, `Yes`) are the classes `true` and `false`.

pub mod folds;
mod positive;
pub mod adapt;
mod several;

use std::collections::HashMap;

use indexmap::IndexMap;
use pipe_schema::{
    dataset::{Target, TargetKind},
    stage::preprocess::{ColumnType, DeclaredColumn, Targets},
};

pub use self::positive::find_class;
use crate::{
    dataset::TargetValues,
    error::DataError,
    infer::{self, Missing},
    table::{Column, Fields, Places},
};

/// A target column, with the type that it is declared to have.
struct Found<'a> {
    name: &'a str,
    fields: &'a Fields,
    given: Option<ColumnType>,
}

/// Reads the targets of all rows from their columns; classes and baseline come from the rows where `is_train` is true.
pub fn read(
    targets: &Targets,
    columns: &[Column],
    types: &IndexMap<String, DeclaredColumn>,
    missing: &Missing,
    is_train: &[bool],
    places: &Places,
) -> Result<(Target, TargetValues), DataError> {
    match found(targets, columns, types).as_slice() {
        [] => Err(DataError::wrong("the target was not read")),
        [one] => {
            let (mut target, values) = read_one(one, missing, is_train, places)?;
            if let Some(class) = targets.positive() {
                target.positive = Some(positive::named(class, &target)?);
            }
            Ok((target, values))
        }
        several => several::read(several, missing, is_train, places),
    }
}

/// The columns of the targets, in the order in which they are named.
fn found<'a>(
    targets: &Targets,
    columns: &'a [Column],
    types: &IndexMap<String, DeclaredColumn>,
) -> Vec<Found<'a>> {
    let find = |name: &String| columns.iter().find(|it| it.name == *name);
    let columns = targets.iter().filter_map(find);
    columns
        .map(|it| Found {
            name: &it.name,
            fields: &it.fields,
            given: types.get(&it.name).map(DeclaredColumn::r#type),
        })
        .collect()
}

fn read_one(
    column: &Found<'_>,
    missing: &Missing,
    is_train: &[bool],
    places: &Places,
) -> Result<(Target, TargetValues), DataError> {
    let Found {
        name,
        fields,
        given,
    } = *column;
    check_present(name, fields, missing, places)?;
    let means_classes = match given {
        Some(ColumnType::Categorical | ColumnType::Boolean) => true,
        Some(ColumnType::Numeric) => false,
        Some(it @ (ColumnType::Datetime | ColumnType::Text | ColumnType::Image)) => {
            return Err(DataError::wrong(format!(
                "the target `{name}` is declared {}: only classes and numbers can be predicted",
                it.name()
            ))
            .hint("declare it `categorical`, `boolean` or `numeric`, or name another target"));
        }
        None => infer::means_classes(fields, missing, is_train),
    };
    let (kind, values) = if means_classes {
        let label = label_of(fields, given, is_train);
        classes(name, fields, &*label, is_train, places)?
    } else {
        numbers(name, fields, given.is_some(), is_train, places)?
    };
    let name = name.to_owned();
    let target = Target {
        name,
        kind,
        positive: None,
    };
    Ok((target, values))
}

fn check_present(
    name: &str,
    fields: &Fields,
    missing: &Missing,
    places: &Places,
) -> Result<(), DataError> {
    let mut rows = fields
        .iter()
        .enumerate()
        .filter(|(_, text)| missing.has(text));
    let Some((first, _)) = rows.next() else {
        return Ok(());
    };
    let count = rows.count() + 1;
    let rows = if count == 1 { "row" } else { "rows" };
    Err(DataError::wrong(format!(
        "{}: no value for the target `{name}` ({count} {rows} in all)",
        places.of(first)
    ))
    .hint("leave out rows without a target: they can be neither trained nor measured on"))
}

/// How a text names a class: by itself, or by its number or truth value.
type Label = dyn Fn(&[u8]) -> Option<String>;

fn label_of(fields: &Fields, given: Option<ColumnType>, is_train: &[bool]) -> Box<Label> {
    let by_text = |text: &[u8]| Some(infer::text_of(text).to_owned());
    match given {
        Some(ColumnType::Boolean) => {
            Box::new(|text| infer::truth_or_digit(text).map(|it| it.to_string()))
        }
        Some(_) => Box::new(by_text),
        None => {
            let train = || {
                let rows = fields.iter().zip(is_train);
                rows.filter(|it| *it.1).map(|it| it.0)
            };
            if train().all(|text| infer::number(text).is_some()) {
                Box::new(number_label)
            } else if spells_truths(train()) {
                Box::new(|text| infer::truth(text).map(|it| it.to_string()))
            } else {
                Box::new(by_text)
            }
        }
    }
}

/// Whether all texts are words for yes or no, and one of the two is spelled in several ways.
fn spells_truths<'a>(texts: impl Iterator<Item = &'a [u8]>) -> bool {
    let mut spelled: [Option<&[u8]>; 2] = [None, None];
    let mut is_mixed = false;
    for text in texts {
        let Some(truth) = infer::truth(text) else {
            return false;
        };
        let first = *spelled[usize::from(truth)].get_or_insert(text);
        is_mixed = is_mixed || first != text;
    }
    is_mixed
}

/// Names a class by its number, so that `1` and `1.0` are one; where floats are too coarse, by its text.
fn number_label(text: &[u8]) -> Option<String> {
    let value = infer::number(text)?;
    Some(if value.abs() < infer::EXACT {
        infer::number_text(value)
    } else {
        infer::text_of(text).to_owned()
    })
}

fn classes(
    name: &str,
    fields: &Fields,
    label: &Label,
    is_train: &[bool],
    places: &Places,
) -> Result<(TargetKind, TargetValues), DataError> {
    let mut codes: HashMap<String, i64> = HashMap::new();
    let mut known: HashMap<&[u8], i64> = HashMap::new();
    let mut names: Vec<String> = Vec::new();
    let train = fields.iter().enumerate().zip(is_train);
    for ((row, text), _) in train.filter(|(_, is_train)| **is_train) {
        if known.contains_key(text) {
            continue;
        }
        let class = label(text).ok_or_else(|| misfit(name, text, "boolean", &places.of(row)))?;
        let code = *codes.entry(class).or_insert_with_key(|class| {
            names.push(class.clone());
            names.len() as i64 - 1
        });
        known.insert(text, code);
    }
    let order = sorted(&mut names);
    for code in known.values_mut().chain(codes.values_mut()) {
        *code = order[*code as usize];
    }
    if names.len() < 2 {
        return Err(DataError::wrong(format!(
            "the target `{name}` has a single class in the train part: `{}`",
            names.join("")
        ))
        .hint("there is nothing to tell apart; is it the right column?"));
    }
    let mut counts = vec![0_u64; names.len()];
    let mut values = Vec::with_capacity(is_train.len());
    for ((row, text), is_train) in fields.iter().enumerate().zip(is_train) {
        let code = match known.get(text) {
            Some(code) => *code,
            None => match label(text).and_then(|class| codes.get(&class)) {
                Some(code) => *code,
                None => return Err(unseen(name, text, &names, &places.of(row))),
            },
        };
        counts[code as usize] += u64::from(*is_train);
        values.push(code);
    }
    let kind = TargetKind::Classes {
        names,
        train_counts: counts,
    };
    Ok((kind, TargetValues::Classes(values)))
}

/// Sorts names, numbers by value if all are, and tells for each old place the new one.
fn sorted(names: &mut Vec<String>) -> Vec<i64> {
    let values: Option<Vec<f64>> = names
        .iter()
        .map(|it| infer::number(it.as_bytes()))
        .collect();
    let mut places: Vec<usize> = (0..names.len()).collect();
    places.sort_by(|a, b| {
        let by_value = values
            .as_ref()
            .map_or(std::cmp::Ordering::Equal, |it| it[*a].total_cmp(&it[*b]));
        by_value.then_with(|| names[*a].cmp(&names[*b]))
    });
    let mut order = vec![0; names.len()];
    for (new, old) in places.iter().enumerate() {
        order[*old] = new as i64;
    }
    *names = places.iter().map(|it| names[*it].clone()).collect();
    order
}

fn numbers(
    name: &str,
    fields: &Fields,
    is_given: bool,
    is_train: &[bool],
    places: &Places,
) -> Result<(TargetKind, TargetValues), DataError> {
    let mut values = Vec::with_capacity(is_train.len());
    let (mut sum, mut count) = (0.0, 0_u64);
    for ((row, text), is_train) in fields.iter().enumerate().zip(is_train) {
        let Some(value) = infer::number(text) else {
            let error = misfit(name, text, "a number", &places.of(row));
            return Err(if is_given {
                error
            } else {
                error.hint(format!(
                    "the train part has only numbers; set `columns: {{{name}: categorical}}` if classes are meant"
                ))
            });
        };
        if *is_train {
            sum += value;
            count += 1;
        }
        values.push(value);
    }
    let train_mean = sum / count.max(1) as f64;
    Ok((
        TargetKind::Number { train_mean },
        TargetValues::Numbers(values),
    ))
}

fn misfit(name: &str, text: &[u8], expected: &str, place: &str) -> DataError {
    DataError::wrong(format!(
        "{place}: target `{name}`: `{}` is not {expected}",
        infer::text_of(text)
    ))
}

fn unseen(name: &str, text: &[u8], names: &[String], place: &str) -> DataError {
    DataError::wrong(format!(
        "{place}: target `{name}`: the train part has no row of the class `{}`",
        infer::text_of(text)
    ))
    .hint(format!(
        "its classes are {}; `stratify: {name}` gives every class to train; for a number set `columns: {{{name}: numeric}}`",
        infer::listed(names)
    ))
}
