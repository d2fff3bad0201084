//! A command's thread: its output, its live metrics, its end. Knows nothing of keys and outputs.

use std::{
    io::{Read, Seek, SeekFrom},
    path::Path,
    time::Duration,
};

use pipe_data::regular;
use pipe_schema::{
    protocol::{Done, Exit},
    report::Metrics,
    run::{Failure, FailureKind},
};
use serde::Deserialize;

use super::{
    super::{CommandJob, CommandShell, Message, failure},
    attendant::Attendant,
    board::End,
    output::Output,
};

/// What a shell with `pipefail` ends with where a part of a pipeline was ended by SIGPIPE. Another attempt would end so, too.
const BROKEN_PIPE: i32 = 128 + 13;
/// How often live metrics are looked for.
const TICK: Duration = Duration::from_millis(100);
/// Runs its arguments one after another, each in a shell of its own, until one fails.
const EACH_LINE: &str = r#"for line do sh -c "$line" || exit; done"#;
/// The same in the bash that is named first.
const EACH_LINE_IN_BASH: &str =
    r#"bash=$1; shift; for line do "$bash" -euo pipefail -c "$line" || exit; done"#;
/// The same with the strict options that this `sh` has.
const EACH_LINE_STRICT: &str = r#"options=-eu
if (set -o pipefail) 2>/dev/null; then options='-euo pipefail'; fi
for line do sh $options -c "$line" || exit; done"#;

/// The program that runs these lines, and its arguments.
pub fn program(shell: &CommandShell, lines: &[String]) -> (String, Vec<String>) {
    let sh = || "/bin/sh".to_owned();
    let with_lines = |first: &[&str]| {
        let first = first.iter().map(|it| (*it).to_owned());
        first.chain(lines.iter().cloned()).collect()
    };
    match (shell, lines) {
        (CommandShell::Bash(bash), [_]) => (bash.clone(), with_lines(&["-euo", "pipefail", "-c"])),
        (CommandShell::Bash(bash), _) => {
            let first = ["-c", EACH_LINE_IN_BASH, "bash", bash.as_str()];
            (bash.clone(), with_lines(&first))
        }
        (CommandShell::Sh, _) => (sh(), with_lines(&["-c", EACH_LINE_STRICT, "sh"])),
        (CommandShell::PlainSh, [_]) => (sh(), with_lines(&["-c"])),
        (CommandShell::PlainSh, _) => (sh(), with_lines(&["-c", EACH_LINE, "sh"])),
    }
}

/// The words before a line that a user types to run it in this shell.
pub fn typed(shell: &CommandShell) -> &'static str {
    match shell {
        CommandShell::Bash(_) => "bash -euo pipefail -c",
        CommandShell::Sh => "sh -eu -c",
        CommandShell::PlainSh => "sh -c",
    }
}

/// Attends to a command until it and its output have ended.
pub fn attend(mut attendant: Attendant, command: &CommandJob, mut output: Output) {
    let mut metrics = MetricsFile::default();
    let mut trouble = None;
    while output.is_open() && !attendant.is_over() {
        if let Err(error) = output.pump(TICK, &mut |line| attendant.log(line)) {
            trouble = Some(failure::of_io("its output could not be kept", &error));
            break;
        }
        if output.is_open() {
            metrics.read(&command.metrics, &attendant);
        }
    }
    // A command that closed its output may work on.
    let end = loop {
        if attendant.is_over() || trouble.is_some() {
            break attendant.wait(Duration::ZERO);
        }
        if let Some(end) = attendant.wait_briefly(TICK) {
            break end;
        }
        metrics.read(&command.metrics, &attendant);
    };
    let _ = output.close(&mut |line| attendant.log(line));
    metrics.finish(&command.metrics, &attendant);
    let result = match (&end, trouble) {
        (_, Some(trouble)) => Err(trouble),
        (End::Exited(Exit { code: Some(0), .. }), None) => Ok(Done {
            metrics: metrics.last,
            ..Done::default()
        }),
        (end, None) => Err(failure_of(&attendant, end)),
    };
    attendant.finish(result);
}

/// A shell reports the signal that ended a program as 128 and its number.
fn failure_of(attendant: &Attendant, end: &End) -> Failure {
    let mut end = end.clone();
    if let End::Exited(exit) = &mut end
        && let Some(code @ 129..=159) = exit.code.filter(|code| *code != BROKEN_PIPE)
    {
        exit.signal = Some(code - 128);
        exit.code = None;
    }
    let mut failure = attendant.failure_of("the command", &end);
    if failure.kind == FailureKind::Exit(BROKEN_PIPE) {
        failure.hint = Some(
            "a part of a pipeline wrote on after the part behind it had ended, as before `| head`: let that read all, or write \
             `set +o pipefail` before it"
                .to_owned(),
        );
    }
    failure
}

/// A live metric as a command writes it.
#[derive(Deserialize)]
struct Line {
    name: String,
    step: Option<u64>,
    value: f64,
}

/// Bytes of live metrics that are read at once.
const METRICS_CHUNK: u64 = 1 << 20;
/// Bytes of live metrics that are read in all.
const MOST_METRICS: u64 = 256 << 20;
/// Bytes of a line that can be a metric.
const LONGEST_METRIC: usize = 64 << 10;
/// Values that are told; of those after them, the last one of each metric counts.
const MOST_VALUES: u64 = 100_000;
/// Metrics of different names.
const MOST_NAMES: usize = 1000;

/// What was read so far of the file of live metrics.
#[derive(Default)]
struct MetricsFile {
    offset: u64,
    pending: Vec<u8>,
    /// The line goes on that was too long to be a metric.
    is_within_long_line: bool,
    lines: u64,
    values: u64,
    last: Metrics,
    has_complained: bool,
}

impl MetricsFile {
    /// Tells the metrics that were added since, of many a part. Says whether there were any. A command that writes none has
    /// no such file.
    fn read(&mut self, path: &Path, attendant: &Attendant) -> bool {
        // A pipe that has its place would be waited for.
        if !path.is_file() {
            return false;
        }
        let Ok(mut file) = regular::open(path) else {
            return false;
        };
        let most = METRICS_CHUNK.min(MOST_METRICS.saturating_sub(self.offset));
        let is_read = file
            .seek(SeekFrom::Start(self.offset))
            .and_then(|_| file.take(most).read_to_end(&mut self.pending));
        let got = is_read.unwrap_or_default();
        self.offset += got as u64;
        if self.offset == MOST_METRICS && got > 0 {
            let most = MOST_METRICS >> 20;
            self.complain(attendant, || {
                format!("$PIPE_METRICS is read up to {most} MiB")
            });
        }
        if let Some(end) = self.pending.iter().rposition(|&byte| byte == b'\n') {
            let rest = self.pending.split_off(end + 1);
            let lines = std::mem::replace(&mut self.pending, rest);
            self.take(&lines, attendant);
        }
        if self.pending.len() > LONGEST_METRIC {
            let start = std::mem::take(&mut self.pending);
            self.take(&start, attendant);
            self.is_within_long_line = true;
        }
        got > 0
    }

    /// The same when nothing will be added: the last line may lack its end.
    fn finish(&mut self, path: &Path, attendant: &Attendant) {
        while self.read(path, attendant) {}
        let rest = std::mem::take(&mut self.pending);
        self.take(&rest, attendant);
    }

    /// Says once that something about the metrics is wrong.
    fn complain(&mut self, attendant: &Attendant, what: impl FnOnce() -> String) {
        if !std::mem::replace(&mut self.has_complained, true) {
            attendant.log(what());
        }
    }

    fn take(&mut self, lines: &[u8], attendant: &Attendant) {
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            if std::mem::take(&mut self.is_within_long_line) {
                self.is_within_long_line = !line.ends_with(b"\n");
                continue;
            }
            self.lines += 1;
            let number = self.lines;
            if line.len() > LONGEST_METRIC {
                let most = LONGEST_METRIC >> 10;
                let what = || format!("line {number} of $PIPE_METRICS is longer than {most} KiB");
                self.complain(attendant, what);
                continue;
            }
            match serde_json::from_slice::<Line>(line) {
                Ok(line) => {
                    self.note(line.name, line.step.unwrap_or(number), line.value, attendant);
                }
                Err(_) if line.trim_ascii().is_empty() => {}
                Err(error) => self.complain(attendant, || {
                    format!(
                        "line {number} of $PIPE_METRICS is no metric ({error}); one is written like {}",
                        r#"{"name": "loss", "step": 1, "value": 0.5}"#
                    )
                }),
            }
        }
    }

    fn note(&mut self, name: String, step: u64, value: f64, attendant: &Attendant) {
        if self.last.len() >= MOST_NAMES && !self.last.contains_key(&name) {
            let what = || {
                format!("$PIPE_METRICS has more than {MOST_NAMES} metrics: `{name}` is left out")
            };
            return self.complain(attendant, what);
        }
        self.last.insert(name.clone(), value);
        self.values += 1;
        if self.values > MOST_VALUES {
            let what = || {
                format!(
                    "$PIPE_METRICS has more than {MOST_VALUES} values: of those that follow, the last one of each metric is kept"
                )
            };
            return self.complain(attendant, what);
        }
        attendant.say(Message::Metric {
            job: attendant.job,
            name,
            step,
            value,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(shell: &CommandShell, lines: &[&str]) -> (i32, String) {
        let lines: Vec<String> = lines.iter().map(|it| (*it).to_owned()).collect();
        let (program, arguments) = program(shell, &lines);
        let output = std::process::Command::new(program).args(arguments).output();
        let output = output.unwrap();
        let code = output.status.code().unwrap();
        (code, String::from_utf8(output.stdout).unwrap())
    }

    #[test]
    fn lines_run_in_order_and_stop_at_the_first_failure() {
        let shells = [
            CommandShell::Bash("/bin/bash".to_owned()),
            CommandShell::Sh,
            CommandShell::PlainSh,
        ];
        for shell in shells {
            assert_eq!(run(&shell, &["echo one"]), (0, "one\n".to_owned()));
            assert_eq!(
                run(&shell, &["echo 'a  b'", "echo two; exit 3", "echo never"]),
                (3, "a  b\ntwo\n".to_owned()),
                "{shell:?}"
            );
        }
    }

    #[test]
    fn a_strict_shell_ends_at_what_fails_inside_a_line() {
        let bash = CommandShell::Bash("/bin/bash".to_owned());
        for line in ["false; true", "false\ntrue", ": $not_set; true"] {
            for shell in [&bash, &CommandShell::Sh] {
                assert_ne!(run(shell, &[line]).0, 0, "{shell:?} {line}");
                assert_ne!(run(shell, &["true", line]).0, 0, "{shell:?} {line}");
            }
            assert_eq!(run(&CommandShell::PlainSh, &[line]).0, 0, "{line}");
        }
        assert_eq!(run(&bash, &["exit 3 | cat"]).0, 3);
        assert_eq!(run(&bash, &["true", "exit 3 | cat"]).0, 3);
        assert_eq!(run(&bash, &["yes | head -n 1"]).0, BROKEN_PIPE);
        assert_eq!(run(&bash, &["false || true; if false; then :; fi"]).0, 0);
    }
}
