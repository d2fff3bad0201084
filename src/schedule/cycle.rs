//! The loop: what is ready is claimed and started, what happens meanwhile is taken in, until nothing is left.
//! How a stage is claimed is in `claim`, what a job is made of in `launch`, what is heard of it in `intake`,
//! what comes of it in `landing` and `verdict`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use crossbeam_channel::{Receiver, never, select};
use foldhash::{HashMap, HashMapExt};
use pipe_schema::{
    manifest::Digest,
    record::Record,
    run::{Event, RunStarted},
};

use super::{
    Options, Summary, capacity::Share, inline, machine::Machine, publisher::Publisher, secrets,
    state::State, strays::Strays, verdict::Counts,
};
use crate::{
    exec::{Executor, mask::Mask},
    graph::{Graph, Selection},
    plan::{Plan, Stage, StageId},
    store::{Boot, Store},
    threads,
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
    selection: &Selection,
    store: &Store,
    executor: &mut dyn Executor,
    interrupts: &Receiver<()>,
    options: &Options,
    events: &mut dyn FnMut(Event),
) -> Result<Summary> {
    thread::scope(|scope| {
        let publisher = Publisher::start(scope, store).context(threads::REFUSED)?;
        let since = Instant::now();
        let order: Vec<&Stage> = graph
            .order()
            .iter()
            .filter(|id| selection.contains(*id))
            .map(|id| &*plan.stages[id])
            .collect();
        let mask = secrets::mask_of(&order, options);
        let mut told = |event| events(secrets::hide_in_event(&mask, event));
        let events: &mut dyn FnMut(Event) = &mut told;
        let places: HashMap<&str, usize> = order
            .iter()
            .enumerate()
            .map(|(place, stage)| (stage.id.as_str(), place))
            .collect();
        let after = |stage: &&Stage| {
            let before = graph.before(&stage.id);
            let mut places: Vec<u32> = before
                .filter_map(|id| places.get(id.as_str()).map(|it| *it as u32))
                .collect();
            places.sort_unstable();
            places
        };
        events(Event::RunStarted(Arc::new(RunStarted {
            run: options.run.clone(),
            name: plan.name.clone(),
            spec: options.spec.clone(),
            overrides: plan.overrides.clone(),
            stages: order.iter().map(|it| it.id.clone()).collect(),
            after: order.iter().map(after).collect(),
            others: (plan.stages.keys())
                .filter(|it| !selection.contains(*it))
                .cloned()
                .collect(),
            vars: serde_json::to_value(&plan.vars)?,
            git: options.git.as_ref().map(|it| it.name().to_owned()),
            pipe: env!("CARGO_PKG_VERSION").to_owned(),
            boot: Boot::current().map(|it| it.id.clone()),
        })));
        let untouched = &options.untouched;
        let (known, others): (Vec<&Stage>, _) = order.iter().partition(|it| untouched.has(&it.id));
        if !known.is_empty() {
            events(Event::RunRepeated {
                of: untouched.of.clone(),
                besides: others.iter().map(|it| it.id.clone()).collect(),
            });
        }
        let machine = if others.iter().any(|it| it.task.is_tensor()) {
            Machine::look(store, executor, options, interrupts)
        } else {
            Machine::unknown()
        };
        let states: Vec<State> = order
            .iter()
            .map(|stage| {
                let before = graph.before(&stage.id);
                match before.filter(|it| !untouched.has(it)).count() {
                    _ if untouched.has(&stage.id) => State::Done,
                    0 => State::Ready,
                    before => State::Waiting { before },
                }
            })
            .collect();
        let ready = (0..order.len())
            .filter(|&at| matches!(states[at], State::Ready))
            .collect();
        let has_inline = others.iter().any(|it| inline::is_inline(&it.task));
        let ending = machine.is_interrupted().then_some(Ending::Interrupted);
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
            held_up: BTreeSet::new(),
            announced: BTreeSet::new(),
            postponed: BTreeSet::new(),
            has_inline,
            jobs: HashMap::new(),
            last_job: 0,
            taken: Share::default(),
            gpus: options.capacity.gpus.clone(),
            publisher,
            publishing: 0,
            ending,
            records: untouched.records.clone(),
            used: Vec::new(),
            host_name: (rustix::system::uname().nodename().to_string_lossy()).into_owned(),
            counts: Counts {
                cached: known.len() as u32,
                ..Counts::default()
            },
            strays: Strays::default(),
            mask: Arc::clone(&mask),
            unread: BTreeSet::new(),
            remade: HashMap::new(),
        };
        cycle.turn(interrupts);
        cycle.reassert_outs();
        cycle.read_share();
        cycle.tell_strays();
        store.flush()?;
        let finished = cycle.finish(since);
        (cycle.events)(Event::RunFinished(finished.clone()));
        Ok(Summary {
            finished,
            records: cycle.records,
        })
    })
}

/// A run in progress.
pub(super) struct Cycle<'a> {
    pub plan: &'a Plan,
    pub graph: &'a Graph,
    pub store: &'a Store,
    pub executor: &'a mut dyn Executor,
    pub options: &'a Options,
    pub machine: Machine,
    pub events: &'a mut dyn FnMut(Event),
    /// The selected stages in the graph's order. Elsewhere, a stage is its place in this list.
    pub order: Vec<&'a Stage>,
    pub places: HashMap<&'a str, usize>,
    pub states: Vec<State>,
    pub ready: BTreeSet<usize>,
    pub pending: BTreeSet<usize>,
    pub locked: BTreeSet<usize>,
    /// Those that are ready, and whose keys cannot be taken while another run uses the outs that they read.
    pub held_up: BTreeSet<usize>,
    /// Those of which it was told that outs are used by another run.
    pub announced: BTreeSet<usize>,
    /// Those among the pending that wait for a moment, and some that did.
    pub postponed: BTreeSet<usize>,
    /// Whether there are stages that take no room.
    pub has_inline: bool,
    /// Whose job it is.
    pub jobs: HashMap<u64, usize>,
    last_job: u64,
    pub taken: Share,
    /// Devices that no stage has.
    pub gpus: Vec<String>,
    pub publisher: Publisher,
    /// How many results are on their way into the store.
    pub publishing: usize,
    pub ending: Option<Ending>,
    pub records: BTreeMap<StageId, Arc<Record>>,
    /// What this run needs of the store and has not said yet.
    pub used: Vec<Digest>,
    /// The machine's name, for records.
    pub host_name: String,
    pub counts: Counts,
    pub strays: Strays,
    /// Hides the secrets of all stages.
    pub mask: Arc<Mask>,
    /// Artifacts that stages read and that were not read before them.
    pub unread: BTreeSet<Digest>,
    /// How often a stage's inputs were made again.
    pub remade: HashMap<usize, u32>,
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
        let published = self.publisher.results().clone();
        let mut interrupts = interrupts.clone();
        loop {
            self.ready.append(&mut self.held_up);
            self.settle();
            self.fill();
            let is_idle = self.jobs.is_empty() && self.publishing == 0;
            let waits = [&self.locked, &self.pending, &self.held_up];
            if is_idle && waits.iter().all(|it| it.is_empty()) {
                break;
            }
            if self.publishing > 0 && !self.taken.is_full(self.options.jobs.max(1)) {
                self.publisher.hurry();
            }
            let pause = self.pause();
            select! {
                recv(messages) -> message => if let Ok(message) = message {
                    let mut arrived = vec![message];
                    arrived.extend(messages.try_iter());
                    self.hear(arrived);
                },
                recv(published) -> result => {
                    for (at, result) in result.into_iter().chain(published.try_iter()) {
                        self.take_published(at, result);
                    }
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

    /// How long nothing needs to be done if nothing happens.
    fn pause(&self) -> Duration {
        let now = Instant::now();
        let mut until = now + LONG;
        if !self.locked.is_empty() || !self.held_up.is_empty() {
            until = now + LOCK_PAUSE;
        }
        for at in &self.postponed {
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
