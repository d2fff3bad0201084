//! The face for people at a terminal: ended stages scroll by, running ones move at the bottom.

use std::{collections::HashMap, time::Duration};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use pipe_schema::run::{Event, Line};

use super::{
    Face, figures,
    lines::{Lines, how_far},
    style::{BOLD, BUSY, DIM, cut, padded, paint, width},
};
use crate::track::story::{Chapter, State, stage_of};

/// How often something moves.
const TICK: Duration = Duration::from_millis(120);
/// Running stages that are shown; more are counted.
const SHOWN: usize = 12;
/// Columns of a bar, if the terminal has room for it.
const BAR: usize = 12;
/// Columns from which units are written out.
const WIDE: usize = 90;

/// A live display.
pub struct Terminal {
    lines: Lines,
    has_color: bool,
    columns: fn() -> usize,
    display: MultiProgress,
    footer: ProgressBar,
    running: HashMap<String, Running>,
}

struct Running {
    bar: ProgressBar,
    /// The first progress heard of, as (when, how far): what the time left is told from.
    first: Option<(u64, u64)>,
}

impl Terminal {
    /// A display on standard output; `columns` tells how wide the terminal is now.
    pub fn new(lines: Lines, has_color: bool, columns: fn() -> usize) -> Self {
        let display = MultiProgress::with_draw_target(ProgressDrawTarget::stdout_with_hz(15));
        let footer = display.add(ProgressBar::new_spinner().with_style(style("{wide_msg}")));
        Self {
            lines,
            has_color,
            columns,
            display,
            footer,
            running: HashMap::new(),
        }
    }

    fn tinted(&self, text: String) -> String {
        if self.has_color {
            text
        } else {
            anstream::adapter::strip_str(&text).to_string()
        }
    }

    fn begin(&mut self, stage: &str) {
        if self.running.contains_key(stage) || self.running.len() >= SHOWN {
            return;
        }
        let bar = ProgressBar::new_spinner()
            .with_style(style("{spinner} {prefix} {elapsed:>4}  {wide_msg}"));
        let bar = self.display.insert_before(&self.footer, bar);
        let name_width = self.lines.name_width.min((self.columns)() / 3);
        let name = padded(&cut(stage, name_width.max(8)), name_width);
        bar.set_prefix(self.tinted(paint(BOLD, name)));
        bar.enable_steady_tick(TICK);
        // Where nothing runs, nothing moves.
        if self.running.is_empty() {
            self.footer.enable_steady_tick(TICK);
        }
        self.running
            .insert(stage.to_owned(), Running { bar, first: None });
    }

    fn end(&mut self, stage: &str) {
        if let Some(running) = self.running.remove(stage) {
            running.bar.finish_and_clear();
            self.display.remove(&running.bar);
        }
    }

    fn refresh(&mut self, stage: &str, at: u64) {
        let name_width = self.lines.name_width;
        let Some(running) = self.running.get_mut(stage) else {
            return;
        };
        let Some(chapter) = self.lines.story.stages.get(stage) else {
            return;
        };
        if let (None, Some(progress)) = (running.first, &chapter.progress) {
            running.first = Some((at, progress.done));
        }
        let room = (self.columns)().saturating_sub(name_width + 10);
        let message = message(chapter, running.first, at, room);
        let message = self.tinted(message);
        if let Some(running) = self.running.get(stage) {
            running.bar.set_message(message);
        }
    }

    fn count(&self) {
        if self.running.is_empty() {
            return;
        }
        let story = &self.lines.story;
        let total = story.stages.len() as u64;
        let [ran, cached, failed, skipped, running] = [
            State::Done,
            State::Cached,
            State::Failed,
            State::Skipped,
            State::Running,
        ]
        .map(|it| story.count(it));
        let mut words = vec![format!(
            "{} of {}",
            ran + cached + failed + skipped,
            figures::plural(total, "stage")
        )];
        for (number, word) in [(running, "running"), (cached, "cached"), (failed, "failed")] {
            if number > 0 {
                words.push(format!("{number} {word}"));
            }
        }
        self.footer
            .set_message(self.tinted(paint(DIM, words.join(" · "))));
    }
}

impl Face for Terminal {
    fn show(&mut self, line: &Line) {
        self.lines.columns = (self.columns)();
        if let Some(text) = self.lines.hear(line) {
            if let Some(stage) = stage_of(&line.event)
                && !matches!(
                    line.event,
                    Event::StageLog { .. } | Event::StageRetried { .. }
                )
            {
                self.end(stage);
            }
            // A terminal that has gone does not end the run.
            let _ = self.display.println(self.tinted(text));
        }
        match &line.event {
            Event::StageStarted { stage, .. } => self.begin(stage),
            Event::StageProgress { stage, .. } | Event::StageMetric { stage, .. } => {
                self.refresh(stage, line.at);
                return;
            }
            Event::RunFinished(_) => {
                self.running.clear();
                self.footer.finish_and_clear();
                let _ = self.display.clear();
                return;
            }
            _ => {}
        }
        self.count();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.footer.finish_and_clear();
        let _ = self.display.clear();
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

fn style(template: &str) -> ProgressStyle {
    // The templates are constants of this file; a bad one falls back to indicatif's own.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
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

    #[test]
    fn templates_are_understood() {
        for template in ["{wide_msg}", "{spinner} {prefix} {elapsed:>4}  {wide_msg}"] {
            assert!(ProgressStyle::with_template(template).is_ok());
        }
    }
}
