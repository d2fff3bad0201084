//! Steps against scikit-learn's, on its golden file; and what holds of every step.

use indexmap::IndexMap;
use pipe_schema::{dataset::FittedStep, stage::preprocess::Step};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{apply, fit};
use crate::{
    frame::{Frame, Values},
    words::{NO_WORD, Words},
};

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    tolerance: f64,
    steps: Vec<Step>,
    raw: Parts,
    fitted: Vec<Value>,
    expected: Parts,
}

#[derive(Deserialize)]
struct Parts {
    train: Columns,
    test: Columns,
}

type Columns = IndexMap<String, Vec<Value>>;

fn values(cells: &[Value]) -> Values {
    if !cells.iter().any(Value::is_string) {
        let number = |it: &Value| it.as_f64().unwrap_or(f64::NAN);
        return Values::Numbers(cells.iter().map(number).collect());
    }
    let mut words = Words::default();
    for cell in cells {
        let code = cell.as_str().map_or(NO_WORD, |word| words.code(word));
        words.codes.push(code);
    }
    Values::Words(words)
}

/// The frame of all rows, those of the train part first.
fn frame(parts: &Parts) -> (Frame, Vec<usize>) {
    let columns = parts.train.iter().map(|(name, train)| {
        let cells: Vec<Value> = train.iter().chain(&parts.test[name]).cloned().collect();
        (name.clone(), values(&cells))
    });
    let frame = Frame {
        columns: columns.collect(),
        ..Frame::default()
    };
    let rows = parts.train.values().next().map_or(0, Vec::len);
    (frame, (0..rows).collect())
}

#[track_caller]
fn assert_equal(found: &Value, expected: &Value, tolerance: f64, place: &str) {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            for (key, expected) in expected {
                assert_equal(&found[key], expected, tolerance, &format!("{place}.{key}"));
            }
        }
        (Value::Array(found), Value::Array(expected)) => {
            assert_eq!(found.len(), expected.len(), "{place}");
            for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
                assert_equal(found, expected, tolerance, &format!("{place}[{at}]"));
            }
        }
        _ => match (number(found), number(expected)) {
            (Some(found), Some(expected)) => assert!(
                (found - expected).abs() <= tolerance * expected.abs().max(1.0),
                "{place}: {found} is not {expected}"
            ),
            _ => assert_eq!(found, expected, "{place}"),
        },
    }
}

/// A number; scikit-learn's indicators are numbers, those of a frame truth values.
fn number(value: &Value) -> Option<f64> {
    let truth = value.as_bool().map(|it| f64::from(u8::from(it)));
    value.as_f64().or(truth)
}

#[test]
fn every_step_equals_that_of_scikit_learn() {
    let text = include_str!("../../../../tests/golden/preprocess.json");
    let golden: Golden = serde_json::from_str(text).unwrap();
    assert!(golden.cases.len() >= 27);
    for case in golden.cases {
        let (mut frame, train) = frame(&case.raw);
        for (step, expected) in case.steps.iter().zip(&case.fitted) {
            let fitted = fit(step, &frame, &train).unwrap();
            assert_equal(
                &serde_json::to_value(&fitted).unwrap(),
                expected,
                case.tolerance,
                &case.name,
            );
            apply(&fitted, &mut frame).unwrap();
        }
        let names: Vec<_> = case.expected.train.keys().collect();
        assert_eq!(
            frame.columns.keys().collect::<Vec<_>>(),
            names,
            "{}",
            case.name
        );
        for (name, column) in &frame.columns {
            let expected = case.expected.train[name]
                .iter()
                .chain(&case.expected.test[name]);
            for (row, expected) in expected.enumerate() {
                let place = format!("{}: {name}[{row}]", case.name);
                assert_equal(&column.json(row), expected, case.tolerance, &place);
            }
        }
    }
}

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
        {"hash": {"columns": ["word"], "buckets": 5}},
        {"drop": {"columns": "boolean"}},
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

const TRAIN_ROWS: usize = 20;

/// Twenty rows to train on, then others, which `other` changes within their types.
fn mixed(other: f64) -> Frame {
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

/// A row as JSON, by column.
fn row(frame: &Frame, row: usize) -> Vec<(String, Value)> {
    let columns = frame.columns.iter();
    columns
        .map(|(name, it)| (name.clone(), it.json(row)))
        .collect()
}

#[test]
fn every_step_learns_from_the_train_part_alone() {
    let train: Vec<usize> = (0..TRAIN_ROWS).collect();
    for step in every_step() {
        let [mut one, mut other] = [mixed(1.0), mixed(50.0)];
        assert_ne!(row(&one, 25), row(&other, 25));
        let [learned, again] = [&one, &other].map(|it| fit(&step, it, &train).unwrap());
        assert_eq!(learned, again, "{}", step.name());
        apply(&learned, &mut one).unwrap();
        apply(&again, &mut other).unwrap();
        for at in train.iter().copied() {
            assert_eq!(row(&one, at), row(&other, at), "{}", step.name());
        }
    }
}

#[test]
fn every_step_reads_back_as_it_was_learned() {
    let train: Vec<usize> = (0..TRAIN_ROWS).collect();
    for step in every_step() {
        let learned = fit(&step, &mixed(1.0), &train).unwrap();
        let text = serde_json::to_string(&learned).unwrap();
        assert_eq!(serde_json::from_str::<FittedStep>(&text).unwrap(), learned);
    }
}

#[test]
fn a_row_alone_becomes_what_it_becomes_among_others() {
    let train: Vec<usize> = (0..TRAIN_ROWS).collect();
    for step in every_step() {
        let learned = fit(&step, &mixed(1.0), &train).unwrap();
        let mut all = mixed(1.0);
        apply(&learned, &mut all).unwrap();
        for at in 0..30 {
            let whole = mixed(1.0);
            let alone = whole.columns.iter().map(|(name, it)| {
                let alone = match it {
                    Values::Numbers(them) => Values::Numbers(vec![them[at]]),
                    Values::Truths(them) => Values::Truths(vec![them[at]]),
                    words @ Values::Words(_) => values(&[words.json(at)]),
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

#[test]
fn a_column_without_values_is_refused_by_what_learns_from_it() {
    let mut frame = mixed(1.0);
    for values in frame.columns.values_mut() {
        *values = Values::Numbers(vec![f64::NAN; 30]);
    }
    let train: Vec<usize> = (0..TRAIN_ROWS).collect();
    for text in [
        "impute",
        "standardize",
        "min_max",
        "robust",
        "power",
        "bucketize",
    ] {
        let step: Step = serde_json::from_value(json!({text: {}})).unwrap();
        let error = fit(&step, &frame, &train).unwrap_err();
        assert_eq!(
            error.message, "column `x` has no value in the train part",
            "{text}"
        );
    }
}

#[test]
fn a_number_without_a_logarithm_is_named_with_its_place() {
    let step: Step = serde_json::from_value(json!({"log": {"columns": ["gaps"]}})).unwrap();
    let mut frame = mixed(1.0);
    let learned = fit(&step, &frame, &[0, 1]).unwrap();
    let error = apply(&learned, &mut frame).unwrap_err();
    assert_eq!(
        error.message,
        "row 1: column `gaps`: -4 has no ln(1 + x), only numbers above -1 have"
    );
}

#[test]
fn numbers_are_cut_to_bounds() {
    let step: Step =
        serde_json::from_value(json!({"clip": {"columns": ["gaps"], "min": -1, "max": 2}}))
            .unwrap();
    let mut frame = mixed(1.0);
    let learned = fit(&step, &frame, &[0]).unwrap();
    apply(&learned, &mut frame).unwrap();
    let Values::Numbers(values) = &frame.columns["gaps"] else {
        panic!()
    };
    assert_eq!(values[0].to_bits(), (-1.0_f64).to_bits());
    assert!(values[1].is_nan());
    assert!(
        values
            .iter()
            .all(|it| it.is_nan() || (-1.0..=2.0).contains(it))
    );
}

#[test]
fn given_edges_and_orders_are_kept() {
    let steps: Vec<Step> = serde_json::from_value(json!([
        {"bucketize": {"columns": ["x"], "edges": [2, 5]}},
        {"ordinal": {"order": {"word": ["teal", "red", "blue"]}}},
    ]))
    .unwrap();
    let mut frame = mixed(1.0);
    let train: Vec<usize> = (0..TRAIN_ROWS).collect();
    for step in steps {
        let learned = fit(&step, &frame, &train).unwrap();
        apply(&learned, &mut frame).unwrap();
    }
    // x is 0, 7, 3, 10, 6, 2 in these rows.
    let found: Vec<_> = (0..6)
        .map(|at| (frame.columns["x"].json(at), frame.columns["word"].json(at)))
        .collect();
    let expected = [(0, 1), (2, 1), (1, 2), (2, 1), (2, 2), (1, 0)];
    assert_eq!(
        found,
        expected.map(|it| (Value::from(it.0), Value::from(it.1)))
    );
}
