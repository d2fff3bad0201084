//! The frame of the command line: help, exit codes, errors, output that ends early. Runs no stage.

use std::{io::Read, process::Stdio};

use crate::project::Project;

#[test]
fn help_shows_the_verbs_of_the_first_day_first() {
    let answer = Project::new().done(&["--help"]);
    let commands: Vec<&str> = answer
        .out
        .lines()
        .filter(|it| it.starts_with("  ") && !it.trim_start().starts_with('-'))
        .filter_map(|it| it.split_whitespace().next())
        .collect();
    assert_eq!(
        commands[..5],
        ["init", "check", "run", "show", "predict"],
        "{}",
        answer.out
    );
    assert!(!answer.out.contains("supervise"), "{}", answer.out);
}

#[test]
fn bad_usage_ends_with_2_and_says_what_is_legal() {
    let project = Project::new();
    for words in [
        &["frobnicate"][..],
        &["run", "--nope"],
        &["show"],
        &[],
        &["completions", "tcsh"],
    ] {
        let answer = project.pipe(words);
        assert_eq!(answer.code, Some(2), "{words:?} {answer}");
        assert!(
            answer.err.contains("Usage") || answer.err.contains("possible values"),
            "{answer}"
        );
        assert!(answer.out.is_empty(), "{answer}");
    }
}

#[test]
fn a_missing_spec_is_named_with_a_remedy() {
    let project = Project::new();
    let answer = project.pipe(&["run"]);
    assert_eq!(answer.code, Some(2), "{answer}");
    assert!(
        answer
            .err
            .starts_with("error: no pipe.yaml or pipe.yml in "),
        "{answer}"
    );
    assert!(
        answer.err.contains("\nhint: ") && answer.err.contains("pipe init"),
        "{answer}"
    );
    let answer = project.pipe(&["check", "nowhere.yaml"]);
    assert_eq!(answer.code, Some(2), "{answer}");
    assert!(answer.err.contains("nowhere.yaml"), "{answer}");
}

#[test]
fn looking_before_anything_ran_says_so() {
    let project = Project::new();
    for words in [
        &["show", "fit"][..],
        &["path", "fit"],
        &["runs"],
        &["export", "fit", "x"],
    ] {
        let answer = project.pipe(words);
        assert_eq!(answer.code, Some(2), "{words:?} {answer}");
        assert!(
            answer.err.contains("no results yet in artifacts"),
            "{answer}"
        );
    }
    assert!(
        !project.path("artifacts").exists(),
        "looking must not make a store"
    );
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let answer = Project::new().pipe(&["-C", "nowhere", "runs"]);
    assert_eq!(answer.code, Some(2), "{answer}");
    assert!(
        answer.err.starts_with("error: cannot work in nowhere"),
        "{answer}"
    );
}

#[test]
fn a_spec_that_is_no_text_is_refused_by_name() {
    let project = Project::new();
    std::fs::write(project.path("spec.yaml"), b"name: \xff").unwrap();
    let answer = project.pipe(&["check", "spec.yaml"]);
    assert_eq!(answer.code, Some(2), "{answer}");
    assert!(
        answer
            .err
            .starts_with("error: spec.yaml is not UTF-8 text\nhint: "),
        "{answer}"
    );
}

#[test]
fn instances_are_named_by_some_of_their_axes_in_any_order() {
    let project = Project::new();
    project.write(
        "pipe.yaml",
        "version: 1\nname: m\nstages:\n  a:\n    matrix: {x: [1, 2], y: [u, v], exclude: [{x: 2, y: u}]}\n    \
         command: {cmd: 'echo ${matrix.x} ${matrix.y} > ${outputs.o}', outputs: {o: {type: files}}}\n",
    );
    let run = project.done(&["run", "a@x=1", "--format", "json"]);
    let mut done = run.stages("stage_done");
    done.sort();
    assert_eq!(done, ["a@x=1@y=u", "a@x=1@y=v"]);
    project.done(&["run"]);
    for name in ["a@y=u@x=1", "a@x=2", "a@y=v@x=2"] {
        project.done(&["show", name]);
    }
    let several = project.pipe(&["show", "a@x=1"]);
    assert_eq!(several.code, Some(2), "{several}");
    assert_eq!(
        several.err,
        "error: stage `a@x=1` has 2 instances\nhint: name one: `a@x=1@y=u` or `a@x=1@y=v`\n"
    );
    let none = project.pipe(&["show", "a@x=3"]);
    assert!(
        none.err
            .starts_with("error: there is no result of a stage `a@x=3`"),
        "{none}"
    );
}

#[test]
fn a_failed_run_names_the_command_that_repeats_it() {
    let project = Project::new();
    std::fs::create_dir(project.path("rows")).unwrap();
    project.write(
        "my spec.yaml",
        "version: 1\nname: m\nvars: {column: a}\nstages:\n  prepare: {preprocess: {source: {csv: rows}, target: \"${column}\"}}\n",
    );
    let words = [
        "--store",
        "kept",
        "run",
        "my spec.yaml",
        "--set",
        "column=b c",
    ];
    let answer = project.pipe(&words);
    assert_eq!(answer.code, Some(1), "{answer}");
    let again = "again: pipe run --store kept --set 'column=b c' 'my spec.yaml' prepare\n";
    assert!(answer.out.contains(again), "{answer}");
}

#[test]
fn a_reader_that_leaves_early_causes_no_panic() {
    let project = Project::new();
    let mut child = project
        .command(&["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut errors = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut errors)
        .unwrap();
    assert_eq!(errors, "");
    assert!(child.wait().unwrap().success());
}

#[test]
fn colours_appear_only_where_they_are_wanted() {
    let project = Project::new();
    let has_color = |arguments: &[&str], variable: Option<(&str, &str)>| {
        let mut command = project.command(arguments);
        command.envs(variable);
        let output = command.output().unwrap();
        output.stderr.contains(&0x1b)
    };
    assert!(!has_color(&["run"], None));
    assert!(has_color(&["run", "--color", "always"], None));
    assert!(has_color(&["run"], Some(("CLICOLOR_FORCE", "1"))));
    assert!(!has_color(
        &["run", "--color", "never"],
        Some(("CLICOLOR_FORCE", "1"))
    ));
    assert!(has_color(
        &["run", "--color", "always"],
        Some(("NO_COLOR", "1"))
    ));
}

#[test]
fn completions_know_the_commands() {
    let project = Project::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = project.done(&["completions", shell]).out;
        assert!(
            script.contains("explain") && script.contains("doctor"),
            "{shell}"
        );
    }
}

#[test]
fn pipe_does_not_load_libtorch() {
    let output = std::process::Command::new("ldd")
        .arg(env!("CARGO_BIN_EXE_pipe"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let libraries = String::from_utf8(output.stdout).unwrap();
    assert!(libraries.contains("libc."), "{libraries}");
    assert!(
        !libraries.contains("torch") && !libraries.contains("c10"),
        "{libraries}"
    );
}
