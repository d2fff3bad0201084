//! Outs of the workspace that lack something of what the store holds, or differ from it.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
};

use crate::project::{Answer, Project};

const SPEC: &str = "
version: 1
name: t
vars: {n: 1}
stages:
  a:
    command:
      cmd: |
        mkdir -p out/empty out/deep
        echo ${n} > out/f
        echo y > out/deep/g
        head -c 40000 /dev/zero > out/big
        printf '#!/bin/sh\\n' > out/run
        chmod +x out/run
      outs: [out]
";

fn made() -> Project {
    let project = Project::new();
    project.write("pipe.yaml", SPEC);
    project.done(&["run"]);
    project
}

fn is_executable(project: &Project) -> bool {
    let mode = fs::metadata(project.path("out/run")).unwrap().permissions();
    mode.mode() & 0o111 != 0
}

fn quarantined(project: &Project) -> Vec<String> {
    let folder = fs::read_dir(project.path("artifacts/quarantine"));
    let entries = folder.into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("out-"))
        .collect()
}

#[track_caller]
fn assert_whole(project: &Project, answer: &Answer) {
    assert_eq!(project.read("out/deep/g"), "y\n", "{answer}");
    assert!(project.path("out/empty").is_dir(), "{answer}");
    assert!(project.path("out/f").exists(), "{answer}");
    assert_eq!(project.read("out/big").len(), 40_000, "{answer}");
    assert!(is_executable(project), "{answer}");
}

fn forbid_execution(project: &Project) {
    fs::set_permissions(project.path("out/run"), Permissions::from_mode(0o644)).unwrap();
}

/// What happens to an out.
type Harm = fn(&Project);

#[test]
fn an_out_that_lacks_something_is_restored_and_nothing_is_set_aside() {
    let remove_file = |project: &Project| fs::remove_file(project.path("out/f")).unwrap();
    let remove_empty = |project: &Project| fs::remove_dir(project.path("out/empty")).unwrap();
    let remove_deep = |project: &Project| fs::remove_dir_all(project.path("out/deep")).unwrap();
    let cases: [(Harm, &str); 4] = [
        (remove_file, "`f` is missing"),
        (remove_empty, "`empty/` is missing"),
        (remove_deep, "`deep/` and `deep/g` are missing"),
        (forbid_execution, "the executable bit of `run` is changed"),
    ];
    let project = made();
    for (harm, told) in cases {
        harm(&project);
        let answer = project.done(&["run"]);
        assert!(answer.out.contains("1 cached"), "{answer}");
        assert!(answer.out.contains(told), "{answer}");
        assert_whole(&project, &answer);
        assert_eq!(quarantined(&project), [""; 0], "{answer}");
    }
    for (harm, _) in cases {
        harm(&project);
    }
    let answer = project.done(&["run"]);
    assert_whole(&project, &answer);
    assert_eq!(quarantined(&project), [""; 0], "{answer}");
}

#[test]
fn an_out_that_lacks_something_gives_way_to_a_stage_that_runs() {
    let project = made();
    fs::remove_file(project.path("out/f")).unwrap();
    forbid_execution(&project);
    let answer = project.done(&["run", "--set", "n=2"]);
    assert_eq!(project.read("out/f"), "2\n", "{answer}");
    assert_whole(&project, &answer);
    assert_eq!(quarantined(&project), [""; 0], "{answer}");
}

#[test]
fn an_out_that_differs_is_set_aside_with_the_names_of_what_differs() {
    for words in [["run"].as_slice(), &["run", "--set", "n=2"]] {
        let project = made();
        project.write("out/f", "mine");
        project.write("out/new", "mine");
        fs::remove_dir(project.path("out/empty")).unwrap();
        let answer = project.done(words);
        let told = "(`f` is changed, `new` is new, `empty/` is missing)";
        assert!(answer.out.contains(told), "{answer}");
        assert_whole(&project, &answer);
        let kept = quarantined(&project);
        assert_eq!(kept.len(), 1, "{answer}");
        let kept = format!("artifacts/quarantine/{}", kept[0]);
        assert_eq!(project.read(&format!("{kept}/f")), "mine");
        assert_eq!(project.read(&format!("{kept}/new")), "mine");
    }
}

#[test]
fn an_out_that_lacks_something_is_kept_if_the_store_is_damaged() {
    let project = made();
    let objects = walkdir::WalkDir::new(project.path("artifacts/objects"));
    let big = (objects.into_iter().flatten()).find(|entry| entry.file_name() == "big");
    let big = big.unwrap().into_path();
    fs::set_permissions(&big, Permissions::from_mode(0o644)).unwrap();
    fs::write(&big, "rotten").unwrap();
    fs::remove_file(project.path("out/f")).unwrap();
    let answer = project.done(&["run"]);
    assert_whole(&project, &answer);
    assert_eq!(quarantined(&project).len(), 1, "{answer}");
}
