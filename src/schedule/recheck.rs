//! Stages that are executed again beside their result, to see whether the same bytes come of it. Nothing is published, and
//! outs in the workspace are brought back as they were.

use std::sync::Arc;

use pipe_schema::{
    record::Record,
    run::{Event, Failure, FailureKind, Reason},
};

use super::{
    cycle::Cycle,
    state::{Pending, Running},
    trouble::of_store,
};
use crate::{
    exec::failure,
    key::reason::{self, reproducibility},
    store::{Lookup, OutsLock, StoreError},
};

impl Cycle<'_> {
    /// The record with which a stage is to be compared.
    pub(super) fn record_to_compare(
        &self,
        at: usize,
        pending: &Pending,
    ) -> Result<Arc<Record>, Failure> {
        let stage = self.order[at];
        let found = match self.store.lookup(&pending.action.key) {
            Ok(Lookup::Fresh(record)) => return Ok(record),
            Ok(Lookup::Stale(found)) => found,
            Err(error) => return Err(of_store(&error)),
        };
        let name = self.full_name(&stage.id);
        let reasons: Vec<Reason> = self.store.reasons(&name, &pending.action.parts, found);
        let why = reason::summary(&reasons);
        Err(failure::plain(
            FailureKind::Wrong,
            format!("it has no result to be compared with: {why}"),
            Some(&format!("make it first: `pipe run {}`", stage.id)),
        ))
    }

    /// Tells where a stage made other bytes than another execution under the same key. Who says `cache: false` knows.
    pub(super) fn tell_differences(&mut self, at: usize, record: &Record) {
        let differing = &record.observed.differing;
        if !differing.is_empty() && self.order[at].control.cache.is_on() {
            let text = format!(
                "warning: it is not reproducible: {}",
                reproducibility(differing)
            );
            self.log(at, text);
        }
    }

    /// Ends the comparison of a stage.
    pub(super) fn take_compared(
        &mut self,
        at: usize,
        mut running: Box<Running>,
        before: &Arc<Record>,
        result: Result<Record, StoreError>,
    ) {
        if let Err(error) = self.store.drop_checkpoints(&before.parts) {
            self.warn(at, &error);
        }
        let restored = self.bring_back(at, running.outs.take(), before);
        drop(running);
        let result = result.map_err(|error| of_store(&error));
        match result.and(restored) {
            Ok(()) => {
                let text = "it is reproducible: made again, it has the same bytes";
                self.log(at, text.to_owned());
                self.counts.cached += 1;
                self.complete(at, Arc::clone(before), true);
            }
            Err(failure) => self.fail(at, failure),
        }
    }

    /// Puts the outs of a record back in the place of those that its stage wrote once more.
    pub(super) fn bring_back(
        &mut self,
        at: usize,
        outs: Option<OutsLock>,
        before: &Record,
    ) -> Result<(), Failure> {
        let Some(mut outs) = outs else {
            return Ok(());
        };
        (self.store).take_over(&mut outs, before, &self.options.folder);
        self.tell_set_aside(at, outs.take_set_aside());
        let restored = self
            .store
            .leave_outs(outs)
            .and_then(|()| self.store.restore_outs(&self.options.protected, before));
        let mut restored = restored.map_err(|error| of_store(&error))?;
        self.tell_set_aside(at, restored.take_set_aside());
        let released = self.store.release_outs(restored);
        released.map_err(|error| of_store(&error))
    }

    /// Tells a line about a stage.
    pub(super) fn log(&mut self, at: usize, text: String) {
        let stage = self.order[at].id.clone();
        (self.events)(Event::StageLog { stage, text });
    }
}
