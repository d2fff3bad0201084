//! Steps against scikit-learn's, on its golden file; and what holds of every step.

mod each;
mod every;

use indexmap::IndexMap;
use pipe_schema::{
    dataset::{Target, TargetKind},
    stage::preprocess::Step,
};
use serde::Deserialize;
use serde_json::Value;

use super::{Goal, fit_apply};
use crate::{
    dataset::TargetValues,
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
    /// Of the train part, where a step asks for it.
    target: Vec<Value>,
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

/// The target of `rows` rows, of which the first have these values: classes by name, or numbers.
fn target(known: &[Value], rows: usize) -> (Target, TargetValues) {
    let mut names: Vec<String> = known
        .iter()
        .filter_map(|it| it.as_str().map(str::to_owned))
        .collect();
    names.sort();
    names.dedup();
    let place = |it: &Value| {
        names
            .iter()
            .position(|name| Some(name.as_str()) == it.as_str())
    };
    let (kind, values) = if names.is_empty() {
        let mut numbers: Vec<f64> = known.iter().filter_map(Value::as_f64).collect();
        numbers.resize(rows, 1e6);
        (
            TargetKind::Number { train_mean: 0.0 },
            TargetValues::Numbers(numbers),
        )
    } else {
        let mut codes: Vec<i64> = known
            .iter()
            .filter_map(|it| Some(place(it)? as i64))
            .collect();
        codes.resize(rows, 0);
        let train_counts = vec![0; names.len()];
        (
            TargetKind::Classes {
                names,
                train_counts,
            },
            TargetValues::Classes(codes),
        )
    };
    let name = "y".to_owned();
    let target = Target {
        name,
        kind,
        positive: None,
    };
    (target, values)
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
    assert!(golden.cases.len() >= 38);
    for case in golden.cases {
        let (mut frame, train) = frame(&case.raw);
        let (target, targets) = target(&case.target, frame.columns[0].rows());
        let goal = Goal {
            target: &target,
            values: &targets,
        };
        for (step, expected) in case.steps.iter().zip(&case.fitted) {
            let fitted = fit_apply(step, &mut frame, &train, goal, &mut |_| {}).unwrap();
            assert_equal(
                &serde_json::to_value(&fitted).unwrap(),
                expected,
                case.tolerance,
                &case.name,
            );
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
