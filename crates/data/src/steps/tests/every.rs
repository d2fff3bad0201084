//! What holds of every step: it learns from the train part alone, and treats a row alone as it does among others.

use std::path::Path;

use indexmap::IndexMap;
use pipe_schema::{
    dataset::{FittedStep, Target},
    stage::preprocess::{ColumnType, Step},
};
use serde_json::{Value, json};

use super::{target, values};
use crate::{
    block::Block,
    dataset::TargetValues,
    error::DataError,
    frame::{Frame, Values},
    infer::Missing,
    picture::Pictures,
    steps::{Goal, apply, fit},
    table::Fields,
};

/// A step of every kind with what makes it learn something; one without a case here fails the tests below.
fn every_step() -> Vec<Step> {
    let all: Vec<Step> = serde_json::from_value(json!([
        {"impute": {"indicator": true}},
        {"impute": {"columns": "numeric", "strategy": "mean"}},
        {"standardize": {}},
        {"min_max": {}},
        {"robust": {}},
        {"log": {"columns": ["x"]}},
        {"power": {}},
        {"clip": {"quantiles": [0.1, 0.9]}},
        {"bucketize": {"bins": 3}},
        {"bucketize": {"columns": ["x"], "strategy": "uniform", "encode": "one_hot"}},
        {"one_hot": {"columns": ["word"], "min_count": 4, "unknown": "other"}},
        {"ordinal": {}},
        {"ordinal": {"unknown": "own"}},
        {"hash": {"columns": ["word"], "buckets": 5}},
        {"target_encode": {"columns": ["word"]}},
        {"datetime_parts": {"columns": ["date"], "cyclic": true}},
        {"bag_of_words": {"columns": ["word", "date"], "max_features": 4}},
        {"tokens": {"columns": ["word", "date"], "length": 3}},
        {"tokens": {"columns": ["date"], "vocabulary": 3, "lowercase": false}},
        {"drop": {"columns": "boolean"}},
        {"resize": {"size": [3, 4]}},
        {"normalize": {}},
    ]))
    .unwrap();
    // The error for a word that is no step names them all.
    let error = serde_json::from_value::<Step>(json!({"no such step": {}})).unwrap_err();
    let error = error.to_string();
    for name in error.split('`').skip(3).step_by(2) {
        assert!(
            all.iter().any(|it| it.name() == name),
            "no case for `{name}`"
        );
    }
    all
}

pub const TRAIN_ROWS: usize = 20;

/// Twenty rows to train on, then others, which `other` changes within their types.
pub fn mixed(other: f64) -> Frame {
    let rows = 0..30_usize;
    let is_train = |row: usize| row < TRAIN_ROWS;
    let number = |row: usize| {
        let value = (row * 7 % 11) as f64;
        if is_train(row) {
            value
        } else {
            value * other + other
        }
    };
    let gaps = |row: usize| {
        if row % 4 == 1 {
            f64::NAN
        } else {
            number(row) - 4.0
        }
    };
    let word = |row: usize| {
        let train = ["red", "red", "blue", "red", "blue", "teal"][row % 6];
        let text = if is_train(row) {
            train.to_owned()
        } else {
            format!("{train}{other}")
        };
        Value::from(text)
    };
    let mut columns = IndexMap::new();
    columns.insert(
        "x".to_owned(),
        Values::Numbers(rows.clone().map(number).collect()),
    );
    columns.insert(
        "gaps".to_owned(),
        Values::Numbers(rows.clone().map(gaps).collect()),
    );
    columns.insert(
        "word".to_owned(),
        values(&rows.clone().map(word).collect::<Vec<_>>()),
    );
    let date = |row: usize| {
        let year = if is_train(row) {
            2024.0
        } else {
            1950.0 + other
        };
        let (month, day, hour) = (row % 9 + 1, row % 7, row % 5);
        Value::from(format!("{year}-0{month}-1{day} 0{hour}:30"))
    };
    let dates: Vec<Value> = rows.clone().map(date).collect();
    columns.insert("date".to_owned(), values(&dates));
    let truth = |row| {
        Some(if is_train(row) {
            row % 3 == 0
        } else {
            other > 2.0
        })
    };
    columns.insert(
        "truth".to_owned(),
        Values::Truths(rows.map(truth).collect()),
    );
    Frame {
        columns,
        ..Frame::default()
    }
}

/// The same; for steps that want them, with images.
fn frame_for(step: &Step, other: f64) -> Frame {
    let mut frame = mixed(other);
    let column = match step {
        Step::Resize(_) => pictures(
            (0..30)
                .map(|row| photo(row, other))
                .collect::<Vec<_>>()
                .iter(),
        ),
        Step::Normalize(_) => {
            let number = |at: usize| {
                let is_train = at < TRAIN_ROWS * 12;
                (at * 7 % 13) as f32 * if is_train { 1.0 } else { other as f32 }
            };
            let numbers = (0..30 * 12).map(number).collect();
            Values::Block(Block::of_floats(&[3, 2, 2], 30, numbers).unwrap())
        }
        _ => return frame,
    };
    frame.columns.insert("photo".to_owned(), column);
    frame
}

fn pictures<'a>(texts: impl Iterator<Item = &'a Value>) -> Values {
    let mut fields = Fields::default();
    texts.for_each(|it| fields.push(it.as_str().unwrap().as_bytes()));
    Values::of(&fields, ColumnType::Image, &Missing::default()).unwrap()
}

/// Grey in the train part, in colour elsewhere.
fn photo(row: usize, other: f64) -> Value {
    let name = match (row < TRAIN_ROWS, row % 2, other > 2.0) {
        (true, 0, _) => "grey.png",
        (true, _, _) => "bits.png",
        (false, _, true) => "colour.png",
        (false, _, false) => "palette.png",
    };
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/pictures");
    let read = Pictures::of_paths(&[Path::new(folder).join(name)]).unwrap();
    Value::from(read.text(0).unwrap())
}

/// Numbers to predict; those of rows that are not trained on are `other`.
pub fn numbers_to_predict(other: f64) -> (Target, TargetValues) {
    let (target, mut values) = target(&[], 30);
    if let TargetValues::Numbers(values) = &mut values {
        for (row, value) in values.iter_mut().enumerate() {
            *value = if row < TRAIN_ROWS {
                (row * 5 % 7) as f64
            } else {
                other
            };
        }
    }
    (target, values)
}

/// What a step learns from the first `rows` rows.
pub fn learn(step: &Step, frame: &Frame, rows: usize, other: f64) -> Result<FittedStep, DataError> {
    let (target, values) = numbers_to_predict(other);
    let goal = Goal {
        target: &target,
        values: &values,
    };
    fit(step, frame, &(0..rows).collect::<Vec<_>>(), goal)
}

/// A row as JSON, by column.
fn row(frame: &Frame, row: usize) -> Vec<(String, Value)> {
    let columns = frame.columns.iter();
    columns
        .map(|(name, it)| (name.clone(), it.json(row)))
        .collect()
}

#[test]
fn every_step_learns_from_the_train_part_alone() {
    for step in every_step() {
        let [mut one, mut other] = [frame_for(&step, 1.0), frame_for(&step, 50.0)];
        assert_ne!(row(&one, 25), row(&other, 25));
        let learned = learn(&step, &one, TRAIN_ROWS, 1.0).unwrap();
        let again = learn(&step, &other, TRAIN_ROWS, 50.0).unwrap();
        assert_eq!(learned, again, "{}", step.name());
        apply(&learned, &mut one).unwrap();
        apply(&again, &mut other).unwrap();
        for at in 0..TRAIN_ROWS {
            assert_eq!(row(&one, at), row(&other, at), "{}", step.name());
        }
    }
}

#[test]
fn every_step_reads_back_as_it_was_learned() {
    for step in every_step() {
        let learned = learn(&step, &frame_for(&step, 1.0), TRAIN_ROWS, 1.0).unwrap();
        let text = serde_json::to_string(&learned).unwrap();
        assert_eq!(serde_json::from_str::<FittedStep>(&text).unwrap(), learned);
    }
}

#[test]
fn a_row_alone_becomes_what_it_becomes_among_others() {
    for step in every_step() {
        let learned = learn(&step, &frame_for(&step, 1.0), TRAIN_ROWS, 1.0).unwrap();
        let mut all = frame_for(&step, 1.0);
        apply(&learned, &mut all).unwrap();
        for at in 0..30 {
            let whole = frame_for(&step, 1.0);
            let alone = whole.columns.iter().map(|(name, it)| {
                let alone = match it {
                    Values::Numbers(them) => Values::Numbers(vec![them[at]]),
                    Values::Truths(them) => Values::Truths(vec![them[at]]),
                    words @ Values::Words(_) => values(&[words.json(at)]),
                    Values::Block(block) => Values::Block(block.slice(at, at + 1)),
                    them @ Values::Pictures(_) => pictures([them.json(at)].iter()),
                    Values::Sparse(_) => panic!("`{name}` is of a step"),
                };
                (name.clone(), alone)
            });
            let mut alone = Frame {
                columns: alone.collect(),
                ..Frame::default()
            };
            apply(&learned, &mut alone).unwrap();
            assert_eq!(row(&alone, 0), row(&all, at), "{}", step.name());
        }
    }
}
