//! What training makes of a positive class: metrics that are watched, thresholds, weights.

use std::fs;

use serde_json::{Value, json};

use super::bench::{Bench, Trained, classes, numbers, table};
use crate::seeded::seed;

/// Two classes, the first of them rare.
fn rare() -> Bench {
    Bench::new(&table(|x| {
        let is_rare = x[0] + x[1] > 28.0;
        if is_rare { "fraud" } else { "legit" }.to_owned()
    }))
}

fn stage(more: Value) -> Value {
    let mut stage = json!({
        "model": {"mlp": {"hidden": [8]}}, "loss": "bce_with_logits", "epochs": 6, "batch_size": 16,
        "optimizer": {"adam": {"lr": 0.02}}, "seed": 1,
    });
    let Value::Object(more) = more else {
        unreachable!()
    };
    for (name, value) in more {
        stage[name] = value;
    }
    stage
}

fn refusal(bench: &Bench, more: Value) -> String {
    bench.train(&stage(more)).unwrap_err().message
}

fn threshold(trained: &Trained) -> Value {
    let model: Value = serde_json::from_slice(&trained.file("model.json")).unwrap();
    model["threshold"].clone()
}

#[test]
fn early_stopping_by_a_metric_of_reports_keeps_the_best_epoch_by_it() {
    let _turn = seed(0);
    let bench = rare();
    for (metric, loss) in [
        ("val.average_precision", "bce_with_logits"),
        ("val.recall_at_precision_0.5", "cross_entropy"),
        ("val.f1_macro", "cross_entropy"),
        ("val.brier_score", "bce_with_logits"),
        ("val.log_loss", "cross_entropy"),
    ] {
        let stopping = json!({"metric": metric, "patience": 6});
        let stage = stage(json!({"early_stopping": stopping, "loss": loss}));
        let trained = bench.train(&stage).unwrap();
        let history = trained.history();
        let values: Vec<f64> = history.iter().map(|it| it.metrics[metric]).collect();
        let kept = history.iter().position(|it| it.kept).unwrap();
        let falls = metric.contains("brier") || metric.contains("loss");
        let best =
            values.iter().copied().fold(
                values[0],
                |best, it| {
                    if falls { best.min(it) } else { best.max(it) }
                },
            );
        assert_eq!(values[kept], best, "{metric}: {values:?}");
        assert_eq!(values.iter().position(|it| *it == best), Some(kept));
    }
}

#[test]
fn plateau_by_a_metric_of_reports_waits_for_it() {
    let _turn = seed(0);
    let scheduler = json!({"plateau": {"metric": "val.recall", "patience": 0, "factor": 0.5}});
    let stage = stage(json!({"lr_scheduler": scheduler, "epochs": 8}));
    let trained = rare().train(&stage).unwrap();
    let history = trained.history();
    let rates: Vec<f64> = history.iter().map(|it| it.lr).collect();
    let recalls: Vec<f64> = history.iter().map(|it| it.metrics["val.recall"]).collect();
    let (mut best, mut rate) = (f64::NEG_INFINITY, 0.02);
    for (recall, lr) in recalls.iter().zip(&rates) {
        assert!((lr - rate).abs() < 1e-12, "{recalls:?} {rates:?}");
        if *recall > best * (1.0 + 1e-4) || best == f64::NEG_INFINITY {
            best = *recall;
        } else {
            rate *= 0.5;
        }
    }
}

#[test]
fn early_stopping_takes_metrics_of_numbers_too() {
    let _turn = seed(0);
    let stopping = json!({"metric": "val.median_absolute_error", "patience": 3});
    let stage = stage(json!({"early_stopping": stopping, "loss": "mse"}));
    let trained = Bench::new(&numbers()).train(&stage).unwrap();
    let last = trained.history().last().cloned().unwrap();
    assert!(last.metrics["val.median_absolute_error"] > 0.0);
}

#[test]
fn threshold_is_chosen_on_val_and_kept_in_the_model_with_its_picture() {
    let _turn = seed(0);
    let bench = rare();
    let plain = bench.train(&stage(json!({}))).unwrap();
    assert_eq!(threshold(&plain), Value::Null);
    let rule = json!({"maximize": "f1"});
    let trained = bench.train(&stage(json!({"threshold": rule}))).unwrap();
    // It changes no weight.
    assert_eq!(
        trained.file("weights.safetensors"),
        plain.file("weights.safetensors")
    );
    let found = threshold(&trained);
    assert_eq!(found["of"]["class"], "fraud");
    assert_eq!(found["rule"], rule);
    assert!(found["figures"]["f1"].as_f64().unwrap() > 0.0, "{found}");
    assert!(trained.logs("threshold: `fraud` from a probability of"));
    let picture = String::from_utf8(trained.file("plots/threshold.svg")).unwrap();
    assert!(picture.contains("on the val part"), "{picture}");

    let all = bench
        .train(&stage(json!({"threshold": {"recall": 1.0}})))
        .unwrap();
    assert_eq!(threshold(&all)["figures"]["recall"], 1.0);
    let costs = json!({"costs": {"false_positive": 1, "false_negative": 1000}, "on": "train"});
    let dear = bench.train(&stage(json!({"threshold": costs}))).unwrap();
    assert_eq!(threshold(&dear)["figures"]["recall"], 1.0);
    assert!(dear.logs("on the train part"));
    let at = bench
        .train(&stage(json!({"threshold": {"at": 0.3}})))
        .unwrap();
    let wanted = json!({"of": {"class": "fraud", "at": 0.3}, "rule": {"at": 0.3}});
    assert_eq!(threshold(&at), wanted);
}

#[test]
fn threshold_that_cannot_be_found_says_why() {
    let _turn = seed(0);
    let f1 = json!({"threshold": {"maximize": "f1"}});
    let of_three = json!({"threshold": {"maximize": "f1"}, "loss": "cross_entropy"});
    assert_eq!(
        refusal(&Bench::new(&classes()), of_three),
        "threshold: it decides between two classes, the target `y` has 3"
    );
    let of_numbers = json!({"threshold": {"at": 0.3}, "loss": "mse"});
    assert_eq!(
        refusal(&Bench::new(&numbers()), of_numbers),
        "threshold: it decides between two classes, the target `y` has none"
    );
    let without_val = Bench::without_val(&table(|x| u8::from(x[0] > 9.0).to_string()));
    assert_eq!(
        refusal(&without_val, f1.clone()),
        "threshold: it is chosen on the val part, which has no rows"
    );
    let folder = tempfile::tempdir().unwrap();
    let [train, val] = ["train.csv", "val.csv"].map(|name| folder.path().join(name));
    fs::write(&train, "a,y\n1,fraud\n2,fraud\n3,legit\n4,legit\n5,legit\n").unwrap();
    fs::write(&val, "a,y\n1,legit\n3,legit\n").unwrap();
    let split = json!({"files": {"train": "train.csv", "val": "val.csv"}});
    let block = json!({"target": "y", "split": split});
    let files = [
        ("split/train/0", train.as_path()),
        ("split/val/0", val.as_path()),
    ];
    let without_fraud = Bench::preprocess(folder, block, &files);
    assert_eq!(
        refusal(&without_fraud, f1),
        "threshold: the val part, on which it is chosen, has no row of the class `fraud`"
    );
}

#[test]
fn pos_weight_lets_rows_of_the_rare_class_count_more() {
    let _turn = seed(0);
    let bench = rare();
    let weights = |more: Value| {
        let trained = bench.train(&stage(more)).unwrap();
        let model: Value = serde_json::from_slice(&trained.file("model.json")).unwrap();
        model["class_weights"].clone()
    };
    assert_eq!(weights(json!({"pos_weight": 7})), json!([7.0, 1.0]));
    let told = |more: Value| {
        let trained = bench.train(&stage(more)).unwrap();
        trained.logs("positive class: `fraud` (the rarer of two in the train part)")
    };
    assert!(told(json!({"pos_weight": 7})));
    assert!(told(
        json!({"early_stopping": {"metric": "val.recall", "patience": 2}})
    ));
    assert!(!told(json!({})));
    assert_eq!(weights(json!({})), Value::Null);
    let balanced = weights(json!({"pos_weight": "balanced"}));
    assert!(balanced[0].as_f64().unwrap() > 1.0, "{balanced}");
}
