//! The loop: it asks the store, waits for locks and room, and starts what must be executed.
//! What a job is made of is in `launch`, what is heard of it in `intake`, what comes of it in `landing` and `verdict`.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::{Duration, Instant},
};

use anyhow::Result;
use crossbeam_channel::{Receiver, never, select};
use pipe_schema::{
    record::Record,
    run::{Event, Failure, Reason, RunStarted},
};

use super::{
    Options, Summary,
    action::{Maker, of_store},
    capacity::Share,
    inline,
    machine::Machine,
    state::{Pending, State},
    verdict::Counts,
};
use crate::{
    exec::Executor,
    graph::Graph,
    key,
    plan::{Plan, Stage, StageId},
    store::{Lookup, Store},
};

/// How often the lock of another run is tried.
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// As good as for ever, when nothing is due.
const LONG: Duration = Duration::from_hours(1);

/// Brings the selected stages up to date and tells `events` all that happens, from `RunStarted` to `RunFinished`.
/// Whoever wants a log or a display makes it from the events. The first message on `interrupts` stops the run and keeps
/// what is finished and checkpointed; the second kills. Errors are trouble with the store as a whole; stages fail in events.
#[expect(clippy::too_many_arguments, reason = "each is a room of its own")]
pub fn run(
    plan: &Plan,
    graph: &Graph,
    selection: &BTreeSet<StageId>,
    store: &Store,
    executor: &mut dyn Executor,
    interrupts: &Receiver<()>,
    options: &Options,
    events: &mut dyn FnMut(Event),
) -> Result<Summary> {
    let since = Instant::now();
    let order: Vec<&Stage> = graph
        .order()
        .iter()
        .filter(|id| selection.contains(*id))
        .map(|id| &plan.stages[id])
        .collect();
    events(Event::RunStarted(RunStarted {
        run: options.run.clone(),
        name: plan.name.clone(),
        spec: options.spec.clone(),
        overrides: plan.overrides.clone(),
        stages: order.iter().map(|it| it.id.clone()).collect(),
        vars: serde_json::to_value(&plan.vars)?,
        git: options.git.clone(),
        pipe: env!("CARGO_PKG_VERSION").to_owned(),
    }));
    let machine = if order.iter().any(|it| it.task.is_tensor()) {
        Machine::look(store, executor, options)
    } else {
        Machine::unknown()
    };
    let places: HashMap<&str, usize> = order
        .iter()
        .enumerate()
        .map(|(place, stage)| (stage.id.as_str(), place))
        .collect();
    let states: Vec<State> = order
        .iter()
        .map(|stage| match graph.before(&stage.id).count() {
            0 => State::Ready,
            before => State::Waiting { before },
        })
        .collect();
    let ready = (0..order.len())
        .filter(|&at| matches!(states[at], State::Ready))
        .collect();
    let mut cycle = Cycle {
        plan,
        graph,
        store,
        executor,
        options,
        machine,
        events,
        order,
        places,
        states,
        ready,
        pending: BTreeSet::new(),
        locked: BTreeSet::new(),
        jobs: HashMap::new(),
        last_job: 0,
        taken: Share::default(),
        ending: None,
        records: BTreeMap::new(),
        counts: Counts::default(),
    };
    cycle.turn(interrupts);
    store.flush()?;
    let finished = cycle.finish(since);
    (cycle.events)(Event::RunFinished(finished.clone()));
    Ok(Summary {
        finished,
        records: cycle.records,
    })
}

/// A run in progress.
pub(super) struct Cycle<'a> {
    pub plan: &'a Plan,
    pub graph: &'a Graph,
    pub store: &'a Store,
    pub executor: &'a mut dyn Executor,
    pub options: &'a Options,
    machine: Machine,
    pub events: &'a mut dyn FnMut(Event),
    /// The selected stages in the graph's order. Elsewhere, a stage is its place in this list.
    pub order: Vec<&'a Stage>,
    pub places: HashMap<&'a str, usize>,
    pub states: Vec<State>,
    pub ready: BTreeSet<usize>,
    pub pending: BTreeSet<usize>,
    locked: BTreeSet<usize>,
    /// Whose job it is.
    pub jobs: HashMap<u64, usize>,
    last_job: u64,
    pub taken: Share,
    pub ending: Option<Ending>,
    pub records: BTreeMap<StageId, Record>,
    pub counts: Counts,
}

/// Why nothing more is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Failed,
    Interrupted,
    Killed,
}

impl Cycle<'_> {
    fn turn(&mut self, interrupts: &Receiver<()>) {
        let messages = self.executor.messages().clone();
        let mut interrupts = interrupts.clone();
        loop {
            self.settle();
            self.fill();
            if self.jobs.is_empty() && self.locked.is_empty() && self.pending.is_empty() {
                break;
            }
            let pause = self.pause();
            select! {
                recv(messages) -> message => if let Ok(message) = message {
                    let mut arrived = vec![message];
                    arrived.extend(messages.try_iter());
                    self.hear(arrived);
                },
                recv(interrupts) -> interrupt => match interrupt {
                    Ok(()) => self.interrupt(),
                    Err(_) => interrupts = never(),
                },
                default(pause) => {}
            }
            self.enforce_timeouts();
        }
        self.skip_rest();
    }

    /// Takes the keys of all that is ready, until nothing is: what the store has makes more stages ready.
    fn settle(&mut self) {
        while let Some(at) = self.ready.pop_first() {
            if self.ending.is_some() {
                self.ready.clear();
                return;
            }
            self.examine(at);
        }
    }

    fn examine(&mut self, at: usize) {
        let stage = self.order[at];
        let maker = Maker {
            store: self.store,
            options: self.options,
            machine: &self.machine,
        };
        let action = match maker.make(stage, &self.records) {
            Ok(action) => action,
            Err(failure) => return self.fail(at, failure),
        };
        (self.events)(Event::StageReady {
            stage: stage.id.clone(),
            key: action.key,
        });
        let forced = reason_to_run(stage, self.options);
        let mut pending = Box::new(Pending {
            action,
            reasons: forced.iter().cloned().collect(),
            attempt: 1,
            not_before: None,
            lock: None,
            is_forced: forced.is_some(),
            is_announced: false,
        });
        if forced.is_none() {
            match self.look_up(at, &pending) {
                Ok(None) => return,
                Ok(Some(reasons)) => pending.reasons = reasons,
                Err(failure) => return self.fail(at, failure),
            }
        }
        self.states[at] = State::Pending(pending);
        self.pending.insert(at);
    }

    /// Asks the store. If it has the answer, the stage is done; else these are the reasons to run it.
    fn look_up(&mut self, at: usize, pending: &Pending) -> Result<Option<Vec<Reason>>, Failure> {
        let stage = self.order[at];
        let found = match self.store.lookup(&pending.action.key) {
            Ok(Lookup::Fresh(record)) => {
                self.store
                    .restore_outs(&record, &self.options.folder, self.options.overwrite)
                    .map_err(|error| of_store(&error))?;
                self.counts.cached += 1;
                self.complete(at, *record, true);
                return Ok(None);
            }
            Ok(Lookup::Stale(found)) => found,
            Err(error) => return Err(of_store(&error)),
        };
        let name = self.plan.full_name(&stage.id);
        let mut reasons = (self.store).reasons(&name, &pending.action.parts, found);
        key::name_inputs(&mut reasons, &pending.action.places);
        Ok(Some(reasons))
    }

    /// Starts what must be executed and has room, in the order of the graph.
    fn fill(&mut self) {
        if self.ending.is_some() {
            self.pending.clear();
            self.locked.clear();
            return;
        }
        for at in std::mem::take(&mut self.locked) {
            self.pending.insert(at);
        }
        let now = Instant::now();
        let mut from = 0;
        while let Some(&at) = self.pending.range(from..).next() {
            from = at + 1;
            if self.ending.is_some() {
                break;
            }
            let (State::Pending(pending) | State::Locked(pending)) = &self.states[at] else {
                self.pending.remove(&at);
                continue;
            };
            if pending.not_before.is_some_and(|it| it > now) {
                continue;
            }
            let share = self.share(at, pending.action.device != "cpu");
            if self
                .taken
                .has_room(&share, self.options.jobs.max(1), &self.options.capacity)
            {
                self.pending.remove(&at);
                self.claim(at, share);
            }
        }
        // What the store had meanwhile made other stages ready.
        if !self.ready.is_empty() {
            self.settle();
            self.fill();
        }
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
        if pending.lock.is_none() {
            match self.store.try_lock(&pending.action.key) {
                Ok(Some(lock)) => pending.lock = Some(lock),
                Ok(None) => {
                    if !std::mem::replace(&mut pending.is_announced, true) {
                        (self.events)(Event::StageWaiting {
                            stage: self.order[at].id.clone(),
                            key: pending.action.key,
                        });
                    }
                    self.states[at] = State::Locked(pending);
                    self.locked.insert(at);
                    return;
                }
                Err(error) => return self.fail(at, of_store(&error)),
            }
            // Whoever had the lock may have made what we want.
            if !pending.is_forced {
                match self.look_up(at, &pending) {
                    Ok(None) => return,
                    Ok(Some(reasons)) => pending.reasons = reasons,
                    Err(failure) => return self.fail(at, failure),
                }
            }
        }
        self.start(at, pending, share);
    }

    /// How long nothing needs to be done if nothing happens.
    fn pause(&self) -> Duration {
        let now = Instant::now();
        let mut until = now + LONG;
        if !self.locked.is_empty() {
            until = now + LOCK_PAUSE;
        }
        for at in &self.pending {
            if let State::Pending(pending) = &self.states[*at]
                && let Some(at) = pending.not_before
            {
                until = until.min(at);
            }
        }
        for at in self.jobs.values() {
            if let State::Running(running) = &self.states[*at]
                && let Some(deadline) = running.deadline
            {
                until = until.min(deadline);
            }
        }
        until.saturating_duration_since(now)
    }

    /// A job number that was never used in this run.
    pub(super) fn next_job(&mut self) -> u64 {
        self.last_job += 1;
        self.last_job
    }
}

/// Why a stage runs whatever the store says.
pub(super) fn reason_to_run(stage: &Stage, options: &Options) -> Option<Reason> {
    if options.force.contains(&stage.id) {
        Some(Reason::Forced)
    } else if stage.control.cache {
        None
    } else {
        Some(Reason::NotCached)
    }
}
