//! Calls the reader `run_log` with what libFuzzer makes up.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_readers::run("run_log", bytes));
