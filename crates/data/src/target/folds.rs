//! Classes against the folds of a cross-validation: a class that one fold could not learn is refused in all folds alike.

use indexmap::{IndexMap, IndexSet};
use pipe_schema::stage::preprocess::{ColumnType, KfoldSplit, Preprocess, Split};

use super::{Found, Label, found, label_of};
use crate::{
    error::DataError,
    infer::{self, Missing},
    split::{self, Parts},
    table::Table,
};

/// Refuses a class that the train part of some fold would lack, whichever fold is made here.
pub fn check(block: &Preprocess, table: &Table, missing: &Missing) -> Result<(), DataError> {
    let Split::Kfold(kfold) = &block.split else {
        return Ok(());
    };
    // Only some rows of a table are targets of windows.
    if block.windows.is_some() {
        return Ok(());
    }
    let columns = found(&block.target, &table.columns, &block.columns);
    let mut parts = Vec::with_capacity(kfold.folds as usize);
    for fold in 0..kfold.folds {
        let split = Split::Kfold(KfoldSplit {
            fold,
            ..kfold.clone()
        });
        parts.push(split::divide(&split, [0; 3], table, missing)?);
    }
    for column in &columns {
        if let Some(label) = class_of(column, columns.len(), missing, &parts, table.rows()) {
            check_column(column, &*label, kfold, &parts)?;
        }
    }
    Ok(())
}

/// How a column's texts name classes, if some fold takes them for classes.
fn class_of(
    column: &Found<'_>,
    columns: usize,
    missing: &Missing,
    folds: &[Parts],
    rows: usize,
) -> Option<Box<Label>> {
    let all = vec![true; rows];
    if columns > 1 {
        // Several targets are labels if all their values are words for yes and no.
        let mut texts = column.fields.iter();
        let are_truths = texts.all(|text| infer::truth_or_digit(text).is_some());
        return (are_truths && column.given != Some(ColumnType::Numeric))
            .then(|| label_of(column.fields, Some(ColumnType::Boolean), &all));
    }
    let means_classes = match column.given {
        Some(given) => matches!(given, ColumnType::Categorical | ColumnType::Boolean),
        None => {
            infer::means_classes(column.fields, missing, &all)
                || folds.iter().any(|parts| {
                    let is_train = is_train(parts, rows);
                    infer::means_classes(column.fields, missing, &is_train)
                })
        }
    };
    means_classes.then(|| label_of(column.fields, column.given, &all))
}

fn check_column(
    column: &Found<'_>,
    label: &Label,
    kfold: &KfoldSplit,
    folds: &[Parts],
) -> Result<(), DataError> {
    // A text that names no class is refused where targets are read.
    let classes: Vec<Option<String>> = column.fields.iter().map(label).collect();
    let mut counts = IndexMap::<&str, u64>::new();
    for class in classes.iter().flatten() {
        *counts.entry(class).or_default() += 1;
    }
    for (fold, parts) in folds.iter().enumerate() {
        let train = parts.first().map_or(&[][..], |part| part.1.as_slice());
        let mut lacking: IndexSet<&str> = counts.keys().copied().collect();
        for class in train.iter().filter_map(|row| classes[*row].as_deref()) {
            if lacking.is_empty() {
                break;
            }
            lacking.swap_remove(class);
        }
        // The smallest first, so that the message is the same in every fold.
        let Some(class) = lacking
            .into_iter()
            .min_by_key(|class| (counts[class], *class))
        else {
            continue;
        };
        return Err(too_few(column.name, class, counts[class], fold, kfold));
    }
    Ok(())
}

fn too_few(name: &str, class: &str, rows: u64, fold: usize, kfold: &KfoldSplit) -> DataError {
    let have = if rows == 1 {
        "has 1 row".to_owned()
    } else {
        format!("has {rows} rows")
    };
    let is_stratified = kfold.stratify.as_deref() == Some(name);
    let hint = if rows > 1 && !is_stratified {
        format!(
            "every fold is trained on each class: `stratify: {name}` spreads the rows of a class over the folds"
        )
    } else if kfold.group.is_some() {
        "every fold is trained on each class: give it rows in more groups, join it with another class, or leave its rows out".to_owned()
    } else {
        "every fold is trained on each class: give it more rows, join it with another class, or leave its rows out".to_owned()
    };
    DataError::wrong(format!(
        "the class `{class}` of the target `{name}` {have}, and the train part of fold {fold} would have none"
    ))
    .hint(hint)
}

fn is_train(parts: &Parts, rows: usize) -> Vec<bool> {
    let mut is_train = vec![false; rows];
    for row in parts.first().into_iter().flat_map(|part| &part.1) {
        is_train[*row] = true;
    }
    is_train
}
