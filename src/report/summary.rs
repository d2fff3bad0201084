//! What a run came to: failures, metrics beside what was before and the trivial baseline, where results lie, what to type next.

use std::path::Path;

use pipe_schema::{dataset::PositiveClass, report::Metrics, run::RunStatus, text::one_line};
use serde::{Deserialize, Serialize};

use super::{
    failure, figures,
    style::{BAD, BOLD, DIM, GOOD, HINT, PLAIN, WARN, padded, paint},
    table::Table,
};
use crate::{
    plan::shell::quote,
    track::story::{MovedAside, State, Story},
};

/// Metrics of a report that are shown.
const SHOWN: usize = 8;
/// Stages with notes that are named.
const MAX_NOTED: usize = 5;
/// Paths that were set aside and are named.
const MAX_SET_ASIDE: usize = 10;

/// All that the end of a run tells.
pub struct Summary<'a> {
    /// The stages that failed among others.
    pub story: &'a Story,
    pub tally: Tally,
    pub before: Option<&'a Story>,
    /// What stands between `pipe run` and a stage to run it again, with a space behind: the spec, where it must be named.
    pub again: &'a str,
    /// The folder that the user is in.
    pub folder: &'a Path,
    /// Metrics of the reports that took part.
    pub reports: Vec<Measured>,
    /// Stages whose results have notes.
    pub notes: Vec<NoteCount>,
    /// Where the results lie.
    pub results: Vec<Place>,
    /// Commands worth typing now.
    pub next: Vec<String>,
}

/// How a run ended, and how many stages came to which end.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub status: Option<RunStatus>,
    pub seconds: f64,
    pub ran: u64,
    pub cached: u64,
    /// Those that failed because the run was interrupted.
    pub stopped: u64,
    pub failed: u64,
    pub skipped: u64,
}

impl Tally {
    pub fn of(story: &Story) -> Self {
        let [ran, cached, failed, skipped] =
            [State::Done, State::Cached, State::Failed, State::Skipped].map(|it| story.count(it));
        let stopped = (story.stages.values().filter(|it| it.is_interrupted())).count() as u64;
        Self {
            status: story.status(),
            seconds: story.finished.as_ref().map_or(0.0, |it| it.seconds),
            ran,
            cached,
            stopped,
            failed: failed.saturating_sub(stopped),
            skipped,
        }
    }
}

/// A report's metrics.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measured {
    pub stage: String,
    pub metrics: Metrics,
    /// The same for the trivial prediction; empty where that is not known.
    pub baseline: Metrics,
    /// The class that figures of one class look for.
    #[serde(default)]
    pub positive: Option<PositiveClass>,
}

/// The number of notes that a stage's result has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteCount {
    pub stage: String,
    pub notes: u64,
    /// The command that shows them.
    pub command: String,
}

/// Where a result lies.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Place {
    pub path: String,
    pub bytes: u64,
}

impl Summary<'_> {
    /// The text, with an empty line first where something stands before the last line.
    pub fn render(&self, columns: usize) -> String {
        let mut text = self.failures() + &self.set_aside();
        let mut body = self.metrics(columns);
        let notes = self.notes();
        let has_more = !notes.is_empty() || !self.results.is_empty() || !self.next.is_empty();
        if has_more && !body.is_empty() {
            body.push('\n');
        }
        body.push_str(&notes);
        for (at, place) in self.results.iter().enumerate() {
            let lead = padded(if at == 0 { "result" } else { "" }, 8);
            let size = format!("({})", figures::bytes(place.bytes));
            body.push_str(&format!(
                "{}{} {}\n",
                paint(DIM, lead),
                paint(BOLD, &place.path),
                paint(DIM, size)
            ));
        }
        for (at, command) in self.next.iter().enumerate() {
            let lead = padded(if at == 0 { "next" } else { "" }, 8);
            body.push_str(&format!("{}{command}\n", paint(DIM, lead)));
        }
        if !body.is_empty() {
            text.push('\n');
            text.push_str(&body);
        }
        text + &self.last_line()
    }

    /// Each failed stage, drawn.
    pub fn failures(&self) -> String {
        let mut text = String::new();
        for (stage, chapter) in &self.story.stages {
            if let (State::Failed, false, Some(failure)) =
                (chapter.state, chapter.is_interrupted(), &chapter.failure)
            {
                text.push('\n');
                text.push_str(&failure::draw(
                    stage,
                    failure,
                    chapter.log.as_deref(),
                    self.again,
                    self.folder,
                ));
            }
        }
        text
    }

    /// What was in the way of outs, and how to have it back.
    pub fn set_aside(&self) -> String {
        let all: Vec<&MovedAside> = (self.story.stages.values())
            .flat_map(|chapter| &chapter.set_aside)
            .collect();
        let mut text = String::new();
        for moved in all.iter().take(MAX_SET_ASIDE) {
            let [path, kept] = [&moved.path, &moved.kept].map(|it| {
                let path = Path::new(it);
                path.strip_prefix(self.folder)
                    .unwrap_or(path)
                    .display()
                    .to_string()
            });
            let has_controls = [&path, &kept]
                .iter()
                .any(|it| it.contains(char::is_control));
            let way_back = if has_controls {
                let [kept, path] = [&kept, &path].map(|it| quote_controls(it));
                format!("`mv -- {kept} {path}` brings it back (in bash or zsh)")
            } else {
                format!("`mv -- {} {}` brings it back", quote(&kept), quote(&path))
            };
            let shown = if path.contains(char::is_control) {
                quote_controls(&path)
            } else {
                path
            };
            let difference = match one_line(&moved.difference) {
                text if text.is_empty() => String::new(),
                text => format!(" ({text})"),
            };
            text.push_str(&format!(
                "\n{} `{}` was in the way of an out and is not in the store{difference}: it was moved, and is kept for 30 days\n{} {way_back}\n",
                paint(WARN, "warning:"),
                failure::printable(&shown),
                paint(HINT, "hint:"),
            ));
        }
        if let Some(moved) = all.get(MAX_SET_ASIDE) {
            let folder = Path::new(&moved.kept).parent().unwrap_or(Path::new("."));
            let more = figures::plural((all.len() - MAX_SET_ASIDE) as u64, "more path");
            text.push_str(&format!(
                "{} {more} were moved to {}\n",
                paint(WARN, "warning:"),
                folder.display()
            ));
        }
        text
    }

    /// How many notes the results have, by stage, and how to read them.
    fn notes(&self) -> String {
        let Some(first) = self.notes.first() else {
            return String::new();
        };
        let mut counts: Vec<String> = (self.notes.iter().take(MAX_NOTED))
            .map(|noted| format!("{} on {}", figures::count(noted.notes), noted.stage))
            .collect();
        if self.notes.len() > MAX_NOTED {
            let (more, notes) = (self.notes[MAX_NOTED..].iter())
                .fold((0, 0), |(more, sum), noted| (more + 1, sum + noted.notes));
            let more = figures::plural(more, "more stage");
            counts.push(format!("{} on {more}", figures::count(notes)));
        }
        format!(
            "{}{} {}\n",
            paint(DIM, padded("notes", 8)),
            paint(WARN, counts.join(", ")),
            paint(DIM, format!("({})", first.command))
        )
    }

    fn metrics(&self, columns: usize) -> String {
        let mut table = Table::new(&["", "", "#", "#", "#"]);
        for report in &self.reports {
            let before = self.before.and_then(|it| it.metrics(&report.stage));
            for (at, (name, value)) in figures::telling(&report.metrics, SHOWN)
                .into_iter()
                .enumerate()
            {
                let old = before.and_then(|it| it.get(name)).copied();
                let change = old.and_then(|old| figures::difference(old, value));
                let style = match old.and_then(|old| figures::is_better(name, old, value)) {
                    Some(true) => GOOD,
                    Some(false) => BAD,
                    None => PLAIN,
                };
                let baseline = report.baseline.get(name);
                table.styled([
                    (
                        BOLD,
                        if at == 0 {
                            report.stage.clone()
                        } else {
                            String::new()
                        },
                    ),
                    (DIM, figures::titled(name, report.positive.as_ref())),
                    (PLAIN, figures::number(value)),
                    (style, change.unwrap_or_default()),
                    (
                        DIM,
                        baseline
                            .map(|it| format!("baseline {}", figures::number(*it)))
                            .unwrap_or_default(),
                    ),
                ]);
            }
        }
        table.render(columns)
    }

    fn last_line(&self) -> String {
        let tally = &self.tally;
        let counts: Vec<String> = [
            (tally.ran, "ran"),
            (tally.cached, "cached"),
            (tally.stopped, "stopped"),
            (tally.failed, "failed"),
            (tally.skipped, "skipped"),
        ]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{} {word}", figures::count(number)))
        .collect();
        let counts = counts.join(", ");
        let time = figures::seconds(tally.seconds);
        match tally.status {
            Some(RunStatus::Done) if tally.ran == 0 => {
                format!("{}: {counts} ({time})\n", paint(GOOD, "nothing to do"))
            }
            Some(RunStatus::Done) => format!("{} in {time}: {counts}\n", paint(GOOD, "done")),
            Some(RunStatus::Failed) => format!("{} after {time}: {counts}\n", paint(BAD, "failed")),
            Some(RunStatus::Interrupted) => {
                format!(
                    "{} after {time}: {counts}; what is finished is kept\n",
                    paint(WARN, "interrupted")
                )
            }
            None => format!("{}: {counts}\n", paint(WARN, "unfinished")),
        }
    }
}

/// A text as `$'…'`, in which a shell reads line breaks and the like by their number.
fn quote_controls(text: &str) -> String {
    let mut quoted = String::from("$'");
    for letter in text.chars() {
        match letter {
            '\\' | '\'' => quoted.extend(['\\', letter]),
            letter if letter.is_control() => {
                let mut bytes = [0; 4];
                for byte in letter.encode_utf8(&mut bytes).bytes() {
                    quoted.push_str(&format!("\\{byte:03o}"));
                }
            }
            letter => quoted.push(letter),
        }
    }
    quoted + "'"
}
