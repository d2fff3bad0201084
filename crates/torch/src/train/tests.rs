//! Trainings in small, from a table to the bytes of the model.

mod bench;
mod scaled;
mod sparse;
mod golden;
mod positive;
mod tabular;

use std::fs;

use pipe_schema::{model::EpochRecord, protocol::Event, run::FailureKind};
use serde_json::json;

use self::bench::{Bench, classes};
use crate::seeded::seed;

#[test]
fn same_seed_gives_the_same_bytes_and_another_seed_others() {
    let _turn = seed(0);
    let bench = Bench::new(&classes());
    let stage = json!({"seed": 3, "model": {"mlp": {"hidden": [8], "dropout": 0.2}}});
    let first = bench.train(&stage).unwrap();
    assert_eq!(first.files(), bench.train(&stage).unwrap().files());
    let other = json!({"seed": 4, "model": {"mlp": {"hidden": [8], "dropout": 0.2}}});
    let other = bench.train(&other).unwrap();
    assert_ne!(
        first.file("weights.safetensors"),
        other.file("weights.safetensors")
    );
}

#[test]
fn interrupted_training_ends_in_the_bytes_of_an_uninterrupted_one() {
    let _turn = seed(0);
    let bench = Bench::new(&classes());
    let layers = json!({"layers": [
        {"linear": {"out_features": 8}}, {"batch_norm": {}}, "relu", {"dropout": {"p": 0.3}},
        {"linear": {"out_features": 3}},
    ]});
    for optimizer in [
        json!({"adamw": {"lr": 0.05}}),
        json!({"adam": {"lr": 0.05}}),
        json!({"sgd": {"lr": 0.1, "momentum": 0.9}}),
        json!({"sgd": {"lr": 0.1, "momentum": 0.9, "nesterov": true}}),
        json!({"rmsprop": {"momentum": 0.5, "centered": true}}),
    ] {
        let stage = json!({
            "model": layers, "optimizer": optimizer, "epochs": 6, "batch_size": 16, "seed": 5,
            "lr_scheduler": {"cosine": {"warmup_epochs": 1}}, "clip": {"norm": 1.0},
            "early_stopping": {"metric": "val.loss", "patience": 4},
        });
        let straight = bench.train(&stage).unwrap();
        assert!(!straight.done.stopped);
        for stop_after in [0, 1, 3] {
            let checkpoints = tempfile::tempdir().unwrap();
            let half = bench.stop_after_epoch(stop_after, &stage, checkpoints.path());
            assert!(half.done.stopped, "stopped after epoch {stop_after}");
            let rest = bench.resume(&stage, checkpoints.path()).unwrap();
            assert!(
                rest.logs("goes on from its checkpoint"),
                "{:?}",
                rest.events
            );
            assert_eq!(straight.files(), rest.files(), "{optimizer} {stop_after}");
            assert_eq!(straight.done.metrics, rest.done.metrics);
        }
    }
}

#[test]
fn rate_that_follows_the_epochs_is_the_same_after_an_interruption() {
    let _turn = seed(0);
    let bench = Bench::new(&classes());
    for scheduler in [
        json!({"plateau": {"metric": "val.accuracy", "patience": 0, "factor": 0.5}}),
        json!({"one_cycle": {}}),
    ] {
        let stage = json!({
            "optimizer": {"rmsprop": {"lr": 0.05}}, "epochs": 6, "batch_size": 16,
            "lr_scheduler": scheduler, "class_weights": "balanced", "label_smoothing": 0.1,
        });
        let straight = bench.train(&stage).unwrap();
        let rates: Vec<f64> = straight.history().iter().map(|it| it.lr).collect();
        assert!(rates[5] < rates[1], "{rates:?}");
        let checkpoints = tempfile::tempdir().unwrap();
        bench.stop_after_epoch(3, &stage, checkpoints.path());
        let rest = bench.resume(&stage, checkpoints.path()).unwrap();
        assert!(rest.logs("goes on from its checkpoint"));
        assert_eq!(straight.files(), rest.files(), "{scheduler}");
    }
}

#[test]
fn several_targets_end_in_the_same_bytes_after_an_interruption() {
    let _turn = seed(0);
    for (target, loss) in [
        (["a", "b"], json!("mse")),
        (["a", "b"], json!({"huber": {"delta": 2.0}})),
        (["c", "d"], json!("bce_with_logits")),
    ] {
        let bench = Bench::several(&target);
        let mut stage = json!({
            "loss": loss, "epochs": 5, "batch_size": 16, "optimizer": {"adam": {"lr": 0.02}},
            "model": {"mlp": {"hidden": [8], "dropout": 0.2}},
            "early_stopping": {"metric": "val.loss", "patience": 5},
        });
        if target[0] == "c" {
            stage["class_weights"] = json!({"c": 3.0});
            stage["early_stopping"]["metric"] = json!("val.accuracy");
        }
        let straight = bench.train(&stage).unwrap();
        let checkpoints = tempfile::tempdir().unwrap();
        bench.stop_after_epoch(2, &stage, checkpoints.path());
        let rest = bench.resume(&stage, checkpoints.path()).unwrap();
        assert!(rest.logs("goes on from its checkpoint"));
        assert_eq!(straight.files(), rest.files(), "{stage}");
    }
    let stage = json!({"loss": "bce_with_logits", "class_weights": {"nobody": 2.0}});
    let failed = Bench::several(&["c", "d"]).train(&stage).unwrap_err();
    assert_eq!(
        failed.message,
        "class_weights: the target has no label `nobody`"
    );
}

#[test]
fn class_weights_are_by_the_names_of_classes() {
    let _turn = seed(0);
    let bench = Bench::new(&classes());
    let failed = bench
        .train(&json!({"class_weights": {"nobody": 2.0}}))
        .unwrap_err();
    assert_eq!(
        failed.message,
        "class_weights: the target has no class `nobody`"
    );
    assert!(failed.hint.unwrap().starts_with("it has "));
}

#[test]
fn one_logit_is_for_two_classes() {
    let _turn = seed(0);
    let failed = Bench::new(&classes())
        .train(&json!({"loss": "bce_with_logits"}))
        .unwrap_err();
    assert_eq!(
        failed.message,
        "loss bce_with_logits needs two classes, the target `y` has 3"
    );
}

#[test]
fn every_loss_of_numbers_learns_and_is_measured_by_its_metric() {
    let _turn = seed(0);
    let bench = Bench::new(&bench::numbers());
    for (loss, metric) in [
        (json!("mse"), "val.rmse"),
        (json!("l1"), "val.mae"),
        (json!({"huber": {"delta": 0.5}}), "val.mae"),
    ] {
        let trained = bench.train(&json!({"loss": loss, "epochs": 10})).unwrap();
        let history = trained.history();
        let of = |record: &EpochRecord| record.metrics[metric];
        assert!(of(&history[9]) < of(&history[0]), "{loss}");
    }
}

#[test]
fn damaged_checkpoint_means_a_fresh_start() {
    let _turn = seed(0);
    let bench = Bench::new(&classes());
    let stage = json!({"epochs": 4});
    let straight = bench.train(&stage).unwrap();
    let checkpoints = tempfile::tempdir().unwrap();
    bench.stop_after_epoch(2, &stage, checkpoints.path());
    let path = checkpoints.path().join("train.safetensors");
    let whole = fs::read(&path).unwrap();
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    for damaged in [&flipped, &whole[..whole.len() / 2], b""] {
        fs::write(&path, damaged).unwrap();
        let afresh = bench.resume(&stage, checkpoints.path()).unwrap();
        assert!(afresh.logs("it is damaged"), "{:?}", afresh.events);
        assert_eq!(straight.files(), afresh.files());
    }
}

#[test]
fn checkpoint_of_another_network_is_not_used() {
    let _turn = seed(0);
    let bench = Bench::new(&classes());
    let checkpoints = tempfile::tempdir().unwrap();
    bench.stop_after_epoch(1, &json!({"epochs": 4}), checkpoints.path());
    let other = json!({"epochs": 4, "model": {"mlp": {"hidden": [5]}}});
    let afresh = bench.resume(&other, checkpoints.path()).unwrap();
    assert!(afresh.logs("it is of another training"));
    assert_eq!(afresh.files(), bench.train(&other).unwrap().files());
}

#[test]
fn until_is_a_prefix_of_the_full_training() {
    let _turn = seed(0);
    let bench = Bench::new(&classes());
    let stage = json!({"epochs": 5, "lr_scheduler": {"cosine": {"warmup_epochs": 1}}});
    let full = bench.train(&stage).unwrap();
    let checkpoints = tempfile::tempdir().unwrap();
    let rung = bench.train_until(2, &stage, checkpoints.path()).unwrap();
    let numbers = |history: Vec<EpochRecord>| -> Vec<_> {
        let of = |it: EpochRecord| (it.epoch, it.lr, it.metrics);
        history.into_iter().map(of).collect()
    };
    let (full_history, rung_history) = (numbers(full.history()), numbers(rung.history()));
    assert_eq!(full_history[..2], rung_history[..]);
    assert_eq!(rung.done.metrics, full_history[1].2);
    let next = bench.resume(&stage, checkpoints.path()).unwrap();
    assert!(next.logs("goes on from its checkpoint: epoch 3"));
    assert_eq!(full.files(), next.files());
}

#[test]
fn best_epoch_is_kept_and_patience_ends_training() {
    let _turn = seed(0);
    let bench = Bench::new(&classes());
    // A step so large that things get worse soon.
    let trained = bench
        .train(&json!({
            "epochs": 40, "optimizer": {"sgd": {"lr": 3.0}}, "batch_size": 8,
            "early_stopping": {"metric": "val.accuracy", "patience": 3},
        }))
        .unwrap();
    let history = trained.history();
    let accuracy = |record: &EpochRecord| record.metrics["val.accuracy"];
    let best = history.iter().map(accuracy).fold(0.0, f64::max);
    let first_best = history.iter().find(|it| accuracy(it) == best).unwrap();
    let kept: Vec<&EpochRecord> = history.iter().filter(|it| it.kept).collect();
    assert_eq!(kept, [first_best]);
    assert_eq!(history.len() as u32, first_best.epoch + 3);
    assert_eq!(trained.done.metrics, first_best.metrics);
    assert_eq!(bench.measure(&trained)["accuracy"], best);
    assert!(trained.logs(&format!("was best after epoch {}", first_best.epoch)));
}

#[test]
fn lost_number_is_named_with_epoch_and_step() {
    let _turn = seed(0);
    let bench = Bench::new(&bench::numbers());
    let failed = bench
        .train(&json!({
            "loss": "mse", "optimizer": {"sgd": {"lr": 1e30}}, "batch_size": 40, "shuffle": false,
        }))
        .unwrap_err();
    assert_eq!(failed.kind, FailureKind::Wrong);
    assert_eq!(failed.message, "the loss is NaN in epoch 1, step 2 of 3");
    assert!(failed.hint.unwrap().contains("a lower `lr`"));
}

#[test]
fn loss_that_does_not_fit_the_target_is_refused_with_its_remedy() {
    let _turn = seed(0);
    let words = Bench::new(&classes()).train(&json!({"loss": "mse"}));
    let failed = words.unwrap_err();
    assert_eq!(
        failed.message,
        "loss mse needs a number, the target `y` is classes"
    );
    assert!(failed.hint.unwrap().contains("`loss: cross_entropy`"));
    let numbers = Bench::new(&bench::numbers()).train(&json!({"loss": "cross_entropy"}));
    let failed = numbers.unwrap_err();
    assert_eq!(
        failed.message,
        "loss cross_entropy needs classes, the target `y` is a number"
    );
    assert!(failed.hint.unwrap().contains("columns: {y: categorical}"));
}

#[test]
fn shapes_that_do_not_fit_are_told_before_the_first_step() {
    let _turn = seed(0);
    let bench = Bench::new(&classes());
    let failed = bench
        .train(&json!({"model": {"layers": [{"linear": {"out_features": 7}}]}}))
        .unwrap_err();
    assert_eq!(
        failed.message,
        "model: layers[0]: for `cross_entropy` the last layer must give 3 values: gives 7 values"
    );
}

#[test]
fn batch_norm_learns_from_whatever_the_number_of_rows() {
    let _turn = seed(0);
    // 96 rows to train on.
    let bench = Bench::new(&classes());
    let flat = json!({"layers": [{"batch_norm": {}}, {"linear": {"out_features": 3}}]});
    let pixels = json!({"layers": [
        {"reshape": {"shape": [4, 1, 1]}}, {"batch_norm": {}}, "flatten", {"linear": {"out_features": 3}},
    ]});
    for model in [flat, pixels] {
        // Not 95 and 1.
        let last_alone = json!({"model": model, "batch_size": 95, "epochs": 2});
        let trained = bench.train(&last_alone).unwrap();
        assert!(
            trained
                .history()
                .iter()
                .all(|it| it.metrics["val.loss"].is_finite())
        );
        let failed = bench
            .train(&json!({"model": model, "batch_size": 1}))
            .unwrap_err();
        assert_eq!(
            failed.message,
            "batch_norm gets a single value of each feature, which has no variance"
        );
        assert!(failed.hint.unwrap().contains("a larger `batch_size`"));
    }
    let images = json!({"layers": [
        {"reshape": {"shape": [1, 2, 2]}}, {"batch_norm": {}}, "flatten", {"linear": {"out_features": 3}},
    ]});
    let one_by_one = json!({"model": images, "batch_size": 1, "epochs": 1});
    bench.train(&one_by_one).unwrap();
}

#[test]
fn weights_that_the_last_step_lost_are_refused() {
    let _turn = seed(0);
    let bench = Bench::without_val(&classes());
    let failed = bench
        .train(&json!({"epochs": 1, "batch_size": "full", "optimizer": {"sgd": {"lr": 1e40}}}))
        .unwrap_err();
    assert_eq!(
        failed.message,
        "the weights `0.weight` are not finite after the last step"
    );
}

#[test]
fn target_too_large_to_be_squared_is_named() {
    let _turn = seed(0);
    let bench = Bench::new(&bench::table(|x| format!("{}e25", x[0] + 0.5)));
    let failed = bench.train(&json!({"loss": "mse"}));
    let failed = failed.unwrap_err();
    assert_eq!(failed.message, "the loss is inf in epoch 1, step 1 of 6");
    assert!(
        failed
            .hint
            .unwrap()
            .contains("the target `y` has values too large")
    );
}

#[test]
fn training_goes_on_from_a_model_or_says_why_not() {
    let _turn = seed(0);
    let bench = Bench::new(&classes());
    let first = bench.train(&json!({"epochs": 3})).unwrap();
    let from = json!({"init_from": "weights.safetensors", "optimizer": {"sgd": {"lr": 0.0}}});
    let again = bench.train_from(&first, &from).unwrap();
    assert_eq!(
        first.file("weights.safetensors"),
        again.file("weights.safetensors")
    );
    let mut other = from;
    other["model"] = json!({"mlp": {"hidden": [9]}});
    let failed = bench.train_from(&first, &other).unwrap_err();
    assert!(failed.message.starts_with("init_from: "), "{failed:?}");
    assert!(
        failed.message.contains("tensor `0.weight` is Float [8, 4]"),
        "{failed:?}"
    );
}

#[test]
fn live_metrics_come_after_each_epoch() {
    let _turn = seed(0);
    let trained = Bench::new(&classes()).train(&json!({"epochs": 2})).unwrap();
    let live: Vec<(&str, u64)> = trained
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Metric { name, step, .. } => Some((name.as_str(), *step)),
            _ => None,
        })
        .collect();
    let names = ["train.loss", "val.loss", "val.accuracy"];
    let expected: Vec<(&str, u64)> = [1, 2]
        .into_iter()
        .flat_map(|step| names.map(|name| (name, step)))
        .collect();
    assert_eq!(live, expected);
    assert!(trained.done.measured["samples_per_second"] > 0.0);
}
