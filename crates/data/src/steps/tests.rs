//! Steps against scikit-learn's, on its golden file.

use indexmap::IndexMap;
use pipe_schema::stage::preprocess::Step;
use serde::Deserialize;
use serde_json::Value;

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
fn assert_equal(found: &Value, expected: &Value, place: &str) {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            for (key, expected) in expected {
                assert_equal(&found[key], expected, &format!("{place}.{key}"));
            }
        }
        (Value::Array(found), Value::Array(expected)) => {
            assert_eq!(found.len(), expected.len(), "{place}");
            for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
                assert_equal(found, expected, &format!("{place}[{at}]"));
            }
        }
        _ => match (number(found), number(expected)) {
            (Some(found), Some(expected)) => assert!(
                (found - expected).abs() <= 1e-12 * expected.abs().max(1.0),
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
    assert!(golden.cases.len() >= 13);
    for case in golden.cases {
        let (mut frame, train) = frame(&case.raw);
        for (step, expected) in case.steps.iter().zip(&case.fitted) {
            let fitted = fit(step, &frame, &train).unwrap();
            assert_equal(
                &serde_json::to_value(&fitted).unwrap(),
                expected,
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
                assert_equal(&column.json(row), expected, &place);
            }
        }
    }
}
