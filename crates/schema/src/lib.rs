//! All that is written to disk or crosses a process boundary. Types only: serde, no I/O, no clocks, no processes.
//!
//! Read from top to bottom: small words, the blocks of the language, what artifacts hold, what the store writes,
//! what runner and worker say to each other.

pub mod text;
pub mod reference;
pub mod remote;
pub mod scalar;
pub mod stage;
pub mod sweep;
pub mod promote;
pub mod dataset;
pub mod layer;
pub mod slot;
pub mod shape;
pub mod model;
pub mod report;
pub mod package;
pub mod manifest;
pub mod key;
pub mod record;
pub mod run;
pub mod protocol;
