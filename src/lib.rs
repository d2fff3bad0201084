//! `pipe`: the runner.
