//! `pipe init`: what it writes, what it refuses to write over, and that what it wrote holds.

use std::fmt::Write;

use crate::project::Project;

/// A folder with `my data/customers.csv`.
fn project() -> Project {
    let project = Project::new();
    let mut text = "customer id,age,city,churned\n".to_owned();
    for row in 0..60 {
        let age = if row % 8 == 0 {
            String::new()
        } else {
            format!("{}.5", 20 + row * 7 % 40)
        };
        let city = ["Bern", "Oslo"][row % 2];
        writeln!(text, "C-{row},{age},{city},{}", ["yes", "no"][row % 3 % 2]).unwrap();
    }
    project.write("my data/customers.csv", &text);
    project
}

#[test]
fn a_table_is_shown_and_its_spec_holds() {
    let project = project();
    let answer = project.done(&["init", "my data/customers.csv", "--target", "churned"]);
    assert!(answer.out.contains("60 rows, 4 columns"), "{answer}");
    assert!(answer.out.ends_with("next: pipe run\n"), "{answer}");
    let spec = project.read("pipe.yaml");
    assert!(
        spec.starts_with("# yaml-language-server: $schema=.pipe/spec.schema.json\n"),
        "{spec}"
    );
    assert!(spec.lines().count() <= 25, "{spec}");
    assert!(spec.contains("csv: \"my data/customers.csv\""), "{spec}");
    project.done(&["check"]);
}

#[test]
fn the_schema_beside_the_spec_is_that_of_pipe_schema() {
    let project = project();
    project.done(&["init", "my data/customers.csv", "--target", "churned"]);
    let written: serde_json::Value =
        serde_json::from_str(&project.read(".pipe/spec.schema.json")).unwrap();
    let printed: serde_json::Value = serde_json::from_str(&project.done(&["schema"]).out).unwrap();
    assert_eq!(written, printed);
    let spec: serde_json::Value = serde_yaml::from_str(&project.read("pipe.yaml")).unwrap();
    let errors: Vec<String> = jsonschema::validator_for(&written)
        .unwrap()
        .iter_errors(&spec)
        .map(|it| it.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn a_spec_in_a_new_folder_names_the_table_from_there() {
    let project = project();
    project.done(&[
        "init",
        "my data/customers.csv",
        "--target",
        "churned",
        "-o",
        "specs/new/p.yaml",
    ]);
    let spec = project.read("specs/new/p.yaml");
    assert!(
        spec.contains("csv: \"../../my data/customers.csv\""),
        "{spec}"
    );
    project.done(&["check", "specs/new/p.yaml"]);
    // Outside of any project, a spec's own folder is the project.
    std::fs::remove_dir(project.path(".git")).unwrap();
    let refused = project.pipe(&[
        "init",
        "my data/customers.csv",
        "--target",
        "churned",
        "-o",
        "else/p.yaml",
    ]);
    assert!(
        refused.err.contains("lies outside of the spec's project"),
        "{refused}"
    );
}

#[test]
fn a_column_whose_name_begins_with_a_dash_can_be_the_target() {
    let project = project();
    project.edit("my data/customers.csv", "churned", "-churned");
    project.done(&["init", "my data/customers.csv", "--target", "-churned"]);
    project.done(&["check"]);
}

#[test]
fn a_target_is_asked_for_not_guessed() {
    let project = project();
    let answer = project.pipe(&["init", "my data/customers.csv"]);
    assert_eq!(answer.code, Some(2), "{answer}");
    assert!(answer.out.contains("city"), "{answer}");
    assert!(
        answer
            .err
            .contains("pipe init 'my data/customers.csv' --target churned"),
        "{answer}"
    );
    assert!(!project.path("pipe.yaml").exists());
    let answer = project.pipe(&["init", "my data/customers.csv", "--target", "churn"]);
    assert!(answer.err.contains("did you mean `churned`?"), "{answer}");
}

#[test]
fn what_is_there_is_not_written_over() {
    let project = project();
    project.write("pipe.yaml", "mine");
    let words = ["init", "my data/customers.csv", "--target", "churned"];
    let answer = project.pipe(&words);
    assert_eq!(answer.code, Some(2), "{answer}");
    assert!(
        answer.err.contains("pipe.yaml is there already") && answer.err.contains("--force"),
        "{answer}"
    );
    assert_eq!(project.read("pipe.yaml"), "mine");
    let elsewhere = project.done(&[&words[..], &["-o", "specs/churn.yaml"]].concat());
    assert!(
        elsewhere.out.contains("pipe run specs/churn.yaml"),
        "{elsewhere}"
    );
    project.done(&[&words[..], &["--force"]].concat());
    assert!(project.read("pipe.yaml").contains("churned"));
}

#[test]
fn a_spec_below_finds_its_table_above() {
    let project = project();
    project.write(".git/HEAD", "");
    project.done(&[
        "init",
        "my data/customers.csv",
        "--target",
        "churned",
        "-o",
        "specs/churn.yaml",
    ]);
    assert!(
        project
            .read("specs/churn.yaml")
            .contains("csv: \"../my data/customers.csv\"")
    );
    project.done(&["check", "specs/churn.yaml"]);
}

#[test]
fn a_table_outside_of_the_project_is_refused_with_a_way_out() {
    let (project, other) = (project(), Project::new());
    let table = project.path("my data/customers.csv").display().to_string();
    let answer = other.pipe(&["init", &table, "--target", "churned"]);
    assert_eq!(answer.code, Some(2), "{answer}");
    assert!(
        answer.err.contains("lies outside of the spec's project") && answer.err.contains("-o "),
        "{answer}"
    );
}

#[test]
fn without_a_table_the_digits_are_written() {
    let project = Project::new();
    project.done(&["init"]);
    assert!(
        project
            .read("pipe.yaml")
            .starts_with("# yaml-language-server: ")
    );
    assert!(project.path("data/digits.csv.gz").is_file());
    project.done(&["check"]);
    let again = project.pipe(&["init"]);
    assert_eq!(again.code, Some(2), "{again}");
    project.write("data/digits.csv.gz", "other");
    let kept = project.pipe(&["init", "-o", "other.yaml"]);
    assert!(
        kept.err.contains("data/digits.csv.gz is there already"),
        "{kept}"
    );
    assert!(!project.path("other.yaml").exists());
}

#[test]
fn json_lines_are_a_table_and_arrays_are_left_to_the_user() {
    let project = Project::new();
    let mut text = String::new();
    for row in 0..40 {
        writeln!(
            text,
            "{{\"age\": {}.5, \"ok\": \"{}\"}}",
            row % 9,
            ["a", "b"][row % 2]
        )
        .unwrap();
    }
    project.write("rows.jsonl", &text);
    project.done(&["init", "rows.jsonl", "--target", "ok"]);
    let spec = project.read("pipe.yaml");
    assert!(spec.contains("source: {jsonl: rows.jsonl}"), "{spec}");
    project.done(&["check"]);
    project.write("wide.jsonl", &text.replace(".5,", ".5, \"x\": [1, 2],"));
    for name in ["wide.jsonl", "rows.npz"] {
        project.write("rows.npz", "");
        let refused = project.pipe(&["init", name, "--target", "ok", "-o", "other.yaml"]);
        assert_eq!(refused.code, Some(2), "{refused}");
        assert!(refused.err.contains("pipe help language"), "{refused}");
    }
}
