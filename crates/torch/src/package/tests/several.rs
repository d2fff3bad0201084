//! Several targets from the table to the package: what is said of them is the same everywhere.

use std::fmt::Write;

use pipe_schema::protocol::{Predict, RowForm};
use serde_json::{Value, json};

use super::{pack, scored, verify};
use crate::workshop::Workshop;

fn labels() -> Workshop {
    let workshop = Workshop::with_labels();
    let block = json!({"train": {
        "data": "data", "model": {"mlp": {"hidden": [16]}}, "loss": "bce_with_logits", "epochs": 40,
        "batch_size": 16, "optimizer": {"adam": {"lr": 0.01}}, "seed": 5, "class_weights": "balanced",
    }});
    workshop.stage(&block, &["data=data"], "fit").unwrap();
    workshop
}

fn numbers(loss: &str) -> Workshop {
    let workshop = Workshop::with_several_numbers();
    workshop.train(&json!({"mlp": {"hidden": [16]}}), loss, 40);
    workshop
}

/// What training measured last is what the report on the same rows says.
fn assert_live_metrics(workshop: &Workshop, metrics: &[(&str, &str)]) {
    let asked: Vec<&str> = metrics.iter().map(|it| it.0).collect();
    let block = json!({"evaluate": {"model": "fit", "data": "data.val", "metrics": asked}});
    workshop
        .stage(&block, &["model=fit", "data=data.val"], "again")
        .unwrap();
    let history = workshop.json("fit/history.json");
    let last = &history.as_array().unwrap().last().unwrap()["metrics"];
    for (name, live) in metrics {
        let found = workshop.json("again/metrics.json")[name].as_f64().unwrap();
        let off = found - last[live].as_f64().unwrap();
        assert!(
            off.abs() < 1e-5 * (1.0 + found.abs()),
            "{name} {found}: {last}"
        );
    }
}

fn compress(workshop: &Workshop) {
    let block = json!({"compress": {"model": "fit", "data": "data", "passes": [
        {"prune": {"sparsity": 0.3, "finetune": {"epochs": 2}}}, {"quantize": {}},
    ]}});
    workshop
        .stage(&block, &["model=fit", "data=data"], "small")
        .unwrap();
    std::fs::rename(workshop.path("fit"), workshop.path("float")).unwrap();
    std::fs::rename(workshop.path("small"), workshop.path("fit")).unwrap();
}

fn predict_jsonl(workshop: &Workshop, probabilities: bool) -> Value {
    let work = Predict {
        input: None,
        output: RowForm::Jsonl,
        probabilities,
        verify: true,
        no_verify: false,
        allow_script: false,
        memory: None,
    };
    let text = workshop.predict(work, &["package=bundle", "rows=rows.csv"]);
    serde_json::from_str(text.unwrap().lines().next().unwrap()).unwrap()
}

#[test]
fn labels_are_measured_compressed_packed_and_predicted() {
    let workshop = labels();
    assert_eq!(workshop.json("fit/model.json")["outputs"], 2);
    assert_live_metrics(&workshop, &[("accuracy", "val.accuracy")]);
    compress(&workshop);
    let workshop = scored(workshop);
    let report = workshop.json("score/report.json");
    let names: Vec<&String> = report["metrics"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["accuracy", "f1_macro", "hamming_loss"]);
    let number = |it: &Value| it.as_f64().unwrap();
    assert!(number(&report["metrics"]["accuracy"]) > 0.8, "{report}");
    assert!(number(&report["baseline"]["accuracy"]) < 0.6, "{report}");
    let mean: f64 = (0..2)
        .map(|at| number(&report["per_label"][at]["f1"]))
        .sum::<f64>()
        / 2.0;
    assert!((number(&report["metrics"]["f1_macro"]) - mean).abs() < 1e-12);
    assert_eq!(report["per_label"][1]["label"], "far");
    assert_eq!(report["per_class"], json!([]));
    for name in ["roc", "precision_recall", "calibration"] {
        assert!(workshop.path(&format!("score/plots/{name}.svg")).exists());
    }
    pack(&workshop).unwrap();
    let front = workshop.json("bundle/package.json");
    assert_eq!(front["targets"], json!({"labels": ["warm", "far"]}));
    let predicted = verify(&workshop).unwrap();
    let mut lines = predicted.lines();
    assert_eq!(
        lines.next(),
        Some("prediction:warm,prediction:far,p=warm,p=far")
    );
    assert_eq!(lines.count(), 200);
    let row = predict_jsonl(&workshop, true);
    assert!(row["prediction"]["warm"].is_boolean() && row["probabilities"]["far"].is_number());
    assert_eq!(
        predict_jsonl(&workshop, false).as_object().unwrap().len(),
        1
    );
    let card = workshop.read("bundle/README.md");
    for expected in [
        "gives yes or no for each of `warm`, `far`,",
        "| label | rows trained on with yes |",
        "| label | rows with yes | precision | recall | f1 |",
        "sigmoid makes probabilities of yes",
    ] {
        assert!(card.contains(expected), "{expected} is not in\n{card}");
    }
}

#[test]
fn several_numbers_are_measured_compressed_packed_and_predicted() {
    let workshop = numbers("mse");
    assert_live_metrics(&workshop, &[("mse", "val.loss"), ("rmse", "val.rmse")]);
    let tuned = numbers("l1");
    assert_live_metrics(&tuned, &[("mae", "val.loss"), ("mae", "val.mae")]);
    compress(&workshop);
    let workshop = scored(workshop);
    let report = workshop.json("score/report.json");
    let number = |it: &Value| it.as_f64().unwrap();
    assert!(number(&report["metrics"]["r2"]) > 0.8, "{report}");
    assert!(number(&report["baseline"]["r2"]) <= 0.0, "{report}");
    for name in ["rmse", "mae", "r2"] {
        let each = (0..2).map(|at| number(&report["per_target"][at]["metrics"][name]));
        let mean = each.sum::<f64>() / 2.0;
        assert!(
            (number(&report["metrics"][name]) - mean).abs() < 1e-9,
            "{report}"
        );
    }
    assert!(workshop.path("score/plots/residuals_2.svg").exists());
    pack(&workshop).unwrap();
    let predicted = verify(&workshop).unwrap();
    assert_eq!(predicted.lines().next(), Some("prediction:u,prediction:v"));
    assert!(predict_jsonl(&workshop, true)["prediction"]["v"].is_number());
    let card = workshop.read("bundle/README.md");
    for expected in [
        "gives the numbers `u`, `v` from",
        "| target | mean of the rows trained on |",
        "| target | rmse | mae | r2 |",
    ] {
        assert!(card.contains(expected), "{expected} is not in\n{card}");
    }
}

#[test]
fn scaled_targets_are_measured_compressed_packed_and_predicted_in_their_units() {
    let mut table = "x,y,price,share\n".to_owned();
    for row in 0..200u32 {
        let (x, y) = (f64::from(row % 20) / 10.0, f64::from(row / 20) / 5.0);
        let (price, share) = (4e6 + 1e6 * (x - y), 1e-3 * (x + y));
        writeln!(table, "{x},{y},{price:.0},{share:.6}").unwrap();
    }
    let steps = json!([{"standardize": {}}]);
    let workshop = Workshop::with_steps(&table, &json!(["price", "share"]), &steps);
    let block = json!({"train": {
        "data": "data", "model": {"mlp": {"hidden": [16]}}, "loss": "mse", "scale_target": true,
        "epochs": 40, "batch_size": 16, "optimizer": {"adam": {"lr": 0.01}}, "seed": 5,
    }});
    workshop.stage(&block, &["data=data"], "fit").unwrap();
    assert_live_metrics(&workshop, &[("rmse", "val.rmse")]);
    let number = |it: &Value| it.as_f64().unwrap();
    let history = workshop.json("fit/history.json");
    // In deviations, where the mean alone would come to 1.
    assert!(
        number(&history[39]["metrics"]["val.loss"]) < 0.1,
        "{history}"
    );
    compress(&workshop);
    // Integers serve both: the layers are of one size, whatever the units.
    let compression = workshop.json("fit/compression.json");
    let rmse = |at: usize| number(&compression["after"][at][1]["metric"]);
    assert!(rmse(1) < 1.2 * rmse(0), "{compression}");
    let workshop = scored(workshop);
    let report = workshop.json("score/report.json");
    for at in [0, 1] {
        let r2 = number(&report["per_target"][at]["metrics"]["r2"]);
        assert!(r2 > 0.9, "{report}");
    }
    pack(&workshop).unwrap();
    verify(&workshop).unwrap();
    let row = predict_jsonl(&workshop, true);
    assert!(
        (2e6..6e6).contains(&number(&row["prediction"]["price"])),
        "{row}"
    );
}

#[test]
fn intervals_hold_the_metrics_of_labels() {
    let workshop = labels();
    let block = json!({"evaluate": {
        "model": "fit", "data": "data.test", "metrics": ["accuracy", "roc_auc", "hamming_loss"],
        "bootstrap": {"samples": 50, "seed": 3},
    }});
    workshop
        .stage(&block, &["model=fit", "data=data.test"], "score")
        .unwrap();
    let report = workshop.json("score/report.json");
    for name in ["accuracy", "roc_auc", "hamming_loss"] {
        let interval = &report["bootstrap"]["metrics"][name];
        let [low, value, high] = [
            &interval["low"],
            &report["metrics"][name],
            &interval["high"],
        ]
        .map(|it| it.as_f64().unwrap());
        assert!(low <= value && value <= high, "{report}");
    }
}

#[test]
fn losses_and_datasets_of_another_kind_are_refused() {
    let workshop = labels();
    let train = |workshop: &Workshop, loss: &str| {
        let block = json!({"train": {
            "data": "data", "model": {"mlp": {"hidden": []}}, "loss": loss, "epochs": 1,
        }});
        let failed = workshop.stage(&block, &["data=data"], "other").unwrap_err();
        (failed.message, failed.hint.unwrap())
    };
    let (message, hint) = train(&workshop, "cross_entropy");
    assert_eq!(
        message,
        "loss cross_entropy is for one target, the dataset has 2: warm, far"
    );
    assert!(hint.starts_with("take `loss: bce_with_logits`"), "{hint}");
    let (message, hint) = train(&workshop, "mse");
    assert_eq!(
        message,
        "loss mse needs numbers, the targets `warm, far` are labels"
    );
    assert!(
        hint.contains("`columns: {warm: numeric, far: numeric}`"),
        "{hint}"
    );
    let several = Workshop::with_several_numbers();
    let (message, _) = train(&several, "bce_with_logits");
    assert_eq!(
        message,
        "loss bce_with_logits needs labels, the targets `u, v` are numbers"
    );

    let mut schema = workshop.json("data/schema.json");
    schema["target"]["kind"]["labels"]["names"] = json!(["far", "hot"]);
    std::fs::write(workshop.path("data/schema.json"), schema.to_string()).unwrap();
    let block = json!({"evaluate": {"model": "fit", "data": "data.test"}});
    let failed = workshop.stage(&block, &["model=fit", "data=data.test"], "score");
    assert_eq!(
        failed.unwrap_err().message,
        "the dataset does not fit the model: it has no target `warm`, only `far`, `hot`"
    );
}
