//! What became of runs: a run's story told from its log, and an index over all of them that can be rebuilt.
//! Observes; decides nothing.

pub mod story;
pub mod index;

pub use self::{index::Index, story::Story};

#[cfg(test)]
mod tests;
