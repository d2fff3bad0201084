//! Targets of any size, learned as deviations: along PyTorch's curve, from `tests/golden/targets/scaled.json`.

use std::{collections::BTreeMap, fs, path::Path};

use pipe_data::Dataset;
use pipe_schema::layer::Layer;
use serde::Deserialize;
use serde_json::{Value, json};
use tch::Device;

use super::{
    bench::{Bench, table},
    golden::{Expected, assert_replayed},
};
use crate::{rows::Rows, seeded::seed};

#[derive(Deserialize)]
struct Scaled {
    #[serde(flatten)]
    curve: Expected,
    means: Vec<f64>,
    scales: Vec<f64>,
    predictions: Vec<[f64; 3]>,
}

#[test]
fn scaled_targets_are_learned_along_pytorchs_curve() {
    let _turn = seed(0);
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let golden = root.join("tests/golden/targets");
    let expected = fs::read(golden.join("scaled.json")).unwrap();
    let expected: BTreeMap<String, Scaled> = serde_json::from_slice(&expected).unwrap();
    assert_eq!(expected.len(), 3);
    let rows = golden.join("scaled.csv");
    let bench = Bench::preprocess(
        tempfile::tempdir().unwrap(),
        json!({
            "source": {"csv": "scaled.csv"}, "target": ["price", "share", "year"],
            "steps": [{"standardize": {}}], "split": {"random": {"train": 1.0}},
        }),
        &[("source/0", &rows)],
    );
    let dataset = Dataset::open(bench.data()).unwrap();
    let rows = Rows::load(&dataset, "train", Device::Cpu).unwrap();
    for (name, expected) in expected {
        let loss = match name.as_str() {
            "huber" => json!({"huber": {}}),
            name => json!(name),
        };
        let stage = json!({
            "model": {"layers": [
                {"linear": {"out_features": 8}}, "tanh", {"linear": {"out_features": 3}},
            ]},
            "loss": loss, "optimizer": {"adam": {"lr": 0.01}}, "epochs": 200, "scale_target": true,
            "batch_size": "full", "shuffle": false, "init_from": "initial.safetensors",
        });
        let initial = golden.join("initial.safetensors");
        let trained = bench.train_from_file(&initial, &stage).unwrap();
        assert_replayed(&trained, &expected.curve, 1e-4);

        let net = trained.net();
        let Some(Layer::Rescale { scale, shift }) = net.layers().last() else {
            panic!("{:?}", net.layers());
        };
        for at in 0..3 {
            // The target is f32.
            assert!((scale[at] / expected.scales[at] - 1.0).abs() < 1e-6);
            assert!((shift[at] / expected.means[at] - 1.0).abs() < 1e-6);
        }
        let all = rows.batch(None, 0, rows.len()).unwrap();
        let outputs = net.forward(&all.features, false).unwrap();
        let outputs = Vec::<f32>::try_from(outputs.flatten(0, -1)).unwrap();
        let theirs = expected.predictions.iter().flatten().enumerate();
        for ((at, theirs), ours) in theirs.zip(outputs) {
            let off = (f64::from(ours) - theirs).abs() / expected.scales[at % 3];
            assert!(off < 1e-3, "{name}: {ours} and not {theirs}");
        }
    }
}

#[test]
fn scaled_training_ends_in_the_same_bytes_after_an_interruption() {
    let _turn = seed(0);
    for loss in [json!("mse"), json!("l1"), json!({"huber": {"delta": 0.5}})] {
        let bench = Bench::several(&["a", "b"]);
        let stage = json!({
            "loss": loss, "epochs": 5, "scale_target": true, "optimizer": {"adam": {"lr": 0.02}},
            "early_stopping": {"metric": "val.loss", "patience": 5},
        });
        let straight = bench.train(&stage).unwrap();
        let checkpoints = tempfile::tempdir().unwrap();
        bench.stop_after_epoch(2, &stage, checkpoints.path());
        let rest = bench.resume(&stage, checkpoints.path()).unwrap();
        assert!(rest.logs("goes on from its checkpoint"));
        assert_eq!(straight.files(), rest.files(), "{stage}");
    }
}

#[test]
fn target_of_millions_is_learned_as_well_as_one_of_ones() {
    let _turn = seed(0);
    let stage = |scale: bool| {
        json!({
            "loss": "mse", "epochs": 30, "scale_target": scale, "optimizer": {"adamw": {"lr": 0.01}},
        })
    };
    let of = |factor: f64, shift: f64| {
        table(|x| format!("{:.3}", (2.0 * x[0] - x[1] * x[2] / 7.0) * factor + shift))
    };
    let rmse = |table: &str, stage: &Value| {
        let trained = Bench::new(table).train(stage).unwrap();
        trained.done.metrics["val.rmse"]
    };
    let small = rmse(&of(1.0, 0.0), &stage(true));
    let large = rmse(&of(1e6, 1e8), &stage(true)) / 1e6;
    assert!((small / large - 1.0).abs() < 0.02, "{small} and {large}");
    let unscaled = rmse(&of(1e6, 1e8), &stage(false)) / 1e6;
    assert!(unscaled > 5.0 * large, "{unscaled} and {large}");
}

#[test]
fn constant_target_is_not_divided_by_zero_and_infinite_one_is_named() {
    let _turn = seed(0);
    let stage = json!({"loss": "mse", "scale_target": true});
    let bench = Bench::new(&table(|_| "1234.5".to_owned()));
    let trained = bench.train(&stage).unwrap();
    let last = trained.net().layers().last().cloned();
    let same = Layer::Rescale {
        scale: vec![1.0],
        shift: vec![1234.5],
    };
    assert_eq!(last, Some(same));
    let huge = table(|x| format!("{:.3e}", (x[0] - x[1] * x[2]) * 1e300));
    let failed = Bench::new(&huge).train(&stage).unwrap_err();
    assert_eq!(
        failed.message,
        "the target `y` has values too large for floats of 4 bytes"
    );
}
