//! Slices of a table with gaps beside scikit-learn's figures for each group, and cases by hand.

use std::{collections::BTreeMap, fs, path::Path};

use pipe_data::{Dataset, Files, preprocess};
use serde_json::{Value, json};

use super::*;

const CLASSES: [Metric; 4] = [
    Metric::Accuracy,
    Metric::F1Macro,
    Metric::LogLoss,
    Metric::RocAuc,
];
const NUMBERS: [Metric; 3] = [Metric::Rmse, Metric::Mae, Metric::R2];

fn by(text: Value) -> SliceBy {
    serde_json::from_value(text).unwrap()
}

fn list<T: serde::de::DeserializeOwned>(value: &Value) -> Vec<T> {
    serde_json::from_value(value.clone()).unwrap()
}

/// The table with a target, as a file.
fn write(columns: &Value, path: &Path) {
    let columns: BTreeMap<String, Vec<Option<String>>> =
        serde_json::from_value(columns.clone()).unwrap();
    let mut text = columns.keys().cloned().collect::<Vec<_>>().join(",") + ",target\n";
    let rows = columns.values().next().unwrap().len();
    for row in 0..rows {
        for values in columns.values() {
            let value = values[row].as_deref().unwrap_or_default();
            text.push_str(&format!("\"{value}\","));
        }
        text.push_str(&format!("{row}.5\n"));
    }
    fs::write(path, text).unwrap();
}

/// The dataset that preprocess makes of a train and a test file.
fn dataset(folder: &Path) -> Dataset {
    let block = serde_json::from_value(json!({
        "target": "target", "split": {"files": {"train": "train.csv", "test": "test.csv"}},
        "steps": [{"drop": {"columns": "categorical"}}, {"impute": {}}],
    }))
    .unwrap();
    let files = Files {
        train: vec![folder.join("train.csv")],
        test: vec![folder.join("test.csv")],
        ..Files::default()
    };
    let out = folder.join("data");
    fs::create_dir(&out).unwrap();
    preprocess(&block, &files, &out, &mut |_| {}).unwrap();
    Dataset::open(out).unwrap()
}

fn assert_equal(slice: &Slice, expected: &Value, kind: &str) {
    for (name, value) in expected[kind].as_object().unwrap() {
        match value.as_f64() {
            Some(value) => {
                let found = slice.metrics[name];
                assert!((found - value).abs() < 1e-9, "{}: {name}", slice.of);
            }
            None => assert!(slice.undefined.contains_key(name), "{}: {name}", slice.of),
        }
    }
}

#[test]
fn each_slice_is_measured_as_scikit_learn_measures_its_rows() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/golden/slices.json"
    );
    let golden: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    write(&golden["train"], &folder.path().join("train.csv"));
    write(&golden["test"], &folder.path().join("test.csv"));
    let dataset = dataset(folder.path());
    let probabilities: Vec<Vec<f64>> = list(&golden["probabilities"]);
    let classes = Paired::Classes {
        truth: list(&golden["truth"]),
        predicted: probabilities
            .iter()
            .map(|it| usize::from(it[1] > it[0]))
            .collect(),
        probabilities: probabilities.concat(),
        count: 2,
        positive: Some(1),
    };
    let numbers = Paired::Numbers {
        truth: list(&golden["numbers"]),
        predicted: list(&golden["predicted"]),
    };
    let (mut undefined, mut others) = (0, 0);
    for case in golden["cases"].as_array().unwrap() {
        let by = by(case["by"].clone());
        let raw = dataset.raw("test", &by.column).unwrap();
        let sliced = measure(&by, &raw, &CLASSES, &classes).unwrap();
        let of_numbers = measure(&by, &raw, &NUMBERS, &numbers).unwrap();
        let expected = case["slices"].as_array().unwrap();
        assert_eq!(sliced.slices.len(), expected.len(), "{}", case["by"]);
        for ((slice, number), expected) in
            sliced.slices.iter().zip(&of_numbers.slices).zip(expected)
        {
            assert_eq!(slice.rows, expected["rows"], "{}", slice.of);
            if let Some(label) = expected["label"].as_str() {
                assert_eq!(slice.of.to_string(), label);
            }
            assert_equal(slice, expected, "classes");
            assert_equal(number, expected, "numbers");
            undefined += slice.undefined.len();
            others += u32::from(matches!(slice.of, SliceOf::Other { .. }));
        }
    }
    assert!(undefined > 0 && others > 0, "the cases are too easy");
}

fn words(names: &[&str], codes: &[Option<u32>]) -> Raw {
    Raw::Words {
        codes: codes.to_vec(),
        names: names.iter().map(|it| (*it).to_owned()).collect(),
    }
}

fn paired(rows: usize) -> Paired {
    Paired::Classes {
        truth: (0..rows).map(|it| it % 2).collect(),
        predicted: vec![0; rows],
        probabilities: [0.75, 0.25].repeat(rows),
        count: 2,
        positive: Some(1),
    }
}

#[test]
fn the_worst_slice_follows_what_is_better() {
    let raw = words(&["a", "b"], &[Some(0), Some(1), Some(0), Some(1), Some(0)]);
    let by = by(json!({"column": "place", "min_rows": 2}));
    let metrics = [Metric::Accuracy, Metric::LogLoss, Metric::ConfusionMatrix];
    let sliced = measure(&by, &raw, &metrics, &paired(5)).unwrap();
    // All rows of `a` are of class 0, all of `b` of class 1; class 0 is always said.
    let worst = worst(&by, &sliced, &metrics);
    assert_eq!(worst["accuracy_worst_place"], 0.0);
    assert!((worst["log_loss_worst_place"] + 0.25f64.ln()).abs() < 1e-12);
    assert_eq!(worst.len(), 2);
}

#[test]
fn a_slice_too_small_or_of_one_class_says_so_and_fails_nothing() {
    let raw = words(&["a", "b"], &[Some(0), Some(1), Some(0), None, Some(0)]);
    let by = by(json!({"column": "place", "min_rows": 2}));
    let sliced = measure(&by, &raw, &[Metric::RocAuc], &paired(5)).unwrap();
    let why = |at: usize| sliced.slices[at].undefined["roc_auc"].clone();
    assert_eq!(
        why(0),
        "`roc_auc` is undefined where all rows are of one class"
    );
    assert_eq!(why(1), "fewer than 2 rows");
    assert_eq!(sliced.slices[2].of, SliceOf::Missing);
    assert!(worst(&by, &sliced, &[Metric::RocAuc]).is_empty());
}

#[test]
fn a_border_belongs_to_the_range_above_it() {
    let raw = Raw::Numbers {
        values: vec![29.9, 30.0, 50.0, f64::NAN],
        quartiles: None,
    };
    let by = by(json!({"column": "age", "bins": [30, 50], "min_rows": 1}));
    let sliced = measure(&by, &raw, &[Metric::Accuracy], &paired(4)).unwrap();
    let labels: Vec<String> = sliced.slices.iter().map(|it| it.of.to_string()).collect();
    assert_eq!(labels, ["< 30", "30 to < 50", ">= 50", "(missing)"]);
}

#[test]
fn bins_of_words_are_refused() {
    let by = by(json!({"column": "place", "bins": [1]}));
    let refusal = measure(&by, &words(&["a"], &[Some(0)]), &[], &paired(1)).unwrap_err();
    assert!(refusal.to_string().contains("has words"), "{refusal:?}");
}
