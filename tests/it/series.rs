//! A series from a table to predictions, with the real worker: windows over rows in time, learned by convolutions.

use std::fmt::Write as _;

use crate::{project::Project, workers};

const SPEC: &str = "version: 1
name: tide
stages:
  prepare:
    preprocess:
      source: {csv: tide.csv}
      target: level
      split: {time: {by: minute, train: 0.6, val: 0.2, test: 0.2}}
      steps:
        - drop: {columns: [minute]}
        - standardize
      windows: {length: 16, order: minute, with_target: true}
  fit:
    train:
      data: prepare
      model:
        layers:
          - conv1d: {out_channels: 8, kernel_size: 5}
          - relu
          - flatten
          - linear: {out_features: 1}
      loss: mse
      optimizer: {adam: {lr: 0.01}}
      epochs: 40
      batch_size: 16
      seed: 1
  score:
    evaluate: {model: fit, data: prepare.test}
  bundle:
    package: {model: fit, report: score, formats: [torchscript]}
";

fn series(minutes: u32) -> String {
    let mut text = "minute,level\n".to_owned();
    for minute in 0..minutes {
        let level = (f64::from(minute) / 4.0).sin() + (f64::from(minute) / 11.0).cos() / 2.0;
        // Writing to a String never fails.
        let _ = writeln!(text, "{minute},{level}");
    }
    text
}

#[test]
fn a_series_is_learned_by_windows_and_its_next_value_predicted() {
    workers::real();
    let project = Project::new();
    project.write("tide.csv", &series(400));
    project.write("pipe.yaml", SPEC);
    project.done(&["run"]);
    let shown = project.done(&["show", "score", "--format", "json"]).json();
    let r2 = &shown["outputs"][0]["content"]["metrics"]["r2"];
    assert!(r2.as_f64().is_some_and(|it| it > 0.98), "{shown}");
    // A table is a series: a prediction for each of its rows that 15 others come before.
    project.write("new.csv", &series(100));
    let answer = project.done(&["predict", "bundle", "--verify", "new.csv"]);
    let found: Vec<f64> = answer
        .out
        .lines()
        .skip(1)
        .map(|it| it.parse().unwrap())
        .collect();
    assert_eq!(found.len(), 85);
    let next = (100.0_f64 / 4.0).sin() + (100.0_f64 / 11.0).cos() / 2.0;
    assert!((found[84] - next).abs() < 0.3, "{} for {next}", found[84]);
    project.write("short.csv", &series(15));
    let refused = project.pipe(&["predict", "bundle", "short.csv"]);
    assert!(
        refused.err.contains("no 16 of them make a window"),
        "{}",
        refused.err
    );
    // A line of JSON is a window, as in the package's own rows.
    let golden = project.read("artifacts/current/bundle/golden.jsonl");
    let line: serde_json::Value = serde_json::from_str(golden.lines().next().unwrap()).unwrap();
    project.write("one.jsonl", &line["input"].to_string());
    let one = project.done(&["predict", "bundle", "one.jsonl"]);
    let told: serde_json::Value = serde_json::from_str(&one.out).unwrap();
    let [told, known] = [&told, &line].map(|it| it["prediction"].as_f64().unwrap());
    assert!((told - known).abs() < 1e-4, "{told} is not {known}");
}
