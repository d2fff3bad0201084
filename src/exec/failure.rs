//! From the end of a process to a failure in users' words. Starts nothing.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

use pipe_schema::{
    protocol::Exit,
    run::{Failure, FailureKind},
    scalar::ByteSize,
};
use rustix::io::Errno;

/// How many lines of the log a failure shows.
const TAIL_LINES: usize = 20;
/// How much of the log is read for them.
const TAIL_BYTES: u64 = 64 << 10;

/// A failure with nothing but words.
pub fn plain(kind: FailureKind, message: impl Into<String>, hint: Option<&str>) -> Failure {
    Failure {
        kind,
        message: message.into(),
        hint: hint.map(str::to_owned),
        tail: Vec::new(),
        log: None,
        alone: None,
    }
}

/// The failure of something that the system refused. `what` is a fragment: `its process could not be started`.
pub fn of_io(what: &str, error: &io::Error) -> Failure {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let hint = match Errno::from_io_error(error) {
        Some(Errno::NOSPC | Errno::DQUOT) => Some("free some space; nothing was published"),
        Some(Errno::MFILE | Errno::NFILE) => {
            Some("raise the limit of open files (`ulimit -n 4096`) or lower `--jobs`")
        }
        _ => None,
    };
    let message = format!("{what}: {}", text.to_lowercase());
    plain(FailureKind::Io, message, hint)
}

/// The failure of a process that ended as it should not have. `what` is who: `the command`, `the worker`.
pub fn of_exit(what: &str, exit: &Exit, memory: Option<u64>) -> Failure {
    if let (true, Some(bytes)) = (exit.is_over_memory, memory) {
        let most = ByteSize { bytes };
        return plain(
            FailureKind::Signal(9),
            format!(
                "{what} ran out of memory: its processes took more than `resources.memory`, {most}"
            ),
            Some("give it more, or let it start fewer processes at once"),
        );
    }
    if let Some(signal) = exit.signal {
        let hint = match signal {
            6 | 9 | 11 if memory.is_some() => Some(
                "`resources.memory` may be too small; if not, the kernel may have ended it for lack of memory",
            ),
            9 => Some(
                "the kernel ends processes this way when memory is short; `resources.memory` bounds them",
            ),
            _ => None,
        };
        let message = format!("{what} was ended by {}", signal_name(signal));
        return plain(FailureKind::Signal(signal), message, hint);
    }
    let code = exit.code.unwrap_or(-1);
    let hint = match code {
        126 => Some("it was found but could not be executed: check its permissions"),
        127 => Some("a program was not found: check its name and PATH"),
        _ => None,
    };
    plain(
        FailureKind::Exit(code),
        format!("{what} ended with code {code}"),
        hint,
    )
}

/// Adds the log's path and its last lines.
pub fn with_log(mut failure: Failure, log: &Path) -> Failure {
    failure.tail = tail(log);
    failure.log = Some(log.display().to_string());
    failure
}

/// Says that memory was short if a process that was bounded ended on an allocation, as the end of its log tells.
pub fn name_lack_of_memory(mut failure: Failure, what: &str, memory: Option<u64>) -> Failure {
    let is_refused = |line: &String| {
        line.starts_with("memory allocation of ") || line.contains("std::bad_alloc")
    };
    let (Some(bytes), FailureKind::Signal(6)) = (memory, failure.kind) else {
        return failure;
    };
    if failure.tail.iter().any(is_refused) {
        let most = ByteSize { bytes };
        failure.message =
            format!("{what} ran out of memory: it takes more than `resources.memory`, {most}");
        failure.hint = Some("give it more, or let it work on fewer rows or columns".to_owned());
    }
    failure
}

/// The last lines of a log, without empty ones at its end.
pub fn tail(log: &Path) -> Vec<String> {
    let Ok(bytes) = read_end(log) else {
        return Vec::new();
    };
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let start = lines.len().saturating_sub(TAIL_LINES);
    lines[start..].iter().map(|line| clean(line)).collect()
}

fn read_end(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What follows the last carriage return, without control characters: logs must not steer the terminal.
fn clean(line: &str) -> String {
    let shown = line.trim_end_matches('\r');
    let shown = shown.rsplit('\r').next().unwrap_or(shown);
    let stripped = anstream::adapter::strip_str(shown).to_string();
    stripped
        .chars()
        .filter(|&c| c == '\t' || !c.is_control())
        .collect()
}

/// `SIGSEGV (11)`, or the number alone.
pub fn signal_name(signal: i32) -> String {
    nix::sys::signal::Signal::try_from(signal).map_or_else(
        |_| format!("signal {signal}"),
        |name| format!("{} ({signal})", name.as_str()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_short_and_does_not_steer_the_terminal() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let lines: Vec<String> = (0..100).map(|i| format!("line {i}")).collect();
        let mut text = lines.join("\n");
        text.push_str("\n10%\r20%\r\x1b[31mred\x1b[0m\x07\n\n\n");
        std::fs::write(&log, text).unwrap();
        let tail = tail(&log);
        assert_eq!(tail.len(), TAIL_LINES);
        assert_eq!(tail[0], "line 81");
        assert_eq!(tail[TAIL_LINES - 1], "red");
    }

    #[test]
    fn a_full_disk_is_told_in_plain_words_with_a_remedy() {
        let error = io::Error::from_raw_os_error(Errno::NOSPC.raw_os_error());
        let failure = of_io("its output could not be kept", &error);
        assert_eq!(
            failure.message,
            "its output could not be kept: no space left on device"
        );
        assert!(failure.hint.unwrap().contains("free some space"));
    }

    #[test]
    fn an_allocation_beyond_resources_memory_is_told_as_lack_of_memory() {
        let aborted = |line: &str, memory| {
            let exit = Exit {
                code: None,
                signal: Some(6),
                cpu_seconds: 0.0,
                peak_bytes: 0,
                is_over_memory: false,
            };
            let mut failure = of_exit("the worker", &exit, memory);
            failure.tail = vec![line.to_owned()];
            name_lack_of_memory(failure, "the worker", memory).message
        };
        let line = "memory allocation of 249864000 bytes failed";
        assert_eq!(
            aborted(line, Some(600 << 20)),
            "the worker ran out of memory: it takes more than `resources.memory`, 600MiB"
        );
        for (line, memory) in [(line, None), ("an assertion failed", Some(600 << 20))] {
            assert_eq!(aborted(line, memory), "the worker was ended by SIGABRT (6)");
        }
    }

    #[test]
    fn a_signal_has_its_name() {
        let exit = Exit {
            code: None,
            signal: Some(11),
            cpu_seconds: 0.0,
            peak_bytes: 0,
            is_over_memory: false,
        };
        let failure = of_exit("the worker", &exit, None);
        assert_eq!(failure.message, "the worker was ended by SIGSEGV (11)");
        assert!(failure.kind.may_pass());
    }
}
