//! Inputs that turn out to be damaged while a run goes on: what made them, and all that was made of them, is done again in
//! the same run.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use pipe_schema::{record::Record, run::Failure};

use super::{
    cycle::Cycle,
    state::{Running, State},
    trouble::of_store,
};
use crate::store::StoreError;

/// How often an input is made again in a run. A disk that damages it each time is not for us to mend.
const MOST_TIMES: u32 = 3;

impl Cycle<'_> {
    /// Ends an attempt whose inputs are damaged, and has them made again.
    pub(super) fn remake_inputs(&mut self, at: usize, mut running: Box<Running>, failure: Failure) {
        self.give_back(&mut running);
        self.give_up_outs(at, &mut running);
        let begin = match self.inspect_inputs(at, &running) {
            Ok(begin) => begin,
            Err(error) => return self.fail(at, of_store(&error)),
        };
        drop(running);
        let times = self.remade.entry(at).or_default();
        *times += 1;
        if *times > MOST_TIMES {
            return self.fail(at, failure);
        }
        self.log(
            at,
            format!(
                "warning: {}; the run makes or reads it again",
                failure.message
            ),
        );
        self.states[at] = State::Ready;
        let mut again = BTreeSet::from([at]);
        for place in begin {
            let below = self.graph.downstream(&self.order[place].id);
            again.extend(
                below
                    .iter()
                    .filter_map(|id| self.places.get(id.as_str()).copied()),
            );
            again.insert(place);
        }
        if !self.has_what_is_needed(&again) {
            // What an earlier run told of stages that this one did not look at is not enough to make them again.
            return self.fail(at, failure);
        }
        self.do_again(&again);
    }

    /// Looks at all inputs of an attempt: what is damaged is set aside. The stages from which on all must be looked at again.
    fn inspect_inputs(
        &mut self,
        at: usize,
        running: &Running,
    ) -> Result<BTreeSet<usize>, StoreError> {
        let action = &running.pending.action;
        let mut begin = BTreeSet::from([at]);
        for place in action.inputs.values() {
            let path = Path::new(&place.path);
            if self.store.inspect(path)?.is_none() {
                continue;
            }
            let Some(damaged) = self.store.artifact_at(path) else {
                continue;
            };
            let made = |record: &Arc<Record>| {
                record
                    .outputs
                    .values()
                    .any(|output| output.digest == damaged)
            };
            let makers = self.records.iter().filter(|(_, record)| made(record));
            begin.extend(makers.filter_map(|(id, _)| self.places.get(id.as_str()).copied()));
        }
        let mut is_any_source = false;
        for file in &action.files {
            is_any_source |= self.store.inspect_source(file)?;
        }
        if is_any_source {
            // Others may have read it, too.
            let reads = |at: &usize| !self.order[*at].files.is_empty();
            begin.extend((0..self.order.len()).filter(reads));
        }
        Ok(begin)
    }

    /// Whether the records of all that these stages read will be known.
    fn has_what_is_needed(&self, again: &BTreeSet<usize>) -> bool {
        again.iter().all(|at| {
            self.order[*at].inputs.iter().all(|input| {
                let place = self.places.get(input.stage.as_str());
                self.records.contains_key(&input.stage)
                    || place.is_some_and(|place| {
                        again.contains(place) || !matches!(self.states[*place], State::Done)
                    })
            })
        })
    }

    /// Lets stages be looked at again. Those that run are waited for; what they make does not count.
    fn do_again(&mut self, again: &BTreeSet<usize>) {
        for &at in again {
            match &mut self.states[at] {
                State::Running(running) | State::Publishing(running) => running.is_void = true,
                State::Failed | State::Skipped => {}
                _ => {
                    if let Some(record) = self.records.remove(&self.order[at].id) {
                        self.uncount(&record);
                    }
                    self.states[at] = State::Ready;
                }
            }
            for set in [
                &mut self.ready,
                &mut self.pending,
                &mut self.locked,
                &mut self.postponed,
            ] {
                set.remove(&at);
            }
        }
        for &at in again {
            if matches!(self.states[at], State::Ready) {
                self.await_inputs(at);
            }
        }
    }

    /// Lets a stage wait for what comes before it and is not done.
    fn await_inputs(&mut self, at: usize) {
        let before = self.graph.before(&self.order[at].id);
        let places = before.filter_map(|id| self.places.get(id.as_str()));
        let before = places
            .filter(|place| !matches!(self.states[**place], State::Done))
            .count();
        if before > 0 {
            self.states[at] = State::Waiting { before };
        } else {
            self.states[at] = State::Ready;
            self.ready.insert(at);
        }
    }

    /// Ends an attempt that read what was found damaged meanwhile.
    pub(super) fn end_void(&mut self, at: usize, mut running: Box<Running>) {
        self.give_back(&mut running);
        self.give_up_outs(at, &mut running);
        drop(running);
        self.await_inputs(at);
    }

    /// Ends what an attempt has of the workspace that comes to nothing: what was in the way is told, and the outs of the result
    /// that it was compared with come back.
    pub(super) fn give_up_outs(&mut self, at: usize, running: &mut Running) {
        let Some(mut outs) = running.outs.take() else {
            return;
        };
        if let Some(before) = running.pending.compared.clone() {
            if let Err(trouble) = self.bring_back(at, Some(outs), &before) {
                self.log(at, format!("warning: {}", trouble.message));
            }
            return;
        }
        self.tell_set_aside(at, outs.take_set_aside());
        if let Err(error) = self.store.leave_outs(outs) {
            self.warn(at, &error);
        }
    }

    /// The same where it was published already.
    pub(super) fn end_void_published(
        &mut self,
        at: usize,
        running: Box<Running>,
        result: Result<Record, StoreError>,
    ) {
        // What was compared published nothing: the record is that of an earlier execution.
        if running.pending.compared.is_none()
            && let Ok(record) = result
            && let Err(error) = self.store.revoke_record(&record)
        {
            drop(running);
            return self.fail(at, of_store(&error));
        }
        self.end_void(at, running);
    }

    /// A stage that was done is not done any more.
    pub(super) fn uncount(&mut self, record: &Record) {
        let count = if record.observed.run == self.options.run {
            &mut self.counts.ran
        } else {
            &mut self.counts.cached
        };
        *count = count.saturating_sub(1);
    }
}
