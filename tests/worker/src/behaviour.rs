//! What a job does beside its work: waiting, failing, dying. Knows no content.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use pipe_schema::{
    protocol::{Done, Failed, Request},
    run::FailureKind,
};
use pipe_wire::Reporter;
use serde::Deserialize;

/// Steers one job.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// A file to which each execution adds a line: the kind.
    journal: Option<PathBuf>,
    /// Only so many executions misbehave as said below; they are counted by `counter`. Default: all.
    times: Option<usize>,
    /// A file to which each execution adds a byte.
    counter: Option<PathBuf>,
    /// Waits so long before anything else, whatever `Stop` says.
    sleep_ms: u64,
    /// Waits at most so long, and until `Stop` is said; then it ends as stopped.
    until_stop_ms: u64,
    /// Starts `sleep` in a session of its own, and writes its number into this file.
    grandchild: Option<PathBuf>,
    /// Ends itself with this signal. Not 11: Rust takes one that is sent for a stack overflow, and goes on.
    signal: Option<i32>,
    /// Panics.
    panic: bool,
    /// Fails: `wrong` or `io`.
    fail: Option<String>,
    /// Leaves its output folder empty.
    no_output: bool,
    /// Counts its starts in this file among the checkpoints, and tells the count as the metric `resumed`.
    checkpoint: Option<String>,
}

/// What the variables say for this kind.
pub fn read(kind: &str) -> Result<Behaviour, String> {
    if let Ok(text) = std::env::var("FAKE") {
        return serde_json::from_str(&text).map_err(|error| format!("FAKE: {error}"));
    }
    let Some(path) = std::env::var_os("FAKE_PLAN") else {
        return Ok(Behaviour::default());
    };
    let Ok(text) = fs::read(&path) else {
        return Ok(Behaviour::default());
    };
    let plan: BTreeMap<String, Behaviour> =
        serde_json::from_slice(&text).map_err(|error| format!("FAKE_PLAN: {error}"))?;
    Ok(plan.get(kind).cloned().unwrap_or_default())
}

impl Behaviour {
    /// What comes before the work. `Some` ends the job.
    pub fn begin(
        &self,
        kind: &str,
        request: &Request,
        reporter: &mut Reporter,
    ) -> Result<Option<Done>, Failed> {
        if let Some(journal) = &self.journal {
            append(journal, &format!("{kind}\n")).map_err(super::io)?;
        }
        if let (Some(name), Some(folder)) = (&self.checkpoint, &request.checkpoints) {
            append(&Path::new(folder).join(name), "x").map_err(super::io)?;
        }
        let misbehaves = match (&self.counter, self.times) {
            (Some(counter), Some(times)) => append(counter, "x").map_err(super::io)? <= times,
            _ => true,
        };
        if !misbehaves {
            return Ok(None);
        }
        if let Some(path) = &self.grandchild {
            start_grandchild(path).map_err(super::io)?;
        }
        thread::sleep(Duration::from_millis(self.sleep_ms));
        let until = Instant::now() + Duration::from_millis(self.until_stop_ms);
        while Instant::now() < until {
            if reporter.should_stop() {
                return Ok(Some(Done {
                    stopped: true,
                    ..Done::default()
                }));
            }
            thread::sleep(Duration::from_millis(5));
        }
        if let Some(signal) = self.signal {
            end_self(signal).map_err(super::io)?;
        }
        assert!(!self.panic, "asked to panic");
        match self.fail.as_deref() {
            None => Ok(None),
            Some(kind) => Err(Failed {
                kind: if kind == "io" {
                    FailureKind::Io
                } else {
                    FailureKind::Wrong
                },
                message: format!("asked to fail: {kind}"),
                hint: Some("ask for something else".to_owned()),
            }),
        }
    }

    /// What comes after the work.
    pub fn finish(&self, request: &Request, done: &mut Done) -> io::Result<()> {
        if let (Some(name), Some(folder)) = (&self.checkpoint, &request.checkpoints) {
            let starts = fs::metadata(Path::new(folder).join(name))?.len();
            done.metrics.insert("resumed".to_owned(), starts as f64);
        }
        if self.no_output {
            fs::remove_dir_all(&request.output)?;
        }
        Ok(())
    }
}

/// Adds to a file; the length that it has then.
fn append(path: &Path, text: &str) -> io::Result<usize> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(text.as_bytes())?;
    Ok(file.metadata()?.len() as usize)
}

fn start_grandchild(path: &Path) -> io::Result<()> {
    let child = Command::new("setsid")
        .args(["sleep", "1000"])
        .stdin(Stdio::null())
        .spawn()?;
    fs::write(path, child.id().to_string())
}

fn end_self(signal: i32) -> io::Result<()> {
    let me = std::process::id().to_string();
    Command::new("kill")
        .args([format!("-{signal}"), me])
        .status()?;
    thread::sleep(Duration::from_secs(10));
    Ok(())
}
