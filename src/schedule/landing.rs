//! Starting jobs and taking in what came of them: publishing, retries, failures. The loop is in `cycle`.

use std::{
    collections::BTreeMap,
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use pipe_schema::{
    record::Record,
    run::{Event, Failure, FailureKind},
    stage::Task,
};

use super::{
    capacity::Share,
    cycle::{Cycle, Ending},
    inline, launch,
    sandbox::Sandbox,
    secrets,
    state::{Finished, Pending, Running, State},
    strays,
    trouble::of_store,
};
use crate::{
    exec::{Job, JobWork, Outcome, failure},
    store::{Attempt, OutsLock, StoreError},
};

/// The pause before the second attempt; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

impl Cycle<'_> {
    /// Begins an attempt.
    pub(super) fn start(
        &mut self,
        at: usize,
        pending: Box<Pending>,
        outs: Option<OutsLock>,
        share: Share,
    ) {
        let stage = self.order[at];
        let has_outputs = !stage.outputs.is_empty();
        let place =
            (self.store).attempt(&self.options.run, &stage.id, pending.attempt, has_outputs);
        let place = match place {
            Ok(place) => place,
            Err(error) => return self.fail(at, of_store(&error)),
        };
        (self.events)(Event::StageStarted {
            stage: stage.id.clone(),
            attempt: pending.attempt,
            reasons: pending.reasons.clone(),
            log: place.log().display().to_string(),
        });
        let now = Instant::now();
        let timeout = stage.control.timeout;
        let mut running = Box::new(Running {
            pending: *pending,
            place,
            sandbox: None,
            outs,
            job: 0,
            preparations: std::collections::VecDeque::new(),
            share,
            gpus: self.lend_gpus(share.gpus),
            deadline: timeout.map(|it| now + Duration::from_millis(it.millis)),
            has_timed_out: false,
            has_read_inputs: false,
            is_void: false,
            notes: Vec::new(),
            started: jiff::Timestamp::now().to_string(),
            since: now,
            cpu_seconds: 0.0,
            peak_bytes: 0,
        });
        self.taken.take(&running.share);
        if matches!(stage.task, Task::Command(_)) {
            self.strays.begin(self.store);
        }
        if let Some(commit) = &self.options.git {
            commit.look();
        }
        if inline::is_inline(&stage.task) {
            return self.make_inline(at, running);
        }
        match launch::preparations(stage, &running, self.store, self.options) {
            Ok(preparations) => running.preparations = preparations,
            Err(failure) => return self.end_attempt(at, running, failure),
        }
        self.advance(at, running);
    }

    /// As many devices as are asked for, or as there are.
    fn lend_gpus(&mut self, count: u32) -> Vec<String> {
        let count = self.gpus.len().min(count as usize);
        self.gpus.drain(..count).collect()
    }

    /// What an attempt took is free again. Nothing happens the second time.
    pub(super) fn give_back(&mut self, running: &mut Running) {
        if let Some(sandbox) = &running.sandbox {
            sandbox.dispose();
        }
        self.taken.give_back(&std::mem::take(&mut running.share));
        self.gpus.append(&mut running.gpus);
    }

    /// Starts the next job of an attempt: a preparation that is left, else the stage's own.
    fn advance(&mut self, at: usize, mut running: Box<Running>) {
        let stage = self.order[at];
        let work = if let Some(preparation) = running.preparations.front() {
            launch::prepare(preparation, self.store)
        } else {
            running.sandbox = Sandbox::of(stage, &running, self.store, self.options);
            if let Some(text) = launch::note_on_shell(stage, self.options) {
                self.note(at, &mut running, text);
            }
            launch::work(stage, &running, self.store, self.options, &self.mask)
        };
        let mut work = match work {
            Ok(work) => work,
            Err(failure) => return self.end_attempt(at, running, failure),
        };
        if let JobWork::Worker(job) = &mut work {
            match self.input_check(at, &mut running) {
                Ok(check) => job.check = check,
                Err(failure) => return self.remake_inputs(at, running, failure),
            }
        }
        running.job = self.next_job();
        self.jobs.insert(running.job, at);
        self.executor.start(Job {
            id: running.job,
            stage: stage.id.clone(),
            work,
            log: running.place.log().to_owned(),
            memory: stage.control.resources.memory.map(|it| it.bytes),
        });
        self.states[at] = State::Running(running);
    }

    /// Takes the outs out of a command's sandbox, and tells what is left in it.
    fn empty_sandbox(&mut self, at: usize, running: &mut Running) -> Result<(), Failure> {
        let Some(sandbox) = &running.sandbox else {
            return Ok(());
        };
        let mut set_aside = Vec::new();
        let delivered = sandbox.deliver(self.store, &self.options.protected, &mut set_aside);
        self.tell_set_aside(at, set_aside);
        let left = delivered?;
        if !left.is_empty() {
            let (names, were) = strays::named(&left);
            let text = format!(
                "warning: {names} {were} lost with its sandbox: the stage does not declare what it writes there in `outs`"
            );
            self.note(at, running, text);
        }
        Ok(())
    }

    fn make_inline(&mut self, at: usize, mut running: Box<Running>) {
        let stage = self.order[at];
        let check = self.input_check(at, &mut running);
        if let Err(failure) = check.and_then(|check| check.map_or(Ok(()), |check| check.read())) {
            return self.remake_inputs(at, running, failure);
        }
        let output = running.place.output("main");
        let made = fs::create_dir_all(&output)
            .map_err(|error| {
                let message = format!("cannot create `{}`: {error}", output.display());
                failure::plain(FailureKind::Io, message, None)
            })
            .and_then(|()| {
                inline::make(stage, &running.pending.action, &output).unwrap_or_else(|| {
                    let message = "this kind of stage needs a process";
                    Err(failure::plain(FailureKind::Bug, message, None))
                })
            });
        match made {
            Ok(made) => {
                let stage = stage.id.clone();
                let note = made.note.map(|text| Event::StageLog { stage, text });
                note.into_iter().for_each(&mut *self.events);
                let finished = Finished {
                    elsewhere: made.elsewhere,
                    metrics: made.metrics,
                    ..Finished::default()
                };
                self.publish(at, running, &finished);
            }
            Err(failure) => self.end_attempt(at, running, failure),
        }
    }

    /// Takes in the end of a job.
    pub(super) fn land(&mut self, at: usize, outcome: Outcome) {
        let state = std::mem::replace(&mut self.states[at], State::Ready);
        let State::Running(mut running) = state else {
            self.states[at] = state;
            return;
        };
        if let Some(exit) = outcome.exit {
            running.cpu_seconds += exit.cpu_seconds;
            running.peak_bytes = running.peak_bytes.max(exit.peak_bytes);
        }
        if running.is_void {
            return self.end_void(at, running);
        }
        let checked = outcome
            .result
            .and_then(|done| self.empty_sandbox(at, &mut running).map(|()| done))
            .and_then(|done| self.check(at, &mut running, done))
            .map(|done| secrets::hide_in_done(&self.mask, done));
        match checked {
            Ok(done) => {
                if running.preparations.pop_front().is_none() {
                    if matches!(self.order[at].task, Task::Command(_)) {
                        self.strays.end(at, running.since);
                    }
                    let finished = Finished {
                        elsewhere: BTreeMap::new(),
                        metrics: done.metrics,
                        measured: done.measured,
                    };
                    self.publish(at, running, &finished);
                } else if running.has_timed_out || self.is_interrupted() {
                    // Its own job is not begun any more; `explain` says why.
                    let failure = failure::plain(FailureKind::Io, "it was not begun", None);
                    self.end_attempt(at, running, failure);
                } else {
                    self.advance(at, running);
                }
            }
            Err(failure) if failure.kind == FailureKind::DamagedInput && !self.is_interrupted() => {
                self.remake_inputs(at, running, failure);
            }
            Err(failure) => self.end_attempt(at, running, failure),
        }
    }

    pub(super) fn is_interrupted(&self) -> bool {
        matches!(self.ending, Some(Ending::Interrupted | Ending::Killed))
    }

    /// Hands a result over to the publisher. Its processes have ended: others may start, and what they make is published by
    /// one sync with what waits.
    fn publish(&mut self, at: usize, mut running: Box<Running>, finished: &Finished) {
        self.give_back(&mut running);
        // It was looked that they are what they were.
        running.pending.reads = None;
        let publication = self.publication(at, &running, finished);
        match running.pending.compared.clone() {
            Some(before) => self.publisher.compare(at, publication, before),
            None => self.publisher.publish(at, publication),
        }
        self.publishing += 1;
        self.states[at] = State::Publishing(running);
    }

    /// Brings a stage to its end, or to its next attempt.
    pub(super) fn take_published(&mut self, at: usize, result: Result<Record, StoreError>) {
        let state = std::mem::replace(&mut self.states[at], State::Ready);
        let State::Publishing(mut running) = state else {
            self.states[at] = state;
            return;
        };
        self.publishing -= 1;
        if running.is_void {
            return self.end_void_published(at, running, result);
        }
        if let Some(before) = running.pending.compared.clone() {
            return self.take_compared(at, running, &before, result);
        }
        match result {
            Ok(record) => {
                if let Err(error) = self.store.drop_checkpoints(&record.parts) {
                    self.warn(at, &error);
                }
                let mut outs = running.outs.take();
                if let Some(outs) = &mut outs {
                    (self.store).take_over(outs, &record, &self.options.folder);
                    self.tell_set_aside(at, outs.take_set_aside());
                }
                self.note_unread(&running);
                self.tell_differences(at, &record);
                if self.complete(at, Arc::new(record), false)
                    && let Some(outs) = outs
                {
                    self.release(at, outs);
                }
            }
            Err(error) => self.end_attempt(at, running, of_store(&error)),
        }
    }

    /// An attempt failed: the stage is tried again, or it failed.
    fn end_attempt(&mut self, at: usize, mut running: Box<Running>, failure: Failure) {
        let stage = self.order[at];
        self.give_back(&mut running);
        let failure = self.explain(at, &running, failure);
        if let Some(outs) = &running.outs {
            match self.store.set_links_aside(outs) {
                Ok(set_aside) => self.tell_set_aside(at, set_aside),
                Err(error) => self.warn(at, &error),
            }
        }
        self.give_up_outs(at, &mut running);
        let Running {
            mut pending, place, ..
        } = *running;
        // Its folder is removed before the next attempt, or the report of the failure, can see it.
        drop::<Attempt>(place);
        pending.reads = None;
        let is_retried = failure.kind.may_pass()
            && pending.attempt <= stage.control.retries
            && self.ending.is_none();
        if !is_retried {
            return self.fail(at, failure);
        }
        let delay = pause_after(pending.attempt);
        (self.events)(Event::StageRetried {
            stage: stage.id.clone(),
            failure,
            delay_ms: delay.as_millis() as u64,
        });
        pending.attempt += 1;
        pending.not_before = Some(Instant::now() + delay);
        self.states[at] = State::Pending(Box::new(pending));
        self.pending.insert(at);
        self.postponed.insert(at);
    }

    /// Says of a failure what only the loop knows: that it was asked for, and how to try it by hand.
    fn explain(&self, at: usize, running: &Running, mut failure: Failure) -> Failure {
        let stage = self.order[at];
        if running.has_timed_out && failure.kind != FailureKind::Interrupted {
            let limit = stage
                .control
                .timeout
                .map_or(String::new(), |it| it.to_string());
            failure.kind = FailureKind::Timeout;
            failure.message = format!("it took longer than its timeout of {limit}");
            failure.hint = Some("raise `timeout`, or see in the log what it waits for".to_owned());
        } else if self.is_interrupted()
            && matches!(
                failure.kind,
                FailureKind::Signal(_) | FailureKind::Exit(_) | FailureKind::Io
            )
        {
            failure.kind = FailureKind::Interrupted;
            "it was interrupted".clone_into(&mut failure.message);
            failure.hint = None;
        }
        if failure.log.is_none() && running.place.log().exists() {
            failure = failure::with_log(failure, running.place.log());
        }
        if let Task::Command(command) = &stage.task
            && let Some(sandbox) = &running.sandbox
        {
            failure = sandbox.explain(failure, command);
        }
        if failure.alone.is_none() && failure.kind != FailureKind::Interrupted {
            failure.alone = launch::alone(stage, &running.pending.action, self.options);
        }
        failure
    }
}

/// 1 s, 2 s, 4 s and so on, up to a minute.
fn pause_after(attempt: u32) -> Duration {
    let doublings = attempt.saturating_sub(1).min(10);
    (FIRST_PAUSE * 2u32.pow(doublings)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute() {
        let seconds: Vec<u64> = (1..9).map(|it| pause_after(it).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60]);
    }
}
