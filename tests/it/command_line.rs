//! What is typed: the project from a subfolder, `-o -`, items of lists with `--set`, names of outs.

use std::{fmt::Write as _, fs, time::Duration};

use crate::{
    project::{Answer, Project},
    workers,
};

const SPEC: &str = "version: 1
name: t
vars: {sizes: [8, 4], one: 1}
stages:
  a: {command: {cmd: 'echo ${sizes} > out', outs: [out]}}
";

fn at(project: &Project, folder: &str, words: &[&str]) -> Answer {
    let mut command = project.command(words);
    command.current_dir(project.path(folder));
    Answer::new(&command.output().unwrap(), Duration::ZERO)
}

#[test]
fn discovery_finds_the_spec_of_the_project_from_a_subfolder() {
    let project = Project::new();
    project.write("pipe.yaml", SPEC);
    fs::create_dir_all(project.path("sub/deep")).unwrap();
    for words in [
        ["check"].as_slice(),
        &["plan"],
        &["run"],
        &["status"],
        &["run", "a"],
        &["explain", "a"],
        &["show", "a"],
    ] {
        let answer = at(&project, "sub/deep", words);
        assert_eq!(answer.code, Some(0), "{words:?} {answer}");
    }
    assert_eq!(project.read("out"), "8 4\n");
    // A nearer one comes first.
    project.write(
        "sub/pipe.yaml",
        &SPEC.replace("name: t", "name: near").replace("a:", "b:"),
    );
    let plan = at(&project, "sub/deep", &["plan", "--format", "json"]);
    assert!(plan.out.contains("near"), "{plan}");
    // What lies above the project is not looked at.
    fs::create_dir_all(project.path("other/.git")).unwrap();
    let refused = at(&project, "other", &["check"]);
    assert_eq!(refused.code, Some(2), "{refused}");
}

#[test]
fn discovery_takes_the_spec_of_the_last_run_where_no_folder_has_one() {
    let project = Project::new();
    project.write(
        "pipelines/a.yaml",
        &SPEC.replace("> out", "> made").replace("[out]", "[made]"),
    );
    project.done(&["run", "pipelines/a.yaml"]);
    fs::create_dir(project.path("sub")).unwrap();
    for words in [["check"].as_slice(), &["plan"], &["run"], &["status"]] {
        let answer = at(&project, "sub", words);
        assert_eq!(answer.code, Some(0), "{words:?} {answer}");
    }
}

#[test]
fn output_to_a_dash_is_standard_output() {
    workers::real();
    let project = Project::new();
    let mut text = "x,y\n".to_owned();
    for row in 0..60 {
        writeln!(text, "{},{}", row % 7, ["no", "yes"][row % 2]).unwrap();
    }
    project.write("d.csv", &text);
    let spec = project.done(&["init", "d.csv", "--target", "y", "-o", "-"]);
    assert!(spec.out.contains("version: 1"), "{spec}");
    project.write("pipe.yaml", &spec.out);
    project.done(&["check"]);
    project.done(&["run", "--set", "fit.epochs=1"]);
    let page = project.done(&["report", "-o", "-"]);
    assert!(page.out.starts_with("<!doctype html>"), "{page}");
    let printed = project.done(&["predict", "bundle", "d.csv", "-o", "-"]);
    assert_eq!(printed.out.lines().count(), 61, "{printed}");
    assert!(!project.path("-").exists());
}

#[test]
fn output_of_set_draws_errors_at_the_override() {
    let project = Project::new();
    project.write("pipe.yaml", SPEC);
    project.done(&["run", "--set", "sizes.0=16"]);
    assert_eq!(project.read("out"), "16 4\n");
    for set in [
        "sizes.2=1",
        "sizes.x=1",
        "one.0=1",
        "a.cmd.0=x",
        "a.cmd.x=1",
        "a.outs.3=x",
        "a.outs.0=[x]",
    ] {
        let answer = project.pipe(&["check", "--set", set]);
        assert_eq!(answer.code, Some(2), "{set} {answer}");
        assert!(answer.err.contains("--> command line:1:"), "{set} {answer}");
        assert!(
            !answer.err.starts_with("error: unknown stage"),
            "{set} {answer}"
        );
    }
}

#[test]
fn output_with_brackets_in_its_name_is_an_out_like_others() {
    let project = Project::new();
    project.write(
        "pipe.yaml",
        "version: 1
name: t
stages:
  a: {command: {cmd: 'mkdir -p \"d[0]\"; echo 1 > \"a[1].txt\"; echo 2 > \"d[0]/x\"', outs: ['a[1].txt', 'd[0]']}}
  b: {command: {cmd: 'cat \"a[1].txt\" \"d[0]/x\" > b.txt', deps: ['a[1].txt', 'd[0]/x'], outs: [b.txt]}}
",
    );
    project.done(&["run"]);
    assert_eq!(project.read("b.txt"), "1\n2\n");
    assert!(project.done(&["run"]).out.contains("2 cached"));
    fs::remove_file(project.path("a[1].txt")).unwrap();
    let answer = project.done(&["run"]);
    assert!(answer.out.contains("2 cached"), "{answer}");
    assert_eq!(project.read("a[1].txt"), "1\n");
    project.edit("pipe.yaml", "echo 1", "echo 3");
    project.done(&["run"]);
    assert_eq!(project.read("b.txt"), "3\n2\n");
    project.edit("pipe.yaml", "outs: [b.txt]", "outs: ['*.txt']");
    assert_eq!(project.pipe(&["check"]).code, Some(2));
}

#[test]
fn import_of_a_matrix_with_maps_knows_its_key() {
    let project = Project::new();
    project.write(
        "dvc.yaml",
        "stages:
  train:
    matrix:
      model: [{name: cnn}, {name: mlp}]
      seed: [1, 2]
      data: [[a, b], c]
    cmd: echo ${item.model.name} ${item.seed} > ${key}.txt
    outs: ['${key}.txt']
",
    );
    project.done(&["import"]);
    project.done(&["run"]);
    let names = ["0-1-data0", "0-1-c", "0-2-data0", "1-1-data0", "1-2-c"];
    for name in names {
        let text = project.read(&format!("model{name}.txt"));
        let model = if name.starts_with('0') { "cnn" } else { "mlp" };
        assert!(text.starts_with(model), "{name} {text}");
    }
}
