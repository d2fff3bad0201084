//! Classes against the folds of a cross-validation: a class that one fold could not learn is refused in all folds alike.

use indexmap::{IndexMap, IndexSet};
use pipe_schema::stage::preprocess::{ColumnType, KfoldSplit, Preprocess, Split};

use super::{Found, Label, found, label_of};
use crate::{
    error::DataError,
    infer::{self, Missing},
    split,
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
    // One fold at a time: there may be as many of them as rows.
    let train = |fold: u32| -> Result<Vec<usize>, DataError> {
        let split = Split::Kfold(KfoldSplit {
            fold,
            ..kfold.clone()
        });
        let parts = split::divide(&split, [0; 3], table, missing)?;
        Ok(parts.into_iter().next().map_or(Vec::new(), |part| part.1))
    };
    let columns = found(&block.target, &table.columns, &block.columns);
    for column in &columns {
        let Some(label) = class_of(column, columns.len(), missing, kfold, &train)? else {
            continue;
        };
        // A missing value, or a text that names no class, is refused where targets are read.
        let class = |text: &[u8]| label(text).filter(|_| !missing.has(text));
        let classes: Vec<Option<String>> = column.fields.iter().map(class).collect();
        let mut counts = IndexMap::<&str, u64>::new();
        for class in classes.iter().flatten() {
            *counts.entry(class).or_default() += 1;
        }
        for fold in 0..kfold.folds {
            if let Some(class) = lacking(&classes, &counts, &train(fold)?) {
                return Err(too_few(column.name, class, counts[class], fold, kfold));
            }
        }
    }
    Ok(())
}

/// The train rows of a fold.
type Train<'a> = dyn Fn(u32) -> Result<Vec<usize>, DataError> + 'a;

/// How a column's texts name classes, if some fold takes them for classes.
fn class_of(
    column: &Found<'_>,
    columns: usize,
    missing: &Missing,
    kfold: &KfoldSplit,
    train: &Train<'_>,
) -> Result<Option<Box<Label>>, DataError> {
    let mut is_train = vec![true; column.fields.iter().count()];
    let label = |given| Some(label_of(column.fields, given, &vec![true; is_train.len()]));
    if columns > 1 {
        // Several targets are labels if all their values are words for yes and no.
        let mut texts = column.fields.iter();
        let are_truths = texts.all(|text| infer::truth_or_digit(text).is_some());
        let is_label = are_truths && column.given != Some(ColumnType::Numeric);
        return Ok(label(Some(ColumnType::Boolean)).filter(|_| is_label));
    }
    if let Some(given) = column.given {
        let is_class = matches!(given, ColumnType::Categorical | ColumnType::Boolean);
        return Ok(label(column.given).filter(|_| is_class));
    }
    let by_value = label(None);
    if infer::means_classes(column.fields, missing, &is_train) {
        return Ok(by_value);
    }
    for fold in 0..kfold.folds {
        is_train.fill(false);
        for row in train(fold)? {
            is_train[row] = true;
        }
        if infer::means_classes(column.fields, missing, &is_train) {
            return Ok(by_value);
        }
    }
    Ok(None)
}

/// The smallest class of which these rows have none.
fn lacking<'a>(
    classes: &[Option<String>],
    counts: &IndexMap<&'a str, u64>,
    train: &[usize],
) -> Option<&'a str> {
    let mut lacking: IndexSet<&str> = counts.keys().copied().collect();
    for class in train.iter().filter_map(|row| classes[*row].as_deref()) {
        if lacking.is_empty() {
            break;
        }
        lacking.swap_remove(class);
    }
    lacking
        .into_iter()
        .min_by_key(|class| (counts[class], *class))
}

fn too_few(name: &str, class: &str, rows: u64, fold: u32, kfold: &KfoldSplit) -> DataError {
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
