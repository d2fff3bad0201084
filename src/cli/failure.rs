//! How a command ends: exit codes, and the one place where errors are printed.

use std::{
    fmt,
    io::{self, Write},
    process::ExitCode,
};

use anstyle::{AnsiColor, Style};

use pipe_schema::text::one_line;

use super::Context;
use crate::{
    report::{figures, printable::printable},
    spec::Diagnostics,
    store::StoreError,
};

/// A stage failed, or a file or the store could not be used.
pub const FAILED: u8 = 1;
/// Bad usage or a bad spec.
pub const USAGE: u8 = 2;
/// A bug in pipe.
pub const BUG: u8 = 70;
/// Ended by Ctrl-C or TERM.
pub const INTERRUPTED: u8 = 130;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// An error with a remedy. The message is a lowercase fragment in users' words.
#[derive(Debug)]
pub struct UserError {
    message: String,
    hint: Option<String>,
    code: u8,
}

impl UserError {
    /// What was asked for cannot be: exit code 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            code: USAGE,
        }
    }

    /// It was tried and did not work: exit code 1.
    pub fn failed(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            code: FAILED,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for UserError {}

/// A spec that has errors; they are drawn where errors are printed.
#[derive(Debug, thiserror::Error)]
#[error("the spec has errors")]
pub struct InvalidSpec(pub Diagnostics);

/// Prints what ended a command and gives its exit code.
pub fn print(error: &anyhow::Error, context: &Context) -> ExitCode {
    if is_broken_pipe(error) {
        return ExitCode::SUCCESS;
    }
    if let Some(InvalidSpec(found)) = error.downcast_ref::<InvalidSpec>() {
        write_error(found.render(context.color_error).trim_end(), context);
        let errors = figures::plural(found.n_errors() as u64, "error");
        write_error(
            &format!("\n{ERROR}error:{ERROR:#} {errors} in the spec"),
            context,
        );
        return ExitCode::from(USAGE);
    }
    let mut text = format!("{ERROR}error:{ERROR:#} {}", indented(&chain(error)));
    let user = error.downcast_ref::<UserError>();
    let store = error.chain().find_map(|it| it.downcast_ref::<StoreError>());
    let hint = user.and_then(|it| it.hint.clone());
    if let Some(hint) = hint.or_else(|| store.and_then(StoreError::hint)) {
        text.push_str(&format!("\n{HINT}hint:{HINT:#} {}", indented(&hint)));
    }
    write_error(&text, context);
    ExitCode::from(user.map_or(FAILED, |it| it.code))
}

/// Whether an error says that standard output could not be written.
pub fn is_of_output(error: &anyhow::Error, context: &Context) -> bool {
    let Some(failure) = context.delivery.failure() else {
        return false;
    };
    let mut causes = error
        .chain()
        .filter_map(|it| it.downcast_ref::<io::Error>());
    causes.any(|it| it.kind() == failure.kind())
}

/// Says that not all of a command's answer arrived. One that went well went wrong with that.
pub fn print_undelivered(error: &io::Error, code: ExitCode, context: &Context) -> ExitCode {
    let why = error.to_string();
    let why = why.split(" (os error").next().unwrap_or_default();
    let text = format!(
        "{ERROR}error:{ERROR:#} cannot write to standard output: {}\n\
         {HINT}hint:{HINT:#} what was done is kept; send the output to a place that takes it",
        why.to_lowercase()
    );
    write_error(&text, context);
    if code == ExitCode::SUCCESS {
        ExitCode::from(FAILED)
    } else {
        code
    }
}

/// A text whose further lines stand out from the first, so that no name in it can begin a line.
fn indented(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(one_line).collect();
    lines.join("\n  ")
}

/// Prints what clap says: help to standard output, bad usage to standard error.
pub fn print_usage(error: &clap::Error) -> ExitCode {
    match error.print() {
        _ if error.use_stderr() => ExitCode::from(USAGE),
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            print_undelivered(&error, ExitCode::SUCCESS, &Context::plain())
        }
        // Nothing is left to do where the reader has gone.
        _ => ExitCode::SUCCESS,
    }
}

/// A panic is a bug in pipe: say so, say how to report it, exit with 70.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("no message");
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        let version = env!("CARGO_PKG_VERSION");
        let _ = writeln!(
            io::stderr(),
            "error: this is a bug in pipe {version}: {message} ({place})\n\
             hint: nothing in the store is lost; please report these two lines with the command that was typed\n\
             {}",
            std::backtrace::Backtrace::capture()
        );
        std::process::exit(i32::from(BUG));
    }));
}

/// The chain of causes on one line; a cause that the line already tells is left out.
fn chain(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        if line.is_empty() {
            line = text;
        } else if !tells(&line, &text) {
            line = format!("{line}: {text}");
        }
    }
    line
}

/// Whether a line has a cause already, perhaps without the system's number of it.
fn tells(line: &str, cause: &str) -> bool {
    let cause = cause.split(" (os error").next().unwrap_or(cause);
    line.to_lowercase().contains(&cause.to_lowercase())
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|it| it.downcast_ref::<io::Error>())
        .any(|it| it.kind() == io::ErrorKind::BrokenPipe)
}

/// Says what is no error, and what to do about it.
pub fn warn(text: &str, hint: &str, context: &Context) {
    let text = format!(
        "{WARNING}warning:{WARNING:#} {}\n{HINT}hint:{HINT:#} {}",
        indented(text),
        indented(hint)
    );
    write_error(&text, context);
}

/// Writes to standard error, without colours where it does not take them.
pub fn write_error(text: &str, context: &Context) {
    let text = printable(text, context.color_error);
    // Nobody is left to hear of it.
    let _ = writeln!(io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Ends its process, so it starts itself once more and lets the bug happen there.
    #[test]
    fn a_bug_in_pipe_ends_with_70_and_says_how_to_report_it() {
        const IS_CHILD: &str = "PIPE_TEST_BUG";
        if std::env::var_os(IS_CHILD).is_some() {
            install_panic_hook();
            // A thread's panic counts as much as one of the main thread.
            let _ = std::thread::spawn(|| panic!("an invariant broke")).join();
            return;
        }
        let name = "cli::failure::tests::a_bug_in_pipe_ends_with_70_and_says_how_to_report_it";
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(IS_CHILD, "1")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(i32::from(BUG)), "{output:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains("this is a bug in pipe"), "{text}");
        assert!(text.contains("an invariant broke (src/cli/failure.rs:"));
        assert!(text.contains("hint: nothing in the store is lost"));
    }
}
