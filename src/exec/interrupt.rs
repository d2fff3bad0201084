//! Ctrl-C and its like, as messages. Knows no job.

use std::{
    io, thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, unbounded};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

/// How long a message may lie before it counts as not heard.
const DEAF: Duration = Duration::from_millis(500);
/// The exit code of a process that was interrupted.
const INTERRUPTED: i32 = 130;

/// From now on SIGINT, SIGTERM and SIGHUP no longer end this process; each is a message. Whoever hears none, because he reads
/// a large file, say, is ended by the next: what is on disk is whole at any moment, and the supervisor ends the rest.
pub fn watch() -> io::Result<Receiver<()>> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let (sender, receiver) = unbounded();
    thread::Builder::new()
        .name("interrupt".to_owned())
        .spawn(move || {
            let mut sent = Instant::now();
            for _ in signals.forever() {
                if !sender.is_empty() && sent.elapsed() > DEAF {
                    pipe_wire::process::leave(INTERRUPTED);
                }
                sent = Instant::now();
                if sender.send(()).is_err() {
                    break;
                }
            }
        })?;
    Ok(receiver)
}
