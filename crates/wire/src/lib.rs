//! The transport between runner and worker: JSON lines and descriptors over sockets, and the two ways to serve jobs.
//! Knows the protocol's frame; nothing of what a job computes, and nothing of stages or the store.
//!
//! A worker is a program whose `main` calls `zygote::serve(handler)` for `zygote` and `job::serve(handler)` for `job`.

pub mod stdio;
pub mod channel;
pub mod process;
pub mod spawn;
pub mod job;
pub mod memory;
pub mod zygote;

pub use channel::{Channel, Receiver, Sender};
pub use job::{Handler, Reporter};
