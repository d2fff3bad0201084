//! The zygote as the runner drives it: forks, deaths, and the fork that must not be.

use std::{
    collections::BTreeMap,
    fs,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    process::{Child, Command, Stdio},
};

use pipe_schema::protocol::{
    Done, Event, Exit, Fork, Hello, PROTOCOL_VERSION, Request, Work, Zygote,
};
use pipe_wire::{Channel, process};

struct Fixture {
    zygote: Child,
    control: Channel,
    folder: tempfile::TempDir,
}

impl Fixture {
    fn new(env: &[(&str, &str)]) -> Self {
        let (control, theirs) = Channel::pair().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_fake-worker"));
        command
            .arg("zygote")
            .envs(env.iter().copied())
            .stdin(Stdio::null());
        process::equip(&mut command, Some(OwnedFd::from(theirs)), None);
        let zygote = command.spawn().unwrap();
        Self {
            zygote,
            control,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn fork(&mut self, job: u64) -> (Channel, i32) {
        let (channel, theirs) = Channel::pair().unwrap();
        let fork = Fork {
            job,
            log: self.log(job).to_str().unwrap().to_owned(),
            memory: None,
        };
        self.control
            .sender
            .send_with(&fork, &[theirs.as_fd()])
            .unwrap();
        match self.hear() {
            Zygote::Forked { job: forked, pid } => {
                assert_eq!(forked, job);
                (channel, pid)
            }
            other @ Zygote::Exited { .. } => panic!("{other:?}"),
        }
    }

    fn hear(&mut self) -> Zygote {
        self.control.receiver.receive().unwrap().unwrap()
    }

    fn exit(&mut self) -> Exit {
        match self.hear() {
            Zygote::Exited { exit, .. } => exit,
            other @ Zygote::Forked { .. } => panic!("{other:?}"),
        }
    }

    fn log(&self, job: u64) -> std::path::PathBuf {
        self.folder.path().join(format!("{job}.log"))
    }
}

fn probe(channel: &mut Channel, output: &Path) -> Option<Done> {
    let hello = Hello {
        protocol: PROTOCOL_VERSION,
    };
    channel.sender.send(&hello).unwrap();
    let request = Request {
        work: Work::Probe,
        inputs: BTreeMap::new(),
        output: output.to_str().unwrap().to_owned(),
        checkpoints: None,
        threads: 1,
        device: "cpu".to_owned(),
        until: None,
    };
    channel.sender.send(&request).unwrap();
    channel.receiver.receive::<Hello>().unwrap()?;
    while let Some(event) = channel.receiver.receive::<Event>().unwrap() {
        match event {
            Event::Done(done) => return Some(done),
            Event::Failed(failed) => panic!("{failed:?}"),
            _ => {}
        }
    }
    None
}

#[test]
fn each_request_gets_a_child_and_ends_with_its_usage() {
    let mut fixture = Fixture::new(&[]);
    let mut pids = Vec::new();
    for job in 1..4 {
        let (mut channel, pid) = fixture.fork(job);
        let done = probe(&mut channel, fixture.folder.path()).unwrap();
        assert_eq!(done.environments.len(), 1);
        let exit = fixture.exit();
        assert_eq!(exit.code, Some(0), "{exit:?}");
        assert!(exit.peak_bytes > 0, "{exit:?}");
        assert!(
            fs::read_to_string(fixture.log(job))
                .unwrap()
                .contains("fake worker: probe")
        );
        pids.push(pid);
    }
    pids.dedup();
    assert_eq!(pids.len(), 3);
}

#[test]
fn a_closed_control_socket_ends_the_zygote_and_a_closed_job_socket_its_child() {
    let mut fixture = Fixture::new(&[("FAKE", r#"{"sleep_ms": 60000}"#)]);
    let (channel, _) = fixture.fork(1);
    let mut idle = channel;
    idle.sender
        .send(&Hello {
            protocol: PROTOCOL_VERSION,
        })
        .unwrap();
    drop(idle);
    assert_eq!(fixture.exit().signal, None);

    let Fixture {
        mut zygote,
        control,
        ..
    } = fixture;
    drop(control);
    assert!(zygote.wait().unwrap().success());
}

#[test]
fn a_child_that_dies_is_told_with_its_signal() {
    let mut fixture = Fixture::new(&[("FAKE", r#"{"signal": 6}"#)]);
    let (mut channel, _) = fixture.fork(1);
    assert!(probe(&mut channel, fixture.folder.path()).is_none());
    assert_eq!(fixture.exit().signal, Some(6));
    // The zygote itself goes on.
    let (_channel, pid) = fixture.fork(2);
    assert!(pid > 0);
}

#[test]
fn a_zygote_with_threads_executes_afresh_instead_of_forking() {
    let mut fixture = Fixture::new(&[("FAKE_THREADS", "2")]);
    let (mut channel, pid) = fixture.fork(1);
    // What is executed afresh is called `job`, what is forked keeps the zygote's words.
    let words = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
    assert!(words.trim_end_matches('\0').ends_with("job"), "{words:?}");
    assert!(probe(&mut channel, fixture.folder.path()).is_some());
    assert_eq!(fixture.exit().code, Some(0));
}

#[test]
fn a_child_does_not_hold_the_sockets_of_others() {
    let mut fixture = Fixture::new(&[]);
    let (mut one, _) = fixture.fork(1);
    let (_two, _) = fixture.fork(2);
    assert!(probe(&mut one, fixture.folder.path()).is_some());
    assert_eq!(fixture.exit().code, Some(0));
    // Were the second child to hold the first one's socket, this would wait for ever.
    assert!(one.receiver.receive::<Event>().unwrap().is_none());
}
