//! The ends that a stage can come to, and what follows for those after it.

use std::{sync::Arc, time::Instant};

use pipe_schema::{
    protocol::Done,
    record::Record,
    run::{Event, Failure, FailureKind, RunFinished, RunStatus, Skip},
};

use super::{
    cycle::{Cycle, Ending},
    outputs,
    state::{Running, State},
    trouble::of_store,
};
use crate::{
    exec::failure,
    store::{OutsLock, StoreError},
};

/// How many stages came to which end.
#[derive(Default)]
pub(super) struct Counts {
    pub ran: u32,
    pub cached: u32,
    pub failed: u32,
    pub skipped: u32,
}

impl Cycle<'_> {
    /// A stage's name among those of all specs that share the store.
    pub(super) fn full_name(&self, stage: &str) -> String {
        self.plan.full_name(&self.options.spec, stage)
    }

    /// The stage's outputs are in the store. Returns whether they will be found and kept there.
    pub(super) fn complete(&mut self, at: usize, record: Arc<Record>, is_cached: bool) -> bool {
        let stage = &self.order[at].id;
        // People find the result without it, too.
        // Several specs may share the store and have stages of one name.
        let name = self.full_name(stage);
        let linked = self.store.link_current(&name, &record);
        let noted = self.store.note_last(&name, &record);
        let is_linked = linked.is_ok();
        if let Err(error) = linked.and(noted) {
            self.warn(at, &error);
        }
        let told = Arc::clone(&record);
        (self.events)(if is_cached {
            Event::StageCached {
                stage: stage.clone(),
                record: told,
            }
        } else {
            self.counts.ran += 1;
            Event::StageDone {
                stage: stage.clone(),
                record: told,
            }
        });
        self.records.insert(stage.clone(), record);
        self.states[at] = State::Done;
        let next: Vec<usize> = self
            .graph
            .after(stage)
            .filter_map(|id| self.places.get(id.as_str()).copied())
            .collect();
        for at in next {
            if let State::Waiting { before } = &mut self.states[at] {
                *before -= 1;
                if *before == 0 {
                    self.states[at] = State::Ready;
                    self.ready.insert(at);
                }
            }
        }
        is_linked
    }

    /// From now on, what is in the stage's outs is the user's.
    pub(super) fn release(&mut self, at: usize, outs: OutsLock) {
        if let Err(error) = self.store.release_outs(outs) {
            self.warn(at, &error);
        }
    }

    /// Something went wrong beside a stage's result, which is none the worse for it.
    pub(super) fn warn(&mut self, at: usize, error: &StoreError) {
        (self.events)(Event::StageLog {
            stage: self.order[at].id.clone(),
            text: format!("warning: {error}"),
        });
    }

    /// Whether what was done counts: it is complete, made of what the key says, and what was declared.
    pub(super) fn check(
        &mut self,
        at: usize,
        running: &mut Running,
        mut done: Done,
    ) -> Result<Done, Failure> {
        let stage = self.order[at];
        if done.stopped {
            return Err(failure::plain(
                FailureKind::Interrupted,
                "it was stopped; its checkpoint is kept",
                Some("run again to go on from there"),
            ));
        }
        for file in &running.pending.action.files {
            if !self
                .store
                .is_unchanged(file)
                .map_err(|error| of_store(&error))?
            {
                return Err(failure::plain(
                    FailureKind::Wrong,
                    format!(
                        "`{}` changed while the stage ran, so its result belongs to neither content",
                        file.path.display()
                    ),
                    Some("run again when nothing writes to it"),
                ));
            }
        }
        // Who owns an artifact can open and change it, and other stages would read that.
        for (role, input) in &running.pending.action.inputs {
            let harm = self.store.harm_to(input.path.as_ref());
            if let Some(what) = harm.map_err(|error| of_store(&error))? {
                let name = role.strip_prefix("inputs/").unwrap_or(role);
                return Err(failure::plain(
                    FailureKind::Wrong,
                    format!("its input `{name}` was changed while it ran: {what}"),
                    Some("let it copy what it changes; the next run makes the input again"),
                ));
            }
        }
        if running.preparations.is_empty() {
            let warnings = outputs::check(
                stage,
                &running.place,
                &self.options.folder,
                &mut done.metrics,
            )?;
            for text in warnings {
                self.note(at, running, text);
            }
        }
        Ok(done)
    }

    /// The stage will not be done in this run, nor what reads it.
    pub(super) fn fail(&mut self, at: usize, failure: Failure) {
        let stage = self.order[at].id.clone();
        self.states[at] = State::Failed;
        self.counts.failed += 1;
        (self.events)(Event::StageFailed {
            stage: stage.clone(),
            failure,
        });
        if !self.options.keep_going && self.ending.is_none() {
            self.ending = Some(Ending::Failed);
        }
        let mut below: Vec<usize> = self
            .graph
            .downstream(&stage)
            .iter()
            .filter_map(|id| self.places.get(id.as_str()).copied())
            .filter(|&at| matches!(self.states[at], State::Waiting { .. }))
            .collect();
        below.sort_unstable();
        if !self.is_interrupted() {
            for at in below {
                self.skip(at, Skip::Upstream(stage.clone()));
            }
        }
    }

    fn skip(&mut self, at: usize, because: Skip) {
        self.states[at] = State::Skipped;
        self.counts.skipped += 1;
        (self.events)(Event::StageSkipped {
            stage: self.order[at].id.clone(),
            because,
        });
    }

    /// What was not reached is skipped.
    pub(super) fn skip_rest(&mut self) {
        for at in 0..self.order.len() {
            if !matches!(
                self.states[at],
                State::Done | State::Failed | State::Skipped
            ) {
                self.skip(at, Skip::RunEnded);
            }
        }
    }

    pub(super) fn finish(&self, since: Instant) -> RunFinished {
        let status = match self.ending {
            _ if self.is_interrupted() => RunStatus::Interrupted,
            _ if self.counts.failed > 0 => RunStatus::Failed,
            _ => RunStatus::Done,
        };
        RunFinished {
            status,
            ran: self.counts.ran,
            cached: self.counts.cached,
            failed: self.counts.failed,
            skipped: self.counts.skipped,
            seconds: since.elapsed().as_secs_f64(),
        }
    }
}
