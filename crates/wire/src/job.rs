//! A job in a worker: the conversation on its socket, from `Hello` to `Done` or `Failed`.
//! Knows the order of messages; what a request means is the handler's business.

use std::{
    any::Any,
    os::unix::net::UnixStream,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use pipe_schema::{
    protocol::{Control, Done, Event, Failed, Hello, PROTOCOL_VERSION, Request},
    run::FailureKind,
};

use crate::{Channel, Receiver, process};

/// What a worker does with a request.
pub type Handler = fn(Request, &mut Reporter) -> Result<Done, Failed>;

/// What a worker does with a request while it has one thread, before anything else; what it returns is told to people.
pub type Preparation = fn(&Request) -> Vec<String>;

/// Progress is told at most this often; the last word on it always.
const PROGRESS_PAUSE: Duration = Duration::from_millis(50);

/// Serves one job on the socket that the process was started with, then ends the process.
pub fn serve(handler: Handler) -> ExitCode {
    serve_prepared(|_| Vec::new(), handler)
}

/// The same, with what comes before the process has a second thread.
pub fn serve_prepared(prepare: Preparation, handler: Handler) -> ExitCode {
    let served = process::take_socket()
        .map_err(Into::into)
        .and_then(|socket| converse(UnixStream::from(socket), prepare, handler));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Does a job over `socket`. Ends the process if the runner goes away meanwhile.
pub(crate) fn converse(socket: UnixStream, prepare: Preparation, handler: Handler) -> Result<()> {
    let Channel {
        mut sender,
        mut receiver,
    } = Channel::new(socket)?;
    let Some(hello) = receiver
        .receive::<Hello>()
        .context("reading the greeting")?
    else {
        return Ok(());
    };
    sender.send(&Hello {
        protocol: PROTOCOL_VERSION,
    })?;
    if hello.protocol != PROTOCOL_VERSION {
        bail!(
            "the runner speaks protocol {}, this worker {PROTOCOL_VERSION}",
            hello.protocol
        );
    }
    let Some(request) = receiver
        .receive::<Request>()
        .context("reading the request")?
    else {
        return Ok(());
    };
    for text in prepare(&request) {
        sender.send(&Event::Log { text })?;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    thread::Builder::new()
        .name("control".to_owned())
        .spawn(move || listen(receiver, &flag))?;

    let mut reporter = Reporter::new(
        // A failure to send means that the runner is gone; the control thread sees that, too.
        move |event| drop(sender.send(&event)),
        stop,
    );
    let result = catch_unwind(AssertUnwindSafe(|| handler(request, &mut reporter)));
    let result = result.unwrap_or_else(|panic| {
        Err(Failed {
            kind: FailureKind::Bug,
            message: format!("the worker panicked: {}", panic_text(panic.as_ref())),
            hint: Some("this is a bug in pipe; the log says where".to_owned()),
        })
    });
    reporter.finish(result);
    Ok(())
}

/// Hears what the runner says until it goes away; then there is nobody left to work for.
fn listen(mut receiver: Receiver, stop: &AtomicBool) {
    while let Ok(Some(Control::Stop)) = receiver.receive::<Control>() {
        stop.store(true, Ordering::Relaxed);
    }
    process::leave(1);
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

/// How a handler tells the runner how it goes, and hears that it should stop.
pub struct Reporter {
    send: Box<dyn FnMut(Event) + Send>,
    stop: Arc<AtomicBool>,
    told: Option<Instant>,
    /// Progress that was held back.
    held: Option<Event>,
}

impl Reporter {
    /// A reporter that hands events to `send`; `stop` is what `should_stop` answers.
    pub fn new(send: impl FnMut(Event) + Send + 'static, stop: Arc<AtomicBool>) -> Self {
        Self {
            send: Box::new(send),
            stop,
            told: None,
            held: None,
        }
    }

    /// A reporter to which nobody listens, for calls outside a job.
    pub fn silent() -> Self {
        Self::new(drop, Arc::default())
    }

    /// Tells how far the work is. Cheap: most calls send nothing.
    pub fn progress(&mut self, done: u64, total: u64, unit: &str) {
        let event = Event::Progress {
            done,
            total,
            unit: unit.to_owned(),
        };
        if done < total && self.told.is_some_and(|at| at.elapsed() < PROGRESS_PAUSE) {
            self.held = Some(event);
            return;
        }
        self.told = Some(Instant::now());
        self.held = None;
        (self.send)(event);
    }

    /// Tells a live metric. What is no number is left out: JSON has no word for it.
    pub fn metric(&mut self, name: &str, step: u64, value: f64) {
        if value.is_finite() {
            let name = name.to_owned();
            (self.send)(Event::Metric { name, step, value });
        }
    }

    /// Tells a line for people.
    pub fn log(&mut self, text: impl Into<String>) {
        let text = text.into();
        (self.send)(Event::Log { text });
    }

    /// Tells a line that belongs to the result: it is kept with it, and told again when the result is used.
    pub fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        (self.send)(Event::Note { text });
    }

    /// Whether the work should end now and keep its checkpoint.
    pub fn should_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn finish(&mut self, result: Result<Done, Failed>) {
        if let Some(event) = self.held.take() {
            (self.send)(event);
        }
        let event = match result {
            Ok(mut done) => {
                done.metrics.retain(|_, value| value.is_finite());
                done.measured.retain(|_, value| value.is_finite());
                Event::Done(done)
            }
            Err(failed) => Event::Failed(failed),
        };
        (self.send)(event);
    }
}

#[cfg(test)]
mod tests;
