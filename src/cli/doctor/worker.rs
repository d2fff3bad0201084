//! Whether the worker is there, speaks this pipe's protocol, and loads libtorch.

use std::{
    io::{self, Read},
    os::fd::OwnedFd,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use pipe_schema::{
    key::EnvironmentClass,
    protocol::{Event, Hello, PROTOCOL_VERSION, Request, Work},
};
use pipe_wire::{Channel, process};

use super::Check;
use crate::report::figures;

/// How long a worker may take to answer.
const PATIENCE: Duration = Duration::from_mins(1);
const REMEDY: &str = "build it with `make build`, or name it with PIPE_WORKER=/path/to/pipe-worker";

/// Asks the worker for its environment.
pub fn check(program: &Path) -> Vec<Check> {
    let place = program.display().to_string();
    if !program.is_file() {
        return vec![Check::fail(
            "worker",
            format!("there is none at {place}"),
            REMEDY,
        )];
    }
    let begin = Instant::now();
    match ask(program) {
        Ok(Answer::Environments(classes)) => {
            let time = figures::seconds(begin.elapsed().as_secs_f64());
            let mut checks = vec![Check::ok(
                "worker",
                format!("{place}, protocol {PROTOCOL_VERSION}, answers in {time}"),
            )];
            checks.extend(classes.iter().map(libtorch));
            if classes.is_empty() {
                checks.push(Check::fail(
                    "libtorch",
                    "the worker knows no device",
                    REMEDY,
                ));
            }
            checks
        }
        Ok(Answer::OtherProtocol(found)) => vec![Check::fail(
            "worker",
            format!("{place} speaks protocol {found}, this pipe {PROTOCOL_VERSION}"),
            "install pipe and pipe-worker of the same version",
        )],
        Ok(Answer::Refusal(text)) => {
            vec![Check::fail("worker", format!("{place}: {text}"), REMEDY)]
        }
        Ok(Answer::Death(errors)) => vec![death(&place, &errors)],
        Err(error) => vec![Check::fail(
            "worker",
            format!("{place} cannot be started: {error}"),
            REMEDY,
        )],
    }
}

enum Answer {
    Environments(Vec<EnvironmentClass>),
    OtherProtocol(u32),
    /// It could not do what was asked.
    Refusal(String),
    /// It ended without an answer; its standard error.
    Death(String),
}

fn ask(program: &Path) -> io::Result<Answer> {
    let (channel, theirs) = Channel::pair()?;
    let mut command = Command::new(program);
    command
        .arg("job")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    process::equip(&mut command, Some(OwnedFd::from(theirs)), None);
    let mut child = command.spawn()?;
    // The command holds the other end of the socket: without it gone, the worker's end would go unseen.
    drop(command);
    let answer = converse(channel);
    let errors = end(&mut child);
    match answer {
        Ok(Some(answer)) => Ok(answer),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            let patience = figures::seconds(PATIENCE.as_secs_f64());
            Ok(Answer::Refusal(format!("no answer within {patience}")))
        }
        Ok(None) | Err(_) => Ok(Answer::Death(errors)),
    }
}

fn converse(mut channel: Channel) -> io::Result<Option<Answer>> {
    channel.receiver.set_timeout(Some(PATIENCE))?;
    channel.sender.send(&Hello {
        protocol: PROTOCOL_VERSION,
    })?;
    let Some(hello) = channel.receiver.receive::<Hello>()? else {
        return Ok(None);
    };
    if hello.protocol != PROTOCOL_VERSION {
        return Ok(Some(Answer::OtherProtocol(hello.protocol)));
    }
    let folder = tempfile::tempdir()?;
    channel.sender.send(&Request {
        work: Work::Probe,
        inputs: std::collections::BTreeMap::new(),
        output: folder.path().display().to_string(),
        checkpoints: None,
        threads: 1,
        device: "cpu".to_owned(),
        until: None,
    })?;
    loop {
        match channel.receiver.receive::<Event>()? {
            Some(Event::Done(done)) => return Ok(Some(Answer::Environments(done.environments))),
            Some(Event::Failed(failed)) => return Ok(Some(Answer::Refusal(failed.message))),
            Some(_) => {}
            None => return Ok(None),
        }
    }
}

/// Ends the worker and gives what it wrote to standard error.
fn end(child: &mut Child) -> String {
    let mut errors = Vec::new();
    if let Some(mut stderr) = child.stderr.take() {
        // It leaves by itself when the socket closes; a kill makes sure of it.
        std::thread::sleep(Duration::from_millis(20));
        let _ = child.kill();
        let _ = stderr.read_to_end(&mut errors);
    }
    let _ = child.wait();
    String::from_utf8_lossy(&errors).trim().to_owned()
}

fn death(place: &str, errors: &str) -> Check {
    let line = errors.lines().last().unwrap_or("it ended without a word");
    if errors.contains("shared librar") || errors.contains(".so") {
        return Check::fail(
            "libtorch",
            format!("cannot be loaded: {line}"),
            "fetch it with `make setup` and build again with `make build`, or run `make install` again",
        );
    }
    Check::fail(
        "worker",
        format!("{place} ended without an answer: {line}"),
        REMEDY,
    )
}

fn libtorch(class: &EnvironmentClass) -> Check {
    let capability = class
        .compute_capability
        .as_ref()
        .map(|it| format!(" {it}"))
        .unwrap_or_default();
    Check::ok(
        "libtorch",
        format!(
            "{} on {}{capability}, {}",
            class.libtorch, class.device, class.cpu_capability
        ),
    )
}
