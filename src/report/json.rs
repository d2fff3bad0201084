//! The face for programs: one event a line, as in the run's log.

use std::io::Write;

use pipe_schema::run::Line;

use super::Face;
use crate::track::Story;

/// Writes lines of `pipe_schema::run::Line`.
pub struct Json<W>(pub W);

impl<W: Write> Face for Json<W> {
    fn show(&mut self, line: &Line, _story: &Story) {
        // Whoever made the stream notes errors; they do not end the run.
        if serde_json::to_writer(&mut self.0, line).is_ok() {
            let _ = writeln!(self.0);
            let _ = self.0.flush();
        }
    }
}
