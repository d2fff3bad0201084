//! Two specs of one folder that share a store and have a stage of one name.

use std::fs;

use crate::project::Project;

/// A spec with a stage `fit` whose output is as large as an object of the store.
fn spec(name: &str, word: &str) -> String {
    format!(
        "version: 1
name: {name}
vars: {{n: 0}}
stages:
  fit: {{command: {{cmd: \"echo {word} ${{n}}; head -c 30000 /dev/urandom > ${{outputs.o}}\", outputs: {{o: {{}}}}}}}}
"
    )
}

fn project(names: [&str; 2]) -> Project {
    let project = Project::new();
    project.write("a.yaml", &spec(names[0], "one"));
    project.write("b.yaml", &spec(names[1], "two"));
    project
}

fn path(project: &Project, words: &[&str]) -> String {
    project
        .done(&[&["path"], words].concat())
        .out
        .trim()
        .to_owned()
}

#[test]
fn gc_keeps_the_last_result_of_each_spec_and_counts_no_run_that_had_nothing_to_do() {
    for names in [["one", "two"], ["same", "same"]] {
        let project = project(names);
        project.done(&["run", "a.yaml"]);
        for _ in 0..4 {
            project.done(&["run", "b.yaml"]);
        }
        project.done(&["gc", "--keep-runs", "1"]);
        for spec in ["a.yaml", "b.yaml"] {
            let status = project.done(&["status", spec]);
            assert!(
                status.out.contains("nothing to do"),
                "{names:?} {spec}: {status}"
            );
        }
    }
}

#[test]
fn gc_keeps_runs_that_made_something_before_many_that_did_not() {
    let project = project(["one", "two"]);
    for value in ["1", "2", "3"] {
        project.done(&["run", "a.yaml", "--set", &format!("n={value}")]);
    }
    for at in 0..6 {
        // Both ways to have nothing to do.
        let verbose = if at % 2 == 0 {
            "--verbose"
        } else {
            "--color=never"
        };
        project.done(&["run", verbose, "a.yaml", "--set", "n=3"]);
    }
    project.done(&["gc", "--keep-runs", "2"]);
    let is_cached = |value: &str| {
        let status = project.done(&["status", "a.yaml", "--set", &format!("n={value}")]);
        status.out.contains("nothing to do")
    };
    assert_eq!(["1", "2", "3"].map(is_cached), [false, true, true]);
}

#[test]
fn current_of_two_specs_leads_to_the_result_of_each() {
    let project = project(["one", "two"]);
    project.done(&["run", "a.yaml"]);
    let first = project
        .path("artifacts/current/fit")
        .canonicalize()
        .unwrap();
    let answer = project.done(&["run", "b.yaml"]);
    assert!(
        answer.out.contains("artifacts/current/@b.yaml/fit"),
        "{answer}"
    );
    assert!(answer.out.contains("pipe show b.yaml fit"), "{answer}");
    let second = project
        .path("artifacts/current/@b.yaml/fit")
        .canonicalize()
        .unwrap();
    assert_eq!(
        project
            .path("artifacts/current/fit")
            .canonicalize()
            .unwrap(),
        first
    );
    assert_ne!(first, second);
    for (spec, place) in [("a.yaml", &first), ("b.yaml", &second)] {
        assert_eq!(path(&project, &[spec, "fit"]), place.display().to_string());
        let shown = project.done(&["show", spec, "fit", "--format", "json"]);
        assert!(shown.out.contains(place.to_str().unwrap()), "{shown}");
        let copy = format!("copy-{spec}");
        project.done(&["export", "fit", &copy, "--spec", spec]);
        assert_eq!(
            fs::read(project.path(&copy).join("o")).unwrap(),
            fs::read(place.join("o")).unwrap()
        );
    }
    // Which of them is not said, so it is told.
    let shown = project.done(&["show", "fit"]);
    assert!(shown.err.contains("is that of b.yaml"), "{shown}");
    // Without a word of it, the spec of this folder is meant.
    fs::rename(project.path("a.yaml"), project.path("pipe.yaml")).unwrap();
    project.done(&["run"]);
    project.done(&["run", "b.yaml"]);
    assert_eq!(path(&project, &["fit"]), first.display().to_string());
}

#[test]
fn runs_explain_and_reasons_are_those_of_the_spec() {
    let project = project(["same", "same"]);
    project.done(&["run", "a.yaml"]);
    project.done(&["run", "b.yaml"]);
    project.done(&["run", "a.yaml", "--set", "n=1"]);
    project.done(&["run", "b.yaml", "--set", "n=5"]);
    let explained = project.done(&["explain", "a.yaml", "fit", "--set", "n=2"]);
    assert!(explained.out.contains("echo one 1"), "{explained}");
    assert!(!explained.out.contains("two"), "{explained}");
    let all = project.done(&["runs", "--format", "json"]).json();
    let own = project.done(&["runs", "a.yaml", "--format", "json"]).json();
    assert_eq!(
        [&all, &own].map(|runs| runs.as_array().unwrap().len()),
        [4, 2]
    );
    assert!(
        own.as_array()
            .unwrap()
            .iter()
            .all(|run| run["spec"] == "a.yaml")
    );
}

#[test]
fn a_spec_that_was_moved_keeps_its_results_and_takes_over_the_link() {
    let project = project(["one", "two"]);
    project.done(&["run", "a.yaml"]);
    let first = path(&project, &["a.yaml", "fit"]);
    fs::create_dir(project.path("sub")).unwrap();
    fs::rename(project.path("a.yaml"), project.path("moved.yaml")).unwrap();
    let changed = project.done(&["status", "moved.yaml", "--set", "n=7"]);
    assert!(changed.out.contains("changed"), "{changed}");
    project.done(&["run", "moved.yaml", "--set", "n=7"]);
    let second = path(&project, &["moved.yaml", "fit"]);
    assert_ne!(first, second);
    let link = project
        .path("artifacts/current/fit")
        .canonicalize()
        .unwrap();
    assert_eq!(link.display().to_string(), second);
    // What the old path had last is not the last result of any spec.
    project.done(&["gc", "--keep-runs", "0"]);
    assert!(!std::path::Path::new(&first).exists());
    assert!(std::path::Path::new(&second).exists());
}

#[test]
fn a_spec_by_another_path_is_the_same_spec() {
    let project = project(["one", "two"]);
    project.done(&["run", "a.yaml"]);
    std::os::unix::fs::symlink("a.yaml", project.path("link.yaml")).unwrap();
    let absolute = project.path("a.yaml").display().to_string();
    for spec in ["./a.yaml", "link.yaml", &absolute] {
        project.done(&["run", spec, "--set", "n=1"]);
        project.done(&["run", spec]);
    }
    let links = fs::read_dir(project.path("artifacts/current")).unwrap();
    let names: Vec<_> = links.map(|link| link.unwrap().file_name()).collect();
    assert_eq!(names, ["fit"]);
}
