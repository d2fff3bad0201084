//! Calls the reader `package` with what libFuzzer makes up.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_readers::run("package", bytes));
