//! The face for pipes, files and CI: whole lines, no control characters, nothing that moves.

use std::io::Write;

use pipe_schema::run::Line;

use super::{Face, lines::Lines};
use crate::track::Story;

/// Writes a line for each event that is worth one.
pub struct Plain<W> {
    out: W,
    lines: Lines,
}

impl<W: Write> Plain<W> {
    /// A face that writes to `out`, which leaves colours out where they do not belong.
    pub fn new(out: W, lines: Lines) -> Self {
        Self { out, lines }
    }
}

impl<W: Write> Face for Plain<W> {
    fn show(&mut self, line: &Line, story: &Story) {
        if let Some(text) = self.lines.hear(line, story) {
            // Whoever made the stream notes errors; they do not end the run.
            let _ = writeln!(self.out, "{text}");
            let _ = self.out.flush();
        }
    }
}
