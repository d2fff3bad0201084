//! `schema.json` before it is used: every length, width and count against each other, so that no row can lead out of a list
//! and nothing is asked for that the file does not pay for with bytes of its own.

use std::collections::HashSet;

use pipe_data::{RawRows, transform_rows};
use pipe_schema::{
    dataset::{Column, DatasetSchema, FittedStep, Target, TargetKind},
    stage::preprocess::{BucketEncoding, ColumnType},
};

/// The most that the language allows for buckets of `hash`, the length of `tokens` and of `windows`.
const MOST: u32 = 1 << 16;
/// Bytes of the shortest index in the name of a number of a block: `[0]`.
const INDEX: u64 = 3;

/// Checks a schema that was parsed from `bytes` bytes.
pub fn check_schema(schema: &DatasetSchema, bytes: u64) -> Result<(), String> {
    check_columns(&schema.columns)?;
    check_target(&schema.target)?;
    for (number, step) in (1..).zip(&schema.steps) {
        check_step(step).map_err(|why| format!("step {number}: {why}"))?;
    }
    check_features(schema)?;
    if named_bytes(schema) > bytes {
        return Err("its steps make more columns than it names".to_owned());
    }
    // With no rows, the steps do all but numbers: what they make must be what is named.
    let none = RawRows::from_json(&[], schema).map_err(|error| error.message)?;
    let features = transform_rows(schema, &none).map_err(|error| error.message)?;
    if features.width() != schema.features.len() {
        let (found, named) = (features.width(), schema.features.len());
        return Err(format!("its steps make {found} features, it names {named}"));
    }
    Ok(())
}

fn check_columns(columns: &[Column]) -> Result<(), String> {
    check_unique(columns.iter().map(|column| &column.name), "column")?;
    for Column {
        name,
        r#type,
        shape,
        depth: _,
        notation: _,
    } in columns
    {
        let Some(shape) = shape else { continue };
        let numbers = numbers_in(shape).filter(|_| !shape.is_empty());
        if numbers.is_none_or(|numbers| numbers > u64::from(u32::MAX)) {
            return Err(format!("column `{name}` has the shape {shape:?}"));
        }
        if *r#type == ColumnType::Image && !matches!(shape.as_slice(), [1 | 3, _, _]) {
            return Err(format!(
                "column `{name}`: no picture has the shape {shape:?}"
            ));
        }
    }
    Ok(())
}

fn check_target(target: &Target) -> Result<(), String> {
    let (names, counts) = match &target.kind {
        TargetKind::Number { .. } if target.positive.is_none() => return Ok(()),
        TargetKind::Number { .. } => return Err("a number has no positive class".to_owned()),
        TargetKind::Classes {
            names,
            train_counts,
        }
        | TargetKind::Labels {
            names,
            train_counts,
            ..
        } => (names, train_counts.len()),
        TargetKind::Numbers { names, train_means } => (names, train_means.len()),
    };
    check_unique(names.iter(), "class or target")?;
    if let Some(class) = &target.positive
        && !target.classes().contains(class)
    {
        return Err(format!(
            "the positive class `{class}` is none of the target"
        ));
    }
    if names.is_empty() || names.len() != counts {
        let names = names.len();
        return Err(format!("the target has {names} names and {counts} counts"));
    }
    Ok(())
}

fn check_step(step: &FittedStep) -> Result<(), String> {
    match step {
        FittedStep::Bucketize { edges, .. } => {
            for (name, edges) in edges {
                if !edges.is_sorted() {
                    return Err(format!("the edges of column `{name}` do not rise"));
                }
            }
        }
        FittedStep::Hash { buckets, .. } => check_range("buckets", *buckets, 2)?,
        FittedStep::TargetEncode { columns, classes } => {
            for (name, learned) in columns {
                let width = learned.unknown.len();
                let mut all = learned.categories.values().chain(&learned.missing);
                let fits = classes.is_empty() || classes.len() == width;
                if width == 0 || !fits || all.any(|numbers| numbers.len() != width) {
                    return Err(format!(
                        "encodings of column `{name}` are not of one length"
                    ));
                }
            }
        }
        FittedStep::BagOfWords { columns, ngrams } => {
            let [fewest, most] = *ngrams;
            if fewest == 0 || fewest > most {
                return Err(format!("`ngrams` [{fewest}, {most}] do not rise from 1"));
            }
            for (name, vocabulary) in columns {
                let weights = vocabulary.idf.as_ref().map(Vec::len);
                let terms = vocabulary.terms.len();
                if weights.is_some_and(|weights| weights != terms) {
                    return Err(format!(
                        "column `{name}` has {terms} terms, and not as many weights"
                    ));
                }
            }
        }
        FittedStep::Tokens { length, .. } => check_range("length", *length, 1)?,
        FittedStep::Resize { columns, size } => {
            if numbers_in(size).is_none_or(|numbers| numbers > u64::from(u32::MAX)) {
                return Err(format!("no picture has the size {size:?}"));
            }
            if let Some((name, channels)) = columns.iter().find(|it| !matches!(it.1, 1 | 3)) {
                return Err(format!(
                    "column `{name}`: no picture has {channels} channels"
                ));
            }
        }
        FittedStep::Normalize { columns } => {
            for (name, scales) in columns {
                if scales.mean.is_empty() || scales.mean.len() != scales.scale.len() {
                    return Err(format!("column `{name}` has not as many means as scales"));
                }
            }
        }
        FittedStep::Impute { .. }
        | FittedStep::Standardize { .. }
        | FittedStep::MinMax { .. }
        | FittedStep::OneHot { .. }
        | FittedStep::Robust { .. }
        | FittedStep::Log { .. }
        | FittedStep::Power { .. }
        | FittedStep::Clip { .. }
        | FittedStep::Ordinal { .. }
        | FittedStep::DatetimeParts { .. }
        | FittedStep::Drop { .. } => {}
    }
    Ok(())
}

fn check_features(schema: &DatasetSchema) -> Result<(), String> {
    let features = schema.features.len();
    if features == 0 {
        return Err("it names no feature".to_owned());
    }
    if let Some(shape) = &schema.shape
        && numbers_in(shape) != u64::try_from(features).ok()
    {
        return Err(format!(
            "{features} features do not have the shape {shape:?}"
        ));
    }
    if let Some(windows) = &schema.windows {
        check_range("length", windows.length, 1)?;
        if !features.is_multiple_of(windows.length as usize) {
            let length = windows.length;
            return Err(format!(
                "{features} features are no windows of {length} rows"
            ));
        }
    }
    Ok(())
}

/// Bytes of the names of all columns that steps and blocks make. Each of these names stands in the file: among the
/// features, or where a later step drops or takes it.
fn named_bytes(schema: &DatasetSchema) -> u64 {
    let dropped: HashSet<&String> = schema
        .steps
        .iter()
        .filter_map(|step| match step {
            FittedStep::Drop { columns } => Some(columns),
            _ => None,
        })
        .flatten()
        .collect();
    let block = |name: &String, numbers: u64| {
        if dropped.contains(name) {
            return 0;
        }
        (name.len() as u64 + INDEX).saturating_mul(numbers)
    };
    let shapes = schema.columns.iter().map(|column| {
        let numbers = column.shape.as_deref().and_then(numbers_in);
        block(&column.name, numbers.unwrap_or(0))
    });
    let steps = schema.steps.iter().map(|step| match step {
        FittedStep::OneHot { categories, .. } => sum(categories.iter().map(|(name, seen)| {
            let words: u64 = seen.iter().map(|word| word.len() as u64).sum();
            expanded(name, seen.len(), words)
        })),
        FittedStep::BagOfWords { columns, .. } => sum(columns.iter().map(|(name, vocabulary)| {
            let terms = &vocabulary.terms;
            expanded(
                name,
                terms.len(),
                terms.iter().map(|it| it.len() as u64).sum(),
            )
        })),
        FittedStep::TargetEncode { columns, classes } => {
            let words: u64 = classes.iter().map(|class| class.len() as u64).sum();
            sum(columns
                .iter()
                .map(|(name, learned)| expanded(name, learned.unknown.len(), words)))
        }
        FittedStep::Bucketize {
            edges,
            encode: BucketEncoding::OneHot,
        } => sum(edges
            .iter()
            .map(|(name, edges)| expanded(name, edges.len(), 0))),
        FittedStep::Hash {
            columns, buckets, ..
        } => sum(columns
            .iter()
            .map(|name| expanded(name, *buckets as usize, 0))),
        FittedStep::DatetimeParts { columns, parts, .. } => {
            sum(columns.iter().map(|name| expanded(name, parts.len(), 0)))
        }
        FittedStep::Tokens {
            columns, length, ..
        } => sum(columns.keys().map(|name| block(name, u64::from(*length)))),
        FittedStep::Resize { columns, size } => sum(columns.iter().map(|(name, channels)| {
            let numbers = numbers_in(size).unwrap_or(u64::MAX);
            block(name, numbers.saturating_mul(u64::from(*channels)))
        })),
        _ => 0,
    });
    sum(shapes).saturating_add(sum(steps))
}

/// Bytes of `count` names that begin with a column's, with `words` bytes of their own in all.
fn expanded(name: &str, count: usize, words: u64) -> u64 {
    (name.len() as u64 + 1)
        .saturating_mul(count as u64)
        .saturating_add(words)
}

fn sum(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.fold(0, u64::saturating_add)
}

/// How many numbers a shape has; nothing for one that has none, or too many to count.
fn numbers_in(shape: &[u32]) -> Option<u64> {
    let product = shape
        .iter()
        .try_fold(1_u64, |product, size| product.checked_mul(u64::from(*size)));
    product.filter(|numbers| *numbers > 0)
}

fn check_range(option: &str, value: u32, least: u32) -> Result<(), String> {
    if (least..=MOST).contains(&value) {
        return Ok(());
    }
    Err(format!("`{option}` is {value}, not {least} to {MOST}"))
}

fn check_unique<'a>(names: impl Iterator<Item = &'a String>, what: &str) -> Result<(), String> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(format!("there are two of one name, {what} `{name}`"));
        }
    }
    Ok(())
}
