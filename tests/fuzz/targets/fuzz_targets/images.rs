//! Calls the reader `images` with what libFuzzer makes up.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_readers::run("images", bytes));
