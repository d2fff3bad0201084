//! Files that commands write and no stage declares are told, each at the stage that wrote it; all else is not. So are metrics
//! files of which nothing is shown.

use std::{fs, process::Stdio, time::Duration};

use crate::{
    project::{Answer, Project},
    steered::Steered,
};

/// What is told, with the stage that it is told of.
fn told(answer: &Answer) -> Vec<(String, String)> {
    assert_eq!(answer.code, Some(0), "{answer}");
    let lines = answer.lines();
    let logs = lines.iter().map(|it| &it["event"]["stage_log"]);
    logs.filter_map(|it| {
        let text = it["text"].as_str()?.strip_prefix("warning: ")?;
        Some((it["stage"].as_str()?.to_owned(), text.to_owned()))
    })
    .collect()
}

fn steered(stages: &str) -> Steered {
    let steered = Steered::new(&format!(
        "version: 1\nname: strays\nvars: {{n: 1}}\nstages:\n{stages}"
    ));
    steered.project.write("in.txt", "text\n");
    // Older than anything that a run writes.
    std::thread::sleep(Duration::from_millis(30));
    steered
}

#[test]
fn what_no_stage_declares_is_told_of_the_stage_that_wrote_it() {
    let steered = steered(
        "  one:
    command:
      cmd: |
        sleep 0.05; cat in.txt > out/table.txt; echo x > side.log; echo more >> notes.txt; mkdir -p made; echo a > made/a; sleep 0.05
      deps: [in.txt]
      outs: [out/table.txt]
  two:
    command: {cmd: 'sleep 0.05; echo y > other.log; ln -s in.txt link; cp side.log moved; mv moved side2.log; sleep 0.05', outputs: {}}
    needs: [one]
",
    );
    steered.project.edit("pipe.yaml", ", outputs: {}", "");
    steered.project.write("notes.txt", "mine\n");
    std::thread::sleep(Duration::from_millis(30));
    let first = told(&steered.run(&[]));
    let text = |names: &str| {
        format!("{names} were written while it ran, and no stage declares them in `outs`")
    };
    assert_eq!(
        first,
        [
            (
                "one".to_owned(),
                text("`made/`, `notes.txt` and `side.log`")
            ),
            (
                "two".to_owned(),
                text("`link`, `other.log` and `side2.log`")
            ),
        ]
    );
    assert_eq!(told(&steered.run(&[])), []);
    // What is there already is written, not made.
    let again = told(&steered.run(&["--force", "one"]));
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].1, text("`made/a`, `notes.txt` and `side.log`"));
}

#[test]
fn what_is_declared_read_hidden_or_pipe_s_own_is_not_told() {
    let steered = steered(
        "  one:
    command: {cmd: 'sleep 0.05; mkdir -p deep/out .cache __pycache__; cat in.txt > deep/out/x; echo > .hidden; echo > .cache/x; echo > __pycache__/x; echo > ${outputs.o}; echo > $TMPDIR_OF_MINE/x; sleep 0.05', deps: [in.txt], outs: [deep/out], outputs: {o: {type: files}}}
    env: {TMPDIR_OF_MINE: TEMPORARY}
  two:
    command: {cmd: 'sleep 0.05; cat deep/out/x > m.json; echo {} > m.json; sleep 0.05', deps: ['deep/out'], outs: [copy.txt], metrics: [m.json]}
",
    );
    steered.project.edit(
        "pipe.yaml",
        "cat deep/out/x > m.json; echo {} > m.json",
        "cp deep/out/x copy.txt; echo {} > m.json",
    );
    let elsewhere = tempfile::tempdir().unwrap();
    steered
        .project
        .edit("pipe.yaml", "TEMPORARY", elsewhere.path().to_str().unwrap());
    // Its own log lies in the project.
    let log = fs::File::create(steered.path("run.log")).unwrap();
    let mut command = steered.command(&[]);
    command.stdout(Stdio::from(log)).stderr(Stdio::null());
    assert!(command.status().unwrap().success());
    let text = steered.project.read("run.log");
    assert!(
        text.contains("run_finished") && !text.contains("warning"),
        "{text}"
    );
    // What is brought back is written, too.
    fs::remove_dir_all(steered.path("deep")).unwrap();
    assert_eq!(told(&steered.run(&["--set", "n=2"])), []);
}

#[test]
fn what_may_be_of_several_stages_is_told_so() {
    let steered = steered(
        "  one: {command: {cmd: 'until test -e b.log; do sleep 0.02; done; echo > a.log; sleep 0.1'}}
  two: {command: {cmd: 'until test -e .go; do sleep 0.02; done; echo > b.log; until test -e a.log; do sleep 0.02; done; sleep 0.1'}}
",
    );
    steered.project.write(".go", "");
    let found = told(&steered.run(&["--jobs", "2"]));
    let [(stage, text)] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(stage, "one");
    assert_eq!(
        text,
        "`a.log` and `b.log` were written while it or `two` ran, and no stage declares them in `outs`"
    );
}

#[test]
fn people_see_it_too() {
    let project = Project::new();
    project.write(
        "pipe.yaml",
        "version: 1\nname: strays\nstages:\n  one: {command: {cmd: 'sleep 0.05; echo > side.log; sleep 0.05'}}\n",
    );
    let run = project.done(&["run"]);
    assert!(
        run.out
            .contains("warning: `side.log` was written while it ran"),
        "{run}"
    );
}

#[test]
fn a_stray_whose_name_breaks_the_line_is_told_on_one() {
    let steered = steered(
        r#"  one:
    command: {cmd: 'sleep 0.05; touch "$(printf "st\nray\033[31m")"; echo x > o; sleep 0.05', outs: [o]}
"#,
    );
    let told = told(&steered.run(&[]));
    assert_eq!(told.len(), 1, "{told:?}");
    let text = "`st ray\u{fffd}[31m` was written while it ran, and no stage declares it in `outs`";
    assert_eq!(told[0].1, text);
}

#[test]
fn a_metrics_file_that_is_not_json_is_told_and_fails_no_stage() {
    for (text, why) in [
        (
            r#"{"a": 0.5, "n": NaN}"#,
            "NaN at line 1 is no number of JSON",
        ),
        (
            r#"{"n": -Infinity}"#,
            "Infinity at line 1 is no number of JSON",
        ),
        ("{\\n\"n\":NaN}", "NaN at line 2 is no number of JSON"),
        ("a: 1", "expected value at line 1"),
        ("", "EOF"),
    ] {
        let steered = steered(&format!(
            "  one:\n    command:\n      cmd: |\n        printf '{text}' > m.json\n      metrics: [m.json]\n"
        ));
        let told = told(&steered.run(&[]));
        assert_eq!(told.len(), 1, "{text}: {told:?}");
        let said = &told[0].1;
        assert!(
            said.starts_with("`m.json` is not JSON") && said.contains(why),
            "{said}"
        );
    }
}
