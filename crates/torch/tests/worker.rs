//! The worker as a process: what the runner relies on, and what people type.

use std::{
    fs,
    os::{fd::AsFd, unix::net::UnixStream},
    process::{Child, Command, Stdio},
};

use pipe_schema::protocol::{Event, Fork, Hello, PROTOCOL_VERSION, Request, Work, Zygote};
use pipe_wire::{Channel, process};

const WORKER: &str = env!("CARGO_BIN_EXE_pipe-worker");

fn start(mode: &str) -> (Channel, Child) {
    let (ours, theirs) = Channel::pair().unwrap();
    let mut command = Command::new(WORKER);
    command.arg(mode).stdin(Stdio::null());
    process::equip(&mut command, Some(theirs.into()), None);
    (ours, command.spawn().unwrap())
}

fn probe() -> Request {
    Request {
        work: Work::Probe,
        inputs: [].into(),
        output: "/nonexistent".to_owned(),
        checkpoints: None,
        threads: 1,
        device: "cpu".to_owned(),
        until: None,
    }
}

/// Sends a request and gives the last event.
fn ask(job: &mut Channel, request: &Request) -> Event {
    let hello = Hello {
        protocol: PROTOCOL_VERSION,
    };
    job.sender.send(&hello).unwrap();
    assert_eq!(job.receiver.receive::<Hello>().unwrap(), Some(hello));
    job.sender.send(request).unwrap();
    loop {
        match job.receiver.receive::<Event>().unwrap() {
            Some(event @ (Event::Done(_) | Event::Failed(_))) => return event,
            Some(_) => {}
            None => panic!("the worker went away"),
        }
    }
}

fn threads(pid: u32) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("Threads:"));
    line.unwrap().to_owned()
}

#[test]
fn zygote_forks_jobs_and_keeps_a_single_thread() {
    let (mut control, mut zygote) = start("zygote");
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    for job in 1..=3 {
        let (mut ours, theirs) = Channel::pair().unwrap();
        let fork = Fork {
            job,
            log: log.to_str().unwrap().to_owned(),
            memory: None,
        };
        let theirs: UnixStream = theirs;
        control.sender.send_with(&fork, &[theirs.as_fd()]).unwrap();
        drop(theirs);
        let Some(Zygote::Forked { pid, .. }) = control.receiver.receive().unwrap() else {
            panic!("not forked");
        };
        let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
        assert!(command.contains("zygote"), "executed afresh: {command}");
        let Event::Done(done) = ask(&mut ours, &probe()) else {
            panic!("no answer");
        };
        assert_eq!(done.environments[0].device, "cpu");
        drop(ours);
        let Some(Zygote::Exited { job: ended, .. }) = control.receiver.receive().unwrap() else {
            panic!("not reaped");
        };
        assert_eq!(ended, job);
        assert_eq!(threads(zygote.id()), "Threads:\t1");
    }
    drop(control);
    assert!(zygote.wait().unwrap().success());
}

#[test]
fn job_that_cannot_be_done_says_so() {
    let (mut channel, mut job) = start("job");
    let request = Request {
        device: "abacus".to_owned(),
        work: Work::Stage(
            serde_json::from_value(serde_json::json!({"train": {
                "data": "prepare", "model": {"mlp": {"hidden": []}}, "loss": "mse", "epochs": 1,
            }}))
            .unwrap(),
        ),
        ..probe()
    };
    let Event::Failed(failed) = ask(&mut channel, &request) else {
        panic!("done");
    };
    assert_eq!(failed.message, "a request for device `abacus`");
    assert!(job.wait().unwrap().success());
}

#[test]
fn people_get_a_version_a_probe_and_the_usage() {
    let run = |arguments: &[&str]| Command::new(WORKER).args(arguments).output().unwrap();
    let version = run(&["--version"]);
    let text = String::from_utf8(version.stdout).unwrap();
    assert!(
        text.starts_with("pipe-worker ") && text.contains("libtorch"),
        "{text}"
    );
    let found: serde_json::Value = serde_json::from_slice(&run(&["probe"]).stdout).unwrap();
    assert_eq!(found[0]["precision"], "f32");
    let nothing = run(&[]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(
        String::from_utf8(nothing.stderr)
            .unwrap()
            .contains("pipe-worker probe")
    );
    let alone = run(&["job"]);
    assert!(!alone.status.success());
}
