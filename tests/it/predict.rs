//! The example with scripts as stages, with the real worker, and `pipe predict` on the package that it makes.

use std::{
    fs,
    io::{ErrorKind, Write},
    os::unix::fs::{FileTypeExt, symlink},
    path::Path,
    process::Stdio,
    sync::OnceLock,
    time::Duration,
};

use crate::{
    project::{Answer, Project, copy, repository},
    workers,
};

pub const ROWS: &str = "pump,temp,vibration,noise\nA1,71.4,1.05,69\nC1,,0.3,\n";

/// A project in which the example has run once. Nothing in it is changed but by its own test.
pub fn finished() -> &'static Project {
    static PROJECT: OnceLock<Project> = OnceLock::new();
    PROJECT.get_or_init(example)
}

fn example() -> Project {
    workers::real();
    let project = Project::new();
    let files = repository().join("examples/command");
    copy(&files, &project.path("."));
    project.done(&["run"]);
    project
}

/// `pipe predict` with rows on standard input.
pub fn predict(words: &[&str], rows: &str) -> Answer {
    let mut command = finished().command(&[&["predict"], words].concat());
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // pipe may refuse and end before it reads the rows; what it answers is looked at.
    let written = child.stdin.take().unwrap().write_all(rows.as_bytes());
    assert!(written.is_ok() || written.is_err_and(|it| it.kind() == ErrorKind::BrokenPipe));
    Answer::new(&child.wait_with_output().unwrap(), Duration::ZERO)
}

#[test]
fn changed_comment_of_a_script_runs_that_script_alone() {
    let project = example();
    project.edit("clean.py", "UNITS = {", "# all that occur\nUNITS = {");
    let ran = project
        .done(&["run", "--format", "json"])
        .stages("stage_started");
    assert_eq!(ran, ["clean"]);
}

#[test]
fn report_of_a_script_is_shown_like_any_other() {
    let shown = finished().done(&["show", "audit"]).out;
    assert!(shown.contains("worst_pump"), "{shown}");
}

#[test]
fn a_stage_its_folder_and_a_copy_predict_the_same() {
    let by_stage = predict(&["bundle"], ROWS);
    assert_eq!(by_stage.code, Some(0), "{by_stage}");
    let lines: Vec<&str> = by_stage.out.lines().collect();
    assert_eq!(lines[0], "prediction,p=failing,p=ok,p=worn");
    assert!(
        lines[1].starts_with("failing,0.9") && lines[2].starts_with("ok,"),
        "{by_stage}"
    );
    let by_folder = predict(&["artifacts/current/bundle", "-"], ROWS);
    assert_eq!(by_folder.out, by_stage.out, "{by_folder}");

    let elsewhere = Project::new();
    let copy = elsewhere.path("copy");
    finished().done(&["export", "bundle", copy.to_str().unwrap()]);
    elsewhere.write("rows.csv", ROWS);
    let by_copy = elsewhere.done(&["predict", "copy", "rows.csv"]);
    assert_eq!(by_copy.out, by_stage.out, "{by_copy}");
    assert!(!elsewhere.path("artifacts").exists());
}

#[test]
fn predictions_go_whole_into_a_file_of_the_form_that_its_name_says() {
    let project = Project::new();
    let (target, name) = (project.path("out.jsonl"), "bundle");
    let target = target.to_str().unwrap();
    let answer = predict(&[name, "-o", target, "--no-probabilities"], ROWS);
    assert_eq!(
        (answer.code, answer.out.as_str()),
        (Some(0), ""),
        "{answer}"
    );
    let expected = "{\"prediction\":\"failing\"}\n{\"prediction\":\"ok\"}\n";
    assert_eq!(project.read("out.jsonl"), expected);
    let refused = predict(&[name, "-o", target], "pump,temp\nA1,hot\n");
    assert_eq!(refused.code, Some(1), "{refused}");
    assert_eq!(project.read("out.jsonl"), expected);
    let left = fs::read_dir(project.path(".")).unwrap().count();
    assert_eq!(left, 2, "only .git and the file are there");
}

#[test]
fn predictions_never_replace_the_rows() {
    let project = Project::new();
    project.write("rows.csv", ROWS);
    let rows = project.path("rows.csv");
    let rows = rows.to_str().unwrap();
    let refused = predict(&["bundle", rows, "-o", rows], "");
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(refused.err.contains("would replace the rows"), "{refused}");
    assert_eq!(project.read("rows.csv"), ROWS);
}

#[test]
fn refusals_name_the_rows_as_they_were_given() {
    let bad = predict(
        &["bundle"],
        "pump,temp,vibration,noise\nA1,1,2,3\nA1,hot,2,3\n",
    );
    assert_eq!(bad.code, Some(1));
    assert!(
        bad.err
            .starts_with("error: standard input:3: column `temp`: `hot` is not a number"),
        "{bad}"
    );
    let bad = predict(
        &["bundle", "--input-format", "jsonl"],
        "{\"pump\": \"A1\"}\nnonsense\n",
    );
    assert!(bad.err.starts_with("error: standard input:2:2: "), "{bad}");
}

#[test]
fn what_is_no_package_is_refused_as_bad_usage() {
    for (name, complaint) in [
        ("fit", "error: `fit` is a model, not a package"),
        (
            "artifacts/current/fit",
            "error: artifacts/current/fit is not a package",
        ),
        ("no/folder", "error: there is no package at no/folder"),
    ] {
        let refused = predict(&[name], ROWS);
        assert_eq!(refused.code, Some(2), "{refused}");
        assert!(refused.err.starts_with(complaint), "{refused}");
    }
}

#[test]
fn what_a_result_does_not_have_is_not_shown() {
    for (name, complaint) in [
        ("fit.nothing", "error: there is no `nothing` in `fit`"),
        ("audit.nothing", "error: there is no `nothing` in `audit"),
    ] {
        let refused = finished().pipe(&["show", name]);
        assert_eq!(refused.code, Some(2), "{refused}");
        assert!(refused.err.starts_with(complaint), "{refused}");
    }
    for name in ["audit.worst_pump", "prepare.test"] {
        finished().done(&["show", name]);
    }
}

#[test]
fn a_folder_for_predictions_must_be_there() {
    let refused = predict(&["bundle", "-o", "nowhere/p.csv"], ROWS);
    assert_eq!(refused.code, Some(2), "{refused}");
    assert_eq!(
        refused.err,
        "error: there is no folder nowhere\nhint: make it first\n"
    );
}

#[test]
fn a_package_is_verified_without_rows() {
    let whole = finished().done(&["predict", "bundle", "--verify"]);
    assert!(whole.err.contains("the package is whole"), "{whole}");
    let project = Project::new();
    let copy = project.path("copy");
    finished().done(&["export", "bundle", copy.to_str().unwrap()]);
    project.edit("copy/README.md", "pumps", "humps");
    let changed = project.pipe(&["predict", "copy", "--verify"]);
    assert_eq!(changed.code, Some(1), "{changed}");
    assert!(
        changed.err.contains("README.md is not as it was packed"),
        "{changed}"
    );
}

/// Makes a device without content, in a folder of the test's own.
fn null_device(path: &Path) -> bool {
    use nix::sys::stat::{Mode, SFlag, makedev, mknod};
    let made = mknod(
        path,
        SFlag::S_IFCHR,
        Mode::from_bits_truncate(0o666),
        makedev(1, 3),
    );
    let is_open = made.is_ok() && fs::write(path, "x").is_ok();
    if !is_open {
        eprintln!("left out: no device can be made here");
    }
    is_open
}

#[test]
fn predictions_leave_a_device_and_a_named_pipe_what_they_are() {
    let project = Project::new();
    let pipe = project.path("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    symlink("pipe", project.path("link")).unwrap();
    let good = predict(&["bundle"], ROWS).out;
    for name in ["pipe", "link"] {
        let from = pipe.clone();
        let reader = std::thread::spawn(move || fs::read_to_string(from).unwrap());
        let target = project.path(name);
        let answer = predict(&["bundle", "-o", target.to_str().unwrap()], ROWS);
        assert_eq!(answer.code, Some(0), "{answer}");
        assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
        assert_eq!(reader.join().unwrap(), good);
    }
    let device = project.path("device");
    if null_device(&device) {
        let answer = predict(&["bundle", "-o", device.to_str().unwrap()], ROWS);
        assert_eq!(answer.code, Some(0), "{answer}");
        assert!(fs::metadata(&device).unwrap().file_type().is_char_device());
    }
}

#[test]
fn predictions_reach_the_file_behind_a_link_and_what_the_shell_holds_open() {
    let project = Project::new();
    let good = predict(&["bundle"], ROWS).out;
    project.write("old.csv", "old\n");
    for (link, to) in [("link.csv", "old.csv"), ("hanging.csv", "new.csv")] {
        symlink(to, project.path(link)).unwrap();
        let target = project.path(link);
        let answer = predict(&["bundle", "-o", target.to_str().unwrap()], ROWS);
        assert_eq!(answer.code, Some(0), "{answer}");
        assert!(target.is_symlink());
        assert_eq!(project.read(to), good);
    }
    let answer = predict(&["bundle", "-o", "/dev/stdout"], ROWS);
    assert_eq!((answer.code, &answer.out), (Some(0), &good), "{answer}");
    // As `>> all.csv` opens it.
    project.write("all.csv", "before\n");
    let all = fs::File::options()
        .append(true)
        .open(project.path("all.csv"));
    project.write("rows.csv", ROWS);
    let rows = project.path("rows.csv");
    let mut command = finished().command(&["predict", "bundle", "-o", "/dev/fd/1"]);
    let status = command.arg(rows).stdout(all.unwrap()).status().unwrap();
    assert!(status.success());
    assert_eq!(project.read("all.csv"), format!("before\n{good}"));
}

#[test]
fn predict_works_in_the_package_s_own_folder_and_damages_none_of_its_files() {
    let project = Project::new();
    let package = project.path("pkg");
    finished().done(&["export", "bundle", package.to_str().unwrap()]);
    let good = predict(&["bundle"], ROWS).out;
    for (name, text) in [("pkg/rows.csv", ROWS), ("pkg/.DS_Store", "x")] {
        project.write(name, text);
    }
    project.write("pkg/.git/HEAD", "ref: refs/heads/main\n");
    symlink("/nowhere", package.join("link")).unwrap();
    let inside = |words: &[&str]| {
        let mut command = project.command(&[&["predict", "."], words].concat());
        Answer::new(
            &command.current_dir(&package).output().unwrap(),
            Duration::ZERO,
        )
    };
    let answer = inside(&["rows.csv", "-o", "out.csv"]);
    assert_eq!(answer.code, Some(0), "{answer}");
    assert_eq!(project.read("pkg/out.csv"), good);
    assert_eq!(inside(&["rows.csv"]).out, good);
    symlink("pkg/golden.jsonl", project.path("aside")).unwrap();
    for name in [
        "weights.safetensors",
        "MANIFEST.sha256",
        "model.pt",
        "../aside",
    ] {
        let refused = inside(&["rows.csv", "-o", name]);
        assert_eq!(refused.code, Some(2), "{refused}");
        assert!(
            refused.err.contains("is a file of the package"),
            "{refused}"
        );
    }
    inside(&["--verify"]);
    assert_eq!(inside(&["rows.csv"]).out, good);
}

#[test]
fn predictions_are_not_put_into_the_store() {
    let refused = predict(&["bundle", "-o", "artifacts/current/bundle/out.csv"], ROWS);
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(refused.err.contains("lies in the store"), "{refused}");
}

#[test]
fn predict_waits_for_standard_input_no_longer_than_its_timeout() {
    let mut command = finished().command(&["predict", "bundle", "-", "--timeout", "300ms"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let held = child.stdin.take();
    let refused = Answer::new(&child.wait_with_output().unwrap(), Duration::ZERO);
    drop(held);
    assert_eq!(refused.code, Some(1), "{refused}");
    assert!(
        refused.err.contains("standard input did not end"),
        "{refused}"
    );
}
