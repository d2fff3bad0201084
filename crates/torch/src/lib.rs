//! Tensor work: networks, training, measuring, compressing, packaging. The only crate that names tch.
//! Does one piece of work at a time, from paths to paths; unaware of graphs, keys and the store.

// What several stages need.
pub mod error;
mod json;
pub mod request;
pub mod shim;
pub mod model;
pub mod rows;
pub mod loss;
pub mod measure;
pub mod optim;
pub mod metric;
pub mod answer;
pub mod inference;
mod threshold;
mod paired;

// The stages, and what else a worker is asked for. `job` finds the one that is meant.
pub mod train;
pub mod evaluate;
pub mod compress;
pub mod package;
pub mod predict;
pub mod probe;
pub mod confine;
pub mod job;

#[cfg(test)]
mod workshop;

#[cfg(test)]
mod seeded {
    //! libtorch's default generator belongs to the whole process: tests that draw from it take turns.

    use std::sync::{Mutex, MutexGuard, PoisonError};

    static GENERATOR: Mutex<()> = Mutex::new(());

    /// Seeds the generator and keeps other tests from it while the guard lives.
    pub fn seed(seed: i64) -> MutexGuard<'static, ()> {
        let guard = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
        tch::manual_seed(seed);
        guard
    }
}
