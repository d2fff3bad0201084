//! The face for people at a terminal: ended stages scroll by, running ones move at the bottom.

mod display;

use std::{collections::HashMap, io};

use pipe_schema::run::{Event, Line};

use self::display::{Counts, Display};
use super::{
    Face, figures,
    lines::{Lines, how_far},
    printable::printable,
    style::{BOLD, BUSY, DIM, cut, padded, paint, width},
};
use crate::track::{
    Story,
    story::{Chapter, State, stage_of},
};

/// Columns of a bar, if the terminal has room for it.
const BAR: usize = 12;
/// Columns from which units are written out.
const WIDE: usize = 90;

/// A live display.
pub struct Terminal {
    lines: Lines,
    has_color: bool,
    columns: fn() -> usize,
    display: Display,
    /// Running stages with the first progress heard of, as (when, how far): what the time left is told from.
    running: HashMap<String, Option<(u64, u64)>>,
}

impl Terminal {
    /// A display on standard output; `columns` tells how wide the terminal is now.
    pub fn new(lines: Lines, has_color: bool, columns: fn() -> usize) -> io::Result<Self> {
        Ok(Self {
            lines,
            has_color,
            columns,
            display: Display::new()?,
            running: HashMap::new(),
        })
    }

    fn tinted(&self, text: &str) -> String {
        printable(text, self.has_color)
    }

    fn begin(&mut self, stage: &str) {
        let name_width = self.lines.name_width.min((self.columns)() / 3);
        let name = padded(&cut(stage, name_width.max(8)), name_width);
        self.display.begin(stage, self.tinted(&paint(BOLD, name)));
        self.running.insert(stage.to_owned(), None);
    }

    fn refresh(&mut self, stage: &str, at: u64, story: &Story) {
        let (Some(first), Some(chapter)) = (self.running.get_mut(stage), story.stages.get(stage))
        else {
            return;
        };
        if let (None, Some(progress)) = (&first, &chapter.progress) {
            *first = Some((at, progress.done));
        }
        let room = (self.columns)().saturating_sub(self.lines.name_width + 10);
        let message = message(chapter, *first, at, room);
        self.display.tell(stage, self.tinted(&message));
    }

    fn count(&self, story: &Story) {
        if self.running.is_empty() {
            return;
        }
        let count = |states: &[State]| states.iter().map(|it| story.count(*it)).sum();
        self.display.count(Counts {
            total: story.stages.len() as u64,
            ended: count(&[State::Done, State::Cached, State::Failed, State::Skipped]),
            running: count(&[State::Running]),
            cached: count(&[State::Cached]),
            failed: count(&[State::Failed]),
            has_color: self.has_color,
        });
    }
}

impl Face for Terminal {
    fn show(&mut self, line: &Line, story: &Story) {
        self.lines.columns = (self.columns)();
        if let Some(text) = self.lines.hear(line, story) {
            if let Some(stage) = stage_of(&line.event)
                && !matches!(
                    line.event,
                    Event::StageLog { .. } | Event::StageRetried { .. }
                )
                && self.running.remove(stage).is_some()
            {
                self.display.end(stage);
            }
            self.display.say(self.tinted(&text));
        }
        match &line.event {
            Event::StageStarted { stage, .. } => self.begin(stage),
            Event::StageProgress { stage, .. } | Event::StageMetric { stage, .. } => {
                self.refresh(stage, line.at, story);
                return;
            }
            Event::RunFinished(_) => {
                self.running.clear();
                self.display.finish();
                return;
            }
            _ => {}
        }
        self.count(story);
    }
}

/// A bar, then as much of how far the stage is as there is room for.
fn message(chapter: &Chapter, first: Option<(u64, u64)>, at: u64, room: usize) -> String {
    let parts = how_far(chapter, room >= WIDE);
    let mut text = String::new();
    let mut left = room;
    if let Some(progress) = chapter.progress.as_ref().filter(|it| it.total > 0)
        && room > BAR + 24
    {
        text = bar(progress.done, progress.total);
        text.push_str("  ");
        left -= BAR + 2;
    }
    let end = chapter
        .progress
        .as_ref()
        .zip(first)
        .and_then(|(progress, (since, from))| {
            let done = progress.done.checked_sub(from).filter(|&it| it > 0)?;
            let rest = progress
                .total
                .checked_sub(progress.done)
                .filter(|&it| it > 0)?;
            let per_unit = at.saturating_sub(since) as f64 / 1000.0 / done as f64;
            Some(format!("eta {}", figures::roughly(per_unit * rest as f64)))
        });
    // The time left stands last, but is worth more than a second metric.
    let reserved = end.as_ref().map_or(0, |it| width(it) + 2);
    let mut shown = Vec::new();
    for part in &parts {
        let needs = width(part) + 2;
        if needs + if shown.len() < 2 { 0 } else { reserved } <= left {
            left -= needs;
            shown.push(part.clone());
        }
    }
    if let Some(end) = end.filter(|it| width(it) <= left) {
        shown.push(paint(DIM, end));
    }
    text + &shown.join("  ")
}

fn bar(done: u64, total: u64) -> String {
    let filled = (done.min(total) as f64 / total as f64 * BAR as f64) as usize;
    format!(
        "{}{}",
        paint(BUSY, "━".repeat(filled)),
        paint(DIM, "─".repeat(BAR - filled))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::track::story::Progress;

    #[test]
    fn what_does_not_fit_is_left_out_from_the_end() {
        let mut chapter = Chapter {
            progress: Some(Progress {
                done: 5,
                total: 20,
                unit: "epochs".to_owned(),
            }),
            ..Chapter::default()
        };
        chapter.metrics.insert("val.loss".to_owned(), 0.25);
        chapter
            .metrics
            .insert("samples_per_second".to_owned(), 41_300.0);
        let at = |room| {
            anstream::adapter::strip_str(&message(&chapter, Some((0, 0)), 5000, room)).to_string()
        };
        assert_eq!(
            at(100),
            "━━━─────────  5/20 epochs  val.loss 0.25  41k samples/s  eta 15s"
        );
        assert_eq!(at(30), "5/20  val.loss 0.25  eta 15s");
        assert_eq!(at(14), "5/20  41k/s");
        assert_eq!(at(0), "");
    }
}
