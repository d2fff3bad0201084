//! Fake worker.
fn main() {}
