//! Standard output that takes nothing: no command ends well whose answer did not arrive; a reader that has gone is no error.

use std::{
    fs::{self, File, OpenOptions},
    io,
    process::Stdio,
    sync::OnceLock,
    time::Duration,
};

use crate::project::{Answer, Project};

const SPEC: &str = "version: 1
name: output
stages:
  one: {command: {cmd: 'echo \"{\\\"m\\\": 1}\" > ${outputs.r}', outputs: {r: {type: report}}}}
  two: {command: {cmd: 'cat ${inputs.x} > ${outputs.y}', inputs: {x: one.m}, outputs: {y: {type: files}}}}
";

/// A command of each kind, in each form that it has. Those that change something come in a project of their own.
const COMMANDS: [&[&str]; 41] = [
    &["--help"],
    &["--version"],
    &["help"],
    &["help", "train"],
    &["help", "language"],
    &["help", "run"],
    &["init", "-o", "new/pipe.yaml", "--force"],
    &[
        "init",
        "rows.csv",
        "--target",
        "y",
        "-o",
        "table.yaml",
        "--force",
    ],
    &["import", "dvc.yaml", "-o", "-"],
    &["import", "dvc.yaml", "-o", "imported.yaml", "--force"],
    &["check"],
    &["check", "--format", "json"],
    &["run"],
    &["run", "--format", "json"],
    &["run", "--force"],
    &["run", "--force", "--format", "json"],
    &["run", "--dry-run"],
    &["run", "--dry-run", "--format", "json"],
    &["show", "one"],
    &["show", "one", "--format", "json"],
    &["plan"],
    &["plan", "--format", "mermaid"],
    &["plan", "--format", "dot"],
    &["plan", "--format", "json"],
    &["status"],
    &["status", "--format", "json"],
    &["explain", "two"],
    &["explain", "two", "--format", "json"],
    &["report"],
    &["runs"],
    &["runs", "--format", "json"],
    &["path", "one"],
    &["path", "one", "--format", "json"],
    &["export", "one", "copy"],
    &["pick", "pipe.yaml", "name"],
    &["schema"],
    &["completions", "bash"],
    &["doctor"],
    &["cache"],
    &["verify"],
    &["gc"],
];

fn project() -> Project {
    let project = Project::new();
    project.write("pipe.yaml", SPEC);
    fs::create_dir(project.path("new")).unwrap();
    project.write("rows.csv", "x,y\n1,a\n2,b\n");
    project.write("dvc.yaml", "stages:\n  a:\n    cmd: echo\n");
    project.done(&["run"]);
    project
}

fn answer(project: &Project, words: &[&str], output: impl Into<Stdio>) -> Answer {
    let child = project
        .command(words)
        .stdout(output)
        .stderr(Stdio::piped())
        .spawn();
    Answer::new(&child.unwrap().wait_with_output().unwrap(), Duration::ZERO)
}

fn full() -> File {
    OpenOptions::new().write(true).open("/dev/full").unwrap()
}

#[test]
fn output_that_is_full_fails_every_command() {
    let project = project();
    for words in COMMANDS {
        let answer = answer(&project, words, full());
        assert_eq!(answer.code, Some(1), "{words:?} {answer}");
        let told = "cannot write to standard output: no space left on device";
        assert!(answer.err.contains(told), "{words:?} {answer}");
    }
    let answer = answer(&project, &["clean", "--yes"], full());
    assert_eq!(answer.code, Some(1), "{answer}");
}

#[test]
fn output_commands_are_all_tried() {
    let help = Project::new().done(&["--help"]).out;
    let commands = help
        .lines()
        .filter_map(|it| it.strip_prefix("  "))
        .filter(|it| it.starts_with(|it: char| it.is_ascii_lowercase()))
        .filter_map(|it| it.split_whitespace().next());
    // The last two are tried where there is a package, and on their own.
    let apart = ["predict", "clean"];
    let missed: Vec<&str> = commands
        .filter(|it| !apart.contains(it) && !COMMANDS.iter().any(|words| words[0] == *it))
        .collect();
    assert!(missed.is_empty(), "{missed:?}");
}

#[test]
fn output_that_is_closed_or_not_writable_fails() {
    let project = project();
    for words in [
        &["plan"][..],
        &["run", "--format", "json"],
        &["pick", "pipe.yaml"],
        &["--help"],
    ] {
        let mut shell = project.command(&[]);
        let pipe = shell.get_program().to_owned();
        for redirect in [">&-", "1</dev/null"] {
            let mut command = std::process::Command::new("sh");
            let output = command
                .args(["-c", &format!("exec \"$@\" {redirect}"), "sh"])
                .arg(&pipe)
                .args(words)
                .current_dir(project.path(""))
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let answer = Answer::new(&output, Duration::ZERO);
            // What the parser of the command line prints itself is not told apart from success.
            if words != ["--help"] {
                assert_eq!(answer.code, Some(1), "{words:?} {redirect} {answer}");
                assert!(
                    answer.err.contains("cannot write to standard output"),
                    "{answer}"
                );
            }
        }
        shell.stdin(Stdio::null());
    }
}

#[test]
fn output_whose_reader_has_gone_is_no_error() {
    let project = project();
    for words in COMMANDS.iter().filter(|it| it[0] != "doctor") {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let answer = answer(&project, words, writer);
        assert_eq!(answer.code, Some(0), "{words:?} {answer}");
        assert!(!answer.err.contains("error:"), "{words:?} {answer}");
    }
}

#[test]
fn output_that_is_full_leaves_what_a_run_did() {
    static PROJECT: OnceLock<Project> = OnceLock::new();
    let project = PROJECT.get_or_init(|| {
        let project = Project::new();
        project.write("pipe.yaml", SPEC);
        project
    });
    let failed = answer(project, &["run", "--format", "json"], full());
    assert_eq!(failed.code, Some(1), "{failed}");
    let again = project.done(&["run"]);
    assert!(again.out.contains("nothing to do: 2 cached"), "{again}");
}
