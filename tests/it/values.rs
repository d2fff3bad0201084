//! How values are read, from `pipe init` to `pipe predict`, with the real worker.

use std::{fmt::Write, sync::OnceLock};

use serde_json::json;

use crate::{project::Project, workers};

/// Rows of a number and a code that decides the class, each code written by `code`.
fn rows(has_target: bool, code: impl Fn(usize) -> String) -> String {
    let mut text = if has_target { "x,code,y\n" } else { "x,code\n" }.to_owned();
    for row in 0..60 {
        write!(text, "{}.5,{}", row % 7, code(row % 3)).unwrap();
        if has_target {
            text.push_str(if row % 3 == 1 { ",hot" } else { ",cold" });
        }
        text.push('\n');
    }
    text
}

fn finished() -> &'static Project {
    static PROJECT: OnceLock<Project> = OnceLock::new();
    PROJECT.get_or_init(|| {
        workers::real();
        let project = Project::new();
        project.write("d.csv", &rows(true, |code| code.to_string()));
        project.write(
            "pipe.yaml",
            "version: 1
name: t
stages:
  prep:
    preprocess:
      source: {csv: d.csv}
      target: y
      columns: {code: categorical}
      split: {random: {train: 0.6, val: 0.2, test: 0.2, seed: 1}}
      steps: [impute, standardize, one_hot]
  fit: {train: {data: prep, model: {mlp: {hidden: [8]}}, loss: cross_entropy, epochs: 2}}
  score: {evaluate: {model: fit, data: prep.test}}
  bundle: {package: {model: fit, report: score}}
",
        );
        project.done(&["run"]);
        project
    })
}

#[test]
fn predict_tells_categories_by_their_value() {
    let project = finished();
    let plain = project.done(&["predict", "bundle", "d.csv"]);
    project.write("floats.csv", &rows(false, |code| format!("{code}.0")));
    let floats = project.done(&["predict", "bundle", "floats.csv"]);
    assert_eq!(floats.out, plain.out);
    assert_eq!(floats.err, "", "{floats}");
    let mut lines = String::new();
    for row in 0..60 {
        writeln!(lines, "{}", json!({"x": row % 7 * 10 + 5, "code": row % 3})).unwrap();
    }
    project.write("numbers.jsonl", &lines);
    let numbers = project.done(&["predict", "bundle", "numbers.jsonl", "--format", "json"]);
    let told: serde_json::Value = serde_json::from_str(&numbers.err).unwrap();
    assert_eq!(
        told,
        json!({"rows": 60, "unseen": {}, "filled": {}, "unused": []})
    );
}

#[test]
fn predict_counts_what_the_training_data_does_not_have_and_strict_refuses_it() {
    let project = finished();
    project.write("odd.csv", "id,x,code\n1,,9\n2,1,1\n3,2,8\n");
    let told = "column `code`: 2 of 3 rows have a category that the train part does not have; \
        column `x`: 1 of 3 values are missing and were filled; column `id` is not used";
    let answer = project.done(&["predict", "bundle", "odd.csv"]);
    assert_eq!(answer.err.trim_end(), told, "{answer}");
    assert_eq!(answer.out.lines().count(), 4, "{answer}");
    let strict = project.pipe(&["predict", "bundle", "odd.csv", "--strict", "-o", "new.csv"]);
    assert_eq!(strict.code, Some(1), "{strict}");
    assert!(strict.err.contains(told), "{strict}");
    assert!(!project.path("new.csv").exists());
    let json = project.done(&["predict", "bundle", "odd.csv", "--format", "json"]);
    let told: serde_json::Value = serde_json::from_str(&json.err).unwrap();
    assert_eq!(
        told,
        json!({"rows": 3, "unseen": {"code": 2}, "filled": {"x": 1}, "unused": ["id"]})
    );
}

/// A table of numbers with words in the first rows, and what a spec for it is to be predicted from.
fn table(words: &[&str]) -> String {
    let mut text = "x,c,y\n".to_owned();
    for row in 0..120 {
        let x = words.get(row).map_or_else(
            || format!("{}.{}", row * 7 % 50, row % 10),
            |word| (*word).to_owned(),
        );
        let (c, y) = (["a", "b", "c"][row % 3], ["no", "yes"][row % 2]);
        writeln!(text, "{x},{c},{y}").unwrap();
    }
    text
}

#[test]
fn init_keeps_a_column_of_numbers_with_a_stray_word_and_says_what_run_says() {
    for (words, finding) in [
        (
            &["inf"][..],
            "`inf` is no finite number, 119 of 120 values are",
        ),
        (&["-"; 25], "`-` is no finite number, 95 of 120 values are"),
        (
            &["?!", "-"],
            "`?!` is no finite number, 118 of 120 values are",
        ),
    ] {
        let project = Project::new();
        project.write("d.csv", &table(words));
        let answer = project.done(&["init", "d.csv", "--target", "y"]);
        let line = format!("note: d.csv:2: column `x`: {finding}: taken for a missing value");
        assert!(answer.out.contains(&line), "{answer}");
        let spec = project.read("pipe.yaml");
        assert!(
            !spec.contains("- drop") && spec.contains("impute: {columns: [x]}"),
            "{spec}"
        );
        project.done(&["check"]);
    }
}

#[test]
fn init_recognizes_dates_and_numbers_in_other_notations() {
    let project = Project::new();
    let mut text = "when;price;share;y\n".to_owned();
    for row in 0..60 {
        let (day, month) = (1 + row % 28, 1 + row % 12);
        let y = ["no", "yes"][row % 2];
        writeln!(
            text,
            "{day:02}.{month:02}.2024;1.{row:03},5 €;{row},5 %;{y}"
        )
        .unwrap();
    }
    project.write("d.csv", &text);
    let answer = project.done(&["init", "d.csv", "--target", "y"]);
    let spec = project.read("pipe.yaml");
    for part in [
        "when: {datetime: {format: \"%d.%m.%Y\"}}",
        "price: {numeric: {decimal: \",\", thousands: \".\", unit: \"€\"}}",
        "share: {numeric: {decimal: \",\", unit: \"%\"}}",
        "datetime_parts: {columns: datetime}",
        "standardize: {columns: numeric}",
    ] {
        assert!(spec.contains(part), "{part}: {spec}\n{answer}");
    }
    project.done(&["check"]);
}
