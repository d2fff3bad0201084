//! How much memory and time the worker of a prediction may take, and what is said when it took all. Knows no package.

use std::time::Duration;

use pipe_schema::{
    run::{Failure, FailureKind},
    scalar::{self, ByteSize},
};
use serde_json::Value;

use crate::{exec::failure, report::figures};

/// The least that a worker needs before it has read anything.
const LEAST_MEMORY: u64 = 256 << 20;

/// The most memory and time of a worker.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub memory: u64,
    pub time: Duration,
}

impl Limits {
    /// Those that were given. Without a bound on memory, the worker may take half of the machine's.
    pub fn of(memory: Option<ByteSize>, time: scalar::Duration) -> Self {
        Self {
            memory: memory.map_or_else(half_of_memory, |size| size.bytes),
            time: Duration::from_millis(time.millis),
        }
    }

    /// The failure of a worker that was ended because its time was over.
    pub fn out_of_time(time: scalar::Duration) -> Failure {
        failure::plain(
            FailureKind::Timeout,
            format!("the predictions were not made within {time}"),
            Some(
                "`--timeout 12h` gives more time; a package whose program never ends is broken or hostile",
            ),
        )
    }

    /// Adds the remedy to a failure that may be for lack of memory.
    pub fn explain(&self, failure: Failure) -> Failure {
        let is_ended = matches!(failure.kind, FailureKind::Signal(6 | 9 | 11));
        if !is_ended && !failure.message.contains("not enough memory") {
            return failure;
        }
        let most = figures::bytes(self.memory);
        let hint = format!("it may take {most} of memory; `--max-memory SIZE` allows more");
        Failure {
            hint: Some(hint),
            ..failure
        }
    }
}

/// Reads `12h`, as in a spec.
pub fn parse_duration(text: &str) -> Result<scalar::Duration, String> {
    serde_json::from_value(Value::from(text))
        .map_err(|_| "write a number and a unit: `90s`, `10m`, `12h`".to_owned())
}

/// Reads `4GiB`, as in a spec.
pub fn parse_size(text: &str) -> Result<ByteSize, String> {
    let size: ByteSize = serde_json::from_value(Value::from(text))
        .map_err(|_| "write a number and a unit: `500MB`, `4GiB`".to_owned())?;
    if size.bytes < LEAST_MEMORY {
        let least = figures::bytes(LEAST_MEMORY);
        return Err(format!("a worker needs {least} at least"));
    }
    Ok(size)
}

fn half_of_memory() -> u64 {
    let info = rustix::system::sysinfo();
    let memory = (info.totalram as u64).saturating_mul(u64::from(info.mem_unit));
    (memory / 2).max(LEAST_MEMORY)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        memory: 4 << 30,
        time: Duration::from_secs(1),
    };

    fn hint(kind: FailureKind, message: &str) -> Option<String> {
        LIMITS
            .explain(failure::plain(kind, message, Some("other")))
            .hint
    }

    #[test]
    fn explain_names_max_memory_where_memory_may_be_short() {
        let hints = [
            hint(FailureKind::Signal(6), "the worker was ended by SIGABRT"),
            hint(
                FailureKind::Wrong,
                "not enough memory: you tried to allocate 8 bytes",
            ),
        ];
        for hint in hints {
            let hint = hint.unwrap();
            assert!(
                hint.contains("4.3 GB") && hint.contains("--max-memory"),
                "{hint}"
            );
        }
        let other = hint(FailureKind::Wrong, "rows.csv: is empty");
        assert_eq!(other.as_deref(), Some("other"));
    }

    #[test]
    fn parse_size_refuses_what_no_worker_can_do_with() {
        assert_eq!(parse_size("4GiB").unwrap().bytes, 4 << 30);
        assert!(parse_size("1MB").unwrap_err().contains("at least"));
        assert!(parse_size("much").is_err() && parse_duration("0s").is_err());
    }
}
