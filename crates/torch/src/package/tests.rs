//! Packages of small trained networks, and what must not pass for one.

mod codes;
mod images;
mod mutants;

mod several;
mod whole_numbers;

use std::{collections::BTreeMap, fs, process::Command};

use pipe_schema::protocol::{Predict, RowForm};
use pipe_schema::stage::preprocess::Form;
use serde_json::{Value, json};

use crate::workshop::Workshop;

const INPUTS: [&str; 3] = ["model=fit", "report=score", "data=data.test"];

fn scored(workshop: Workshop) -> Workshop {
    let block = json!({"evaluate": {"model": "fit", "data": "data.test"}});
    workshop
        .stage(&block, &["model=fit", "data=data.test"], "score")
        .unwrap();
    workshop
}

fn classes(hidden: &Value) -> Workshop {
    let workshop = Workshop::with_classes();
    workshop.train(
        &json!({"mlp": {"hidden": hidden, "dropout": 0.1}}),
        "cross_entropy",
        5,
    );
    scored(workshop)
}

fn pack(workshop: &Workshop) -> Result<(), String> {
    let block = json!({"package": {"model": "fit", "report": "score", "name": "kinds"}});
    match workshop.stage(&block, &INPUTS, "bundle") {
        Ok(_) => Ok(()),
        Err(failed) => Err(failed.message),
    }
}

fn files(workshop: &Workshop, name: &str) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(workshop.path(name))
        .unwrap()
        .map(Result::unwrap);
    entries
        .map(|it| {
            (
                it.file_name().into_string().unwrap(),
                fs::read(it.path()).unwrap(),
            )
        })
        .collect()
}

fn verify(workshop: &Workshop) -> Result<String, String> {
    verify_rows(workshop, Form::Csv, "rows.csv")
}

fn verify_rows(workshop: &Workshop, form: Form, rows: &str) -> Result<String, String> {
    let work = Predict {
        input: Some(form),
        output: RowForm::Csv,
        probabilities: true,
        verify: true,
        no_verify: false,
        allow_script: true,
        memory: None,
    };
    let inputs = ["package=bundle", &format!("rows={rows}")];
    workshop
        .predict(work, &inputs)
        .map_err(|failed| failed.message)
}

#[test]
fn package_has_all_that_is_needed_and_sha256sum_agrees() {
    let workshop = classes(&json!([8]));
    pack(&workshop).unwrap();
    let files = files(&workshop, "bundle");
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "MANIFEST.sha256",
            "README.md",
            "golden.jsonl",
            "input.schema.json",
            "metrics.json",
            "model.json",
            "model.pt",
            "package.json",
            "report.json",
            "schema.json",
            "weights.safetensors",
        ]
    );
    let status = Command::new("sha256sum")
        .args(["--check", "--strict", "--quiet", "MANIFEST.sha256"])
        .current_dir(workshop.path("bundle"))
        .status();
    assert!(status.unwrap().success());
    let front = workshop.json("bundle/package.json");
    assert_eq!(front["name"], "kinds");
    assert_eq!(front["formats"], json!(["safetensors", "torchscript"]));
    assert_eq!(front["classes"], json!(["a,b", "c", "d"]));
    assert_eq!(workshop.read("bundle/golden.jsonl").lines().count(), 32);
}

#[test]
fn packing_twice_gives_the_same_bytes() {
    let workshop = classes(&json!([8]));
    pack(&workshop).unwrap();
    let first = files(&workshop, "bundle");
    pack(&workshop).unwrap();
    for (name, bytes) in files(&workshop, "bundle") {
        assert_eq!(bytes, first[&name], "{name}");
    }
}

#[test]
fn every_layer_survives_torchscript() {
    let workshop = Workshop::with_classes();
    let layers = json!({"layers": [
        {"batch_norm": {}},
        {"reshape": {"shape": [1, 1, 5]}},
        {"conv2d": {"out_channels": 4, "kernel_size": 3, "padding": 1}},
        {"batch_norm": {}},
        "gelu",
        {"max_pool2d": {"kernel_size": 2, "stride": 1, "padding": 1}},
        {"conv2d": {"out_channels": 2, "kernel_size": 1, "bias": false}},
        "relu",
        "flatten",
        {"linear": {"out_features": 6, "bias": false}},
        "tanh",
        {"dropout": {"p": 0.2}},
        {"linear": {"out_features": 4}},
        "sigmoid",
        {"linear": {"out_features": 3}},
    ]});
    workshop.train(&layers, "cross_entropy", 2);
    pack(&scored(workshop)).unwrap();
}

#[test]
fn one_logit_of_two_classes_is_measured_compressed_packed_and_predicted() {
    let workshop = Workshop::with_two_classes();
    workshop.train(&json!({"mlp": {"hidden": [8]}}), "bce_with_logits", 40);
    let block = json!({"evaluate": {"model": "fit", "data": "data.val"}});
    workshop
        .stage(&block, &["model=fit", "data=data.val"], "again")
        .unwrap();
    let history = workshop.json("fit/history.json");
    let last = &history[39]["metrics"];
    let metrics = workshop.json("again/metrics.json");
    let same = |name: &str, live: &str| {
        let (report, live) = (&metrics[name], &last[live]);
        let off = report.as_f64().unwrap() - live.as_f64().unwrap();
        assert!(off.abs() < 1e-6, "{name}: {report} {live}");
    };
    same("accuracy", "val.accuracy");
    same("log_loss", "val.loss");
    assert!(metrics["accuracy"].as_f64().unwrap() > 0.9, "{metrics}");
    let block = json!({"compress": {"model": "fit", "data": "data", "passes": [
        {"prune": {"sparsity": 0.3, "finetune": {"epochs": 1}}}, {"quantize": {}},
    ]}});
    workshop
        .stage(&block, &["model=fit", "data=data"], "small")
        .unwrap();
    let workshop = scored(workshop);
    pack(&workshop).unwrap();
    assert_eq!(workshop.json("bundle/model.json")["outputs"], 1);
    verify(&workshop).unwrap();
}

#[test]
fn quantized_model_is_packed_and_answers_row_by_row_as_in_the_report() {
    let workshop = classes(&json!([32]));
    let block = json!({"compress": {"model": "fit", "data": "data", "passes": [{"quantize": {}}]}});
    workshop
        .stage(&block, &["model=fit", "data=data"], "small")
        .unwrap();
    fs::rename(workshop.path("fit"), workshop.path("float")).unwrap();
    fs::rename(workshop.path("small"), workshop.path("fit")).unwrap();
    let workshop = scored(workshop);
    pack(&workshop).unwrap();
    // Each row in a batch of its own must answer as it did among the others, to the last digit.
    let reported = workshop.read("score/predictions.csv");
    let block = json!({"evaluate": {"model": "fit", "data": "data.test", "batch_size": 1}});
    workshop
        .stage(&block, &["model=fit", "data=data.test"], "score")
        .unwrap();
    assert_eq!(workshop.read("score/predictions.csv"), reported);
    let card = workshop.read("bundle/README.md");
    assert!(
        card.contains("8-bit") && card.contains("| quantize |"),
        "{card}"
    );
}

#[test]
fn report_of_another_model_is_caught_with_the_row_and_both_values() {
    let workshop = classes(&json!([8]));
    workshop.train(
        &json!({"mlp": {"hidden": [8], "dropout": 0.1}}),
        "cross_entropy",
        6,
    );
    let error = pack(&workshop).unwrap_err();
    let first = workshop.read("score/predictions.csv");
    let first = first.lines().nth(1).unwrap().split(',').next().unwrap();
    assert!(
        error.starts_with(&format!("weights.safetensors: row {first}: p=a,b is 0.")),
        "{error}"
    );
    assert!(error.contains(", the report says 0."), "{error}");
}

#[test]
fn report_on_other_rows_is_caught() {
    let workshop = classes(&json!([8]));
    let mut report = workshop.json("score/report.json");
    report["part"] = json!("val");
    fs::write(workshop.path("score/report.json"), report.to_string()).unwrap();
    let error = pack(&workshop).unwrap_err();
    assert_eq!(
        error,
        "the report was made on other rows than the part `val` has"
    );
}

#[test]
fn other_preprocessing_than_the_report_had_is_caught() {
    let workshop = classes(&json!([8]));
    let mut schema = workshop.json("fit/schema.json");
    let steps = schema["steps"].as_array_mut().unwrap();
    let standardize = steps.iter_mut().find(|it| it.get("standardize").is_some());
    standardize.unwrap()["standardize"]["columns"]["weight"]["mean"] = json!(0.0);
    fs::write(workshop.path("fit/schema.json"), schema.to_string()).unwrap();
    let error = pack(&workshop).unwrap_err();
    assert!(error.starts_with("weights.safetensors: row "), "{error}");
}

#[test]
fn a_number_is_packed_and_predicted() {
    let workshop = Workshop::with_numbers();
    workshop.train(&json!({"mlp": {"hidden": [8]}}), "mse", 5);
    let workshop = scored(workshop);
    pack(&workshop).unwrap();
    let predicted = verify(&workshop).unwrap();
    assert_eq!(predicted.lines().next(), Some("prediction"));
    assert_eq!(predicted.lines().count(), 201);
    assert!(workshop.read("bundle/README.md").contains("| r2 |"));
}

#[test]
fn a_tampered_package_is_refused_when_verified() {
    let workshop = classes(&json!([8]));
    pack(&workshop).unwrap();
    verify(&workshop).unwrap();
    let path = workshop.path("bundle/metrics.json");
    fs::write(&path, "{}").unwrap();
    assert!(
        verify(&workshop)
            .unwrap_err()
            .contains("metrics.json is not as it was packed")
    );
    fs::remove_file(&path).unwrap();
    assert!(
        verify(&workshop)
            .unwrap_err()
            .contains("metrics.json is missing")
    );
}

#[test]
fn a_package_of_another_version_is_refused() {
    let workshop = classes(&json!([8]));
    pack(&workshop).unwrap();
    let mut front: Value = workshop.json("bundle/package.json");
    front["version"] = json!(2);
    fs::write(workshop.path("bundle/package.json"), front.to_string()).unwrap();
    pipe_package::write_manifest(&workshop.path("bundle")).unwrap();
    let error = verify(&workshop).unwrap_err();
    assert!(
        error.ends_with("a package of version 2; this pipe reads version 1"),
        "{error}"
    );
    fs::remove_file(workshop.path("bundle/package.json")).unwrap();
    assert!(verify(&workshop).unwrap_err().ends_with("is not a package"));
}

#[test]
fn card_says_what_people_ask_and_no_times() {
    let workshop = classes(&json!([8]));
    pack(&workshop).unwrap();
    let card = workshop.read("bundle/README.md");
    for expected in [
        "# kinds\n",
        "one of `a,b`, `c`, `d`",
        "| accuracy | ",
        "| this model | baseline |",
        "torch.jit.load(\"model.pt\")",
        "CModule::load(\"model.pt\")",
        "pipe predict . rows.csv",
        "| city | words |",
        "missing values are filled",
        "sha256sum -c",
    ] {
        assert!(card.contains(expected), "{expected} is not in\n{card}");
    }
}
