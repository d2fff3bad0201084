//! The example `regression` against PyTorch, from `tests/golden/regression/expected.json`; networks for several targets,
//! from `tests/golden/targets`.

use std::{collections::BTreeMap, fs, path::Path};

use serde::Deserialize;
use serde_json::{Value, json};
use tch::Tensor;

use super::bench::{Bench, Trained};
use crate::seeded::seed;

#[derive(Deserialize)]
pub struct Expected {
    losses: Vec<f64>,
    final_weights: BTreeMap<String, Value>,
}

fn flat(value: &Value) -> Vec<f32> {
    match value {
        Value::Array(items) => items.iter().flat_map(flat).collect(),
        number => vec![number.as_f64().unwrap() as f32],
    }
}

#[test]
fn regression_learns_along_pytorchs_curve() {
    let _turn = seed(0);
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let golden = root.join("tests/golden/regression/expected.json");
    let expected: Expected = serde_json::from_slice(&fs::read(golden).unwrap()).unwrap();
    let example = root.join("examples/regression");
    let (train, test) = (example.join("train.csv"), example.join("test.csv"));
    let bench = Bench::preprocess(
        tempfile::tempdir().unwrap(),
        json!({
            "target": "progression", "steps": [{"standardize": {}}],
            "split": {"files": {"train": "train.csv", "test": "test.csv"}},
        }),
        &[("split/train/0", &train), ("split/test/0", &test)],
    );
    let trained = bench
        .train_from_file(
            &example.join("initial.safetensors"),
            &json!({
                "model": {"layers": [
                    {"linear": {"out_features": 20}}, "relu", {"linear": {"out_features": 1}},
                ]},
                "loss": "mse", "optimizer": {"adam": {"lr": 0.001}}, "epochs": 1000,
                "batch_size": "full", "shuffle": false, "init_from": "initial.safetensors",
            }),
        )
        .unwrap();

    assert_replayed(&trained, &expected, 1e-3);
}

#[test]
fn several_targets_are_learned_along_pytorchs_curve() {
    let _turn = seed(0);
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let golden = root.join("tests/golden/targets");
    let expected = fs::read(golden.join("expected.json")).unwrap();
    let expected: BTreeMap<String, Expected> = serde_json::from_slice(&expected).unwrap();
    for (name, target, others, loss, weights) in [
        ("numbers", ["n1", "n2", "n3"], "l", "mse", Value::Null),
        (
            "labels",
            ["l1", "l2", "l3"],
            "n",
            "bce_with_logits",
            Value::Null,
        ),
        (
            "balanced",
            ["l1", "l2", "l3"],
            "n",
            "bce_with_logits",
            json!("balanced"),
        ),
    ] {
        let others = [1, 2, 3].map(|it| format!("{others}{it}"));
        let rows = golden.join("rows.csv");
        let bench = Bench::preprocess(
            tempfile::tempdir().unwrap(),
            json!({
                "source": {"csv": "rows.csv"}, "target": target,
                "steps": [{"drop": {"columns": others}}, {"standardize": {}}],
                "split": {"random": {"train": 1.0}},
            }),
            &[("source/0", &rows)],
        );
        let mut stage = json!({
            "model": {"layers": [
                {"linear": {"out_features": 8}}, "tanh", {"linear": {"out_features": 3}},
            ]},
            "loss": loss, "optimizer": {"adam": {"lr": 0.01}}, "epochs": 200,
            "batch_size": "full", "shuffle": false, "init_from": "initial.safetensors",
        });
        if !weights.is_null() {
            stage["class_weights"] = weights;
        }
        let initial = golden.join("initial.safetensors");
        let trained = bench.train_from_file(&initial, &stage).unwrap();
        assert_replayed(&trained, &expected[name], 1e-4);
    }
}

/// The curve is PyTorch's, and so are the weights at its end.
pub fn assert_replayed(trained: &Trained, expected: &Expected, tolerance: f64) {
    let history = trained.history();
    assert_eq!(history.len(), expected.losses.len());
    let off = |(record, theirs): (&pipe_schema::model::EpochRecord, &f64)| {
        (record.metrics["train.loss"] - theirs).abs() / theirs
    };
    let worst = history
        .iter()
        .zip(&expected.losses)
        .map(off)
        .fold(0.0, f64::max);
    assert!(worst <= 1e-5, "the curve is off by {worst:e}");

    for (name, tensor) in trained.net().tensors() {
        let theirs = Tensor::from_slice(&flat(&expected.final_weights[&name]));
        let difference = (tensor.detach().flatten(0, -1) - theirs).abs().max();
        assert!(
            difference.double_value(&[]) < tolerance,
            "{name}: {difference}"
        );
    }
}
