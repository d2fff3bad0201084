//! What is asked of a run, what was answered to it before, and what is kept for the next one that asks.

use std::{os::unix::fs::MetadataExt, path::PathBuf, sync::Arc, time::Instant};

use pipe_schema::run::{RunStarted, RunStatus};
use serde_json::json;

use super::{
    super::{Args, ending::Finds, words::Words},
    Answer, Keys, Known, digest_of, machine, passed,
};
use crate::{
    cli::{Context, Format, context::Verbosity, discovery, project, project::Project},
    plan::Essence,
    schedule,
    store::{Finding, Store},
    track::Story,
};

/// Variables that decide what programs and libraries are found.
const LOOKED_UP: [&str; 3] = ["PATH", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES"];

/// What is asked of pipe, and by whom: all that a plan is made from but for files.
pub struct Question {
    pub(super) text: String,
    pub spec: PathBuf,
    pub(super) folder: PathBuf,
    store: PathBuf,
}

/// A run that has ended: it is kept if it had nothing to do.
pub struct Ended<'a> {
    pub story: &'a Story,
    pub finds: Finds,
    /// How many logs tell of the stages that it did not look at.
    pub logs: u32,
    /// What is known of stages that it did not look at.
    pub keys: Keys,
    /// What its plan asked for, if that is known.
    pub essence: Option<Essence>,
}

impl Question {
    /// Puts together what is asked. None where the answer is not only whether anything is stale.
    pub fn new(args: &Args, words: &Words, context: &Context) -> anyhow::Result<Option<Self>> {
        let is_plain = args.force.is_none() && args.check.is_empty() && args.format == Format::Text;
        if !is_plain || args.dry_run || context.verbosity == Verbosity::Verbose {
            return Ok(None);
        }
        let spec = project::find_spec(words.spec.as_deref(), context)?;
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
    pub fn watch(&self) -> Option<Arc<Store>> {
        let store = Store::open_existing(&self.store).ok()?;
        store.watch();
        Some(Arc::new(store))
    }

    /// What was answered before, unless anything but the spec has moved, as far as that is known at once.
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
        is_same.then(|| Known::look(Arc::new(store), Arc::new(witness), answer, since))?
    }

    /// Keeps what a run found out that had nothing to do. Where that fails, the next run looks at everything again.
    pub fn keep(&self, project: &Project, ended: Ended, store: &Store, context: &Context) {
        let is_same = store.root() == self.store && project.folder == self.folder;
        let (Some(started), Some(finished)) = (&ended.story.started, &ended.story.finished) else {
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
        let plan = &project.plan;
        let Some(essence) = ended.essence.or_else(|| plan.essence().ok()) else {
            return;
        };
        let mut keys = ended.keys;
        for (id, chapter) in &ended.story.stages {
            if let Some(record) = &chapter.record
                && let Some(place) = plan.stages.get_index_of(id)
            {
                keys.add(&essence.stages[place], &record.key);
            }
        }
        let answer = Answer {
            question: self.text.clone(),
            content: project.content,
            included: project.included.clone(),
            essence: essence.whole,
            passed: passed(plan, context),
            machine: (plan.stages.values())
                .any(|it| it.task.is_tensor())
                .then(|| machine(context)),
            started: RunStarted {
                stages: Vec::new(),
                after: Vec::new(),
                ..(**started).clone()
            },
            stages: finished.cached,
            logs: ended.logs,
            finds: ended.finds,
        };
        if let Ok(text) = serde_json::to_string(&answer) {
            let mut sources = vec![context.folder.join(&project.spec)];
            let included = project.included.iter();
            sources.extend(included.map(|it| project.folder.join(it)));
            let finding = Finding {
                text: &text,
                aside: &keys.into_bytes(),
            };
            let _ = store.keep_witness(&self.text, finding, &sources);
        }
    }
}
