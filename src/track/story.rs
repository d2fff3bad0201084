//! A run's story, folded from its events as they come or from its log. Knows neither files nor terminals.

use std::{collections::HashSet, sync::Arc};

use indexmap::IndexMap;
use pipe_schema::{
    record::Record,
    report::Metrics,
    run::{Event, Failure, FailureKind, Line, Reason, RunFinished, RunStarted, RunStatus, Skip},
};

/// A run as far as it has been told.
#[derive(Clone, Debug, Default)]
pub struct Story {
    pub started: Option<Arc<RunStarted>>,
    /// When it began, in milliseconds since 1970.
    pub at: u64,
    /// Stages by id, in the order of the run.
    pub stages: IndexMap<String, Chapter>,
    pub finished: Option<RunFinished>,
    /// How many stages stand how, by state.
    counts: [u64; State::N],
}

/// A stage in a run.
#[derive(Clone, Debug, Default)]
pub struct Chapter {
    pub state: State,
    /// Why it was not taken from the store.
    pub reasons: Vec<Reason>,
    /// When the last attempt began, in milliseconds since 1970.
    pub since: u64,
    pub attempt: u32,
    pub log: Option<String>,
    pub progress: Option<Progress>,
    /// Live metrics, the latest of each.
    pub metrics: Metrics,
    pub record: Option<Arc<Record>>,
    pub failure: Option<Box<Failure>>,
    pub skip: Option<Skip>,
    /// What was in the way of its outs, and where that is kept.
    pub set_aside: Vec<MovedAside>,
}

/// Something that was in the way of an out and was moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedAside {
    pub path: String,
    pub kept: String,
    /// How it differs from what the store holds of that out; empty if that is not known.
    pub difference: String,
}

/// How far a stage is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    pub done: u64,
    pub total: u64,
    pub unit: String,
}

/// Where a stage stands in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Nothing was heard of it yet.
    #[default]
    Waiting,
    /// Another run is making the same result.
    Elsewhere,
    Running,
    /// An attempt failed, the next has not begun.
    Retrying,
    Cached,
    Done,
    Failed,
    Skipped,
}

impl State {
    const N: usize = Self::Skipped as usize + 1;

    /// The word for lists.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Elsewhere => "made by another run",
            Self::Running => "running",
            Self::Retrying => "tried again",
            Self::Cached => "cached",
            Self::Done => "ran",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

impl Story {
    /// A story from a log; lines of an unfinished run are told as far as they go.
    pub fn from_lines<'a>(lines: impl IntoIterator<Item = &'a Line>) -> Self {
        let mut story = Self::default();
        for line in lines {
            story.hear(line);
        }
        story
    }

    /// Takes the next line.
    pub fn hear(&mut self, line: &Line) {
        match &line.event {
            Event::RunStarted(started) => {
                self.at = line.at;
                self.stages.reserve(started.stages.len());
                for stage in &started.stages {
                    self.with_chapter(stage, |_| {});
                }
                self.started = Some(started.clone());
            }
            Event::RunRepeated { besides, .. } => self.repeat(besides),
            Event::RunFinished(finished) => self.finished = Some(finished.clone()),
            event => {
                if let Some(stage) = stage_of(event) {
                    self.with_chapter(stage, |it| it.hear(event, line.at));
                }
            }
        }
    }

    /// All stages were found in the store, besides these.
    fn repeat(&mut self, besides: &[String]) {
        let besides: HashSet<&String> = besides.iter().collect();
        for (id, chapter) in &mut self.stages {
            if !besides.contains(id) {
                self.counts[chapter.state as usize] -= 1;
                chapter.state = State::Cached;
                self.counts[chapter.state as usize] += 1;
            }
        }
    }

    fn with_chapter(&mut self, stage: &str, change: impl FnOnce(&mut Chapter)) {
        let chapter = match self.stages.get_mut(stage) {
            Some(chapter) => {
                self.counts[chapter.state as usize] -= 1;
                chapter
            }
            None => self.stages.entry(stage.to_owned()).or_default(),
        };
        change(chapter);
        self.counts[chapter.state as usize] += 1;
    }

    /// How the run ended; nothing while it goes on, or where its end was not written: it was killed.
    pub fn status(&self) -> Option<RunStatus> {
        self.finished.as_ref().map(|it| it.status)
    }

    /// How many stages stand so.
    pub fn count(&self, state: State) -> u64 {
        self.counts[state as usize]
    }

    /// Final metrics of a stage, as recorded.
    pub fn metrics(&self, stage: &str) -> Option<&Metrics> {
        Some(&self.stages.get(stage)?.record.as_ref()?.observed.metrics)
    }
}

impl Chapter {
    /// Whether it ended because the run was interrupted: not its fault.
    pub fn is_interrupted(&self) -> bool {
        self.failure
            .as_ref()
            .is_some_and(|it| it.kind == FailureKind::Interrupted)
    }

    fn hear(&mut self, event: &Event, at: u64) {
        match event {
            Event::StageReady { .. } => self.state = State::Waiting,
            Event::StageWaiting { .. } => self.state = State::Elsewhere,
            Event::StageCached { record, .. } => {
                self.state = State::Cached;
                self.record = Some(Arc::clone(record));
            }
            Event::StageStarted {
                attempt,
                reasons,
                log,
                ..
            } => {
                self.state = State::Running;
                self.since = at;
                self.attempt = *attempt;
                self.progress = None;
                self.log = Some(log.clone());
                if !reasons.is_empty() {
                    self.reasons.clone_from(reasons);
                }
            }
            Event::StageProgress {
                done, total, unit, ..
            } => {
                self.progress = Some(Progress {
                    done: *done,
                    total: *total,
                    unit: unit.clone(),
                });
            }
            Event::StageMetric { name, value, .. } => {
                self.metrics.insert(name.clone(), *value);
            }
            Event::StageRetried { failure, .. } => {
                self.state = State::Retrying;
                self.failure = Some(Box::new(failure.clone()));
            }
            Event::StageDone { record, .. } => {
                self.state = State::Done;
                self.failure = None;
                self.record = Some(Arc::clone(record));
            }
            Event::StageFailed { failure, .. } => {
                self.state = State::Failed;
                self.failure = Some(Box::new(failure.clone()));
            }
            Event::StageSkipped { because, .. } => {
                self.state = State::Skipped;
                self.skip = Some(because.clone());
            }
            Event::OutSetAside {
                path,
                kept,
                difference,
                ..
            } => {
                self.set_aside.push(MovedAside {
                    path: path.clone(),
                    kept: kept.clone(),
                    difference: difference.clone(),
                });
            }
            Event::StageLog { .. }
            | Event::RunStarted(_)
            | Event::RunRepeated { .. }
            | Event::RunFinished(_) => {}
        }
    }
}

/// The stage that an event tells of.
pub fn stage_of(event: &Event) -> Option<&str> {
    match event {
        Event::StageReady { stage, .. }
        | Event::StageWaiting { stage, .. }
        | Event::StageCached { stage, .. }
        | Event::StageStarted { stage, .. }
        | Event::StageProgress { stage, .. }
        | Event::StageMetric { stage, .. }
        | Event::StageLog { stage, .. }
        | Event::OutSetAside { stage, .. }
        | Event::StageRetried { stage, .. }
        | Event::StageDone { stage, .. }
        | Event::StageFailed { stage, .. }
        | Event::StageSkipped { stage, .. } => Some(stage),
        Event::RunStarted(_) | Event::RunRepeated { .. } | Event::RunFinished(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(at: u64, event: Event) -> Line {
        Line { at, event }
    }

    fn failure() -> Failure {
        Failure {
            kind: pipe_schema::run::FailureKind::Signal(9),
            message: "ended by signal 9".to_owned(),
            hint: None,
            tail: Vec::new(),
            log: None,
            alone: None,
        }
    }

    fn started(stage: &str, attempt: u32, reasons: Vec<Reason>) -> Event {
        Event::StageStarted {
            stage: stage.to_owned(),
            attempt,
            reasons,
            log: "log".to_owned(),
        }
    }

    #[test]
    fn a_retried_stage_keeps_the_reason_of_its_first_attempt() {
        let retried = Event::StageRetried {
            stage: "fit".to_owned(),
            failure: failure(),
            delay_ms: 5,
        };
        let story = Story::from_lines(&[
            line(1, started("fit", 1, vec![Reason::NeverRun])),
            line(2, retried),
            line(3, started("fit", 2, Vec::new())),
        ]);
        let fit = &story.stages["fit"];
        assert_eq!((fit.state, fit.attempt, fit.since), (State::Running, 2, 3));
        assert_eq!(fit.reasons, [Reason::NeverRun]);
    }

    #[test]
    fn a_log_without_an_end_is_a_run_without_a_status() {
        let story = Story::from_lines(&[line(1, started("fit", 1, Vec::new()))]);
        assert_eq!(story.status(), None);
        assert_eq!(story.count(State::Running), 1);
    }
}
