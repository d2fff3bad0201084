//! What became of runs: a run's story told from its log, and an index over all of them that can be rebuilt.
//! Observes; decides nothing.

pub mod story;
pub mod index;
mod uses;

pub use self::{
    index::Index,
    story::Story,
    uses::{StageUses, Uses},
};

#[cfg(test)]
mod tests;
