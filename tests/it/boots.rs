//! After the machine was booted anew: what a run that was cut off wrote gives way, what a user wrote does not.

use std::{fs, thread, time::Duration};

use crate::{
    journal::{frames, journals},
    project::{Answer, Project},
    steered::wait_for,
};

const SPEC: &str = "version: 1
name: boots
stages:
  one: {command: {cmd: 'echo part > a.txt; test -e .git/whole || sleep 60; echo whole > a.txt', outs: [a.txt]}}
";

/// A run that was killed while its job wrote an out, and of which the power took what it noted of that.
fn cut_off() -> Project {
    let project = Project::new();
    project.write("pipe.yaml", SPEC);
    let mut child = project.command(&["run"]).spawn().unwrap();
    wait_for("the out", || {
        fs::read_to_string(project.path("a.txt")).is_ok_and(|it| it == "part\n")
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let artifacts = project.path("artifacts");
    while let Some(mark) = frames(&artifacts, 'o').pop() {
        mark.remove();
    }
    assert!(journals(&artifacts).len() < 2);
    project.write(".git/whole", "");
    project
}

fn kept_aside(project: &Project) -> Vec<String> {
    let folder = fs::read_dir(project.path("artifacts/quarantine"));
    let entries = folder.into_iter().flatten().flatten();
    entries
        .map(|it| it.file_name().into_string().unwrap())
        .filter(|it| it.starts_with("out-"))
        .collect()
}

fn refuses(answer: &Answer) -> bool {
    answer.code == Some(1) && answer.out.contains("would be overwritten")
}

#[test]
fn what_a_run_wrote_that_was_cut_off_is_set_aside_and_told() {
    let project = cut_off();
    project.note_boot();
    let answer = project.done(&["run"]);
    assert!(
        answer
            .out
            .contains("`a.txt` was left by a run that was cut off"),
        "{answer}"
    );
    assert_eq!(project.read("a.txt"), "whole\n");
    assert_eq!(kept_aside(&project).len(), 1);
    // It may be somebody's: gc leaves it for a while.
    project.done(&["gc", "--keep-runs", "0"]);
    assert_eq!(kept_aside(&project).len(), 1);
}

#[test]
fn without_a_boot_in_between_nothing_is_known_of_it() {
    let project = cut_off();
    let answer = project.pipe(&["run"]);
    assert!(refuses(&answer), "{answer}");
    assert_eq!(project.read("a.txt"), "part\n");
}

#[test]
fn what_a_user_wrote_is_never_taken_for_it() {
    // Since the boot.
    let project = cut_off();
    project.note_boot();
    // Times of files are those of the last tick of the kernel's clock.
    thread::sleep(Duration::from_millis(30));
    project.write("a.txt", "mine\n");
    assert!(refuses(&project.pipe(&["run"])));
    // After a later run had begun.
    let project = cut_off();
    project.write(
        "other.yaml",
        "version: 1\nname: other\nstages: {x: {command: {cmd: 'true', outs: []}}}\n",
    );
    project.done(&["run", "other.yaml"]);
    project.write("a.txt", "mine\n");
    project.note_boot();
    assert!(refuses(&project.pipe(&["run"])));
    // Where a stage writes that did not take part.
    let project = cut_off();
    project.write("b.txt", "mine\n");
    project.note_boot();
    project.edit(
        "pipe.yaml",
        "stages:",
        "stages:\n  two: {command: {cmd: 'echo two > b.txt', outs: [b.txt]}}",
    );
    assert!(refuses(&project.pipe(&["run", "two"])));
    assert_eq!(project.read("b.txt"), "mine\n");
}
