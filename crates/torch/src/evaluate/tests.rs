//! Reports of small trained networks.

mod positive;

use serde_json::{Value, json};

use crate::workshop::Workshop;

fn evaluate(workshop: &Workshop, metrics: &Value) -> Result<Value, String> {
    let block = json!({"evaluate": {"model": "fit", "data": "data.test", "metrics": metrics}});
    match workshop.stage(&block, &["model=fit", "data=data.test"], "score") {
        Ok(_) => Ok(workshop.json("score/report.json")),
        Err(failed) => Err(format!(
            "{}\n{}",
            failed.message,
            failed.hint.unwrap_or_default()
        )),
    }
}

fn classes() -> Workshop {
    let workshop = Workshop::with_classes();
    workshop.train(&json!({"mlp": {"hidden": [16]}}), "cross_entropy", 10);
    workshop
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[test]
fn report_of_classes_beats_the_baseline() {
    let workshop = classes();
    let report = evaluate(&workshop, &json!([])).unwrap();
    assert_eq!(report["part"], "test");
    assert_eq!(report["rows"], 48);
    let names: Vec<&String> = report["metrics"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["accuracy", "f1_macro", "log_loss"]);
    assert_eq!(workshop.json("score/metrics.json"), report["metrics"]);
    assert!(number(&report["metrics"]["accuracy"]) > 0.8, "{report}");
    assert!(number(&report["baseline"]["accuracy"]) < 0.6, "{report}");
    assert!(number(&report["baseline"]["log_loss"]) > number(&report["metrics"]["log_loss"]));
    assert_eq!(report["confusion_matrix"], Value::Null);
}

#[test]
fn predictions_have_row_ids_and_agree_with_the_metrics() {
    let workshop = classes();
    let report = evaluate(&workshop, &json!(["accuracy", "confusion_matrix"])).unwrap();
    let mut table = csv::Reader::from_path(workshop.path("score/predictions.csv")).unwrap();
    let header: Vec<String> = table.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(
        header,
        ["row", "target", "prediction", "p=a,b", "p=c", "p=d"]
    );
    let raw = workshop.read("rows.csv");
    let raw: Vec<&str> = raw.lines().skip(1).collect();
    let (mut right, mut rows) = (0, 0);
    for record in table.records() {
        let record = record.unwrap();
        let row: usize = record[0].parse().unwrap();
        assert!(raw[row].ends_with(&format!("\"{}\"", &record[1])));
        let sum: f32 = (3..6).map(|at| record[at].parse::<f32>().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-6);
        right += usize::from(record[1] == record[2]);
        rows += 1;
    }
    assert_eq!(rows, 48);
    assert_eq!(
        number(&report["metrics"]["accuracy"]),
        right as f64 / rows as f64
    );
    let matrix: Vec<Vec<u64>> = serde_json::from_value(report["confusion_matrix"].clone()).unwrap();
    assert_eq!((0..3).map(|at| matrix[at][at]).sum::<u64>(), right as u64);
}

#[test]
fn report_of_numbers_has_the_mean_as_baseline() {
    let workshop = Workshop::with_numbers();
    workshop.train(&json!({"mlp": {"hidden": [16]}}), "mse", 60);
    let report = evaluate(&workshop, &json!([])).unwrap();
    let names: Vec<&String> = report["metrics"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["rmse", "mae", "r2"]);
    assert!(number(&report["metrics"]["r2"]) > 0.8, "{report}");
    assert!(number(&report["baseline"]["r2"]) <= 0.0, "{report}");
    assert_eq!(report["classes"], json!([]));
}

#[test]
fn a_single_row_is_measured_by_what_it_has() {
    let workshop = Workshop::with_numbers();
    workshop.train(&json!({"mlp": {"hidden": [4]}}), "mse", 1);
    std::fs::write(workshop.path("one.csv"), "x,y,price\n1,2,90\n").unwrap();
    let block = json!({"preprocess": {
        "target": "price", "split": {"files": {"train": "rows.csv", "test": "one.csv"}},
    }});
    let files = ["split/train=rows.csv", "split/test=one.csv"];
    workshop.stage(&block, &files, "data").unwrap();
    let found = evaluate(&workshop, &json!([])).unwrap();
    let names: Vec<&String> = found["metrics"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["rmse", "mae"]);
}

#[test]
fn metric_of_another_kind_of_target_is_refused() {
    let refusal = evaluate(&classes(), &json!(["rmse"])).unwrap_err();
    assert!(
        refusal.starts_with(
            "`rmse` measures numbers, but the target has classes\nlegal here: accuracy"
        )
    );
}

#[test]
fn batch_size_changes_nothing_but_noise() {
    let workshop = classes();
    let with = |batch: u32| {
        let block = json!({"evaluate": {"model": "fit", "data": "data.test", "batch_size": batch}});
        workshop
            .stage(&block, &["model=fit", "data=data.test"], "score")
            .unwrap()
            .metrics
    };
    let (one, all) = (with(1), with(1000));
    for (name, value) in &one {
        assert!((value - all[name]).abs() < 1e-6, "{name}");
    }
}

#[test]
fn dataset_of_other_columns_or_classes_is_refused() {
    let workshop = classes();
    let mut schema = workshop.json("data/schema.json");
    let refusal = |schema: &Value| {
        std::fs::write(workshop.path("data/schema.json"), schema.to_string()).unwrap();
        evaluate(&workshop, &json!([])).unwrap_err()
    };
    schema["target"]["kind"]["classes"]["names"][2] = json!("z");
    let other = refusal(&schema);
    assert!(
        other.contains(
            "rows are of the class `z`, and the target `kind` of the model has `a,b`, `c`, `d`"
        ),
        "{other}"
    );
    schema["target"]["kind"]["classes"]["names"][2] = json!("d");
    schema["columns"][0]["name"] = json!("height");
    let other = refusal(&schema);
    assert!(
        other.starts_with("the dataset does not fit the model: it has no column `size`"),
        "{other}"
    );
}

#[test]
fn a_report_has_the_pictures_of_its_target_and_the_same_ones_again() {
    let workshop = classes();
    evaluate(&workshop, &json!([])).unwrap();
    let names = ["calibration", "confusion_matrix", "precision_recall", "roc"];
    let pictures = || names.map(|it| workshop.read(&format!("score/plots/{it}.svg")));
    let first = pictures();
    assert!(
        first[3].contains("each class against the rest"),
        "{}",
        first[3]
    );
    evaluate(&workshop, &json!([])).unwrap();
    assert_eq!(pictures(), first);

    let workshop = Workshop::with_numbers();
    workshop.train(&json!({"mlp": {"hidden": [4]}}), "mse", 1);
    evaluate(&workshop, &json!([])).unwrap();
    let residuals = workshop.read("score/plots/residuals.svg");
    assert!(residuals.matches("<circle").count() > 10, "{residuals}");
}

#[test]
fn intervals_hold_their_metrics() {
    let workshop = classes();
    let block = json!({"evaluate": {
        "model": "fit", "data": "data.test", "metrics": ["accuracy", "roc_auc"],
        "bootstrap": {"samples": 100, "confidence": 0.9, "seed": 3},
    }});
    workshop
        .stage(&block, &["model=fit", "data=data.test"], "score")
        .unwrap();
    let report = workshop.json("score/report.json");
    for name in ["accuracy", "roc_auc"] {
        let interval = &report["bootstrap"]["metrics"][name];
        let value = number(&report["metrics"][name]);
        assert!(
            number(&interval["low"]) <= value && value <= number(&interval["high"]),
            "{report}"
        );
    }
}
