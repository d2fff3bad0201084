//! Columns that are mostly zero: told before they are made, kept small, and refused where they do not fit into memory.

use std::{fmt::Write as _, fs};

use serde_json::Value;

use crate::{project::Project, workers};

const STAGES: &str = "
version: 1
name: t
stages:
  prep:
    preprocess:
      source: {csv: d.csv}
      target: y
      columns: {text: text}
      split: {random: {train: 0.6, val: 0.2, test: 0.2, seed: 1}}
      steps: STEPS
    resources: {memory: 600MiB}
  fit: {train: {data: prep, model: {mlp: {hidden: [8]}}, loss: cross_entropy, epochs: 1, batch_size: 512}}
  score: {evaluate: {model: fit, data: prep.test}}
  bundle: {package: {model: fit, report: score}}
";

/// A project whose table has 6,000 rows of 4,500 users, each with a text of two words.
fn project(steps: &str) -> Project {
    workers::real();
    let project = Project::new();
    let mut rows = "user,text,x,y\n".to_owned();
    for row in 0..6000u32 {
        let user = row * 7919 % 4500;
        let words = format!("word{} term{}", row * 31 % 4001, row * 17 % 3001);
        let _ = writeln!(rows, "u{user},{words},{}.5,{}", row % 9, row % 2);
    }
    project.write("d.csv", &rows);
    project.write("pipe.yaml", &STAGES.replace("STEPS", steps));
    project
}

fn plan(project: &Project) -> Value {
    let answer = project.done(&["plan", "--format", "json"]);
    answer.json()["datasets"]["prep"].clone()
}

#[test]
fn plan_tells_the_bytes_of_sparse_features_before_and_after_they_are_made() {
    let project = project("[{drop: {columns: [text]}}, standardize, one_hot]");
    let text = project.done(&["plan"]).out;
    let line = text.lines().find(|it| it.starts_with("data of prep:"));
    let line = line.unwrap_or_default();
    assert!(line.contains("6,000 rows of 3,"), "{text}");
    assert!(
        line.contains(" sparse; ") && line.contains(" if they were dense"),
        "{text}"
    );
    assert!(!project.path("artifacts").exists());
    let before = plan(&project);

    let run = project.done(&["run"]);
    assert!(run.out.contains("each of which becomes a column"), "{run}");
    let shown = project.done(&["show", "prep"]);
    assert!(shown.out.contains("`min_count`"), "{shown}");
    let after = plan(&project);
    for name in ["rows", "features", "dense_bytes"] {
        assert_eq!(before[name], after[name], "{name}");
    }
    let bytes = |of: &Value, name: &str| of[name].as_u64().unwrap();
    let dense = bytes(&before, "dense_bytes");
    assert!(dense > 60_000_000, "{before}");
    assert!(bytes(&before, "bytes") * 500 < dense, "{before}");
    assert!(bytes(&after, "bytes") * 200 < dense, "{after}");

    let file = project.path("artifacts/current/prep/train/rows.safetensors");
    assert!(fs::metadata(file).unwrap().len() < 300_000);
    let predicted = project.done(&["predict", "artifacts/current/bundle", "d.csv", "--verify"]);
    assert_eq!(predicted.out.lines().count(), 6001, "{predicted}");
}

#[test]
fn resources_memory_refuses_columns_that_become_dense_before_they_are_made() {
    let project = project(
        "[{drop: {columns: [user]}}, {bag_of_words: {columns: text, max_features: 20000}}, {power: {columns: numeric}}]",
    );
    project.edit("pipe.yaml", "600MiB", "300MiB");
    let text = project.done(&["plan"]).out;
    assert!(
        text.contains("data of prep: cannot be made: step 3 (power)"),
        "{text}"
    );
    let failed = project.pipe(&["run"]);
    assert_eq!(failed.code, Some(1), "{failed}");
    let told = format!("{}{}", failed.out, failed.err);
    assert!(told.contains("step 3 (power): "), "{failed}");
    assert!(told.contains("of memory are left"), "{failed}");
    assert!(told.contains("`max_features`"), "{failed}");
    assert!(!told.contains("SIGABRT"), "{failed}");
}

#[test]
fn resources_memory_that_reading_exceeds_is_told_as_lack_of_memory() {
    workers::real();
    let project = Project::new();
    let mut rows = "a,y\n".to_owned();
    for row in 0..400_000u32 {
        let _ = writeln!(
            rows,
            "{}{row},{}",
            "a name that is long ".repeat(8),
            row % 2
        );
    }
    project.write("d.csv", &rows);
    let spec = STAGES
        .replace("STEPS", "[one_hot]")
        .replace("600MiB", "150MiB");
    project.write(
        "pipe.yaml",
        &spec.replace("      columns: {text: text}\n", ""),
    );
    let failed = project.pipe(&["run", "prep"]);
    let told = format!("{}{}", failed.out, failed.err);
    assert!(
        told.contains("ran out of memory: it takes more than `resources.memory`, 150MiB"),
        "{failed}"
    );
}
