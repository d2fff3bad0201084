//! From a stage that is ready to one that is started: the store is asked, locks are taken, room is found.
//! Knows nothing of jobs; what is heard of them is in `intake`, what comes of them in `landing`.

use std::time::Instant;

use pipe_schema::run::{Event, Failure, Reason};

use super::{
    Options,
    action::{Action, Maker},
    capacity::Share,
    cycle::Cycle,
    inline,
    state::{Pending, State},
    trouble::of_store,
    view::View,
};
use crate::{
    exec::commit::Commit,
    key,
    plan::Stage,
    store::{Lookup, SetAside, StoreError},
};

/// Results that may wait to be published before no more are made: they take room on the disk.
const MOST_PUBLISHING: usize = 32;

/// What the store says of a stage.
enum Answer {
    /// It has the result, and the stage is done.
    Done,
    /// It must be executed, for these reasons.
    Stale(Vec<Reason>),
    /// It has the result, but another run uses this out of the stage.
    Busy(String),
}

/// What a stage waits for.
enum Obstacle {
    /// The same result is being made.
    Key,
    /// Another run uses this out, which it writes or reads.
    Out(String),
}

impl Cycle<'_> {
    /// Takes the keys of all that is ready, until nothing is: what the store has makes more stages ready.
    pub(super) fn settle(&mut self) {
        if self.ready.is_empty() {
            return;
        }
        // Nothing is taken away between here and the moment at which this run says that it needs it.
        let calm = self.store.calm();
        while let Some(at) = self.ready.pop_first() {
            if self.ending.is_some() {
                self.ready.clear();
                break;
            }
            match &calm {
                Ok(_) => self.examine(at),
                Err(error) => self.fail(at, of_store(error)),
            }
        }
        self.say_what_is_used();
    }

    fn say_what_is_used(&mut self) {
        let used = std::mem::take(&mut self.used);
        // Where it cannot be said, what gc takes away is made again.
        let _ = self.store.claim(&self.options.run, &used);
    }

    fn examine(&mut self, at: usize) {
        let stage = self.order[at];
        // Held until the store was asked: a key tells of what this run made.
        let _reads = match self.hold_reads(at) {
            Ok(reads) => reads,
            Err(StoreError::OutBusy(out)) => {
                self.tell_out_is_used(at, &out);
                self.held_up.insert(at);
                return;
            }
            Err(error) => return self.fail(at, of_store(&error)),
        };
        let action = match self.make_action(at) {
            Ok(action) => action,
            Err(failure) => return self.fail(at, failure),
        };
        (self.events)(Event::StageReady {
            stage: stage.id.clone(),
            key: action.key,
        });
        let forced = reason_to_run(stage, self.options);
        let is_compared = self.options.check.contains(&stage.id);
        let mut pending = Box::new(Pending {
            action,
            reasons: forced.iter().cloned().collect(),
            attempt: 1,
            not_before: None,
            lock: None,
            reads: None,
            is_forced: forced.is_some() || is_compared,
            compared: None,
            is_announced: false,
        });
        if is_compared {
            match self.record_to_compare(at, &pending) {
                Ok(record) => {
                    pending.reasons = vec![Reason::Compared];
                    pending.compared = Some(record);
                }
                Err(failure) => return self.fail(at, failure),
            }
        } else if forced.is_none() {
            match self.look_up(at, &pending) {
                Ok(Answer::Done) => return,
                Ok(Answer::Stale(reasons)) => pending.reasons = reasons,
                // It is asked again when there is room.
                Ok(Answer::Busy(_)) => {}
                Err(failure) => return self.fail(at, failure),
            }
        }
        self.states[at] = State::Pending(pending);
        self.pending.insert(at);
    }

    fn make_action(&self, at: usize) -> Result<Action, Failure> {
        let maker = Maker {
            store: self.store,
            options: self.options,
            machine: &self.machine,
            view: &View::of_run(self.store, &self.options.folder),
        };
        maker.make(self.order[at], &self.records)
    }

    /// Asks the store. If it has the answer, the stage is done.
    fn look_up(&mut self, at: usize, pending: &Pending) -> Result<Answer, Failure> {
        let stage = self.order[at];
        let found = match self.store.lookup(&pending.action.key) {
            Ok(Lookup::Fresh(record)) => {
                let restored = self.store.restore_outs(&self.options.protected, &record);
                let mut outs = match restored {
                    Ok(outs) => outs,
                    Err(StoreError::OutBusy(out)) => return Ok(Answer::Busy(out)),
                    Err(StoreError::Damaged { what, .. }) => {
                        let output = "outs".to_owned();
                        return Ok(Answer::Stale(vec![Reason::OutputDamaged { output, what }]));
                    }
                    Err(error) => return Err(of_store(&error)),
                };
                self.tell_set_aside(at, outs.take_set_aside());
                for (out, lacks) in outs.mended() {
                    self.log(at, format!("restored in `{out}`: {lacks}"));
                }
                self.counts.cached += 1;
                self.used.push(record.key.0);
                if self.complete(at, record, true) {
                    self.release(at, outs);
                }
                return Ok(Answer::Done);
            }
            Ok(Lookup::Stale(found)) => found,
            Err(error) => return Err(of_store(&error)),
        };
        let name = self.full_name(&stage.id);
        let mut reasons = (self.store).reasons(&name, &pending.action.parts, found);
        key::name_inputs(&mut reasons, &pending.action.places);
        Ok(Answer::Stale(reasons))
    }

    /// Starts what must be executed and has room, in the order of the graph.
    pub(super) fn fill(&mut self) {
        if self.ending.is_some() {
            return self.forgo();
        }
        for at in std::mem::take(&mut self.locked) {
            self.pending.insert(at);
        }
        let now = Instant::now();
        let mut from = 0;
        while let Some(&at) = self.pending.range(from..).next() {
            from = at + 1;
            if self.ending.is_some() || self.publishing >= MOST_PUBLISHING {
                break;
            }
            let (State::Pending(pending) | State::Locked(pending)) = &self.states[at] else {
                self.pending.remove(&at);
                continue;
            };
            if pending.not_before.is_some_and(|it| it > now) {
                continue;
            }
            if !self.has_inline && self.taken.is_full(self.options.jobs.max(1)) {
                break;
            }
            let share = self.share(at, pending.action.device != "cpu");
            if self
                .taken
                .has_room(&share, self.options.jobs.max(1), &self.options.capacity)
            {
                self.pending.remove(&at);
                self.postponed.remove(&at);
                self.claim(at, share);
            }
        }
        if self.ending.is_some() {
            // One of them failed before it began: nothing will be heard of it that would wake the loop.
            return self.forgo();
        }
        // What the store had meanwhile made other stages ready.
        if !self.ready.is_empty() {
            self.settle();
            self.fill();
        }
    }

    /// Nothing more is begun, and other runs need not wait for what is not made here.
    fn forgo(&mut self) {
        for at in std::mem::take(&mut self.pending) {
            self.states[at] = State::Ready;
        }
        self.locked.clear();
        self.held_up.clear();
    }

    fn share(&self, at: usize, uses_gpu: bool) -> Share {
        let stage = self.order[at];
        if inline::is_inline(&stage.task) {
            return Share::default();
        }
        Share::of(&stage.control.resources, uses_gpu)
    }

    /// Takes the key's lock, looks again, and starts the stage.
    fn claim(&mut self, at: usize, share: Share) {
        let state = std::mem::replace(&mut self.states[at], State::Ready);
        let (State::Pending(mut pending) | State::Locked(mut pending)) = state else {
            self.states[at] = state;
            return;
        };
        match self.hold_reads(at) {
            Ok(reads) => pending.reads = reads,
            Err(StoreError::OutBusy(out)) => return self.wait(at, pending, &Obstacle::Out(out)),
            Err(error) => return self.fail(at, of_store(&error)),
        }
        if pending.reads.is_some() && self.store.has_company() {
            // What it reads may have been brought back since.
            match self.make_action(at) {
                Ok(action) if action.key == pending.action.key => pending.action = action,
                Ok(_) => {
                    self.states[at] = State::Ready;
                    self.ready.insert(at);
                    return;
                }
                Err(failure) => return self.fail(at, failure),
            }
        }
        if pending.lock.is_none() {
            match self.store.try_lock(&pending.action.key) {
                Ok(Some(lock)) => pending.lock = Some(lock),
                Ok(None) => return self.wait(at, pending, &Obstacle::Key),
                Err(error) => return self.fail(at, of_store(&error)),
            }
            // What it is made of is there as long as this run says that it needs it.
            let needed = pending.action.needed();
            let claimed = self.store.calm().and_then(|calm| {
                self.store.claim(&self.options.run, &needed)?;
                Ok(calm)
            });
            let _calm = match claimed {
                Ok(calm) => calm,
                Err(error) => return self.fail(at, of_store(&error)),
            };
            // Whoever had the lock may have made what we want.
            if !pending.is_forced {
                let answer = self.look_up(at, &pending);
                self.say_what_is_used();
                match answer {
                    Ok(Answer::Done) => return,
                    Ok(Answer::Stale(reasons)) => pending.reasons = reasons,
                    Ok(Answer::Busy(out)) => return self.wait(at, pending, &Obstacle::Out(out)),
                    Err(failure) => return self.fail(at, failure),
                }
            }
        }
        let stage = self.order[at];
        let mut outs = None;
        if !stage.outs.is_empty() {
            // Outs that are tracked would look changed once they are cleared.
            self.options.git.as_ref().map(Commit::text);
            let last = self.store.last_record(&self.full_name(&stage.id));
            let protected = &self.options.protected;
            match (self.store).clear_outs(protected, &stage.outs, last.as_ref()) {
                Ok(lock) => outs = Some(lock),
                Err(StoreError::OutBusy(out)) => {
                    return self.wait(at, pending, &Obstacle::Out(out));
                }
                Err(error) => return self.fail(at, of_store(&error)),
            }
        }
        self.say_outs_used(at);
        self.start(at, pending, outs, share);
    }

    /// Tells what was in the way of outs and is kept in quarantine.
    pub(super) fn tell_set_aside(&mut self, at: usize, set_aside: Vec<SetAside>) {
        for aside in set_aside {
            (self.events)(Event::OutSetAside {
                stage: self.order[at].id.clone(),
                path: aside.path.display().to_string(),
                kept: aside.kept.display().to_string(),
                difference: aside.difference,
            });
        }
    }

    /// Another stage or run is in the way. The lock is given up meanwhile, so that nobody waits for who waits.
    fn wait(&mut self, at: usize, mut pending: Box<Pending>, obstacle: &Obstacle) {
        let stage = self.order[at].id.clone();
        let key = pending.action.key;
        pending.lock = None;
        pending.reads = None;
        if let Obstacle::Out(out) = obstacle {
            self.tell_out_is_used(at, out);
        }
        let is_own = self.states.iter().any(|state| {
            matches!(state, State::Running(it) | State::Publishing(it) if it.pending.action.key == key)
                || matches!(state, State::Pending(it) if it.lock.is_some() && it.action.key == key)
        });
        // Within a run, stages that make the same are told as they end.
        let is_key = matches!(obstacle, Obstacle::Key);
        if is_key && !is_own && !std::mem::replace(&mut pending.is_announced, true) {
            (self.events)(Event::StageWaiting {
                stage,
                key,
                run: self.store.holder(&key.0, &self.options.run),
            });
        }
        self.states[at] = State::Locked(pending);
        self.locked.insert(at);
    }
}

/// Why a stage runs whatever the store says.
pub(super) fn reason_to_run(stage: &Stage, options: &Options) -> Option<Reason> {
    if options.force.contains(&stage.id) {
        Some(Reason::Forced)
    } else if stage.control.cache.is_on() {
        None
    } else {
        Some(Reason::NotCached)
    }
}
