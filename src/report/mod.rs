//! Faces of a run's events: for terminals, for logs, for programs. They decide nothing; nobody but `cli` imports them.

pub mod figures;
pub mod slices;
pub mod printable;
pub mod style;
pub mod table;
pub mod stage;
pub mod lines;
pub mod failure;
pub mod summary;
pub mod json;
pub mod plain;
pub mod terminal;
pub mod page;

use pipe_schema::run::Line;

use crate::track::Story;

/// One way of showing a run while it goes on.
pub trait Face {
    /// Shows an event. `story` is what was told so far, with it.
    fn show(&mut self, line: &Line, story: &Story);
}

#[cfg(test)]
mod tests;
