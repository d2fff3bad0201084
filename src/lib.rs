//! `pipe`: the runner. Read from top to bottom: each module may import only those above it.

pub mod bounded;
pub mod threads;
pub mod protected;
pub mod spec;
pub mod plan;
pub mod import;
pub mod graph;
pub mod key;
pub mod store;
pub mod fetch;
pub mod exec;
pub mod schedule;
pub mod track;
pub mod report;
pub mod cli;
