//! A worker job's thread: greeting, request, events, end. Knows the order of messages, not what is computed.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use pipe_schema::{
    protocol::{Done, Event, Failed, Hello, PROTOCOL_VERSION, Request},
    run::{Failure, FailureKind},
};
use pipe_wire::{Channel, Receiver};

use super::{
    super::{InputCheck, Message, failure},
    attendant::Attendant,
    bounds::{LineQuota, cut_log},
    output::Output,
};

/// How often the thread looks up from the socket.
const TICK: Duration = Duration::from_millis(100);
/// How often the length of a log is looked at that a worker writes by itself, and from which one on it is cut meanwhile.
const LOOK: Duration = Duration::from_secs(1);
const LONG_LOG: u64 = 64 << 20;
/// How long a worker may take to end after its last word.
const PATIENCE: Duration = Duration::from_secs(10);

/// Attends to a worker until it has ended. `output` is its standard error, where that is not written to the log directly.
pub fn attend(
    mut attendant: Attendant,
    channel: Channel,
    (request, check): (&Request, Option<Arc<dyn InputCheck>>),
    mut output: Option<Output>,
) {
    let Channel {
        mut sender,
        receiver,
    } = channel;
    let hello = Hello {
        protocol: PROTOCOL_VERSION,
    };
    if let Some(Err(failure)) = check.map(|check| check.read()) {
        // Who hears nothing more has nothing to do.
        drop((sender, receiver));
        attendant.wait(PATIENCE);
        return attendant.finish(Err(failure));
    }
    // If the worker is gone already, its end says more than the error here.
    let _ = sender.send(&hello).and_then(|()| sender.send(request));
    attendant.board.set_control(attendant.job, sender);

    let answer = converse(&mut attendant, receiver, &mut output);
    let patience = if answer.is_ok() {
        PATIENCE
    } else {
        Duration::ZERO
    };
    let end = match &answer {
        Err(Silence::Closed) => attendant.wait(PATIENCE),
        _ => attendant.wait(patience),
    };
    if let Some(output) = &mut output {
        let _ = output.pump(Duration::ZERO, &mut |line| attendant.log(line));
        let _ = output.close(&mut |line| attendant.log(line));
    } else {
        let _ = cut_log(attendant.log_path(), 0);
    }
    let result = match answer {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(failed)) => Err(of_failed(failed)),
        Err(Silence::Closed) => Err(attendant.failure_of("the worker", &end)),
        Err(Silence::Nonsense(what)) => Err(failure::plain(
            FailureKind::Bug,
            what,
            Some("pipe and pipe-worker must be of the same version"),
        )),
    };
    attendant.finish(result);
}

/// Why there is no answer.
enum Silence {
    /// The worker went away.
    Closed,
    /// What it said is not understood.
    Nonsense(String),
}

fn converse(
    attendant: &mut Attendant,
    mut receiver: Receiver,
    output: &mut Option<Output>,
) -> Result<Result<Done, Failed>, Silence> {
    receiver
        .set_timeout(Some(TICK))
        .map_err(|error| Silence::Nonsense(format!("its socket fails: {error}")))?;
    let mut is_greeted = false;
    let mut quota = LineQuota::default();
    let mut looked = Instant::now();
    loop {
        if let Some(output) = output {
            let _ = output.pump(Duration::ZERO, &mut |line| attendant.log(line));
        } else if looked.elapsed() > LOOK {
            looked = Instant::now();
            // There may be none.
            let _ = cut_log(attendant.log_path(), LONG_LOG);
        }
        let received = if is_greeted {
            receiver.receive::<Event>()
        } else {
            let greeting = receiver.receive::<Hello>();
            greeting.and_then(|hello| hello.as_ref().map(check).transpose())
        };
        match received {
            Ok(Some(Event::Done(done))) => return Ok(Ok(done)),
            Ok(Some(Event::Failed(failed))) => return Ok(Err(failed)),
            Ok(Some(_)) if !is_greeted => is_greeted = true,
            Ok(Some(event)) => forward(attendant, event, &mut quota),
            Ok(None) => return Err(Silence::Closed),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if attendant.is_over() {
                    return Err(Silence::Closed);
                }
            }
            Err(error) => {
                return Err(Silence::Nonsense(format!(
                    "the worker's words are not understood: {error}"
                )));
            }
        }
    }
}

/// The greeting stands for an event that says nothing.
fn check(hello: &Hello) -> io::Result<Event> {
    if hello.protocol == PROTOCOL_VERSION {
        return Ok(Event::Log {
            text: String::new(),
        });
    }
    Err(io::Error::other(format!(
        "it speaks protocol {}, pipe speaks {PROTOCOL_VERSION}",
        hello.protocol
    )))
}

fn forward(attendant: &Attendant, event: Event, quota: &mut LineQuota) {
    let job = attendant.job;
    attendant.say(match event {
        Event::Progress { done, total, unit } => Message::Progress {
            job,
            done,
            total,
            unit,
        },
        Event::Metric { name, step, value } => Message::Metric {
            job,
            name,
            step,
            value,
        },
        Event::Log { text } => match quota.admit(text, "… it says more than is kept") {
            Some(text) => Message::Log { job, text },
            None => return,
        },
        Event::Note { text } => match quota.admit(text, "… it says more than is kept") {
            Some(text) => Message::Note { job, text },
            None => return,
        },
        Event::Done(_) | Event::Failed(_) => return,
    });
}

fn of_failed(failed: Failed) -> Failure {
    Failure {
        hint: failed.hint,
        ..failure::plain(failed.kind, failed.message, None)
    }
}
