//! Tables with categories against PyTorch, from `tests/golden/tabular.json`; and rows that are no codes.

use std::{collections::BTreeMap, fs, path::Path};

use serde::Deserialize;
use serde_json::{Value, json};
use tch::Tensor;

use super::bench::Bench;
use crate::seeded::seed;

#[derive(Deserialize)]
struct Golden {
    table: String,
    seed: u64,
    losses: Vec<f64>,
    weights: BTreeMap<String, Vec<f32>>,
}

fn golden() -> Golden {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let path = root.join("tests/golden/tabular.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// All rows are trained on, in their order.
fn bench(table: &str, steps: &Value) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("table.csv");
    fs::write(&csv, table).unwrap();
    let block = json!({
        "target": "y", "columns": {"y": "numeric"}, "steps": steps,
        "split": {"files": {"train": "table.csv"}},
    });
    Bench::preprocess(folder, block, &[("split/train/0", &csv)])
}

fn own() -> Value {
    json!([{"ordinal": {"unknown": "own"}}])
}

#[test]
fn embedded_categories_learn_along_pytorchs_curve() {
    let _turn = seed(0);
    let golden = golden();
    let trained = bench(&golden.table, &own())
        .train(&json!({
            "model": {"tabular": {"hidden": [6], "activation": "tanh"}}, "loss": "mse",
            "optimizer": {"adam": {"lr": 0.02}}, "epochs": golden.losses.len(),
            "batch_size": "full", "shuffle": false, "seed": golden.seed,
        }))
        .unwrap();
    let history = trained.history();
    assert_eq!(history.len(), golden.losses.len());
    for (record, theirs) in history.iter().zip(&golden.losses) {
        let off = (record.metrics["train.loss"] - theirs).abs();
        assert!(off <= 1e-6 * theirs.max(1.0), "off by {off:e}");
    }
    let net = trained.net().tensors();
    assert_eq!(net.len(), golden.weights.len());
    for (name, theirs) in &golden.weights {
        let off = (net[name].detach().flatten(0, -1) - Tensor::from_slice(theirs)).abs();
        let off = off.max().double_value(&[]);
        assert!(off <= 1e-5, "{name} is off by {off:e}");
    }
}

#[test]
fn interrupted_training_of_embeddings_ends_in_the_same_bytes() {
    let _turn = seed(0);
    let bench = bench(&golden().table, &own());
    let stage = json!({
        "model": {"tabular": {"hidden": [6], "embedding_dim": 3, "dropout": 0.2}}, "loss": "mse",
        "optimizer": {"adamw": {"lr": 0.02}}, "epochs": 5, "batch_size": 16, "seed": 4,
    });
    let straight = bench.train(&stage).unwrap();
    let checkpoints = tempfile::tempdir().unwrap();
    let half = bench.stop_after_epoch(2, &stage, checkpoints.path());
    assert!(half.done.stopped);
    let rest = bench.resume(&stage, checkpoints.path()).unwrap();
    let name = "weights.safetensors";
    assert_eq!(straight.file(name), rest.file(name));
}

#[test]
fn table_without_codes_is_refused_with_the_step_that_makes_them() {
    let _turn = seed(0);
    let stage = json!({"model": {"tabular": {"hidden": [6]}}, "loss": "mse"});
    let steps = json!([{"ordinal": {"unknown": "own"}}, {"standardize": {}}]);
    let message = bench(&golden().table, &steps)
        .train(&stage)
        .unwrap_err()
        .message;
    assert!(message.contains("the dataset has none"), "{message}");
    let hint = bench(&golden().table, &steps)
        .train(&stage)
        .unwrap_err()
        .hint;
    assert!(hint.unwrap_or_default().contains("ordinal: {unknown: own}"));
}

#[test]
fn value_that_is_no_code_fails_the_stage_by_its_value() {
    let _turn = seed(0);
    let layers = json!({"layers": [
        {"embedding": {"embedding_dim": 2, "num_embeddings": 3}}, "flatten",
        {"linear": {"out_features": 1}},
    ]});
    let stage = json!({"model": layers, "loss": "mse"});
    let steps = json!([{"ordinal": {}}, {"drop": {"columns": ["x", "z"]}}]);
    let message = bench(&golden().table, &steps)
        .train(&stage)
        .unwrap_err()
        .message;
    assert!(message.contains("which is no code"), "{message}");
    assert!(message.contains("from 0 to 2"), "{message}");
}
