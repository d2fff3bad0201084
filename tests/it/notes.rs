//! Notes on a result: told when it is made, and whenever it is used or looked at afterwards.

use std::fmt::Write as _;

use crate::{project::Project, workers};

const SPEC: &str = "
version: 1
name: t
stages:
  prep:
    preprocess:
      source: {csv: d.csv}
      target: y
      split: {random: {train: 0.6, val: 0.2, test: 0.2, seed: 1}}
      steps: [impute, standardize, one_hot]
  fit: {train: {data: prep, model: {mlp: {hidden: [4]}}, loss: cross_entropy, epochs: 1}}
  score: {evaluate: {model: fit, data: prep.test}}
";

/// Numbers with a stray word, and rows that are there twice.
fn table() -> String {
    let mut rows = "x,z,y\n".to_owned();
    for row in 0..60 {
        let x = if row % 10 == 0 {
            "unknown".to_owned()
        } else {
            (row % 20).to_string()
        };
        let _ = writeln!(rows, "{x},{},{}", row % 4, ["no", "yes"][row % 2]);
    }
    rows
}

/// A command whose metrics file is not JSON, which is told as a note.
fn command(name: &str) -> String {
    format!(
        "  {name}: {{command: {{cmd: 'echo {{NaN > {name}.json', outs: [], metrics: [{name}.json]}}}}\n"
    )
}

#[test]
fn notes_of_a_preprocess_stage_are_kept_and_told_by_all_that_use_its_result() {
    workers::real();
    let project = Project::new();
    project.write("pipe.yaml", SPEC);
    project.write("d.csv", &table());
    let first = project.done(&["run"]);
    let word = "unknown";
    let rows = "have the same inputs as a row of the train part";
    assert!(
        first.out.contains(word) && first.out.contains(rows),
        "{first}"
    );

    // The first repeats the lookups, the second the answer of the first.
    for words in [["run", "--verbose"].as_slice(), &["run"], &["run"]] {
        let again = project.done(words);
        assert!(again.out.contains("nothing to do"), "{again}");
        assert!(again.out.contains("on prep"), "{words:?}: {again}");
        assert!(again.out.contains("pipe show prep"), "{words:?}: {again}");
    }
    for words in [["show", "prep"].as_slice(), &["explain", "prep"]] {
        let shown = project.done(words);
        assert!(
            shown.out.contains(word) && shown.out.contains(rows),
            "{shown}"
        );
    }
    let status = project.done(&["status"]);
    let line = status.out.lines().find(|line| line.starts_with("prep"));
    assert!(line.is_some_and(|line| line.contains(" notes")), "{status}");
    let status = project.done(&["status", "--format", "json"]);
    assert!(status.out.contains(rows), "{status}");
    project.done(&["report", "--output", "page.html"]);
    let page = project.read("page.html");
    assert!(page.contains(word) && page.contains(rows), "{page}");
}

#[test]
fn notes_of_a_command_are_kept_with_its_result() {
    let project = Project::new();
    project.write(
        "pipe.yaml",
        &format!("version: 1\nname: t\nstages:\n{}", command("a")),
    );
    project.done(&["run"]);
    let shown = project.done(&["show", "a"]);
    assert!(
        shown.out.contains("note: warning: `a.json` is not JSON"),
        "{shown}"
    );
    // Made again without the fault, it has none.
    project.edit("pipe.yaml", "echo {NaN", "echo 1");
    project.done(&["run"]);
    let shown = project.done(&["show", "a"]);
    assert!(!shown.out.contains("note:"), "{shown}");
    assert!(!project.done(&["run"]).out.contains("notes"));
}

#[test]
fn notes_of_stages_that_an_edit_left_untouched_are_counted() {
    let project = Project::new();
    let stages: String = (0..40).map(|at| command(&format!("s{at}"))).collect();
    let spec = format!("version: 1\nname: t\nvars: {{v: 1}}\nstages:\n{stages}");
    project.write(
        "pipe.yaml",
        &(spec + "  last: {command: {cmd: 'echo ${v}'}}\n"),
    );
    project.done(&["run"]);
    let counted = "1 on s0, 1 on s1, 1 on s2, 1 on s3, 1 on s4, 35 on 35 more stages";
    for value in ["2", "3"] {
        let cached = project.done(&["run"]);
        assert!(cached.out.contains(counted), "{cached}");
        std::thread::sleep(std::time::Duration::from_millis(30));
        project.done(&["run"]);
        project.write(
            "pipe.yaml",
            &project
                .read("pipe.yaml")
                .replace("vars: {v: 1}", &format!("vars: {{v: {value}}}")),
        );
        let edited = project.done(&["run"]);
        assert!(edited.out.contains(counted), "{edited}");
    }
}
