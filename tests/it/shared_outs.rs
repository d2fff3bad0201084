//! Two runs with different vars in one workspace: each makes what it would make alone, and one of them is what lies there
//! afterwards.

use std::{
    process::{Child, Stdio},
    thread,
    time::Duration,
};

use crate::{
    project::{Answer, Project},
    steered::wait_for,
};

/// A chain of three commands by files of the project: each takes a while, and adds its letter to what it read.
const CHAIN: &str = "version: 1
name: shared
vars: {n: 1}
stages:
  a: {command: {cmd: 'sleep 0.0${n}; echo ${n} > a.txt; sleep 0.03', outs: [a.txt]}}
  b: {command: {cmd: 'x=$(cat a.txt); sleep 0.03; echo \"$x$(cat a.txt)b\" > b.txt', deps: [a.txt], outs: [b.txt]}}
  c: {command: {cmd: 'x=$(cat b.txt); sleep 0.02; mkdir -p c; echo \"$x$(cat b.txt)c\" > c/c.txt', deps: [b.txt], outs: [c]}}
";

fn start(project: &Project, words: &[&str]) -> Child {
    let mut command = project.command(words);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn end(child: Child) -> Answer {
    Answer::new(&child.wait_with_output().unwrap(), Duration::ZERO)
}

fn outs(project: &Project) -> [String; 3] {
    ["a.txt", "b.txt", "c/c.txt"].map(|it| project.read(it).trim_end().to_owned())
}

fn expected(n: &str) -> [String; 3] {
    [n.to_owned(), format!("{n}{n}b"), format!("{n}{n}b{n}{n}bc")]
}

/// Checks that the outs are those of one of two runs, with these options, and that each run recorded what it makes alone.
#[track_caller]
fn each_made_what_it_makes_alone(project: &Project, options: [&[&str]; 2]) {
    let found = outs(project);
    assert!(
        found == expected("2") || found == expected("3"),
        "{found:?}"
    );
    for (options, n) in options.into_iter().zip(["2", "3"]) {
        let n_is = format!("n={n}");
        let answer = project.done(&[&["run", "--set", &n_is], options].concat());
        assert!(answer.out.contains("nothing to do"), "{answer}");
        assert_eq!(outs(project), expected(n), "{answer}");
    }
}

#[test]
fn two_runs_that_share_outs_leave_no_mixture() {
    let is_full = std::env::var_os("PIPE_PROOF").is_some_and(|it| it == "full");
    let rounds = if is_full { 60 } else { 6 };
    for round in 0..rounds {
        let project = Project::new();
        project.write("pipe.yaml", CHAIN);
        // Some rounds find results of both, which are swapped without running anything.
        for n in ["2", "3"].into_iter().take(round % 3) {
            project.done(&["run", "--set", &format!("n={n}")]);
        }
        let one = start(&project, &["run", "--set", "n=2"]);
        thread::sleep(Duration::from_millis(7 * (round as u64 % 9)));
        let two = start(&project, &["run", "--set", "n=3"]);
        let (one, two) = (end(one), end(two));
        assert_eq!(one.code, Some(0), "round {round}: {one}");
        assert_eq!(two.code, Some(0), "round {round}: {two}");
        each_made_what_it_makes_alone(&project, [&[], &[]]);
        assert!(
            !project.path("artifacts/quarantine").exists(),
            "round {round}"
        );
    }
}

#[test]
fn two_runs_with_different_stores_leave_no_mixture() {
    for round in 0..6_u64 {
        let project = Project::new();
        project.write("pipe.yaml", CHAIN);
        // A store has several names, and so may an out.
        std::os::unix::fs::symlink(project.path(""), project.path("again")).unwrap();
        let one = start(&project, &["run", "--store", "one", "--set", "n=2"]);
        thread::sleep(Duration::from_millis(11 * round));
        let two = start(
            &project,
            &[
                "run",
                "again/pipe.yaml",
                "--store",
                "again/two",
                "--set",
                "n=3",
            ],
        );
        let (one, two) = (end(one), end(two));
        assert_eq!(one.code, Some(0), "round {round}: {one}");
        assert_eq!(two.code, Some(0), "round {round}: {two}");
        each_made_what_it_makes_alone(&project, [&["--store", "one"], &["--store", "two"]]);
    }
}

#[test]
fn a_run_with_another_store_waits_for_shared_outs_only() {
    let project = Project::new();
    let spec = |out: &str| {
        format!(
            "version: 1\nname: n\nstages:\n  a: {{command: {{cmd: 'echo > begun; until test -e go; do sleep 0.02; done; echo > {out}', outs: [{out}]}}}}\n"
        )
    };
    project.write("pipe.yaml", &spec("made"));
    project.write("other.yaml", &spec("other"));
    project.write("deep/pipe.yaml", &spec("../made"));
    let one = start(&project, &["run", "--store", "one"]);
    wait_for("its job", || project.path("begun").exists());
    // A stage with outs of its own waits for nobody, though its store is another one.
    std::fs::remove_file(project.path("begun")).unwrap();
    let mut apart = start(&project, &["run", "other.yaml", "--store", "two"]);
    wait_for("the job of a run with other outs", || {
        project.path("begun").exists()
    });
    let mut two = start(&project, &["run", "deep/pipe.yaml", "--store", "two"]);
    let mut told = String::new();
    let mut words = std::io::BufReader::new(two.stderr.take().unwrap());
    std::io::BufRead::read_line(&mut words, &mut told).unwrap();
    assert!(
        told.contains("waits: a run with another store uses `../made`"),
        "{told}"
    );
    project.write("go", "");
    project.write("deep/go", "");
    assert_eq!(end(one).code, Some(0));
    apart.wait().unwrap();
    assert_eq!(two.wait().unwrap().code(), Some(0));
}

/// A run whose second stage reads the out of the first one, and was begun; before it reads, it does this.
fn reading(pause: &str) -> (Project, Child) {
    let project = Project::new();
    let spec = "version: 1
name: shared
vars: {n: 1}
stages:
  a: {command: {cmd: 'echo ${n} > a.txt', outs: [a.txt]}}
  b: {command: {cmd: 'echo > reads-${n}; PAUSE; cat a.txt > b.txt', deps: [a.txt], outs: [b.txt]}}
";
    project.write("pipe.yaml", &spec.replace("PAUSE", pause));
    let run = start(&project, &["run"]);
    wait_for("its reader", || project.path("reads-1").exists());
    (project, run)
}

#[test]
fn a_run_waits_for_a_stage_that_reads_an_out_of_both_and_says_for_whom() {
    let (project, one) = reading("until test -e go-${n}; do sleep 0.02; done");
    project.write("go-2", "");
    let two = start(&project, &["run", "--set", "n=2"]);
    wait_for("the second run to wait", || {
        let logs = std::fs::read_dir(project.path("artifacts/log/runs")).unwrap();
        let mut texts = logs.map(|it| std::fs::read_to_string(it.unwrap().path()).unwrap());
        texts.any(|it| it.contains("uses `a.txt`"))
    });
    assert_eq!(project.read("a.txt"), "1\n");
    project.write("go-1", "");
    let (one, two) = (end(one), end(two));
    assert_eq!(one.code, Some(0), "{one}");
    assert_eq!(two.code, Some(0), "{two}");
    assert!(two.out.contains("waits: run 20"), "{two}");
    assert_eq!(project.read("a.txt"), project.read("b.txt"));
}

#[test]
fn a_killed_run_keeps_no_outs_from_others() {
    let (project, mut one) = reading("test ${n} = 2 || sleep 60");
    one.kill().unwrap();
    one.wait().unwrap();
    let answer = project.done(&["run", "--set", "n=2"]);
    assert_eq!(project.read("b.txt"), "2\n", "{answer}");
}

/// A run whose only stage waits for `go`, and that was begun.
fn waiting(cmd: &str) -> (Project, Child) {
    let project = Project::new();
    let spec = format!(
        "version: 1\nname: gone\nstages:\n  a: {{command: {{cmd: 'echo > begun; until test -e go; do sleep 0.02; done; {cmd}', outs: [made]}}}}\n  b: {{command: {{cmd: 'cat made', deps: [made]}}}}\n"
    );
    project.write("pipe.yaml", &spec);
    let child = start(&project, &["run"]);
    wait_for("its job", || project.path("begun").exists());
    (project, child)
}

#[test]
fn a_store_that_is_removed_beside_a_run_ends_it_and_the_next_run_works() {
    let (project, child) = waiting("echo > made");
    let removed = std::process::Command::new("rm")
        .args(["-rf", "artifacts"])
        .current_dir(project.path(""))
        .status()
        .unwrap();
    assert!(removed.success());
    project.write("go", "");
    let answer = end(child);
    assert_eq!(answer.code, Some(1), "{answer}");
    let told = format!("{}{}", answer.out, answer.err);
    assert!(told.contains("was removed meanwhile"), "{answer}");
    assert!(!project.path("artifacts").exists(), "{answer}");
    project.done(&["run"]);
    let again = project.done(&["run"]);
    assert!(again.out.contains("nothing to do"), "{again}");
}

#[test]
fn a_damaged_version_is_repaired_and_that_of_another_layout_is_refused() {
    let project = Project::new();
    project.write(
        "pipe.yaml",
        "version: 1\nname: v\nstages:\n  a: {command: {cmd: 'echo > a', outs: [a]}}\n",
    );
    project.done(&["run"]);
    for damaged in ["", "garbage", "\n", "\0\0", "2x", "layout"] {
        project.write("artifacts/VERSION", damaged);
        let answer = project.done(&["run", "--verbose"]);
        assert!(
            answer.out.contains("nothing to do"),
            "{damaged:?}: {answer}"
        );
        assert_eq!(project.read("artifacts/VERSION"), "2\n");
    }
    // Another number may be the layout of another pipe.
    for other in ["1\n", "3\n", "22", "3.1"] {
        project.write("artifacts/VERSION", other);
        for words in [["run"], ["status"]] {
            let answer = project.pipe(&words);
            assert_eq!(answer.code, Some(1), "{answer}");
            assert!(answer.err.contains("layout version"), "{answer}");
        }
        assert_eq!(project.read("artifacts/VERSION"), other);
    }
    project.write("artifacts/VERSION", "2\n");
    assert!(project.done(&["run"]).out.contains("nothing to do"));
    // A folder that has something else is nobody's store.
    project.write("mine/VERSION", "garbage");
    project.write("mine/log/thesis.txt", "text");
    let answer = project.pipe(&["run", "--store", "mine"]);
    assert_eq!(answer.code, Some(1), "{answer}");
    assert_eq!(project.read("mine/VERSION"), "garbage");
}

/// Ways to break `VERSION`, and what lies there afterwards, as far as that can be told by its kind.
fn break_version(project: &Project, how: &str) {
    let path = project.path("artifacts/VERSION");
    std::fs::remove_file(&path).unwrap();
    match how {
        "missing" => {}
        "folder" => project.write("artifacts/VERSION/notes", "mine\n"),
        "fifo" => rustix::fs::mkfifoat(rustix::fs::CWD, &path, 0o600.into()).unwrap(),
        "loop" => std::os::unix::fs::symlink("VERSION", &path).unwrap(),
        "dangling" => std::os::unix::fs::symlink("../nowhere", &path).unwrap(),
        _ => std::os::unix::fs::symlink("../pipe.yaml", &path).unwrap(),
    }
}

#[test]
fn commands_that_look_read_on_beside_a_damaged_version_and_leave_it() {
    let spec = "version: 1\nname: v\nstages:\n  a: {command: {cmd: 'echo > made', outs: [made]}}\n";
    for how in ["missing", "folder", "fifo", "loop", "dangling", "link"] {
        let project = Project::new();
        project.write("pipe.yaml", spec);
        project.done(&["run"]);
        break_version(&project, how);
        let path = project.path("artifacts/VERSION");
        let kind = || {
            std::fs::symlink_metadata(&path)
                .ok()
                .map(|it| it.file_type())
        };
        let before = kind();
        for words in [
            &["status"][..],
            &["plan"],
            &["runs"],
            &["explain", "a"],
            &["show", "a"],
            &["run", "--dry-run"],
        ] {
            let answer = project.done(words);
            assert_eq!(kind(), before, "{how}: {words:?}: {answer}");
        }
        let status = project.done(&["status"]);
        assert!(status.out.contains("nothing to do"), "{how}: {status}");
        let run = project.done(&["run"]);
        assert!(run.out.contains("nothing to do"), "{how}: {run}");
        assert_eq!(project.read("artifacts/VERSION"), "2\n", "{how}");
        assert_eq!(project.read("pipe.yaml"), spec, "{how}");
        assert!(!project.path("nowhere").exists());
        if how == "folder" {
            let kept = project.read("artifacts/quarantine/VERSION.1/notes");
            assert_eq!(kept, "mine\n");
        }
    }
}

#[test]
fn clean_keeps_what_was_in_the_way_of_outs() {
    let project = Project::new();
    project.write(
        "pipe.yaml",
        "version: 1\nname: c\nstages:\n  a: {command: {cmd: 'echo > a', outs: [a]}}\n",
    );
    project.write("a", "by hand\n");
    project.done(&["run"]);
    let answer = project.done(&["clean", "--yes"]);
    assert!(answer.out.contains("kept 1 thing"), "{answer}");
    let kept = || project.read("artifacts/quarantine/out-a.1");
    assert_eq!(kept(), "by hand\n");
    assert!(!project.path("artifacts/VERSION").exists());
    let answer = project.done(&["clean", "--yes"]);
    assert!(answer.out.contains("there are no results"), "{answer}");
    project.done(&["run"]);
    assert_eq!(kept(), "by hand\n");
}
