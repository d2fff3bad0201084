//! The first day of a user: a table of theirs, `pipe init`, `pipe check`, `pipe run`, `pipe predict`.

use crate::{project::Project, workers};

fn table() -> String {
    let mut rows = "age,city,income,churned\n".to_owned();
    for i in 0_u32..400 {
        let city = ["Rome", "Oslo", "Kyoto"][(i % 3) as usize];
        let income = if i % 11 == 0 {
            String::new()
        } else {
            (1000 + i * 37 % 900).to_string()
        };
        let churned = if (i * 7 % 50 + i % 3 * 10) > 35 {
            "yes"
        } else {
            "no"
        };
        rows.push_str(&format!("{},{city},{income},{churned}\n", i * 7 % 50 + 20));
    }
    rows
}

#[test]
fn a_table_becomes_a_spec_that_checks_and_runs() {
    workers::real();
    let project = Project::new();
    project.write("customers.csv", &table());
    project.done(&["init", "customers.csv", "--target", "churned"]);
    let spec = project.read("pipe.yaml");
    assert!(spec.lines().count() <= 25, "{spec}");
    project.done(&["check"]);
    let answer = project.done(&["run"]);
    assert!(answer.seconds < 60.0, "it took {} s", answer.seconds);
    assert!(
        answer.out.contains("result") && answer.out.contains("next"),
        "{answer}"
    );
    assert!(
        answer.out.ends_with("ran\n") || answer.out.contains("done in"),
        "{answer}"
    );
}

#[test]
fn an_existing_spec_is_not_overwritten() {
    let project = Project::new();
    project.write("customers.csv", &table());
    project.write("pipe.yaml", "mine");
    let answer = project.pipe(&["init", "customers.csv", "--target", "churned"]);
    assert_ne!(answer.code, Some(0), "{answer}");
    assert_eq!(project.read("pipe.yaml"), "mine");
}

#[test]
fn slices_are_measured_without_training_again() {
    workers::real();
    let project = Project::new();
    project.write("customers.csv", &table());
    project.done(&["init", "customers.csv", "--target", "churned"]);
    project.done(&["run"]);
    let spec = project.read("pipe.yaml");
    let line = spec.lines().find(|it| it.contains("evaluate:")).unwrap();
    let slices = "slices: [city, {column: income, min_rows: 1}]";
    let sliced = line.replacen('}', &format!(", {slices}}}"), 1);
    project.edit("pipe.yaml", line, &sliced);
    let answer = project.done(&["run", "--format", "json"]);
    let ran = answer.stages("stage_started");
    assert!(
        ran.iter().all(|it| it == "score" || it == "bundle"),
        "{ran:?}"
    );
    let shown = project.done(&["show", "score"]).out;
    for words in ["accuracy_worst_city", "Kyoto", "(missing)", "to <"] {
        assert!(shown.contains(words), "{words}\n{shown}");
    }
    let report = project.done(&["show", "score", "--format", "json"]).json();
    let report = &report["outputs"][0]["content"]["report"];
    for by in report["slices"].as_array().unwrap() {
        let rows = by["slices"].as_array().unwrap().iter();
        let rows: u64 = rows.map(|it| it["rows"].as_u64().unwrap()).sum();
        assert_eq!(rows, report["rows"], "{by}");
    }
}
