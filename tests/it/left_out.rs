//! Tests that cannot run on this machine. Each says why, so that a passing run does not hide them.

use std::{
    env,
    fs::OpenOptions,
    io::{self, Write},
};

/// Names the file to which tests append one line when they are left out. `.ci/run` prints it.
const LIST: &str = "PIPE_TEST_LEFT_OUT";
/// Makes a missing tool a failure. CI sets it.
const STRICT: &str = "PIPE_TEST_STRICT";

/// Records that `test` is left out because the kernel lacks a feature, or refuses it to this user.
pub fn for_lack_of_kernel_feature(test: &str, reason: &str) {
    record(test, reason).expect("the list of tests that are left out can be written");
}

/// Records that `test` is left out because a program is not installed.
///
/// # Panics
/// In strict mode: a program can be installed.
pub fn for_lack_of_tool(test: &str, reason: &str, remedy: &str) {
    assert!(
        env::var_os(STRICT).is_none(),
        "{test} cannot run: {reason}; {remedy}, or unset {STRICT}"
    );
    record(test, reason).expect("the list of tests that are left out can be written");
}

fn record(test: &str, reason: &str) -> io::Result<()> {
    let line = format!("left out: {test}: {}\n", reason.trim());
    eprint!("{line}");
    if let Some(path) = env::var_os(LIST) {
        // One write of a short line to a file opened for appending: tests of several processes do not mix their lines.
        let mut list = OpenOptions::new().create(true).append(true).open(path)?;
        list.write_all(line.as_bytes())?;
    }
    Ok(())
}
