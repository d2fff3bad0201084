//! What tools of this kind are known to get wrong, one a test: results that are stale and called up to date, work done again
//! for nothing, and runs that stand in each other's way.

use std::{
    fs::{self, File, FileTimes},
    os::unix::fs::PermissionsExt,
    process::Stdio,
    time::Duration,
};

use crate::{
    journal::frames,
    project::{Answer, Project},
    steered::{send, wait_for},
};

/// A project of these stages, which write down that they ran.
fn project(stages: &str) -> Project {
    let project = Project::new();
    project.write("in.txt", "text\n");
    project.write(
        "pipe.yaml",
        &format!("version: 1\nname: promises\nvars: {{n: 1}}\nstages:\n{stages}"),
    );
    project
}

const ONE: &str = "  one: {command: {cmd: 'echo one >> .git/journal; cat in.txt > out.txt', deps: [in.txt], outs: [out.txt]}}\n";

/// How often stages ran since this was asked last.
fn ran(project: &Project) -> usize {
    let journal = project.path(".git/journal");
    let text = fs::read_to_string(&journal).unwrap_or_default();
    let _ = fs::remove_file(journal);
    text.lines().count()
}

/// Runs all and says how many stages ran.
fn run(project: &Project, words: &[&str]) -> usize {
    project.done(&[&["run"], words].concat());
    ran(project)
}

fn write_program(project: &Project, name: &str, text: &str) {
    project.write(name, text);
    fs::set_permissions(project.path(name), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_changed_variable_of_the_environment_runs_what_sees_it() {
    let project = project(
        "  one:
    command: {cmd: 'echo one >> .git/journal; echo $${MODE:-}-$${OTHER:-} > out.txt', outs: [out.txt]}
    pass_env: [MODE]
",
    );
    let with = |mode: &str| {
        let mut command = project.command(&["run"]);
        command.env("MODE", mode).env("OTHER", mode);
        let answer = Answer::new(&command.output().unwrap(), Duration::ZERO);
        assert_eq!(answer.code, Some(0), "{answer}");
        (ran(&project), project.read("out.txt"))
    };
    assert_eq!(with("fast"), (1, "fast-\n".to_owned()));
    assert_eq!(with("slow"), (1, "slow-\n".to_owned()));
    // Back again: known, and brought back.
    assert_eq!(with("fast"), (0, "fast-\n".to_owned()));
    // What the stage does not declare it does not see, so that it cannot matter.
    assert_eq!(run(&project, &[]), 1);
    assert_eq!(project.read("out.txt"), "-\n");
}

#[test]
fn a_changed_program_or_script_runs_the_command_that_names_it() {
    let project = project(
        "  program: {command: {cmd: './tool in.txt > a.txt', outs: [a.txt], deps: [in.txt]}}
  script: {command: {cmd: 'sh count.sh > b.txt', outs: [b.txt], deps: [in.txt]}}
",
    );
    write_program(
        &project,
        "tool",
        "#!/bin/sh\necho run >> .git/journal; cat \"$1\"\n",
    );
    project.write("count.sh", "echo run >> .git/journal; wc -l < in.txt\n");
    assert_eq!(run(&project, &[]), 2);
    assert_eq!(run(&project, &[]), 0);
    write_program(
        &project,
        "tool",
        "#!/bin/sh\necho run >> .git/journal; tac \"$1\"\n",
    );
    assert_eq!(run(&project, &[]), 1);
    project.write("count.sh", "echo run >> .git/journal; wc -c < in.txt\n");
    assert_eq!(run(&project, &[]), 1);
    assert_eq!(project.read("b.txt").trim(), "5");
}

#[test]
fn a_removed_parameter_is_a_change_or_an_error_and_never_passed_over() {
    let project = project(
        "  one: {command: {cmd: 'echo one >> .git/journal; echo --n ${n} > out.txt', outs: [out.txt]}}
  picked: {command: {cmd: 'echo picked >> .git/journal; pipe pick params.yaml lr', outputs: {o: {type: files}}, deps: [params.yaml]}}
",
    );
    project.edit(
        "pipe.yaml",
        "pipe pick params.yaml lr",
        "pipe pick params.yaml lr > ${outputs.o}",
    );
    project.write("params.yaml", "lr: 1\ndepth: 2\n");
    assert_eq!(run(&project, &[]), 2);
    // The command no longer says it.
    project.edit("pipe.yaml", "--n ${n}", "--n");
    assert_eq!(run(&project, &[]), 1);
    assert_eq!(project.read("out.txt"), "--n\n");
    // Still said, but no longer there.
    project.edit("pipe.yaml", "echo --n", "echo --n ${n}");
    project.edit("pipe.yaml", "vars: {n: 1}\n", "");
    let answer = project.pipe(&["run"]);
    assert_eq!(answer.code, Some(2), "{answer}");
    assert!(
        answer.err.contains("unknown") && answer.err.contains('n'),
        "{answer}"
    );
    // In a file that a stage reads.
    project.edit("pipe.yaml", "echo --n ${n}", "echo --n");
    project.write("params.yaml", "depth: 2\n");
    let answer = project.pipe(&["run"]);
    assert_eq!(answer.code, Some(1), "{answer}");
    assert!(answer.out.contains("lr"), "{answer}");
}

#[test]
fn a_corrupt_cache_is_found_and_mended_in_the_same_run() {
    let project = project(ONE);
    assert_eq!(run(&project, &[]), 1);
    // A byte of what the store keeps, with its old time.
    let kept = &frames(&project.path("artifacts"), 'p')[0];
    let time = fs::metadata(&kept.path).unwrap().modified().unwrap();
    kept.harm(|it| *it.last_mut().unwrap() ^= 1);
    let file = File::options().write(true).open(&kept.path).unwrap();
    file.set_times(FileTimes::new().set_modified(time)).unwrap();
    fs::remove_file(project.path("out.txt")).unwrap();
    assert_eq!(run(&project, &[]), 1);
    assert_eq!(project.read("out.txt"), "text\n");
    assert_eq!(run(&project, &[]), 0);
}

#[test]
fn two_runs_at_once_share_the_work_and_neither_fails() {
    let project = project(
        "  one: {command: {cmd: 'echo one >> .git/journal; sleep 0.3; cat in.txt > out.txt', deps: [in.txt], outs: [out.txt]}}\n",
    );
    let start = || {
        let mut command = project.command(&["run"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let both = [start(), start()];
    for child in both {
        let answer = Answer::new(&child.wait_with_output().unwrap(), Duration::ZERO);
        assert_eq!(answer.code, Some(0), "{answer}");
    }
    assert_eq!(ran(&project), 1);
    assert_eq!(project.read("out.txt"), "text\n");
}

#[test]
fn who_waits_says_for_whom_and_others_do_not_wait() {
    let project = project(
        "  slow: {command: {cmd: 'echo slow >> .git/journal; until test -e go; do sleep 0.05; done; echo > ${outputs.o}', outputs: {o: {type: files}}}}
  quick: {command: {cmd: 'echo > ${outputs.o}', outputs: {o: {type: files}}}}
",
    );
    let start = || {
        let mut command = project.command(&["run", "slow", "--format", "json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let first = start();
    wait_for("the first run", || project.path(".git/journal").exists());
    project.done(&["run", "quick"]);
    let second = start();
    // Long enough to come to the stage.
    std::thread::sleep(Duration::from_millis(300));
    project.write("go", "");
    let [first, second] =
        [first, second].map(|it| Answer::new(&it.wait_with_output().unwrap(), Duration::ZERO));
    let event = |answer: &Answer, name: &str| -> serde_json::Value {
        let lines = answer.lines();
        let found = lines
            .iter()
            .map(|it| it["event"][name].clone())
            .find(|it| !it.is_null());
        found.unwrap_or_else(|| panic!("no {name}: {answer}"))
    };
    let waited = event(&second, "stage_waiting");
    assert_eq!(waited["run"], event(&first, "run_started")["run"]);
    assert_eq!(second.stages("stage_cached"), ["slow"], "{second}");
    assert_eq!(ran(&project), 1);
}

#[test]
fn a_killed_run_leaves_no_lock_to_be_removed_by_hand() {
    let project = project(
        "  one: {command: {cmd: 'echo one >> .git/journal; echo half > out.txt; test -e go || sleep 1000; cat in.txt > out.txt', outs: [out.txt]}}\n",
    );
    let mut command = project.command(&["run"]);
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    wait_for("its out", || project.path("out.txt").exists());
    send(&child.id().to_string(), "KILL");
    child.wait().unwrap();
    project.write("go", "");
    ran(&project);
    assert_eq!(run(&project, &[]), 1);
    assert_eq!(project.read("out.txt"), "text\n");
}

#[test]
fn a_touched_file_runs_nothing_and_an_edit_with_the_old_time_does() {
    let project = project(ONE);
    assert_eq!(run(&project, &[]), 1);
    project.write("in.txt", "text\n");
    assert_eq!(run(&project, &[]), 0);
    let time = fs::metadata(project.path("in.txt"))
        .unwrap()
        .modified()
        .unwrap();
    project.write("in.txt", "tent\n");
    let file = File::options()
        .write(true)
        .open(project.path("in.txt"))
        .unwrap();
    file.set_times(FileTimes::new().set_modified(time)).unwrap();
    assert_eq!(run(&project, &[]), 1);
    assert_eq!(project.read("out.txt"), "tent\n");
}

#[test]
fn what_was_made_before_is_known_again_whatever_came_between() {
    let project = project(
        &ONE.replace("cat in.txt", "cat in.txt ${n}.txt")
            .replace("[in.txt]", "[in.txt, '${n}.txt']"),
    );
    for n in ["1", "2"] {
        project.write(&format!("{n}.txt"), n);
    }
    assert_eq!(run(&project, &[]), 1);
    assert_eq!(run(&project, &["--set", "n=2"]), 1);
    assert_eq!(run(&project, &[]), 0);
    assert_eq!(project.read("out.txt"), "text\n1");
    // Another name for the stage is no other work, and no other folder is.
    project.edit("pipe.yaml", "  one:", "  first:");
    assert_eq!(run(&project, &[]), 0);
    let moved = Project::new();
    for name in ["pipe.yaml", "in.txt", "1.txt", "2.txt"] {
        moved.write(name, &project.read(name));
    }
    let store = project.path("artifacts");
    moved.done(&["run", "--store", store.to_str().unwrap()]);
    assert_eq!(ran(&moved), 0);
    assert_eq!(moved.read("out.txt"), "text\n1");
}

#[test]
fn a_lost_or_edited_out_is_brought_back_and_what_the_user_wrote_is_kept() {
    let project = project(ONE);
    assert_eq!(run(&project, &[]), 1);
    fs::remove_file(project.path("out.txt")).unwrap();
    assert_eq!(run(&project, &[]), 0);
    assert_eq!(project.read("out.txt"), "text\n");
    project.write("out.txt", "hours of work\n");
    let answer = project.done(&["run"]);
    assert!(answer.out.contains("brings it back"), "{answer}");
    assert_eq!(project.read("out.txt"), "text\n");
    let kept = project.read("artifacts/quarantine/out-out.txt.1");
    assert_eq!(kept, "hours of work\n");
}
