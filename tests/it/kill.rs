//! Runs that are killed at a bad moment: the next one ends like a run that was never disturbed.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use crate::{project::Project, workers};

/// A training that takes some seconds and keeps checkpoints: long enough to be hit in its middle.
const SPEC: &str = "version: 1
name: slow
stages:
  prepare:
    preprocess:
      source: {csv: rows.csv}
      target: y
      split: {random: {train: 0.8, val: 0.2, seed: 1}}
  fit:
    train:
      data: prepare
      model: {mlp: {hidden: [128, 128], dropout: 0.2}}
      loss: mse
      optimizer: {adamw: {lr: 0.001}}
      epochs: 60
      batch_size: 32
      seed: 3
";

fn project() -> Project {
    workers::real();
    let project = Project::new();
    let mut rows = "a,b,c,y\n".to_owned();
    for i in 0_u32..2000 {
        let (a, b, c) = (i % 17, i * 7 % 31, i * 13 % 23);
        rows.push_str(&format!(
            "{a},{b},{c},{}\n",
            f64::from(a) * 0.5 - f64::from(b) * 0.1 + f64::from(c * a) * 0.01
        ));
    }
    project.write("rows.csv", &rows);
    project.write("pipe.yaml", SPEC);
    project
}

/// Starts a run and waits until training has told of `epoch`.
fn training(project: &Project, epoch: u64) -> Child {
    let mut child = project
        .command(&["run", "--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let is_there = |line: &str| {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        event["event"]["stage_metric"]["step"].as_u64() >= Some(epoch)
    };
    assert!(
        lines.any(|line| is_there(&line.unwrap())),
        "training never came to epoch {epoch}"
    );
    // The rest is not read, and must not block the run.
    std::thread::spawn(move || lines.for_each(drop));
    child
}

fn model(project: &Project) -> Vec<u8> {
    fs::read(project.path("artifacts/current/fit/weights.safetensors")).unwrap()
}

/// Processes whose command line or environment speaks of this project.
fn processes_of(project: &Project) -> Vec<String> {
    let folder = project.path("").display().to_string();
    let folder = folder.trim_end_matches('/');
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|it| {
            it.file_name()
                .into_string()
                .ok()
                .filter(|it| it.bytes().all(|b| b.is_ascii_digit()))
        })
        .filter(|pid| {
            let cwd = fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
            cwd.starts_with(folder)
        })
        .collect()
}

fn assert_nothing_is_left_running(project: &Project) {
    let begin = Instant::now();
    while !processes_of(project).is_empty() {
        assert!(
            begin.elapsed() < Duration::from_secs(10),
            "still running: {:?}",
            processes_of(project)
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_killed_runner_leaves_nothing_behind_and_the_next_run_equals_a_clean_one() {
    let clean = project();
    clean.done(&["run"]);
    let killed = project();
    let mut child = training(&killed, 8);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_nothing_is_left_running(&killed);
    let answer = killed.pipe(&["path", "fit"]);
    assert_eq!(
        answer.code,
        Some(2),
        "half a model must not be found: {answer}"
    );
    killed.done(&["run"]);
    assert!(
        model(&killed) == model(&clean),
        "weights differ from those of an undisturbed run"
    );
}

#[test]
fn a_killed_worker_costs_one_attempt_and_the_next_run_equals_a_clean_one() {
    let clean = project();
    clean.done(&["run"]);
    let hit = project();
    let mut child = training(&hit, 8);
    // The worker is the process that uses the processor; it works for this project's runner.
    let worker = worker_of(&child);
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(worker),
        nix::sys::signal::Signal::SIGKILL,
    )
    .unwrap();
    assert_eq!(
        child.wait().unwrap().code(),
        Some(1),
        "a killed worker is a failed stage"
    );
    assert_nothing_is_left_running(&hit);
    hit.done(&["run"]);
    assert!(
        model(&hit) == model(&clean),
        "weights differ from those of an undisturbed run"
    );
}

#[test]
fn an_interrupted_run_ends_with_130_and_keeps_what_is_finished() {
    let project = project();
    let mut child = training(&project, 8);
    let pid = nix::unistd::Pid::from_raw(child.id() as i32);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_nothing_is_left_running(&project);
    let runs = project.done(&["runs", "--format", "json"]).json();
    assert_eq!(runs[0]["status"], "interrupted", "{runs}");
    let again = project.done(&["run", "--format", "json"]);
    assert_eq!(again.stages("stage_cached"), ["prepare"], "{again}");
}

/// The descendant that has used the most processor time.
fn worker_of(runner: &Child) -> i32 {
    let mut parents = vec![runner.id() as i32];
    let mut best = (0, 0);
    while let Some(parent) = parents.pop() {
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry
                .file_name()
                .to_str()
                .and_then(|it| it.parse::<i32>().ok())
            else {
                continue;
            };
            let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else {
                continue;
            };
            // Behind the name in brackets: state, parent, … the 12th and 13th are the times.
            let words: Vec<&str> = stat
                .rsplit(')')
                .next()
                .unwrap()
                .split_whitespace()
                .collect();
            if words[1].parse() == Ok(parent) {
                parents.push(pid);
                let time = words[11].parse::<u64>().unwrap() + words[12].parse::<u64>().unwrap();
                best = best.max((time, pid));
            }
        }
    }
    assert_ne!(best.1, 0, "the runner has no worker");
    best.1
}
