//! The shipped pipeline from raw data to a package, run as a user runs it, with the real worker.

use std::{collections::BTreeMap, fs, path::Path, sync::OnceLock};

use serde_json::Value;

use crate::{project::Project, workers};

const SPEC: &str = "pipelines/digits.yaml";
const STAGES: [&str; 5] = ["prepare", "fit", "small", "score", "bundle"];

/// A project in which the pipeline has run once. Tests that change something take a copy.
fn finished() -> &'static Project {
    static PROJECT: OnceLock<Project> = OnceLock::new();
    PROJECT.get_or_init(|| {
        workers::real();
        let project = Project::with_pipelines();
        project.done(&["run", SPEC]);
        project
    })
}

/// A copy of the finished project with a store of its own.
fn copy() -> Project {
    let project = Project::new();
    let status = std::process::Command::new("cp")
        .args(["-a", "--reflink=auto"])
        .arg(finished().path("."))
        .arg(project.path("."))
        .status()
        .unwrap();
    assert!(status.success());
    project
}

/// Stages that a run executed, sorted by their place in the pipeline.
fn executed(project: &Project, more: &[&str]) -> Vec<String> {
    let answer = project.done(&[&["run", SPEC, "--format", "json"], more].concat());
    let mut ran = answer.stages("stage_started");
    ran.sort_by_key(|it| STAGES.iter().position(|stage| stage == it));
    ran
}

/// Digests of all artifacts, by stage.
fn digests(project: &Project) -> BTreeMap<String, String> {
    STAGES
        .iter()
        .map(|stage| {
            let shown = project.done(&["show", stage, "--format", "json"]).json();
            let path = shown["outputs"][0]["path"].as_str().unwrap().to_owned();
            // An artifact is named by its digest: objects/sha256/ab/cdef…
            let path = Path::new(&path);
            let name = |it: &Path| it.file_name().unwrap().to_str().unwrap().to_owned();
            (
                (*stage).to_owned(),
                name(path.parent().unwrap()) + &name(path),
            )
        })
        .collect()
}

#[test]
fn digits_are_read_with_an_accuracy_of_at_least_98_percent() {
    let shown = finished()
        .done(&["show", "score", "--format", "json"])
        .json();
    let accuracy = shown["outputs"][0]["content"]["metrics"]["accuracy"]
        .as_f64()
        .unwrap();
    assert!(accuracy >= 0.98, "{accuracy}");
    let baseline = shown["outputs"][0]["content"]["report"]["baseline"]["accuracy"]
        .as_f64()
        .unwrap();
    assert!(baseline < 0.2, "{baseline}");
}

#[test]
fn a_second_run_finds_all_and_starts_nothing() {
    let project = copy();
    let broken = project.path("no-worker");
    fs::write(&broken, "not a program").unwrap();
    let output = project
        .command(&["run", SPEC, "--format", "json"])
        .env("PIPE_WORKER", &broken)
        .output()
        .unwrap();
    // A worker of another identity may not be asked for the environment class: nothing must start it.
    let answer = crate::project::Answer::new(&output, std::time::Duration::ZERO);
    assert_eq!(answer.stages("stage_started"), [""; 0], "{answer}");

    let answer = project.done(&["run", SPEC, "--format", "json"]);
    let mut cached = answer.stages("stage_cached");
    cached.sort();
    let mut all = STAGES.map(str::to_owned);
    all.sort();
    assert_eq!(cached, all, "{answer}");
}

#[test]
fn two_runs_from_empty_stores_give_equal_digests() {
    let other = Project::with_pipelines();
    other.done(&["run", SPEC, "--jobs", "1"]);
    assert_eq!(digests(finished()), digests(&other));
}

#[test]
fn changed_comment_and_unused_var_run_nothing() {
    let project = copy();
    project.edit(SPEC, "version: 1", "# a comment\nversion: 1");
    assert_eq!(executed(&project, &[]), [""; 0]);
    project.edit(SPEC, "stages:", "vars: {unused: 3}\nstages:");
    assert_eq!(executed(&project, &[]), [""; 0]);
}

#[test]
fn changed_seed_reruns_training_and_what_reads_it() {
    let project = copy();
    assert_eq!(
        executed(&project, &["--set", "fit.seed=12345"]),
        ["fit", "small", "score", "bundle"]
    );
    let before = finished().done(&["path", "prepare"]).out;
    let after = project.done(&["path", "prepare"]).out;
    assert_eq!(
        Path::new(before.trim()).file_name(),
        Path::new(after.trim()).file_name()
    );
    // And back again: all of it is still there.
    assert_eq!(executed(&project, &[]), [""; 0]);
}

#[test]
fn an_explanation_names_what_changed_with_old_and_new() {
    let project = copy();
    let text = project
        .done(&["explain", SPEC, "fit", "--set", "fit.epochs=3"])
        .out;
    assert!(text.contains("epochs") && text.contains('3'), "{text}");
    let status = project
        .done(&["status", SPEC, "--set", "fit.epochs=3", "--format", "json"])
        .json();
    let of = |stage: &str| {
        let entry = status
            .as_array()
            .unwrap()
            .iter()
            .find(|it| it["stage"] == stage)
            .unwrap();
        entry["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        [of("prepare"), of("fit"), of("score")],
        ["cached", "run", "blocked"]
    );
}

#[test]
fn results_can_be_looked_at_found_and_exported() {
    let project = finished();
    for (stage, word) in [
        ("prepare", "train"),
        ("fit", "linear"),
        ("small", "int8"),
        ("score", "baseline"),
        ("bundle", "predict"),
    ] {
        let text = project.done(&["show", stage]).out;
        assert!(text.contains(word), "{stage}: {text}");
    }
    let path = project.done(&["path", "bundle"]).out;
    assert!(
        Path::new(path.trim()).join("package.json").is_file(),
        "{path}"
    );
    let runs = project.done(&["runs", "--format", "json"]).json();
    assert!(
        runs[0]["metrics"]["score"]["accuracy"].as_f64().unwrap() >= 0.97,
        "{runs}"
    );
}

#[test]
fn an_export_is_writable_and_never_overwrites_unasked() {
    let project = copy();
    project.done(&["export", "bundle", "out/bundle"]);
    fs::write(project.path("out/bundle/package.json"), "{}").unwrap();
    let answer = project.pipe(&["export", "bundle", "out/bundle"]);
    assert_eq!(answer.code, Some(2), "{answer}");
    assert_eq!(project.read("out/bundle/package.json"), "{}");
    project.done(&["export", "bundle", "out/bundle", "--force"]);
    assert!(project.read("out/bundle/package.json").len() > 2);
    assert_eq!(project.read("out/bundle.1/package.json"), "{}");
    assert_eq!(
        fs::read_dir(project.path("out")).unwrap().count(),
        2,
        "drafts are removed"
    );
}

#[test]
fn predictions_of_the_package_are_those_of_the_report() {
    let project = copy();
    // A row's id is its position among all rows read: the report names the rows of the test part by it.
    let answer = project.done(&[
        "predict",
        "artifacts/current/bundle",
        "pipelines/data/digits.csv.gz",
    ]);
    let predicted = column(&answer.out, "prediction");
    let report = project.read("artifacts/current/score/predictions.csv");
    let rows = column(&report, "row");
    let expected = column(&report, "prediction");
    assert!(rows.len() > 100);
    for (row, expected) in rows.iter().zip(expected) {
        assert_eq!(
            predicted[row.parse::<usize>().unwrap()],
            expected,
            "row {row}"
        );
    }
}

#[test]
fn every_line_of_a_run_for_programs_is_an_event_with_a_time() {
    let project = copy();
    let lines = project.done(&["run", SPEC, "--format", "json"]).lines();
    assert!(
        lines
            .iter()
            .all(|it| it["at"].is_u64() && it["event"].is_object()),
        "{lines:?}"
    );
    assert!(lines.first().unwrap()["event"]["run_started"].is_object());
    let end: &Value = &lines.last().unwrap()["event"]["run_finished"];
    assert_eq!(
        (end["status"].as_str(), end["cached"].as_u64()),
        (Some("done"), Some(5))
    );
}

fn column(csv: &str, name: &str) -> Vec<String> {
    let mut lines = csv.lines();
    let at = lines
        .next()
        .unwrap()
        .split(',')
        .position(|it| it == name)
        .unwrap_or_else(|| panic!("no column {name}"));
    lines
        .map(|it| it.split(',').nth(at).unwrap().to_owned())
        .collect()
}
