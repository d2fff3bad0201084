//! Tests of the conversation of a job, within one process.

use std::{collections::BTreeMap, sync::Mutex};

use pipe_schema::protocol::Work;

use super::*;

/// Runs `handler` as a worker would and returns what the runner hears after the greeting.
/// The runner's end stays open: closing it would end this process, as it should end a worker.
fn hear(handler: Handler, say: &[Control]) -> Vec<Event> {
    let (mut ours, theirs) = Channel::pair().unwrap();
    let worker = thread::spawn(move || converse(theirs, |_| Vec::new(), handler).unwrap());
    let hello = Hello {
        protocol: PROTOCOL_VERSION,
    };
    ours.sender.send(&hello).unwrap();
    ours.sender.send(&request()).unwrap();
    for control in say {
        ours.sender.send(control).unwrap();
    }
    assert_eq!(ours.receiver.receive::<Hello>().unwrap().unwrap(), hello);
    let mut events = Vec::new();
    loop {
        let event = ours.receiver.receive::<Event>().unwrap().unwrap();
        let last = matches!(event, Event::Done(_) | Event::Failed(_));
        events.push(event);
        if last {
            break;
        }
    }
    worker.join().unwrap();
    std::mem::forget(ours);
    events
}

fn request() -> Request {
    Request {
        work: Work::Probe,
        inputs: BTreeMap::new(),
        output: String::new(),
        checkpoints: None,
        threads: 1,
        device: "cpu".to_owned(),
        until: None,
    }
}

#[test]
fn a_panic_is_a_failure_with_its_message() {
    let events = hear(|_, _| panic!("index 3 of {}", 2), &[]);
    let [Event::Failed(failed)] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(failed.kind, FailureKind::Bug);
    assert!(failed.message.contains("index 3 of 2"), "{failed:?}");
}

#[test]
fn stop_reaches_the_handler() {
    let events = hear(
        |_, reporter| {
            while !reporter.should_stop() {
                thread::sleep(Duration::from_millis(1));
            }
            Ok(Done {
                stopped: true,
                ..Done::default()
            })
        },
        &[Control::Stop],
    );
    assert!(matches!(&events[..], [Event::Done(done)] if done.stopped));
}

#[test]
fn what_is_no_number_is_never_sent() {
    let events = hear(
        |_, reporter| {
            reporter.metric("loss", 1, f64::NAN);
            reporter.metric("loss", 2, 0.5);
            let mut done = Done::default();
            done.metrics.insert("a".to_owned(), f64::INFINITY);
            done.metrics.insert("b".to_owned(), 1.0);
            Ok(done)
        },
        &[],
    );
    let [Event::Metric { step: 2, .. }, Event::Done(done)] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(done.metrics.keys().collect::<Vec<_>>(), ["b"]);
}

#[test]
fn progress_is_thinned_but_its_last_word_is_told() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&heard);
    let mut reporter = Reporter::new(
        move |event| sink.lock().unwrap().push(event),
        Arc::default(),
    );
    for done in 0..1000 {
        reporter.progress(done, 2000, "rows");
    }
    reporter.finish(Ok(Done::default()));
    let heard = heard.lock().unwrap();
    assert!(heard.len() < 500, "{} events", heard.len());
    assert!(
        matches!(heard[heard.len() - 2], Event::Progress { done: 999, .. }),
        "{heard:?}"
    );
}
