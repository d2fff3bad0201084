//! Outs in the workspace that stages of the run read, while other runs may make something else of them. A stage reads what its
//! own run made: that is held, and brought back where another run replaced it, whenever a key is taken or a job runs.

use pipe_schema::{
    record::{Out, Record},
    run::Event,
};

use super::{
    cycle::{Cycle, Ending},
    state::State,
};
use crate::{
    plan::paths,
    store::{Lookup, OutsHold, Store, StoreError},
};

impl Cycle<'_> {
    /// Holds the outs of earlier stages that a stage reads; nothing for one that reads none.
    pub(super) fn hold_reads(&mut self, at: usize) -> Result<Option<OutsHold>, StoreError> {
        let outs = self.outs_read(at);
        if outs.is_empty() {
            return Ok(None);
        }
        let mut set_aside = Vec::new();
        let hold = (self.store).hold_outs(&self.options.protected, &outs, &mut set_aside);
        self.tell_set_aside(at, set_aside);
        hold.map(Some)
    }

    /// The outs that a stage reads, as this run has them.
    fn outs_read(&self, at: usize) -> Vec<(String, Out)> {
        let stage = self.order[at];
        let is_read = |out: &String| {
            let mut files = stage.files.iter().filter(|it| it.remote.is_none());
            files.any(|file| paths::reads(&file.path, out))
        };
        let mut found = Vec::new();
        for before in &stage.after {
            let writes = &self.plan.stages[before].outs;
            if writes.iter().any(is_read)
                && let Some(record) = self.record_of(before)
            {
                let outs = record.outs.iter().filter(|(name, _)| is_read(name));
                found.extend(outs.map(|(name, out)| (name.clone(), *out)));
            }
        }
        // All runs take them in the same order, so that of two at least one has them all.
        found.sort_by(|one, other| one.0.cmp(&other.0));
        found
    }

    /// The record of a stage that is done.
    fn record_of(&self, stage: &str) -> Option<std::sync::Arc<Record>> {
        if let Some(record) = self.records.get(stage) {
            return Some(record.clone());
        }
        let key = self.options.untouched.keys.get(stage)?;
        match self.store.lookup(key) {
            Ok(Lookup::Fresh(record)) => Some(record),
            _ => None,
        }
    }

    /// Says which outs this run uses, so that others can tell whom they wait for.
    pub(super) fn say_outs_used(&self, at: usize) {
        let read = self.outs_read(at);
        let names = read.iter().map(|it| &it.0).chain(&self.order[at].outs);
        let folder = &self.options.folder;
        let ids: Vec<_> = names.map(|it| Store::out_id(folder, it)).collect();
        if !ids.is_empty() {
            // Without it, others wait for a run that they cannot name.
            let _ = self.store.claim(&self.options.run, &ids);
        }
    }

    /// Tells, once for a stage, which out it waits for and which run uses that.
    pub(super) fn tell_out_is_used(&mut self, at: usize, out: &str) {
        if !self.announced.insert(at) {
            return;
        }
        let id = Store::out_id(&self.options.folder, out);
        let who = match self.store.holder(&id, &self.options.run) {
            Some(run) => format!("run {run}"),
            None => "another run".to_owned(),
        };
        (self.events)(Event::StageLog {
            stage: self.order[at].id.clone(),
            text: format!("waits: {who} uses `{out}`"),
        });
    }

    /// At the end, the workspace has the outs of one run: where others worked in it meanwhile, this run brings back all of its
    /// own, unless another one still uses them; that one does the same at its end.
    pub(super) fn reassert_outs(&mut self) {
        let has_outs = self.order.iter().any(|it| !it.outs.is_empty());
        if !has_outs || self.ending == Some(Ending::Killed) || !self.store.has_company() {
            return;
        }
        let done: Vec<_> = (0..self.order.len())
            .filter(|at| matches!(self.states[*at], State::Done))
            .filter_map(|at| Some((at, self.record_of(&self.order[at].id)?)))
            .collect();
        let mut outs: Vec<(String, Out)> = (done.iter())
            .flat_map(|(_, record)| &record.outs)
            .map(|(name, out)| (name.clone(), *out))
            .collect();
        outs.sort_by(|one, other| one.0.cmp(&other.0));
        let Some((first, _)) = done.first() else {
            return;
        };
        let mut set_aside = Vec::new();
        let hold = (self.store).hold_outs(&self.options.protected, &outs, &mut set_aside);
        self.tell_set_aside(*first, set_aside);
        match hold {
            Ok(_hold) => {
                for (at, record) in &done {
                    let stage = &self.order[*at].id;
                    let name = self.full_name(stage);
                    let linked = self.store.link_current(&name, record);
                    if let Err(error) = linked.and(self.store.note_last(&name, record)) {
                        self.warn(*at, &error);
                    }
                }
            }
            Err(StoreError::OutBusy(_)) => {}
            Err(error) => self.warn(*first, &error),
        }
    }
}
