//! `pipe run` where a run that had nothing to do looked at everything already: as long as all of that is as it was, the
//! answer is the same, and so it is where the spec was edited but asks for the same. Decides nothing by itself: where
//! anything else moved, the run goes its usual way.

use std::{
    collections::BTreeMap, os::unix::fs::MetadataExt, path::PathBuf, process::ExitCode,
    time::Instant,
};

use pipe_schema::{
    manifest::Digest,
    run::{Event, Line, RunFinished, RunStarted, RunStatus},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{Args, ending::Finds, face, git, now, previous, print, repeated, words::Words};
use crate::{
    cli::{Context, Format, context::Verbosity, discovery, project, project::Project},
    exec::environment::Host,
    plan::Plan,
    report::{
        lines::LISTED,
        summary::{Summary, Tally},
    },
    schedule,
    spec::Spec,
    store::{Boot, Standing, Store, Witness},
    track::Story,
};

/// Variables that decide what programs and libraries are found.
const LOOKED_UP: [&str; 3] = ["PATH", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES"];

/// What is asked of pipe, and by whom: all that a plan is made from but for files.
pub struct Question {
    text: String,
    pub spec: PathBuf,
    folder: PathBuf,
    store: PathBuf,
}

/// The answer of a run before, which may be given again.
pub struct Known {
    store: Store,
    witness: Witness,
    answer: Answer,
    standing: Standing,
    /// When it was asked.
    since: Instant,
}

/// What a run with nothing to do found out.
#[derive(Serialize, Deserialize)]
struct Answer {
    question: String,
    /// Variables that stages ask for, by the digests of their values.
    passed: BTreeMap<String, Option<Digest>>,
    /// Where tensors are computed.
    machine: Option<String>,
    /// What the spec said, with these files that it includes.
    content: Digest,
    included: Vec<String>,
    /// What its plan asked for.
    essence: Digest,
    /// That run, without its stages: they are in its log.
    started: RunStarted,
    stages: u32,
    finds: Finds,
}

impl Question {
    /// Puts together what is asked. None where the answer is not only whether anything is stale.
    pub fn new(args: &Args, words: &Words, context: &Context) -> anyhow::Result<Option<Self>> {
        let is_plain = args.force.is_none() && args.format == Format::Text;
        if !is_plain || args.dry_run || context.verbosity == Verbosity::Verbose {
            return Ok(None);
        }
        let spec = discovery::find_spec(words.spec.as_deref(), context)?;
        let folder = project::folder_of(&spec, context)?;
        let store = discovery::store_root(&spec, context);
        let named = [&spec, &folder, &store, &context.folder, &context.worker];
        if named
            .into_iter()
            .chain(&context.store)
            .any(|it| it.to_str().is_none())
        {
            // It could not be written down.
            return Ok(None);
        }
        let program = std::fs::metadata("/proc/self/exe")?;
        let looked_up = LOOKED_UP.map(|name| digest_of(name, context));
        let text = json!({
            "pipe": [
                env!("CARGO_PKG_VERSION"),
                [program.dev(), program.ino(), program.size()],
                [program.mtime(), program.mtime_nsec()],
            ],
            "spec": spec,
            "folder": folder,
            "from": context.folder,
            "project": discovery::project_root(&folder),
            "store": [Some(&store), context.store.as_ref()],
            "worker": context.worker,
            "targets": words.targets,
            "downstream": args.downstream,
            "offline": args.offline,
            "profiles": args.overriding.profiles,
            "set": args.overriding.set,
            "allow_outside": args.overriding.allow_outside,
            "user": rustix::process::geteuid().as_raw(),
            "environment": looked_up,
        });
        Ok(Some(Self {
            text: text.to_string(),
            spec,
            folder,
            store,
        }))
    }

    /// Opens the store, if there is one, and remembers from here on what is looked at.
    pub fn watch(&self) -> Option<Store> {
        let store = Store::open_existing(&self.store).ok()?;
        store.watch();
        Some(store)
    }

    /// What was answered before, unless anything but the spec has moved.
    pub fn recall(&self, context: &Context) -> Option<Known> {
        let since = Instant::now();
        let store = Store::open_existing(&self.store).ok()?;
        if !store.is_writable() {
            return None;
        }
        let witness = store.witness(&self.text)?;
        let answer: Answer = serde_json::from_str(&witness.text).ok()?;
        let is_same = answer.question == self.text
            && (answer.passed.iter()).all(|(name, value)| digest_of(name, context) == *value)
            && (answer.machine.as_ref()).is_none_or(|it| *it == machine(context));
        let standing = is_same.then(|| store.standing(&witness))?;
        (standing != Standing::Changed).then_some(Known {
            store,
            witness,
            answer,
            standing,
            since,
        })
    }

    /// Keeps what a run found out that had nothing to do. Where that fails, the next run looks at everything again.
    pub fn keep(
        &self,
        project: &Project,
        story: &Story,
        finds: Finds,
        store: &Store,
        context: &Context,
    ) {
        let is_same = store.root() == self.store && project.folder == self.folder;
        let (Some(started), Some(finished)) = (&story.started, &story.finished) else {
            return;
        };
        if !is_same
            || project.has_warnings
            || finished.status != RunStatus::Done
            || finished.ran > 0
        {
            return;
        }
        for path in &project.asked {
            let Ok(places) = schedule::searched(&project.folder, path, false) else {
                return;
            };
            for place in &places {
                store.look(place);
            }
        }
        let Ok(essence) = project.plan.essence() else {
            return;
        };
        let answer = Answer {
            question: self.text.clone(),
            content: project.content,
            included: project.included.clone(),
            essence,
            passed: passed(&project.plan, context),
            machine: (project.plan.stages.values())
                .any(|it| it.task.is_tensor())
                .then(|| machine(context)),
            started: RunStarted {
                stages: Vec::new(),
                after: Vec::new(),
                ..started.clone()
            },
            stages: finished.cached,
            finds,
        };
        if let Ok(text) = serde_json::to_string(&answer) {
            let mut sources = vec![context.folder.join(&project.spec)];
            let included = project.included.iter();
            sources.extend(included.map(|it| project.folder.join(it)));
            let _ = store.keep_witness(&self.text, &text, &sources);
        }
    }
}

impl Known {
    /// Whether all is as it was.
    pub fn is_sure(&self) -> bool {
        self.standing == Standing::AsItWas
    }

    /// Whether the spec still says what it said. From now on it is known as it stands.
    pub fn is_of(&mut self, spec: &Spec, question: &Question, watched: &Store) -> bool {
        let content = project::content(spec, &question.folder, &self.answer.included);
        match content.filter(|it| *it == self.answer.content) {
            Some(content) => {
                self.renew(question, content, watched);
                true
            }
            None => false,
        }
    }

    /// Whether the spec, however it says so, asks for what was answered. From now on it is known as it stands.
    pub fn suits(&mut self, project: &Project, question: &Question, watched: &Store) -> bool {
        let essence = project.plan.essence();
        if !essence.is_ok_and(|it| it == self.answer.essence) {
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

    /// Answers as the run before.
    pub fn answer(
        self,
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
            previous(&store, &answer.started.name)
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
            ..answer.started
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
            Event::RunStarted(started),
            Event::RunRepeated { of },
            Event::RunFinished(finished),
        ] {
            log.append(&Line { at: now(), event })?;
        }
        if is_listed {
            let mut face = face(args.format, before.clone(), context);
            let mut story = Story::default();
            for line in store.read_run(&run)? {
                story.hear(&line);
                face.show(&line, &story);
            }
        }
        let Finds {
            reports,
            results,
            next,
        } = answer.finds;
        let summary = Summary {
            story: &Story::default(),
            tally,
            before: before.as_ref(),
            again: &repeated(words.spec.as_deref(), &args.overriding, context),
            folder: &context.folder,
            reports,
            results,
            next,
        };
        print(&summary, context);
        Ok(ExitCode::SUCCESS)
    }
}

fn passed(plan: &Plan, context: &Context) -> BTreeMap<String, Option<Digest>> {
    let names = plan.stages.values().flat_map(|it| &it.control.pass_env);
    names
        .map(|name| (name.clone(), digest_of(name, context)))
        .collect()
}

/// A variable's value, which may be secret, as a digest.
fn digest_of(name: &str, context: &Context) -> Option<Digest> {
    let value = context.environment.get(std::ffi::OsStr::new(name))?;
    Some(Digest(Sha256::digest(value.as_encoded_bytes()).into()))
}

fn machine(context: &Context) -> String {
    schedule::machine_identity(&context.worker, &Host::new(context.environment.clone()))
}
