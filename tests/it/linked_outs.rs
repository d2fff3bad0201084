//! Forecasts of stages that read a folder with links to outs elsewhere.

use std::{fs, os::unix::fs::symlink};

use serde_json::Value;

use crate::project::Project;

/// A stage that makes `one.txt`, or a folder, and one that reads `data`, in which a link leads there.
fn project(out: &str, target: &str) -> Project {
    let project = Project::new();
    let made = if out == target {
        format!("echo ${{n}} > {out}")
    } else {
        format!("mkdir -p {out}; echo ${{n}} > {target}")
    };
    project.write(
        "pipe.yaml",
        &format!(
            "version: 1
name: links
vars: {{n: 1}}
stages:
  one: {{command: {{cmd: '{made}', outs: [{out}]}}}}
  two: {{command: {{cmd: 'cat data/l > two.txt', deps: [data], outs: [two.txt]}}, needs: [one]}}
"
        ),
    );
    project.write("data/own", "own\n");
    fs::create_dir_all(project.path("data/.git")).unwrap();
    symlink(format!("../{target}"), project.path("data/l")).unwrap();
    symlink("../nowhere", project.path("data/.git/l")).unwrap();
    project
}

/// What is foretold of each stage, which the run then does.
fn foretold(project: &Project, options: &[&str]) -> Vec<String> {
    let words = [&["status", "--format", "json"], options].concat();
    let list = project.done(&words).json();
    let said = |it: &Value| {
        it["by"]
            .as_str()
            .or(it["state"].as_str())
            .unwrap()
            .to_owned()
    };
    let said: Vec<String> = list.as_array().unwrap().iter().map(said).collect();
    let run = project.done(&[&["run", "--format", "json"], options].concat());
    let ran = run.stages("stage_started");
    for (stage, said) in ["one", "two"].iter().zip(&said) {
        let is_run = ran.iter().any(|it| it == stage);
        assert!(is_run || said != "run", "{stage} is {said}: {run}");
        assert!(!is_run || said != "cached", "{stage} is {said}: {run}");
    }
    said
}

#[test]
fn forecast_follows_links_of_a_folder_to_outs_that_are_restored() {
    for (out, target) in [("one.txt", "one.txt"), ("made", "made/one.txt")] {
        let project = project(out, target);
        assert_eq!(foretold(&project, &[]), ["run", "one"]);
        assert_eq!(project.read("two.txt"), "1\n");
        let remove = || {
            let path = project.path(out);
            fs::remove_dir_all(&path)
                .or_else(|_| fs::remove_file(&path))
                .unwrap();
        };
        // It is absent, or has another content than what is restored.
        remove();
        assert_eq!(foretold(&project, &[]), ["cached", "cached"], "{out}");
        assert_eq!(project.read(target), "1\n");
        remove();
        project.write(target, "mine\n");
        assert_eq!(foretold(&project, &[]), ["cached", "cached"], "{out}");
        // What is yet to be made is not known.
        assert_eq!(foretold(&project, &["--set", "n=2"]), ["run", "one"]);
        assert_eq!(project.read("two.txt"), "2\n");
        assert_eq!(foretold(&project, &[]), ["cached", "cached"], "{out}");
        assert_eq!(project.read("two.txt"), "1\n");
    }
}
