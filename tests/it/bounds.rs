//! What a stage or a file may not take without a bound: memory of those who look at a table, the size of logs and of live
//! metrics, the memory of a command's processes together.

use std::{
    fs,
    io::Write,
    process::{Command, Output, Stdio},
};

use crate::{
    project::Project,
    steered::{Steered, failure},
};

/// A gzip file of a few hundred kilobytes that holds a text and after it a line of 300 MB.
fn bomb(start: &str) -> Vec<u8> {
    let pack = |bytes: &[u8]| {
        let mut child = Command::new("gzip")
            .arg("-c")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(bytes).unwrap();
        child.wait_with_output().unwrap().stdout
    };
    [
        pack(start.as_bytes()),
        pack(&vec![b'0'; 1 << 20]).repeat(300),
    ]
    .concat()
}

fn spec(source: &str) -> String {
    format!(
        "version: 1\nname: test\nstages:\n  prepare:\n    preprocess:\n      source: {source}\n      target: y\n"
    )
}

/// Runs `pipe` with that many MiB of memory.
fn within(project: &Project, mebibytes: u32, words: &[&str]) -> Output {
    let pipe = project.command(words);
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!(
            "ulimit -d {} && exec \"$0\" \"$@\"",
            mebibytes << 10
        ))
        .arg(pipe.get_program())
        .args(pipe.get_args())
        .current_dir(pipe.get_current_dir().unwrap());
    command.output().unwrap()
}

#[test]
fn check_plan_and_init_look_at_a_gzip_bomb_within_little_memory() {
    let project = Project::new();
    fs::write(project.path("head.csv.gz"), bomb("x,")).unwrap();
    fs::write(project.path("rows.csv.gz"), bomb("x,y\n1,")).unwrap();
    for name in ["head", "rows"] {
        project.write("pipe.yaml", &spec(&format!("{{csv: {name}.csv.gz}}")));
        for command in ["check", "plan"] {
            let output = within(&project, 400, &[command]);
            assert!(
                output.status.code().is_some_and(|it| it < 3),
                "{name} {command}: {output:?}"
            );
        }
        let output = within(
            &project,
            400,
            &["init", &format!("{name}.csv.gz"), "-o", "new.yaml"],
        );
        assert_eq!(output.status.code(), Some(2), "{name}: {output:?}");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.contains("a row is longer than 64 MiB"), "{error}");
    }
}

#[test]
fn init_looks_at_the_first_rows_of_a_large_table_alone() {
    let project = Project::new();
    let row = format!("{},yes\n{},no\n", "1".repeat(1000), "2".repeat(1000));
    project.write("large.csv", &format!("x,y\n{}", row.repeat(40_000)));
    let answer = project.done(&["init", "large.csv", "--target", "y"]);
    assert!(answer.out.contains("large.csv: the first 6"), "{answer}");
    project.write("small.csv", &format!("x,y\n{}", "1,yes\n2,no\n".repeat(40)));
    let answer = project.done(&["init", "small.csv", "--target", "y", "-o", "small.yaml"]);
    assert!(answer.out.contains("small.csv: 80 rows"), "{answer}");
}

/// A stage that runs a line of shell, in a project of its own.
fn command(line: &str, more: &str) -> Steered {
    Steered::new(&format!(
        "version: 1\nname: test\nstages:\n  work:\n    command:\n      cmd: '{line}'\n      outs: [out]\n{more}"
    ))
}

/// The only log of an attempt.
fn log(steered: &Steered) -> String {
    let logs = walkdir::WalkDir::new(steered.path("artifacts/log/attempts"));
    let logs = logs
        .into_iter()
        .flatten()
        .filter(|it| it.file_type().is_file());
    let logs: Vec<_> = logs.map(walkdir::DirEntry::into_path).collect();
    assert_eq!(logs.len(), 1, "{logs:?}");
    fs::read_to_string(&logs[0]).unwrap()
}

#[test]
fn a_stages_log_keeps_its_head_and_its_tail() {
    let line = "echo first; (yes something that is said again and again || true) | head -c 40000000; echo; echo last; echo > out";
    let steered = command(line, "");
    let answer = steered.run(&[]);
    assert_eq!(answer.stages("stage_done"), ["work"], "{answer}");
    let log = log(&steered);
    assert!(log.len() < 17 << 20, "{}", log.len());
    assert!(log.starts_with("first\n") && log.ends_with("\nlast\n"));
    assert!(log.contains("bytes are left out here"));
    let events = walkdir::WalkDir::new(steered.path("artifacts/log/runs"));
    let bytes: u64 = (events.into_iter().flatten())
        .map(|it| it.metadata().unwrap().len())
        .sum();
    assert!(bytes < 4 << 20, "{bytes}");
}

#[test]
fn a_failure_of_a_stage_with_a_long_log_shows_its_end() {
    let line = "(yes something that is said again and again || true) | head -c 40000000; echo; echo why it failed; exit 3";
    let answer = command(line, "").run(&[]);
    let failure = failure(&answer, "work");
    let tail = failure["tail"].as_array().unwrap();
    assert_eq!(tail.last().unwrap(), "why it failed", "{tail:?}");
}

const METRICS: &str = r#"
metric() { echo "{\"name\": \"$1\", \"value\": $2}"; }
{
    head -c 3000000 /dev/zero | tr '\0' 0
    echo
    i=0
    while [ $i -lt 1200 ]; do metric m$i $i; i=$((i + 1)); done
    (yes "$(metric m0 5)" || true) | head -n 150000
    metric m0 7
} > "$PIPE_METRICS"
echo > out
"#;

#[test]
fn live_metrics_without_end_are_bounded_and_the_last_values_are_kept() {
    let steered = command("sh metrics.sh", "");
    steered.project.write("metrics.sh", METRICS);
    let answer = steered.run(&[]);
    assert_eq!(answer.stages("stage_done"), ["work"]);
    let lines = answer.lines();
    let told = lines
        .iter()
        .filter(|it| it["event"]["stage_metric"].is_object());
    assert_eq!(told.count(), 100_000);
    let complaints = answer
        .out
        .lines()
        .filter(|it| it.contains("of $PIPE_METRICS"));
    let complaints: Vec<&str> = complaints.collect();
    assert!(complaints[0].contains("line 1 of $PIPE_METRICS is longer than 64 KiB"));
    assert_eq!(complaints.len(), 1);
    let mut ends = lines.iter().map(|it| &it["event"]["stage_done"]);
    let end = ends.find(|it| it.is_object()).unwrap();
    let metrics = &end["record"]["observed"]["metrics"];
    let metrics = metrics.as_object().unwrap();
    assert_eq!(metrics["m0"], 7.0);
    assert_eq!(metrics.len(), 1000);
}

#[test]
fn resources_memory_bounds_all_processes_of_a_command_together() {
    // Each holds 60 MB, which it may; together they hold more.
    let each = "head -c 60000000 /dev/zero | sort --buffer-size=200M | sleep 30";
    let line = format!("for i in 1 2 3 4 5 6; do ({each}) & done; wait; echo > out");
    let steered = command(&line, "    resources: {memory: 250MB}\n");
    let answer = steered.run(&[]);
    let failure = failure(&answer, "work");
    let message = failure["message"].as_str().unwrap();
    assert!(message.contains("ran out of memory"), "{message}");
    assert!(message.contains("`resources.memory`, 250MB"), "{message}");
    let enough = command(
        &line.replace("sleep 30", "cat > out"),
        "    resources: {memory: 4GB}\n",
    );
    let answer = enough.run(&[]);
    assert_eq!(answer.stages("stage_done"), ["work"], "{answer}");
}
