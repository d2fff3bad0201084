//! The lines that tell a run to people, one for each event that is worth one. Faces decide where they go.

use indexmap::IndexMap;
use pipe_schema::{
    run::{Event, Line},
    text::one_line,
};

use super::{
    figures, stage,
    style::{DIM, WARN, cut, padded, paint, width},
};
use crate::{
    key::reason,
    track::story::{Chapter, Story},
};

/// Stages beyond which those found in the store are only counted.
pub const LISTED: usize = 30;
/// Milliseconds between two lines on how far a stage is.
const PATIENCE: u64 = 10_000;
/// Columns that a name may take of a table.
const LONGEST_NAME: usize = 28;

/// A run as lines.
pub struct Lines {
    /// The run before this one, for differences.
    before: Option<Story>,
    pub columns: usize,
    pub name_width: usize,
    /// Whether beginnings and progress get lines too: where nothing moves.
    has_progress: bool,
    /// Whether every stage gets its lines, however many they are.
    is_complete: bool,
    spoken: IndexMap<String, u64>,
}

impl Lines {
    /// Lines of at most so many columns; `usize::MAX` where nobody's terminal is concerned.
    pub fn new(
        before: Option<Story>,
        columns: usize,
        has_progress: bool,
        is_complete: bool,
    ) -> Self {
        Self {
            before,
            columns,
            name_width: 0,
            has_progress,
            is_complete,
            spoken: IndexMap::new(),
        }
    }

    /// Takes an event, which the story has already, and gives its line, without a line break.
    pub fn hear(&mut self, line: &Line, story: &Story) -> Option<String> {
        let text = self.line(line, story)?;
        // Names of metrics and messages may have some.
        Some(text.replace(['\n', '\r', '\t'], " "))
    }

    fn line(&mut self, line: &Line, story: &Story) -> Option<String> {
        match &line.event {
            Event::RunStarted(started) => {
                let longest = started.stages.iter().map(|it| width(it)).max().unwrap_or(0);
                self.name_width = longest.min(LONGEST_NAME).min(self.columns / 3);
                None
            }
            Event::StageCached { stage, .. } => {
                (self.is_complete || story.stages.len() <= LISTED).then(|| self.ended(stage, story))
            }
            Event::StageDone { stage, .. }
            | Event::StageFailed { stage, .. }
            | Event::StageSkipped { stage, .. } => Some(self.ended(stage, story)),
            Event::StageWaiting { stage, run, .. } => {
                let who = run.as_ref().map(|it| format!("run {it}"));
                let who = who.as_deref().unwrap_or("another run");
                Some(self.said(stage, &format!("waits: {who} is making the same result")))
            }
            Event::StageStarted {
                stage,
                attempt,
                reasons,
                ..
            } => {
                self.spoken.insert(stage.clone(), line.at);
                let text = match (attempt, reason::summary(reasons)) {
                    (2.., _) => format!("running, attempt {attempt}"),
                    (_, why) if why.is_empty() => "running".to_owned(),
                    (_, why) => format!("running  {why}"),
                };
                self.has_progress.then(|| self.said(stage, &text))
            }
            Event::StageProgress { stage, .. } | Event::StageMetric { stage, .. } => {
                self.progress(stage, line.at, story)
            }
            Event::StageLog { stage, text } => Some(self.said(stage, text)),
            Event::StageRetried {
                stage,
                failure,
                delay_ms,
            } => {
                let wait = figures::seconds(*delay_ms as f64 / 1000.0);
                let text = format!("failed, again in {wait}: {}", failure.message);
                Some(format!(
                    "{}  {}",
                    padded(stage, self.name_width),
                    paint(WARN, self.cut(stage, &text))
                ))
            }
            // The summary tells it, with the way back.
            Event::OutSetAside { .. }
            | Event::RunRepeated { .. }
            | Event::StageReady { .. }
            | Event::RunFinished(_) => None,
        }
    }

    fn progress(&mut self, stage: &str, at: u64, story: &Story) -> Option<String> {
        let spoken = self.spoken.get_mut(stage)?;
        if !self.has_progress || at < spoken.saturating_add(PATIENCE) {
            return None;
        }
        *spoken = at;
        let text = how_far(story.stages.get(stage)?, true).join("  ");
        Some(self.said(stage, &text))
    }

    fn ended(&self, id: &str, story: &Story) -> String {
        let before = self.before.as_ref().and_then(|it| it.metrics(id));
        match story.stages.get(id) {
            Some(chapter) => stage::ended(id, chapter, before, self.name_width, self.columns),
            None => id.to_owned(),
        }
    }

    fn said(&self, stage: &str, text: &str) -> String {
        let text = text.lines().next().unwrap_or_default();
        format!(
            "{}  {}",
            padded(stage, self.name_width),
            paint(DIM, self.cut(stage, text))
        )
    }

    fn cut(&self, stage: &str, text: &str) -> String {
        cut(
            &one_line(text),
            self.columns
                .saturating_sub(width(stage).max(self.name_width) + 2),
        )
    }
}

/// How far a stage is, most important first: `12/20 epochs`, `val.loss 0.08`, `41k samples/s`; or without the units.
pub fn how_far(chapter: &Chapter, has_units: bool) -> Vec<String> {
    let mut parts = Vec::new();
    if let Some(progress) = &chapter.progress {
        let unit = progress.unit.as_str();
        let (done, total) = (
            figures::count(progress.done),
            figures::count(progress.total),
        );
        parts.push(match progress.total {
            0 => figures::plural(progress.done, unit.trim_end_matches('s')),
            _ if has_units => format!("{done}/{total} {unit}"),
            _ => format!("{done}/{total}"),
        });
    }
    let rate_of = |name: &'_ str| name.strip_suffix("_per_second").map(str::to_owned);
    let measured = chapter
        .metrics
        .iter()
        .filter(|(name, _)| rate_of(name).is_none() && *name != "lr");
    for (name, value) in figures::telling(measured, 2) {
        parts.push(format!("{} {}", one_line(name), figures::number(value)));
    }
    for (name, value) in &chapter.metrics {
        if let Some(things) = rate_of(name) {
            let things = if has_units {
                format!(" {}", one_line(&things))
            } else {
                String::new()
            };
            parts.push(format!("{}{things}/s", figures::short(*value)));
        }
    }
    parts
}
