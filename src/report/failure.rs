//! A failed stage, drawn once: what happened, what to do, the last lines of its log, how to run it alone.

use std::path::Path;

use pipe_schema::{
    run::{Failure, FailureKind},
    text::{is_hidden, one_line},
};

use super::style::{BOLD, DIM, ERROR, HINT, paint};

/// Lines of the log that are shown.
const TAIL: usize = 20;

/// The drawing; ends with a line break. `again` stands between `pipe run` and the stage to run it again;
/// paths are named relative to `folder`.
pub fn draw(
    stage: &str,
    failure: &Failure,
    log: Option<&str>,
    again: &str,
    folder: &Path,
) -> String {
    let message = near(&failure.message, folder);
    let mut text = format!(
        "{} {} failed: {}\n",
        paint(ERROR, "error:"),
        paint(BOLD, stage),
        one_line(first_line(&message))
    );
    for line in message.lines().skip(1) {
        push(&mut text, "  ", &one_line(line));
    }
    let tail = &failure.tail[failure.tail.len().saturating_sub(TAIL)..];
    if !tail.is_empty() {
        let title = if tail.len() < 2 {
            "its last words:".to_owned()
        } else {
            format!("its last {} lines:", tail.len())
        };
        push(&mut text, "  ", &paint(DIM, title));
        for line in tail {
            push(
                &mut text,
                &format!("  {} ", paint(DIM, "│")),
                &printable(line),
            );
        }
    }
    if let Some(hint) = failure.hint.as_deref().or_else(|| usual_hint(failure.kind)) {
        let hint = one_line(hint);
        push(&mut text, "", &format!("{} {hint}", paint(HINT, "hint:")));
    }
    if let Some(log) = failure.log.as_deref().or(log) {
        let log = Path::new(log)
            .strip_prefix(folder)
            .unwrap_or(Path::new(log))
            .display();
        push(&mut text, "", &format!("{} {log}", paint(DIM, "log:")));
    }
    if let Some(command) = &failure.alone {
        push(
            &mut text,
            "",
            &format!("{} {command}", paint(DIM, "alone:")),
        );
    } else {
        push(
            &mut text,
            "",
            &format!("{} pipe run {again}{stage}", paint(DIM, "again:")),
        );
    }
    text
}

fn usual_hint(kind: FailureKind) -> Option<&'static str> {
    match kind {
        FailureKind::Timeout => Some("raise the stage's `timeout`, or give it less to do"),
        FailureKind::Signal(9) => Some(
            "it was killed: by somebody, or by the system for want of memory; `resources: {memory: …}` bounds it",
        ),
        FailureKind::Signal(_) => Some("it crashed; `retries: 1` tries again by itself"),
        FailureKind::Output => {
            Some("what a stage declares as output it must write, at the path it is given")
        }
        FailureKind::Bug => Some("this is a bug in pipe; please report it with the log"),
        FailureKind::Wrong
        | FailureKind::Exit(_)
        | FailureKind::Io
        | FailureKind::DamagedInput
        | FailureKind::Interrupted => None,
    }
}

/// A text with the paths below a folder as people type them there.
fn near(text: &str, folder: &Path) -> String {
    let lead = format!("{}/", folder.display());
    // `/` itself, and no folder, lead to every path.
    if lead.len() < 3 {
        return text.to_owned();
    }
    text.replace(&lead, "")
}

fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default()
}

fn push(text: &mut String, lead: &str, line: &str) {
    text.push_str(lead);
    text.push_str(line);
    text.push('\n');
}

/// A line of a program's log without what would move the cursor.
pub(super) fn printable(line: &str) -> String {
    let last = line
        .rsplit('\r')
        .find(|it| !it.is_empty())
        .unwrap_or_default();
    let last = anstream::adapter::strip_str(last).to_string();
    last.replace(|it: char| it != '\t' && is_hidden(it), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_why_and_how_to_go_on() {
        let failure = Failure {
            kind: FailureKind::Exit(3),
            message: "the command ended with exit code 3".to_owned(),
            hint: None,
            tail: (0..25).map(|it| format!("line {it}\u{1b}[2K")).collect(),
            log: Some("/home/me/artifacts/log/audit.log".to_owned()),
            alone: Some("cd x && sh -c 'exit 3'".to_owned()),
        };
        let text =
            anstream::adapter::strip_str(&draw("audit", &failure, None, "", Path::new("/home/me")))
                .to_string();
        assert!(
            text.starts_with("error: audit failed: the command ended with exit code 3\n"),
            "{text}"
        );
        assert!(text.contains("its last 20 lines:\n  │ line 5\n"), "{text}");
        assert!(!text.contains("line 4\n"), "{text}");
        assert!(
            text.ends_with("log: artifacts/log/audit.log\nalone: cd x && sh -c 'exit 3'\n"),
            "{text}"
        );
    }

    #[test]
    fn what_a_program_printed_cannot_move_the_cursor() {
        assert_eq!(printable("10%\r50%\r100%"), "100%");
        assert_eq!(printable("\u{1b}[31mred\u{7}"), "red");
    }
}
