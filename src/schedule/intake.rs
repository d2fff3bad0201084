//! What the loop hears while jobs run: messages, interrupts, and the passing of time.

use std::time::Instant;

use pipe_schema::run::Event;

use super::{
    cycle::{Cycle, Ending},
    state::{Running, State},
};
use crate::{
    exec::{Message, Stop},
    plan::StageId,
};

impl Cycle<'_> {
    /// Takes in what the executor says.
    pub(super) fn hear(&mut self, messages: Vec<Message>) {
        for message in messages {
            match message {
                Message::Progress {
                    job,
                    done,
                    total,
                    unit,
                } => self.tell(job, |stage| Event::StageProgress {
                    stage,
                    done,
                    total,
                    unit,
                }),
                Message::Metric {
                    job,
                    name,
                    step,
                    value,
                } => self.tell(job, |stage| Event::StageMetric {
                    stage,
                    name,
                    step,
                    value,
                }),
                Message::Log { job, text } => {
                    self.tell(job, |stage| Event::StageLog { stage, text });
                }
                Message::Note { job, text } => self.take_note(job, text),
                Message::Finished { job, outcome } => {
                    if let Some(at) = self.jobs.remove(&job) {
                        self.land(at, *outcome);
                    }
                }
            }
        }
    }

    fn take_note(&mut self, job: u64, text: String) {
        let Some(&at) = self.jobs.get(&job) else {
            return;
        };
        let state = std::mem::replace(&mut self.states[at], State::Ready);
        match state {
            State::Running(mut running) => {
                self.note(at, &mut running, text);
                self.states[at] = State::Running(running);
            }
            other => self.states[at] = other,
        }
    }

    /// Tells a line about a stage's result, and keeps it for the record.
    pub(super) fn note(&mut self, at: usize, running: &mut Running, text: String) {
        running.notes.push(self.mask.apply(text.clone()));
        self.log(at, text);
    }

    fn tell(&mut self, job: u64, event: impl FnOnce(StageId) -> Event) {
        if let Some(&at) = self.jobs.get(&job) {
            (self.events)(event(self.order[at].id.clone()));
        }
    }

    /// The first time, what runs is asked to finish; then it is killed.
    pub(super) fn interrupt(&mut self) {
        let is_second = self.is_interrupted();
        let (ending, how) = if is_second {
            (Ending::Killed, Stop::Kill)
        } else {
            (Ending::Interrupted, Stop::Finish)
        };
        self.ending = Some(ending);
        for &job in self.jobs.keys() {
            self.executor.stop(job, how);
        }
    }

    pub(super) fn enforce_timeouts(&mut self) {
        let now = Instant::now();
        for (&job, &at) in &self.jobs {
            if let State::Running(running) = &mut self.states[at]
                && running.deadline.is_some_and(|it| it <= now)
            {
                running.deadline = None;
                running.has_timed_out = true;
                self.executor.stop(job, Stop::Terminate);
            }
        }
    }
}
