//! What lay in the way of outs is told and kept whatever becomes of the attempt that it gave way to.

use std::{
    fs,
    os::unix::fs::{FileTypeExt, MetadataExt, symlink},
    path::Path,
    process::Stdio,
    time::Duration,
};

use rustix::fs::FileType;

use crate::{
    left_out,
    project::{Answer, Project},
    rot::{commands, done, pipe, settle, turn_a_bit},
    steered::{SPEC, Steered, wait_for},
};

/// What a run told of paths that it set aside, and what is kept of each.
fn told(project: &Project, answer: &Answer) -> Vec<(String, String)> {
    let events = answer.lines();
    let asides = (events.iter()).filter_map(|line| line["event"].get("out_set_aside"));
    let text = |aside: &serde_json::Value, field: &str| aside[field].as_str().unwrap().to_owned();
    let root = project.path("").canonicalize().unwrap();
    asides
        .map(|aside| {
            let path = Path::new(&text(aside, "path")).to_owned();
            let name = path
                .strip_prefix(&root)
                .unwrap_or(&path)
                .display()
                .to_string();
            (name, fs::read_to_string(text(aside, "kept")).unwrap())
        })
        .collect()
}

#[test]
fn run_check_tells_what_was_in_the_way_and_brings_the_outs_back() {
    for (is_failing, code) in [(false, 0), (true, 1)] {
        let steered = commands(
            "
  lines:
    command: {cmd: 'test ! -e fail && seq 9 > lines.txt', outs: [lines.txt]}
",
        );
        let project = &steered.project;
        done(&steered, &["run"]);
        let made = project.read("lines.txt");
        project.write("lines.txt", "mine\n");
        if is_failing {
            project.write("fail", "");
        }
        let answer = pipe(&steered, &["run", "--check", "lines", "--format", "json"]);
        assert_eq!(answer.code, Some(code), "{answer}");
        let expected = [("lines.txt".to_owned(), "mine\n".to_owned())];
        assert_eq!(told(project, &answer), expected, "{answer}");
        assert_eq!(project.read("lines.txt"), made, "{answer}");
    }
}

#[test]
fn attempts_that_count_for_nothing_tell_what_was_in_the_way_of_their_outs() {
    let slow = "
  slow:
    command:
      cmd: 'cat ${inputs.d}/schema.json > lines.txt; echo > begun; until test -e go; do sleep 0.02; done'
      inputs: {d: prepare}
      outs: [lines.txt]
  fit:";
    let steered = Steered::new(&SPEC.replace("\n  fit:", slow));
    settle();
    let project = &steered.project;
    project.write("go", "");
    done(&steered, &["run"]);
    let made = project.read("lines.txt");
    for name in ["go", "begun"] {
        fs::remove_file(project.path(name)).unwrap();
    }
    project.write("lines.txt", "mine\n");
    let prepared = fs::canonicalize(project.path("artifacts/current/prepare")).unwrap();
    let parts = walkdir::WalkDir::new(prepared.join("train")).into_iter();
    let file = (parts.flatten()).find(|entry| entry.file_type().is_file());
    turn_a_bit(file.unwrap().path());
    // While `slow` runs, `fit` finds that what both read is damaged.
    let words = ["--jobs", "2", "--force=slow", "--force=fit"];
    let mut command = steered.command(&words);
    command
        .env("PIPE_FAULT", "rot unseen")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let run = command.spawn().unwrap();
    wait_for("its job", || project.path("begun").exists());
    wait_for("the damage to be found", || {
        let logs = fs::read_dir(project.path("artifacts/log/runs")).unwrap();
        let mut texts = logs.map(|log| fs::read_to_string(log.unwrap().path()).unwrap());
        texts.any(|text| text.contains("the run makes or reads it again"))
    });
    project.write("go", "");
    let answer = Answer::new(&run.wait_with_output().unwrap(), Duration::ZERO);
    assert_eq!(answer.code, Some(0), "{answer}");
    let starts = answer.stages("stage_started");
    let slow = starts.iter().filter(|stage| *stage == "slow");
    assert_eq!(slow.count(), 2, "{answer}");
    let expected = [("lines.txt".to_owned(), "mine\n".to_owned())];
    assert_eq!(told(project, &answer), expected, "{answer}");
    assert_eq!(project.read("lines.txt"), made, "{answer}");
}

#[test]
fn sandbox_tells_what_was_in_the_way_of_an_out_though_a_later_out_cannot_be_delivered() {
    let project = Project::new();
    let place = project.path("").canonicalize().unwrap();
    let place = place.display();
    project.write(
        "pipe.yaml",
        &format!(
            "version: 1
name: s
stages:
  a:
    command:
      cmd: 'echo 1 > a.txt; mkdir -p d; echo 2 > d/b.txt; echo > {place}/begun; until test -e {place}/go; do sleep 0.02; done'
      outs: [a.txt, d/b.txt]
"
        ),
    );
    let elsewhere = tempfile::tempdir().unwrap();
    let mut command = project.command(&["run", "--sandbox", "--format", "json"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let run = command.spawn().unwrap();
    wait_for("its job", || project.path("begun").exists());
    project.write("a.txt", "mine\n");
    let _ = fs::remove_dir(project.path("d"));
    symlink(elsewhere.path(), project.path("d")).unwrap();
    project.write("go", "");
    let answer = Answer::new(&run.wait_with_output().unwrap(), Duration::ZERO);
    assert_eq!(answer.code, Some(1), "{answer}");
    let expected = [("a.txt".to_owned(), "mine\n".to_owned())];
    assert_eq!(told(&project, &answer), expected, "{answer}");
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[test]
fn a_link_that_a_failed_stage_left_in_the_place_of_its_out_gives_way() {
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("keep"), "keep\n").unwrap();
    let outside = elsewhere.path().display().to_string();
    let targets = [
        outside.as_str(),
        "/nowhere/at/all",
        "pipe.yaml",
        "artifacts",
        ".git",
        "other.txt",
        "one.txt",
        "out",
    ];
    for target in targets {
        let project = Project::new();
        let spec = format!(
            "version: 1
name: l
stages:
  a:
    command:
      cmd: 'echo 1 > one.txt; if test -e go; then echo 2 > out; else ln -s {target} out; exit 3; fi'
      outs: [one.txt, out]
"
        );
        project.write("pipe.yaml", &spec);
        project.write("other.txt", "other\n");
        let failed = project.pipe(&["run"]);
        assert_eq!(failed.code, Some(1), "{target}: {failed}");
        let kept = project.path("artifacts/quarantine/out-out.1");
        assert_eq!(fs::read_link(kept).unwrap(), Path::new(target), "{failed}");
        assert!(failed.out.contains("quarantine/out-out.1"), "{failed}");
        project.write("go", "");
        project.done(&["check"]);
        project.done(&["run"]);
        assert_eq!(project.read("out"), "2\n", "{target}");
        assert_eq!(project.read("pipe.yaml"), spec, "{target}");
        assert_eq!(project.read("other.txt"), "other\n", "{target}");
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1);
    }
}

#[test]
fn a_folder_above_an_out_that_a_failed_stage_replaced_by_a_link_is_not_followed() {
    let elsewhere = tempfile::tempdir().unwrap();
    symlink("nowhere", elsewhere.path().join("out")).unwrap();
    let project = Project::new();
    let target = elsewhere.path().display();
    project.write(
        "pipe.yaml",
        &format!("version: 1\nname: l\nstages:\n  a: {{command: {{cmd: 'rm -rf d; ln -s {target} d; exit 3', outs: [d/out]}}}}\n"),
    );
    assert_eq!(project.pipe(&["run"]).code, Some(1));
    let link = fs::read_link(elsewhere.path().join("out")).unwrap();
    assert_eq!(link, Path::new("nowhere"));
    let refused = project.pipe(&["run"]);
    assert!(refused.err.contains("outside the project"), "{refused}");
}

#[test]
fn pipes_and_sockets_in_the_way_of_an_out_are_kept_in_a_store_on_another_disk() {
    const TEST: &str = "pipes_and_sockets_in_the_way_of_an_out_are_kept_in_a_store_on_another_disk";
    let Some(project) = Project::below(Path::new("/dev/shm")) else {
        return left_out::for_lack_of_kernel_feature(TEST, "/dev/shm cannot be written");
    };
    let elsewhere = tempfile::tempdir().unwrap();
    let device = |path: &Path| fs::metadata(path).unwrap().dev();
    if device(elsewhere.path()) == device(&project.path("")) {
        return left_out::for_lack_of_kernel_feature(TEST, "there is one disk only");
    }
    let store = elsewhere.path().join("store");
    let store = store.to_str().unwrap();
    project.write(
        "pipe.yaml",
        "version: 1\nname: n\nstages:\n  a: {command: {cmd: 'mkdir -p out; echo 1 > out/x', outs: [out]}}\n",
    );
    project.write("out/mine", "mine\n");
    let make = |name: &str, kind| {
        let path = project.path(name);
        rustix::fs::mknodat(rustix::fs::CWD, &path, kind, 0o600.into(), 0).unwrap();
    };
    make("out/fifo", FileType::Fifo);
    make("out/socket", FileType::Socket);
    project.done(&["run", "--store", store]);
    assert_eq!(project.read("out/x"), "1\n");
    assert!(!project.path("out/fifo").exists());
    let kept = Path::new(store).join("quarantine/out-out.1");
    assert_eq!(fs::read_to_string(kept.join("mine")).unwrap(), "mine\n");
    let kind = |name: &str| fs::symlink_metadata(kept.join(name)).unwrap().file_type();
    assert!(kind("fifo").is_fifo() && kind("socket").is_socket());
}
