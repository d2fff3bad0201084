//! Several target columns: all numbers, or all yes or no. Knows the rule by which it is told, not what is trained.
//!
//! Without given types: if all values of the train part are words for yes or no, or 0 or 1, the columns are labels; else
//! if all are numbers, they are numbers.

use pipe_schema::{
    dataset::{Target, TargetKind},
    stage::preprocess::ColumnType,
};

use super::{Found, check_present, misfit};
use crate::{
    dataset::TargetValues,
    error::DataError,
    grid::Grid,
    infer::{self, Missing},
    table::Places,
};

/// What a column may be, as far as the train part tells.
#[derive(Clone, Copy, Debug)]
struct Sight<'a> {
    may_be_truth: bool,
    may_be_number: bool,
    /// A text that is neither.
    word: Option<&'a [u8]>,
}

/// Reads the targets of all rows, in the order of `columns`; the baseline comes from the rows where `is_train` is true.
pub fn read(
    columns: &[Found<'_>],
    missing: &Missing,
    is_train: &[bool],
    places: &Places,
) -> Result<(Target, TargetValues), DataError> {
    let mut sights = Vec::with_capacity(columns.len());
    for column in columns {
        check_present(column.name, column.fields, missing, places)?;
        sights.push(sight(column, is_train)?);
    }
    let names: Vec<String> = columns.iter().map(|it| it.name.to_owned()).collect();
    let (kind, values) = if sights.iter().all(|it| it.may_be_truth) {
        labels(&names, columns, is_train, places)?
    } else if sights.iter().all(|it| it.may_be_number) {
        numbers(&names, columns, is_train, places)?
    } else {
        return Err(mix(columns, &sights));
    };
    let name = Target::name_of(&names);
    let target = Target {
        name,
        kind,
        positive: None,
    };
    Ok((target, values))
}

fn sight<'a>(column: &Found<'a>, is_train: &[bool]) -> Result<Sight<'a>, DataError> {
    let Some(given) = column.given else {
        let (mut may_be_truth, mut may_be_number, mut word) = (true, true, None);
        let train = column.fields.iter().zip(is_train).filter(|it| *it.1);
        for (text, _) in train {
            let (is_truth, is_number) = (
                infer::truth_or_digit(text).is_some(),
                infer::number(text).is_some(),
            );
            may_be_truth &= is_truth;
            may_be_number &= is_number;
            if !is_truth && !is_number && word.is_none() {
                word = Some(text);
            }
        }
        return Ok(Sight {
            may_be_truth,
            may_be_number,
            word,
        });
    };
    let (may_be_truth, may_be_number) = match given {
        ColumnType::Boolean => (true, false),
        ColumnType::Numeric => (false, true),
        other => {
            let (name, other) = (column.name, other.name());
            return Err(DataError::wrong(format!(
                "the target `{name}` is declared {other}, and several targets are all numeric or all boolean"
            ))
            .hint(format!("take it alone: `target: {name}`")));
        }
    };
    Ok(Sight {
        may_be_truth,
        may_be_number,
        word: None,
    })
}

/// Why the columns are neither all labels nor all numbers.
fn mix(columns: &[Found<'_>], sights: &[Sight<'_>]) -> DataError {
    let named = || columns.iter().zip(sights);
    let is_neither = |it: &Sight<'_>| !it.may_be_truth && !it.may_be_number;
    if let Some((column, sight)) = named().find(|it| is_neither(it.1)) {
        let name = column.name;
        let what = match sight.word {
            Some(word) => format!("has words, such as `{}`", infer::text_of(word)),
            None => "has numbers and words for yes or no".to_owned(),
        };
        return DataError::wrong(format!(
            "the target `{name}` {what}, and several targets are all numbers or all yes or no"
        ))
        .hint(format!(
            "take it alone, for its classes: `target: {name}`; or write 0 and 1, or numbers, into the column"
        ));
    }
    let name = |of: fn(&Sight<'_>) -> bool| {
        let found = named().find(|it| of(it.1));
        found.map_or("", |it| it.0.name)
    };
    let (number, truth) = (name(|it| !it.may_be_truth), name(|it| !it.may_be_number));
    DataError::wrong(format!(
        "the target `{number}` has numbers and `{truth}` has yes or no: several targets are all of one kind"
    ))
    .hint("predict the numbers in one stage and the labels in another")
}

fn labels(
    names: &[String],
    columns: &[Found<'_>],
    is_train: &[bool],
    places: &Places,
) -> Result<(TargetKind, TargetValues), DataError> {
    let train_rows = is_train.iter().filter(|it| **it).count() as u64;
    let mut train_counts = Vec::with_capacity(columns.len());
    let mut all = Vec::with_capacity(columns.len());
    for column in columns {
        let name = column.name;
        let (mut truths, mut count) = (Vec::with_capacity(is_train.len()), 0);
        for ((row, text), is_train) in column.fields.iter().enumerate().zip(is_train) {
            let truth = infer::truth_or_digit(text).ok_or_else(|| {
                misfit(name, text, "yes or no", &places.of(row))
                    .hint("labels are `yes` or `no`, `true` or `false`, 1 or 0")
            })?;
            count += u64::from(*is_train && truth);
            truths.push(truth);
        }
        if count == 0 || count == train_rows {
            let word = if count == 0 { "no" } else { "yes" };
            return Err(DataError::wrong(format!(
                "the target `{name}` is {word} in all rows of the train part"
            ))
            .hint(format!(
                "there is nothing to tell apart; leave it out of `target`, or give rows of both to train: `stratify: {name}`"
            )));
        }
        train_counts.push(count);
        all.push(truths);
    }
    let kind = TargetKind::Labels {
        names: names.to_vec(),
        train_counts,
        train_rows,
    };
    Ok((kind, TargetValues::Labels(Grid::of_columns(&all))))
}

fn numbers(
    names: &[String],
    columns: &[Found<'_>],
    is_train: &[bool],
    places: &Places,
) -> Result<(TargetKind, TargetValues), DataError> {
    let mut train_means = Vec::with_capacity(columns.len());
    let mut all = Vec::with_capacity(columns.len());
    for column in columns {
        let mut values = Vec::with_capacity(is_train.len());
        let (mut sum, mut count) = (0.0, 0_u64);
        for ((row, text), is_train) in column.fields.iter().enumerate().zip(is_train) {
            let value = infer::number(text)
                .ok_or_else(|| misfit(column.name, text, "a number", &places.of(row)))?;
            if *is_train {
                sum += value;
                count += 1;
            }
            values.push(value);
        }
        train_means.push(sum / count.max(1) as f64);
        all.push(values);
    }
    let kind = TargetKind::Numbers {
        names: names.to_vec(),
        train_means,
    };
    Ok((kind, TargetValues::Several(Grid::of_columns(&all))))
}
