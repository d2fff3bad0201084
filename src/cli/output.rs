//! Standard output as commands write to it. Remembers the first error, so that no command ends well whose answer did not
//! arrive. Knows no command.

use std::{
    io::{self, ErrorKind, IsTerminal, Write},
    sync::{Arc, OnceLock},
};

use pipe_schema::text::one_line;
use pipe_wire::stdio::was_output_closed;
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::{Errno, write},
    stdio::stdout,
};

use crate::report::printable::printable;

/// Bytes of data that are held until a flush at most.
const MOST_HELD: usize = 32 << 10;

/// What became of all that was written.
#[derive(Clone, Debug, Default)]
pub struct Delivery(Arc<OnceLock<io::Error>>);

impl Delivery {
    /// The first error, unless it is that the reader has gone: then it knows all that it wanted to.
    pub fn failure(&self) -> Option<&io::Error> {
        self.0.get().filter(|it| it.kind() != ErrorKind::BrokenPipe)
    }

    fn note(&self, written: io::Result<()>) -> io::Result<()> {
        written.inspect_err(|error| {
            let code = error.raw_os_error();
            let copy = code.map_or_else(|| error.kind().into(), io::Error::from_raw_os_error);
            let _ = self.0.set(copy);
        })
    }
}

/// Standard output. Lines arrive one by one, the rest at a flush.
pub struct Output {
    held: Vec<u8>,
    /// Whether colours arrive; None where the bytes are handed on as they are.
    color: Option<bool>,
    delivery: Delivery,
}

impl Output {
    /// Takes text for people and JSON: what could play tricks with a terminal is written out.
    pub fn of_text(has_color: bool, delivery: Delivery) -> Self {
        Self::new(Some(has_color), delivery)
    }

    /// Takes what programs read: the bytes arrive as they are, unless a person would see them.
    pub fn of_data(delivery: Delivery) -> Self {
        let is_seen = io::stdout().is_terminal();
        Self::new(is_seen.then_some(false), delivery)
    }

    fn new(color: Option<bool>, delivery: Delivery) -> Self {
        Self {
            held: Vec::new(),
            color,
            delivery,
        }
    }

    /// Shows a line on a terminal in the place of the one before.
    pub fn overwrite(&mut self, text: &str) -> io::Result<()> {
        self.flush()?;
        let text = format!("\r\u{1b}[K{}", one_line(text));
        let sent = send(text.as_bytes());
        self.delivery.note(sent)
    }

    /// Hands on the first `length` bytes of what is held.
    fn release(&mut self, length: usize) -> io::Result<()> {
        let bytes: Vec<u8> = self.held.drain(..length).collect();
        let sent = match self.color {
            Some(has_color) => {
                let text = String::from_utf8_lossy(&bytes);
                send(printable(&text, has_color).as_bytes())
            }
            None => send(&bytes),
        };
        self.delivery.note(sent)
    }
}

/// Writes to the descriptor itself: the library's own stream takes a closed one for a good one.
fn send(mut bytes: &[u8]) -> io::Result<()> {
    if was_output_closed() && !bytes.is_empty() {
        return Err(Errno::BADF.into());
    }
    while !bytes.is_empty() {
        match write(stdout(), bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(length) => bytes = &bytes[length..],
            Err(Errno::INTR) => {}
            // Whoever shares the pipe may have made it non-blocking.
            Err(Errno::AGAIN) => {
                let _ = poll(&mut [PollFd::new(&stdout(), PollFlags::OUT)], None);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if let Some(end) = bytes.iter().rposition(|it| *it == b'\n') {
            self.release(self.held.len() - bytes.len() + end + 1)?;
        }
        if self.color.is_none() && self.held.len() > MOST_HELD {
            self.release(self.held.len())?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.release(self.held.len())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // Noted, and told when the command ends.
        let _ = self.flush();
    }
}
