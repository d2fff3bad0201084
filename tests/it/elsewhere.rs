//! Stores in places that are not as they should be: without locks, read-only, on another disk, of another layout.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::{
    project::{Answer, Project},
    steered::{end_with_signal, wait_for},
};

const SPEC: &str = "version: 1
name: elsewhere
vars: {n: 1}
stages:
  table:
    command: {cmd: 'mkdir -p ${outputs.t}/sub; cat in > ${outputs.t}/sub/x; chmod +x ${outputs.t}/sub/x; ln -s sub/x ${outputs.t}/link', deps: [in], outputs: {t: {type: files}}}
  made:
    command: {cmd: 'mkdir made; cp -a ${inputs.t}/. made; chmod -R u+w made; echo ${n} > made/n', inputs: {t: table}, outs: [made]}
";

fn project() -> Project {
    let project = Project::new();
    project.write("pipe.yaml", SPEC);
    project.write("in", "text\n");
    project
}

fn assert_made(project: &Project, n: u32) {
    assert_eq!(project.read("made/link"), "text\n");
    assert_eq!(project.read("made/n"), format!("{n}\n"));
    let mode = fs::metadata(project.path("made/sub/x"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o100, 0o100);
}

/// `pipe` where locks are refused, or granted to everybody.
struct Lockless<'a> {
    project: &'a Project,
    fault: &'static str,
}

impl Lockless<'_> {
    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.project.command(words);
        command.env("PIPE_FAULT", self.fault);
        command
    }

    fn pipe(&self, words: &[&str]) -> Answer {
        Answer::new(&self.command(words).output().unwrap(), Duration::ZERO)
    }

    fn start(&self, words: &[&str]) -> Child {
        let mut command = self.command(words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }
}

fn end(child: Child) -> Answer {
    Answer::new(&child.wait_with_output().unwrap(), Duration::ZERO)
}

#[test]
fn without_locks_runs_work_and_warn_and_nothing_is_swept_or_collected() {
    for fault in ["locks refused", "locks unheeded"] {
        let project = project();
        let lockless = Lockless {
            project: &project,
            fault,
        };
        let first = lockless.pipe(&["run"]);
        assert_eq!(first.code, Some(0), "{first}");
        let warning = "warning: locks do not count in artifacts: locks do not keep others out on its file system";
        assert!(first.err.contains(warning), "{first}");
        assert_made(&project, 1);
        assert!(lockless.pipe(&["run"]).out.contains("nothing to do"));
        assert_eq!(lockless.pipe(&["run", "-q"]).err, "");

        // A run on another machine may be writing there.
        project.write("artifacts/tmp/another/table.1/out/x", "half");
        assert_eq!(lockless.pipe(&["run", "--set", "n=2"]).code, Some(0));
        assert!(project.path("artifacts/tmp/another/table.1/out/x").exists());
        let before = listing(&project.path("artifacts/objects"));
        let gc = lockless.pipe(&["gc", "--keep-runs", "0"]);
        assert_eq!(gc.code, Some(1), "{gc}");
        assert!(
            gc.err
                .contains("cannot be known: locks do not keep others out"),
            "{gc}"
        );
        assert!(
            gc.err
                .contains("hint: keep the store on a disk of this machine"),
            "{gc}"
        );
        assert_eq!(
            lockless.pipe(&["gc", "--keep-runs", "0", "--dry-run"]).code,
            Some(0)
        );
        assert_eq!(listing(&project.path("artifacts/objects")), before);
        assert_eq!(lockless.pipe(&["verify"]).code, Some(0));

        // The same disk on a machine where locks work.
        let run = project.done(&["run"]);
        assert_eq!(run.err, "");
        assert!(!project.path("artifacts/tmp/another").exists());
        project.done(&["gc", "--keep-runs", "0"]);
        assert_made(&project, 1);
        assert_eq!(lockless.pipe(&["clean", "--yes"]).code, Some(0));
    }
}

#[test]
fn without_locks_two_runs_at_once_may_do_work_twice_and_are_right() {
    for fault in ["locks refused", "locks unheeded"] {
        let project = Project::new();
        project.write(
            "pipe.yaml",
            "version: 1
name: twice
stages:
  a: {command: {cmd: 'sleep 0.2; cat in > ${outputs.o}', deps: [in], outputs: {o: {type: files}}}}
  b: {command: {cmd: 'cat ${inputs.i}/o in > ${outputs.o}', deps: [in], inputs: {i: a}, outputs: {o: {type: files}}}}
",
        );
        let lockless = Lockless {
            project: &project,
            fault,
        };
        for round in 0..4 {
            let text = format!("{round}\n");
            project.write("in", &text);
            let both = [lockless.start(&["run"]), lockless.start(&["run"])];
            for answer in both.map(end) {
                assert_eq!(answer.code, Some(0), "{answer}");
            }
            assert_eq!(
                project.read("artifacts/current/b/o"),
                format!("{text}{text}")
            );
        }
        assert_eq!(lockless.pipe(&["verify"]).code, Some(0));
        assert!(lockless.pipe(&["run"]).out.contains("nothing to do"));
    }
}

#[test]
fn without_locks_an_out_that_a_job_began_to_write_is_left_to_it() {
    let project = Project::new();
    project.write(
        "pipe.yaml",
        "version: 1
name: outs
vars: {n: 1}
stages:
  a: {command: {cmd: 'echo ${n} > out.txt; until test -e go; do sleep 0.05; done; echo ${n} >> out.txt', outs: [out.txt]}}
",
    );
    let lockless = Lockless {
        project: &project,
        fault: "locks unheeded",
    };
    let first = lockless.start(&["run"]);
    wait_for("the first run", || project.path("out.txt").exists());
    let second = lockless.pipe(&["run", "--set", "n=2"]);
    assert_eq!(second.code, Some(1), "{second}");
    assert!(second.out.contains("written by another run"), "{second}");
    project.write("go", "");
    assert_eq!(end(first).code, Some(0));
    assert_eq!(project.read("out.txt"), "1\n1\n");
    assert_eq!(lockless.pipe(&["run", "--set", "n=2"]).code, Some(0));
    assert_eq!(project.read("out.txt"), "2\n2\n");
    assert_eq!(lockless.pipe(&["run"]).code, Some(0));
    assert_eq!(project.read("out.txt"), "1\n1\n");
}

/// Everything below a folder: kind, size and times.
fn listing(folder: &Path) -> BTreeMap<String, (u32, u64, i64, i64)> {
    walkdir::WalkDir::new(folder)
        .into_iter()
        .map(|entry| {
            let entry = entry.unwrap();
            let stat = entry.path().symlink_metadata().unwrap();
            let what = (
                stat.mode(),
                stat.size(),
                stat.mtime_nsec(),
                stat.ctime_nsec(),
            );
            (entry.path().display().to_string(), what)
        })
        .collect()
}

#[test]
fn a_store_that_may_not_be_written_is_read_and_not_changed() {
    let project = project();
    assert_eq!(project.ordinary(&["run"]).code, Some(0));
    let store = project.path("artifacts");
    // As another user's, and as a disk that is mounted read-only.
    let folders: Vec<_> = listing(&store)
        .into_keys()
        .filter(|it| Path::new(it).is_dir())
        .collect();
    let mut modes = Vec::new();
    for folder in &folders {
        modes.push(fs::metadata(folder).unwrap().permissions());
        fs::set_permissions(folder, fs::Permissions::from_mode(0o555)).unwrap();
    }
    let before = listing(&store);
    for words in [
        &["run", "--set", "n=2"][..],
        &["run", "--force"],
        &["gc"],
        &["clean", "--yes"],
    ] {
        let answer = project.ordinary(words);
        assert_eq!(answer.code, Some(1), "{words:?}: {answer}");
        assert!(
            answer.err.contains("cannot be written"),
            "{words:?}: {answer}"
        );
        assert!(answer.err.contains("hint: "), "{answer}");
    }
    for words in [
        &["run"][..],
        &["status"],
        &["status", "--set", "n=2"],
        &["show", "made"],
        &["path", "table"],
        &["explain", "made"],
        &["runs"],
        &["cache"],
        &["verify"],
        &["plan"],
    ] {
        let answer = project.ordinary(words);
        assert_eq!(answer.code, Some(0), "{words:?}: {answer}");
    }
    assert_eq!(listing(&store), before);
    for (folder, mode) in folders.iter().zip(modes) {
        fs::set_permissions(folder, mode).unwrap();
    }
    assert!(project.ordinary(&["run"]).out.contains("nothing to do"));
    assert_eq!(project.ordinary(&["run", "--set", "n=2"]).code, Some(0));
    assert_made(&project, 2);
}

#[test]
fn a_store_on_another_disk_than_the_workspace_loses_nothing() {
    let project = project();
    let Ok(elsewhere) = tempfile::TempDir::new_in("/dev/shm") else {
        println!("not tried: there is no other disk");
        return;
    };
    let device = |path: &Path| fs::metadata(path).unwrap().dev();
    if device(elsewhere.path()) == device(&project.path("")) {
        println!("not tried: there is no other disk");
        return;
    }
    let store = elsewhere.path().join("store");
    let with = |words: &[&str]| -> Vec<String> {
        let mut all: Vec<String> = words.iter().map(|it| (*it).to_owned()).collect();
        all.extend(["--store".to_owned(), store.display().to_string()]);
        all
    };
    let pipe = |words: &[&str]| {
        let words = with(words);
        project.pipe(&words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    assert_eq!(pipe(&["run"]).code, Some(0));
    assert_made(&project, 1);
    fs::remove_dir_all(project.path("made")).unwrap();
    let restored = pipe(&["run"]);
    assert!(restored.out.contains("nothing to do"), "{restored}");
    assert_made(&project, 1);
    project.write("made/n", "mine\n");
    let kept = || {
        let entries = fs::read_dir(store.join("quarantine")).unwrap();
        let texts = entries.map(|it| fs::read_to_string(it.unwrap().path().join("n")).unwrap());
        texts.collect::<std::collections::BTreeSet<_>>()
    };
    // What is in the way goes to the store's quarantine, over to the other disk.
    assert_eq!(pipe(&["run", "--set", "n=2"]).code, Some(0));
    assert_made(&project, 2);
    assert_eq!(kept(), ["mine\n".to_owned()].into());

    // So does what a killed job left.
    project.edit(
        "pipe.yaml",
        "made/n'",
        "made/n; test ${n} != 3 || sleep 1000'",
    );
    let words = with(&["run", "--set", "n=3"]);
    let mut command = project.command(&words.iter().map(String::as_str).collect::<Vec<_>>());
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for("its out", || {
        fs::read_to_string(project.path("made/n")).is_ok_and(|it| it == "3\n")
    });
    end_with_signal(child, "KILL");
    let next = pipe(&["run", "--set", "n=4"]);
    assert_eq!(next.code, Some(0), "{next}");
    assert_made(&project, 4);
    assert_eq!(kept(), ["mine\n".to_owned(), "3\n".to_owned()].into());
    let beside: Vec<_> = fs::read_dir(project.path(""))
        .unwrap()
        .flatten()
        .map(|it| it.file_name())
        .collect();
    assert!(
        !beside
            .iter()
            .any(|it| it.to_string_lossy().starts_with(".pipe")),
        "{beside:?}"
    );

    assert_eq!(pipe(&["verify"]).code, Some(0));
    assert_eq!(pipe(&["gc", "--keep-runs", "1"]).code, Some(0));
    assert_eq!(pipe(&["clean", "--yes"]).code, Some(0));
    // What was in the way of outs stays.
    assert!(!store.join("VERSION").exists());
    assert_eq!(kept().len(), 2);
}

#[test]
fn a_store_of_another_layout_is_refused_by_every_command_and_left_as_it_is() {
    let project = project();
    project.done(&["run"]);
    for version in ["1\n", "3\n", "3.1\n", "99999999999999999999\n"] {
        project.write("artifacts/VERSION", version);
        let before = listing(&project.path("artifacts"));
        for words in [
            &["run"][..],
            &["status"],
            &["show", "made"],
            &["verify"],
            &["gc", "--keep-runs", "0"],
            &["cache"],
            &["runs"],
            &["clean", "--yes"],
        ] {
            let answer = project.pipe(words);
            assert_eq!(answer.code, Some(1), "{version:?} {words:?}: {answer}");
            assert!(
                answer
                    .err
                    .contains("which this pipe does not know (it knows 2)"),
                "{answer}"
            );
            assert!(
                answer.err.contains("hint: use the pipe that made it"),
                "{answer}"
            );
        }
        assert_eq!(listing(&project.path("artifacts")), before);
    }
    project.write("artifacts/VERSION", "2\n");
    assert!(project.done(&["run"]).out.contains("nothing to do"));
}
