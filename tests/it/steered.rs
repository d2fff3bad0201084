//! A project whose worker is the fake one, and what tests ask of its runs and processes.

use std::{
    fs,
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    project::{Answer, Project},
    workers,
};

/// A pipeline of five stages; parts of the data come from files of their own.
pub const SPEC: &str = r#"
version: 1
name: test
vars: {seed: 7}
stages:
  prepare:
    preprocess:
      target: y
      split: {files: {train: train.csv, val: val.csv, test: test.csv}}
  fit:
    train:
      data: prepare
      model: {mlp: {hidden: [8]}}
      loss: cross_entropy
      epochs: 3
      seed: "${seed}"
  score:
    evaluate: {model: fit, data: prepare.test, metrics: [accuracy]}
  bundle:
    package: {model: fit, report: score}
"#;

/// A project whose worker is the fake one, steered by `plan.json`.
pub struct Steered {
    pub project: Project,
}

impl Steered {
    pub fn new(spec: &str) -> Self {
        let project = Project::new();
        project.write("pipe.yaml", spec);
        for part in ["train", "val", "test"] {
            project.write(&format!("{part}.csv"), &format!("x,y\n1,{part}\n"));
        }
        let plan = project.path("plan.json");
        let worker = project.path("worker.sh");
        fs::write(
            &worker,
            format!(
                "#!/bin/sh\nexport FAKE_PLAN='{}'\nexec '{}' \"$@\"\n",
                plan.display(),
                workers::fake().display()
            ),
        )
        .unwrap();
        fs::set_permissions(&worker, fs::Permissions::from_mode(0o755)).unwrap();
        Self { project }
    }

    /// Says how jobs behave, by kind of task.
    pub fn steer(&self, plan: &Value) {
        self.project.write("plan.json", &plan.to_string());
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.project.path(name)
    }

    pub fn run(&self, words: &[&str]) -> Answer {
        let begin = Instant::now();
        let output = self.command(words).output().unwrap();
        Answer::new(&output, begin.elapsed())
    }

    pub fn command(&self, words: &[&str]) -> std::process::Command {
        let mut all = vec!["run", "--format", "json"];
        all.extend(words);
        let mut command = self.project.command(&all);
        command.env("PIPE_WORKER", self.path("worker.sh"));
        command
    }

    /// Starts a run and leaves it running.
    pub fn start(&self, words: &[&str]) -> Child {
        self.command(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// What the jobs wrote into the journal, in order.
    pub fn journal(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("journal")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

/// Waits until `is_so`.
pub fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < until, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// The number in a file, once it is there.
pub fn number_in(path: &Path) -> i32 {
    wait_for(&path.display().to_string(), || {
        fs::read_to_string(path).is_ok_and(|it| it.trim().parse::<i32>().is_ok())
    });
    fs::read_to_string(path).unwrap().trim().parse().unwrap()
}

/// Whether a process is there and not dead.
pub fn is_alive(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|it| !it.rsplit(')').next().unwrap().trim().starts_with('Z'))
}

/// What went wrong with a stage, in a run's events.
pub fn failure(answer: &Answer, stage: &str) -> Value {
    answer
        .lines()
        .iter()
        .map(|it| it["event"]["stage_failed"].clone())
        .find(|it| it["stage"] == stage)
        .unwrap_or_else(|| panic!("{stage} did not fail\n{answer}"))["failure"]
        .clone()
}

pub fn end_with_signal(child: Child, signal: &str) -> Answer {
    let pid = child.id().to_string();
    send(&pid, signal);
    let begin = Instant::now();
    let output = child.wait_with_output().unwrap();
    assert!(
        signal != "KILL" || output.status.signal() == Some(9),
        "{output:?}"
    );
    Answer::new(&output, begin.elapsed())
}

pub fn send(pid: &str, signal: &str) {
    let status = std::process::Command::new("kill")
        .args([&format!("-{signal}"), pid])
        .status()
        .unwrap();
    assert!(status.success());
}

/// Processes whose parent is this one, with their command lines.
pub fn children_of(parent: i32) -> Vec<(i32, String)> {
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|it| it.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| {
            fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
                let fields = stat.rsplit(')').next().unwrap();
                fields.split_whitespace().nth(1) == Some(&parent.to_string())
            })
        })
        .map(|pid| {
            let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            (pid, String::from_utf8_lossy(&words).replace('\0', " "))
        })
        .collect()
}
