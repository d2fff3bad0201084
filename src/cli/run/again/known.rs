//! What is known of a run before it begins: the answer of one before, given again where it fits, or the stages of it that
//! need no look.

use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Instant,
};

use anyhow::Context as _;
use foldhash::{HashMap, HashMapExt};
use pipe_schema::{
    manifest::Digest,
    run::{Event, Line, RunFinished, RunStarted, RunStatus},
};

use super::{
    super::{Args, ending::Finds, face, git, now, previous, print, repeated, words::Words},
    Answer, Keys, Question,
};
use crate::{
    cli::{
        Context,
        project::{self, Parsed, Project},
    },
    graph::{Graph, Selection},
    plan::Essence,
    report::{
        lines::LISTED,
        summary::{NoteCount, Summary, Tally},
    },
    schedule::Untouched,
    store::{Boot, Lookup, Store, Witness},
    threads,
    track::Story,
};

/// Logs that tell of one run together: each is read whole where the run is looked at.
const MOST_LOGS: u32 = 16;

/// The answer of a run before, which may be given again.
pub struct Known {
    store: Arc<Store>,
    witness: Arc<Witness>,
    answer: Answer,
    standing: Standing,
    reading: Option<Reading>,
    /// When it was asked.
    since: Instant,
}

/// Whether all that was looked at is as it was.
enum Standing {
    AsItWas,
    /// The spec was written to. The rest is being looked at.
    Asked(JoinHandle<bool>),
    /// The spec was written to. Whether the rest is as it was:
    Found(bool),
}

/// Something is read for a store that will be asked. It is not held beyond that.
pub struct Reading(Option<JoinHandle<()>>);

impl Reading {
    pub(super) fn begin(store: &Arc<Store>, read: fn(&Store)) -> Option<Self> {
        let store = Arc::clone(store);
        let thread = thread::Builder::new().spawn(move || read(&store));
        Some(Self(Some(thread.ok()?)))
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        // What is wrong with it is told to who asks.
        let _ = self.0.take().map(JoinHandle::join);
    }
}

impl Known {
    /// Looks how what was seen stands. None where it is seen at once that it does not.
    pub(super) fn look(
        store: Arc<Store>,
        witness: Arc<Witness>,
        answer: Answer,
        since: Instant,
    ) -> Option<Self> {
        let standing = if store.sources_stand(&witness) {
            store.others_stand(&witness).then_some(Standing::AsItWas)?
        } else {
            let (seen, by) = (Arc::clone(&witness), Arc::clone(&store));
            // The spec is read meanwhile.
            let thread = thread::Builder::new().spawn(move || by.others_stand(&seen));
            match thread {
                Ok(thread) => Standing::Asked(thread),
                Err(_) => Standing::Found(store.others_stand(&witness)),
            }
        };
        Some(Self {
            store,
            witness,
            answer,
            standing,
            reading: None,
            since,
        })
    }

    /// Whether all is as it was.
    pub fn is_sure(&self) -> bool {
        matches!(self.standing, Standing::AsItWas)
    }

    /// Whether all but the spec is as it was.
    fn stands(&mut self) -> bool {
        let found = match std::mem::replace(&mut self.standing, Standing::Found(false)) {
            Standing::AsItWas => true,
            Standing::Asked(looked) => looked.join().unwrap_or(false),
            Standing::Found(found) => found,
        };
        self.standing = Standing::Found(found);
        found
    }

    /// Whether the spec still says what it said. From now on it is known as it stands.
    pub fn is_of(&mut self, spec: &Parsed, question: &Question, watched: &Arc<Store>) -> bool {
        let content = project::content(spec, &question.folder, &self.answer.included);
        if let Some(content) = content.filter(|it| *it == self.answer.content)
            && self.stands()
        {
            self.renew(question, content, watched);
            return true;
        }
        // The plan is made meanwhile.
        self.reading = Reading::begin(watched, Store::read_journals);
        false
    }

    /// Whether the spec, however it says so, asks for what was answered. From now on it is known as it stands.
    pub fn suits(
        &mut self,
        project: &Project,
        essence: &Essence,
        question: &Question,
        watched: &Store,
    ) -> bool {
        if essence.whole != self.answer.essence || !self.stands() {
            return false;
        }
        let Ok(vars) = serde_json::to_value(&project.plan.vars) else {
            return false;
        };
        self.answer.started.vars = vars;
        // Another file was never looked at.
        if !project.has_warnings && project.included == self.answer.included {
            self.renew(question, project.content, watched);
        }
        true
    }

    /// Keeps that it is the answer to the spec as edited, and `content` what that says. `watched` did so since before the
    /// spec was read. Where that fails, the next run reads the spec once more.
    fn renew(&mut self, question: &Question, content: Digest, watched: &Store) {
        self.answer.content = content;
        if let Ok(text) = serde_json::to_string(&self.answer) {
            let _ = watched.renew_witness(&question.text, &text, &self.witness);
        }
    }

    /// The stages that the edit of the spec did not touch, nor anything that they wait for, and what notes their results have. `watched` is the store of `run`,
    /// which has begun: it keeps their results from now on.
    pub fn untouched(
        mut self,
        project: &Project,
        essence: &Essence,
        graph: &Graph,
        selection: &Selection,
        run: &str,
        watched: &Store,
    ) -> Option<(Untouched, Keys, Vec<NoteCount>)> {
        let plan = &project.plan;
        let is_other = plan.name != self.answer.started.name;
        if is_other || self.answer.logs >= MOST_LOGS || !self.stands() {
            return None;
        }
        let known = Keys::table(&self.witness.aside()?);
        let mut keys = Keys::with_capacity(known.len());
        let mut untouched = Untouched {
            of: self.answer.started.run.clone(),
            logs: self.answer.logs + 1,
            keys: HashMap::with_capacity(selection.len()),
            records: BTreeMap::new(),
        };
        for id in graph.order().iter().filter(|it| selection.contains(*it)) {
            let asked = plan.stages.get_index_of(id).map(|it| essence.stages[it]);
            if let Some(asked) = asked
                && let Some(key) = known.get(&asked)
                && graph.before(id).all(|it| untouched.has(it))
            {
                keys.add(&asked, key);
                untouched.keys.insert(id.clone(), *key);
            }
        }
        if untouched.keys.is_empty() {
            return None;
        }
        drop(self.reading.take());
        let calm = watched.calm().ok()?;
        let needed: Vec<Digest> = untouched.keys.values().map(|it| it.0).collect();
        watched.claim(run, &needed).ok()?;
        // Nothing was taken away, or noted, between the look at it and this.
        if !watched.journals_stand(&self.witness) {
            return None;
        }
        drop(calm);
        for (id, stage) in &plan.stages {
            if !selection.contains(id) || untouched.has(id) {
                continue;
            }
            for input in &stage.inputs {
                if let Some(key) = untouched.keys.get(&input.stage) {
                    let Ok(Lookup::Fresh(record)) = watched.lookup(key) else {
                        return None;
                    };
                    untouched.records.insert(input.stage.clone(), record);
                }
            }
        }
        watched.saw_again(Arc::clone(&self.witness));
        let mut notes = self.answer.finds.notes;
        notes.retain(|noted| untouched.has(&noted.stage));
        Some((untouched, keys, notes))
    }

    /// Answers as the run before.
    pub fn answer(
        &self,
        question: &Question,
        args: &Args,
        words: &Words,
        context: &Context,
    ) -> anyhow::Result<ExitCode> {
        let Self {
            store,
            answer,
            since,
            ..
        } = self;
        let is_listed = answer.stages as usize <= LISTED;
        let before = if is_listed || !answer.finds.reports.is_empty() {
            previous(store, &answer.started.spec)
        } else {
            None
        };
        let run = store.new_run()?;
        let mut log = store.start_run_log(&run)?;
        let of = answer.started.run.clone();
        let started = RunStarted {
            run: run.clone(),
            git: git::commit(&question.folder),
            boot: Boot::current().map(|it| it.id.clone()),
            ..answer.started.clone()
        };
        let finished = RunFinished {
            status: RunStatus::Done,
            ran: 0,
            cached: answer.stages,
            failed: 0,
            skipped: 0,
            seconds: since.elapsed().as_secs_f64(),
        };
        let tally = Tally {
            status: Some(RunStatus::Done),
            seconds: finished.seconds,
            cached: u64::from(answer.stages),
            ..Tally::default()
        };
        for event in [
            Event::RunStarted(Arc::new(started)),
            Event::RunRepeated {
                of,
                besides: Vec::new(),
            },
            Event::RunFinished(finished),
        ] {
            log.append(&Line { at: now(), event })?;
        }
        if is_listed {
            let mut face = face(args.format, before.clone(), context).context(threads::REFUSED)?;
            let mut story = Story::default();
            for line in store.read_run(&run)? {
                story.hear(&line);
                face.show(&line, &story);
            }
        }
        let Finds {
            reports,
            notes,
            results,
            next,
        } = answer.finds.clone();
        let summary = Summary {
            story: &Story::default(),
            tally,
            before: before.as_ref(),
            again: &repeated(words.spec.as_deref(), &args.overriding, context),
            folder: &context.folder,
            reports,
            notes,
            results,
            next,
        };
        print(&summary, context);
        Ok(ExitCode::SUCCESS)
    }
}
