//! What single steps do beyond what scikit-learn's do.

use pipe_schema::stage::preprocess::Step;
use serde_json::{Value, json};

use super::{
    every::{TRAIN_ROWS, learn, mixed, numbers_to_predict},
    values,
};
use crate::{
    dataset::TargetValues,
    frame::{Frame, Values},
    steps::{Goal, apply, fit_apply},
};

#[test]
fn a_column_without_values_is_refused_by_what_learns_from_it() {
    let mut frame = mixed(1.0);
    for values in frame.columns.values_mut() {
        *values = Values::Numbers(vec![f64::NAN; 30]);
    }
    for text in [
        "impute",
        "standardize",
        "min_max",
        "robust",
        "power",
        "bucketize",
    ] {
        let step: Step = serde_json::from_value(json!({text: {}})).unwrap();
        let error = learn(&step, &frame, TRAIN_ROWS, 1.0).unwrap_err();
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
    let learned = learn(&step, &frame, 2, 1.0).unwrap();
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
    let learned = learn(&step, &frame, 1, 1.0).unwrap();
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
    for step in steps {
        let learned = learn(&step, &frame, TRAIN_ROWS, 1.0).unwrap();
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

#[test]
fn no_row_of_the_train_part_is_encoded_by_its_own_target() {
    let step: Step =
        serde_json::from_value(json!({"target_encode": {"columns": ["word"]}})).unwrap();
    let train: Vec<usize> = (0..TRAIN_ROWS).collect();
    let encoded = |changed: Option<usize>| {
        let (target, mut values) = numbers_to_predict(0.0);
        if let (Some(row), TargetValues::Numbers(values)) = (changed, &mut values) {
            values[row] = 1000.0;
        }
        let goal = Goal {
            target: &target,
            values: &values,
        };
        let mut frame = mixed(1.0);
        fit_apply(&step, &mut frame, &train, goal, &mut |_| {}).unwrap();
        frame.columns["word"].clone()
    };
    let before = encoded(None);
    for row in train.iter().copied() {
        let after = encoded(Some(row));
        assert_eq!(after.json(row), before.json(row));
        assert_ne!(after, before);
    }
}

#[test]
fn dates_become_their_parts() {
    let step: Step =
        serde_json::from_value(json!({"datetime_parts": {"columns": ["at"]}})).unwrap();
    let cells = ["2024-02-29T23:45:00+02:00", "2023/01/02"].map(Value::from);
    let mut frame = Frame::default();
    let cells = [&cells[..], &[Value::Null]].concat();
    frame.columns.insert("at".to_owned(), values(&cells));
    let learned = learn(&step, &frame, 2, 0.0).unwrap();
    apply(&learned, &mut frame).unwrap();
    let found: Vec<Vec<Value>> = (0..3)
        .map(|at| frame.columns.values().map(|it| it.json(at)).collect())
        .collect();
    // 29 February 2024 was a Thursday, 2 January 2023 a Monday.
    assert_eq!(found[0], [2024, 2, 29, 3, 23].map(Value::from));
    assert_eq!(found[1], [2023, 1, 2, 0, 0].map(Value::from));
    assert!(frame.columns.values().all(|it| it.is_missing(2)));
    let names: Vec<_> = frame.columns.keys().collect();
    assert_eq!(
        names,
        ["at_year", "at_month", "at_day", "at_weekday", "at_hour"]
    );
}

#[test]
fn what_is_no_date_is_named_with_its_place() {
    let step: Step =
        serde_json::from_value(json!({"datetime_parts": {"columns": ["word"]}})).unwrap();
    let mut frame = mixed(1.0);
    let learned = learn(&step, &frame, 1, 0.0).unwrap();
    let error = apply(&learned, &mut frame).unwrap_err();
    assert_eq!(error.message, "row 1: column `word`: `red` is not a date");
}
