//! What depends on a part of a dataset follows that part alone, with the real worker.

use crate::{project::Project, workers};

const SPEC: &str = "version: 1
name: parts
stages:
  prepare:
    preprocess:
      target: y
      columns: {y: numeric}
      split: {files: {train: train.csv, val: val.csv, test: test.csv}}
  fit:
    train:
      data: prepare
      model: {mlp: {hidden: [4]}}
      loss: mse
      epochs: 2
  score: {evaluate: {model: fit, data: prepare.test}}
";

fn rows(from: u32) -> String {
    let rows = (from..from + 40).map(|i| format!("{},{},{}\n", i % 7, i % 5, i % 7 + i % 5));
    format!("a,b,y\n{}", rows.collect::<String>())
}

#[test]
fn a_change_of_the_test_part_measures_again_and_does_not_train() {
    workers::real();
    let project = Project::new();
    project.write("pipe.yaml", SPEC);
    for (name, from) in [("train", 0), ("val", 100), ("test", 200)] {
        project.write(&format!("{name}.csv"), &rows(from));
    }
    project.done(&["run"]);
    project.write("test.csv", &rows(301));
    let answer = project.done(&["run", "--format", "json"]);
    let mut ran = answer.stages("stage_started");
    ran.sort();
    assert_eq!(ran, ["prepare", "score"], "{answer}");
    assert_eq!(answer.stages("stage_cached"), ["fit"], "{answer}");
}
