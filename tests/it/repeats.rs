//! A run that repeats one that had nothing to do: it looks at all that the other looked at, and nothing that moved escapes it.

use std::{
    fs::{self, File, FileTimes},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    thread,
    time::Duration,
};

use serde_json::Value;
use walkdir::WalkDir;

use crate::{
    journal::{frames, journals},
    project::{Answer, Project},
};

const SPEC: &str = "version: 1
name: repeats
include: [vars.yaml]
stages:
  one:
    command:
      cmd: 'echo one >> .git/journal; ./tool in.txt > a.txt; cat in.txt > ${outputs.whole}'
      deps: [in.txt, 'data/*.txt', folder]
      outs: [a.txt]
      outputs: {whole: {type: files}}
    pass_env: [MODE]
  two:
    command: {cmd: 'echo two >> .git/journal; echo ${n}; cp a.txt b.txt', deps: [a.txt], outs: [b.txt]}
";

fn project() -> Project {
    let project = Project::new();
    for (name, text) in [
        ("in.txt", "1\n"),
        ("data/x.txt", "x\n"),
        ("folder/below/y.txt", "y\n"),
        ("vars.yaml", "vars: {n: 1}\n"),
    ] {
        project.write(name, text);
    }
    project.write("pipe.yaml", SPEC);
    write_tool(&project, "tool", "cat \"$1\"");
    project.done(&["run"]);
    settle(&project);
    project
}

fn write_tool(project: &Project, name: &str, text: &str) {
    project.write(name, &format!("#!/bin/sh\n{text}\n"));
    fs::set_permissions(project.path(name), fs::Permissions::from_mode(0o755)).unwrap();
}

/// Runs until a run repeats another: files that changed a moment ago are not trusted.
pub fn settle(project: &Project) {
    for _ in 0..20 {
        thread::sleep(Duration::from_millis(40));
        project.done(&["run"]);
        if is_repeated(project) {
            let _ = fs::remove_file(project.path(".git/journal"));
            return;
        }
    }
    panic!("no run repeats another");
}

pub fn last_log(project: &Project) -> PathBuf {
    let logs = fs::read_dir(project.path("artifacts/log/runs")).unwrap();
    logs.map(|it| it.unwrap().path()).max().unwrap()
}

/// The vars that the last run tells.
fn vars_of(project: &Project) -> Value {
    let log = fs::read_to_string(last_log(project)).unwrap();
    let started: Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    started["event"]["run_started"]["vars"].clone()
}

fn is_repeated(project: &Project) -> bool {
    let log = fs::read_to_string(last_log(project)).unwrap();
    log.contains("run_repeated")
}

pub fn ran(project: &Project) -> Vec<String> {
    let journal = project.path(".git/journal");
    let text = fs::read_to_string(&journal).unwrap_or_default();
    let _ = fs::remove_file(journal);
    text.lines().map(str::to_owned).collect()
}

/// Does something, and says what the next run ran, which must have looked closer.
#[track_caller]
fn ran_after(project: &Project, change: impl FnOnce()) -> Vec<String> {
    change();
    project.done(&["run"]);
    assert!(!is_repeated(project), "it went unseen");
    let ran = ran(project);
    settle(project);
    ran
}

/// Writes other bytes of the same length into a file, and sets its times back.
fn spoil(path: &Path) {
    let times = fs::metadata(path).unwrap();
    let mode = times.permissions();
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    let text: Vec<u8> = fs::read(path).unwrap().iter().map(|it| it ^ 1).collect();
    fs::write(path, text).unwrap();
    let file = File::options().write(true).open(path).unwrap();
    file.set_times(FileTimes::new().set_modified(times.modified().unwrap()))
        .unwrap();
    fs::set_permissions(path, mode).unwrap();
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = WalkDir::new(folder).into_iter().map(Result::unwrap);
    entries
        .filter(|it| it.file_type().is_file())
        .map(walkdir::DirEntry::into_path)
        .collect()
}

#[test]
fn changes_of_the_project_are_seen() {
    let project = &project();
    let edit =
        |name: &'static str, text: &'static str| ran_after(project, || project.write(name, text));
    assert_eq!(edit("in.txt", "2\n"), ["one", "two"]);
    assert_eq!(edit("data/x.txt", "z\n"), ["one"]);
    assert_eq!(edit("data/new.txt", "n\n"), ["one"]);
    assert_eq!(edit("folder/below/new.txt", "n\n"), ["one"]);
    assert_eq!(edit("vars.yaml", "vars: {n: 2}\n"), ["two"]);
    assert_eq!(edit("pipe.yaml", SPEC_OTHER), ["one"]);
    // The result is the same as long as the content is.
    assert!(edit("in.txt", "2\n").is_empty());
    assert!(ran_after(project, || project.write("a.txt", "2\n")).is_empty());
    let restored = ran_after(project, || fs::remove_file(project.path("b.txt")).unwrap());
    assert!(restored.is_empty());
    assert_eq!(project.read("b.txt"), "2\n");
}

const SPEC_OTHER: &str = "version: 1
name: repeats
include: [vars.yaml]
stages:
  one:
    command:
      cmd: 'echo one >> .git/journal; ./tool in.txt > a.txt'
      deps: [in.txt, 'data/*.txt', folder]
      outs: [a.txt]
    pass_env: [MODE]
  two:
    command: {cmd: 'echo two >> .git/journal; echo ${n}; cp a.txt b.txt', deps: [a.txt], outs: [b.txt]}
";

#[test]
fn a_change_that_hides_behind_old_times_is_seen() {
    let project = &project();
    let hidden = ran_after(project, || spoil(&project.path("in.txt")));
    assert_eq!(hidden, ["one", "two"]);
}

#[test]
fn programs_and_variables_are_seen() {
    let project = &project();
    let ran = ran_after(project, || write_tool(project, "tool", "tac \"$1\""));
    assert_eq!(ran, ["one"]);
    let mode = || {
        let mut command = project.command(&["run"]);
        let answer = command
            .env("MODE", "x")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(Answer::new(&answer, Duration::ZERO).code, Some(0));
    };
    mode();
    assert!(!is_repeated(project));
    // A program that is found sooner.
    settle(project);
    write_tool(project, "bin/cp", "exec /bin/cp \"$@\"");
    let path = format!(
        "{}:{}",
        project.path("bin").display(),
        std::env::var("PATH").unwrap()
    );
    let answer = project
        .command(&["run"])
        .env("PATH", path)
        .output()
        .unwrap();
    assert!(answer.status.success());
    assert!(!is_repeated(project));
}

#[test]
fn all_damage_in_the_store_is_seen_and_mended() {
    let project = &project();
    for file in files_below(&project.path("artifacts/objects")) {
        let ran = ran_after(project, || spoil(&file));
        assert!(!ran.is_empty(), "{}", file.display());
    }
    for file in files_below(&project.path("artifacts/objects")) {
        let above = file.parent().unwrap();
        let mode = fs::metadata(above).unwrap().permissions();
        ran_after(project, || {
            fs::set_permissions(above, fs::Permissions::from_mode(0o755)).unwrap();
            fs::remove_file(&file).unwrap();
            fs::set_permissions(above, mode).unwrap();
        });
        assert!(file.exists(), "{}", file.display());
    }
    let artifacts = project.path("artifacts");
    for (kind, is_made_again) in [('r', true), ('p', true), ('t', false)] {
        let mut number = 0;
        while let Some(frame) = frames(&artifacts, kind).get(number) {
            let ran = ran_after(project, || frame.harm(|it| it[1] ^= 1));
            // Of two frames about the same the older one does not count.
            assert!(is_made_again || ran.is_empty(), "{frame:?}: {ran:?}");
            number += 1;
        }
    }
    let newest = frames(&artifacts, 'r').pop().unwrap();
    let ran = ran_after(project, || newest.harm(|it| it[1] ^= 1));
    assert_eq!(ran.len(), 1);
    for harm in [
        |it: &mut Vec<u8>| it.push(b'?'),
        |it: &mut Vec<u8>| it.truncate(100),
    ] {
        let newest = frames(&artifacts, 'r').pop().unwrap();
        ran_after(project, || newest.change(harm));
    }
    for _ in 0..3 {
        ran_after(project, || {
            fs::remove_file(&journals(&artifacts)[0]).unwrap();
        });
    }
    ran_after(project, || {
        fs::remove_file(project.path("artifacts/current/one")).unwrap();
    });
    assert!(project.path("artifacts/current/one").exists());
    project.done(&["verify"]);
}

#[test]
fn an_edit_that_asks_for_the_same_is_answered() {
    let project = &project();
    let edits = [
        ("pipe.yaml", format!("{SPEC}# a remark\n")),
        (
            "pipe.yaml",
            SPEC.replace("pass_env: [MODE]", "pass_env: ['MODE']\n    retries: 3"),
        ),
        ("vars.yaml", "vars: {n: 1, unused: 5}\n".to_owned()),
        (
            "vars.yaml",
            "# a remark\nvars:\n  n: 1\n  unused: 5\n".to_owned(),
        ),
        // Another order of the same keys.
        (
            "pipe.yaml",
            SPEC.replace("version: 1\nname: repeats\n", "name: repeats\nversion: 1\n"),
        ),
    ];
    for (name, text) in &edits {
        project.write(name, text);
        project.done(&["run"]);
        assert!(ran(project).is_empty(), "{text}");
        assert!(is_repeated(project), "{text}");
        assert_eq!(vars_of(project)["n"], 1);
        settle(project);
    }
    project.write("vars.yaml", "vars: {n: 1, unused: 6}\n");
    project.done(&["run"]);
    assert_eq!(vars_of(project)["unused"], 6);
    // What came before an edit is not forgotten by it.
    project.write("pipe.yaml", &format!("{SPEC}# another remark\n"));
    project.write("in.txt", "3\n");
    project.done(&["run"]);
    assert_eq!(ran(project), ["one", "two"]);
}

#[test]
fn an_edit_that_asks_for_more_is_seen() {
    let project = &project();
    let edit = |text: &str| ran_after(project, || project.write("pipe.yaml", text));
    let three = "  three: {command: {cmd: 'echo three >> .git/journal', outs: []}}\n";
    assert_eq!(edit(&format!("{SPEC}{three}")), ["three"]);
    let threads = SPEC.replace(
        "pass_env: [MODE]",
        "pass_env: [MODE]\n    resources: {cpus: 2}",
    );
    edit(&threads);
    assert_eq!(
        edit(&threads.replace("cat in.txt >", "cat in.txt in.txt >")),
        ["one"]
    );
    // A file that is included from now on is looked at from now on.
    let four = three.replace("three", "four");
    project.write("more.yaml", "vars: {}\n");
    edit(&threads.replace("include: [vars.yaml]", "include: [vars.yaml, more.yaml]"));
    let ran = ran_after(project, || {
        project.write("more.yaml", &format!("stages:\n{four}"));
    });
    assert_eq!(ran, ["four"]);
}

#[test]
fn a_spec_that_a_stage_reads_is_a_source_like_any_other() {
    let project = &Project::new();
    let spec = "version: 1\nname: own\nstages:\n  one: {command: {cmd: 'echo one >> .git/journal; cp pipe.yaml copy', deps: [pipe.yaml], outs: [copy]}}\n";
    project.write("pipe.yaml", spec);
    project.done(&["run"]);
    settle(project);
    let edited = format!("{spec}# a remark\n");
    let ran = ran_after(project, || project.write("pipe.yaml", &edited));
    assert_eq!(ran, ["one"]);
    assert_eq!(project.read("copy"), edited);
}

#[test]
fn a_witness_that_is_damaged_is_no_witness() {
    let project = &project();
    let witness = files_below(&project.path("artifacts/index/seen")).remove(0);
    let whole = fs::read(&witness).unwrap();
    // Behind that lies what only edits ask for.
    let body = 52 + u64::from_be_bytes(whole[12..20].try_into().unwrap()) as usize;
    for length in [0, 5, 20, body / 2, body - 1] {
        fs::write(&witness, &whole[..length]).unwrap();
        project.done(&["run"]);
        assert!(!is_repeated(project), "{length} bytes");
    }
    for at in (0..body).step_by(37) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        fs::write(&witness, bytes).unwrap();
        project.done(&["run"]);
        assert!(!is_repeated(project), "byte {at}");
    }
}

#[test]
fn another_question_has_another_answer() {
    let project = &project();
    project.done(&["run", "one"]);
    assert!(!is_repeated(project));
    project.done(&["run", "--set", "n=5"]);
    assert_eq!(ran(project), ["two"]);
    // Links lead to what was made for the other question.
    project.done(&["run"]);
    assert!(!is_repeated(project));
    assert!(ran(project).is_empty());
}

#[test]
fn a_run_that_repeats_tells_the_same_stages() {
    let project = &project();
    let told = project.done(&["run"]).out;
    assert!(is_repeated(project));
    let end = told.lines().last().unwrap();
    assert!(end.starts_with("nothing to do: 2 cached"), "{told}");
    assert!(told.contains("one") && told.contains("two"), "{told}");
    let page = project.path("page.html");
    project.done(&["report", "-o", page.to_str().unwrap()]);
    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains("cached") && page.contains("two"));
    // What the kept run used is kept, though only the log of another tells it.
    fs::remove_dir_all(project.path("artifacts/current")).unwrap();
    let gone = project.done(&["gc", "--keep-runs", "1"]);
    assert!(gone.out.contains("kept 3 results"), "{gone}");
    project.done(&["run"]);
    assert!(ran(project).is_empty());
}
