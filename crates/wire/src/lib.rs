//! The transport between runner and worker.
