//! `pipe run` where a run that had nothing to do looked at everything already: as long as all of that is as it was, the
//! answer is the same, and so it is where the spec was edited but asks for the same. Where it asks for other things, the
//! stages that it did not touch are known. Decides nothing by itself: where anything else moved, the run goes its usual way.

mod known;
mod question;

use std::{collections::BTreeMap, mem, process::ExitCode, sync::Arc};

use pipe_schema::{key::Key, manifest::Digest, run::RunStarted};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use self::{
    known::{Known, Reading},
    question::{Ended, Question},
};
use super::{Args, ending::Finds, words::Words};
use crate::{
    cli::{
        Context,
        project::{self, Project},
    },
    exec::environment::Host,
    plan::{Essence, Plan},
    schedule,
    store::{ByDigest, Store},
};

/// What comes of asking what is known before anything is looked up.
pub enum Asked {
    Answered(ExitCode),
    Loaded(Box<Loaded>),
}

/// A spec that must be run, as far as is known.
pub struct Loaded {
    pub project: Project,
    /// The store, which remembers what is looked at since before the spec was read.
    pub watched: Option<Arc<Store>>,
    pub known: Option<Known>,
    /// What the plan asks for, where that was of interest.
    pub essence: Option<Essence>,
    /// The stat index, which is being read for those stages that are to be looked up.
    pub reading: Option<Reading>,
}

/// Answers as a run before, or reads the spec.
pub fn ask(
    question: Option<&Question>,
    args: &Args,
    words: &Words,
    context: &Context,
) -> anyhow::Result<Asked> {
    let known = question.and_then(|it| Some((it, it.recall(context)?)));
    if let Some((question, known)) = known.as_ref().filter(|(_, known)| known.is_sure()) {
        return known
            .answer(question, args, words, context)
            .map(Asked::Answered);
    }
    // Before the spec is read: what changes from here on is noticed.
    let watched = question.and_then(Question::watch);
    let (Some((question, mut known)), Some(store)) = (known, &watched) else {
        let project = project::load(words.spec.as_deref(), &args.overriding, context)?;
        return Ok(Asked::Loaded(Box::new(Loaded {
            project,
            watched,
            known: None,
            essence: None,
            reading: None,
        })));
    };
    let parsed = project::read(&question.spec, context)?;
    if known.is_of(&parsed, question, store) {
        return known
            .answer(question, args, words, context)
            .map(Asked::Answered);
    }
    let spec = question.spec.clone();
    let project = project::load_read(spec, parsed, &args.overriding, context)?;
    let essence = project.plan.essence().ok();
    if let Some(essence) = &essence
        && known.suits(&project, essence, question, store)
    {
        let answered = known.answer(question, args, words, context);
        // The process ends: what may be large is not taken apart for that.
        mem::forget(project);
        return answered.map(Asked::Answered);
    }
    Ok(Asked::Loaded(Box::new(Loaded {
        project,
        reading: Reading::begin(store, Store::read_sources),
        watched: watched.clone(),
        known: Some(known),
        essence,
    })))
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
    /// How many logs tell of it beside its own.
    logs: u32,
    finds: Finds,
}

/// The keys of a plan's stages, by what they ask for. Kept aside: few runs want it.
#[derive(Default)]
pub struct Keys {
    /// Digests of what is asked for, each with the key.
    pairs: Vec<[[u8; DIGEST_BYTES]; 2]>,
}

const DIGEST_BYTES: usize = 32;

impl Keys {
    /// Those that were kept.
    fn table(bytes: &[u8]) -> ByDigest<Digest, Key> {
        let (pairs, _) = bytes.as_chunks::<DIGEST_BYTES>();
        let (pairs, _) = pairs.as_chunks();
        (pairs.iter())
            .map(|[asked, key]| (Digest(*asked), Key(Digest(*key))))
            .collect()
    }

    fn with_capacity(n: usize) -> Self {
        Self {
            pairs: Vec::with_capacity(n),
        }
    }

    fn add(&mut self, asked: &Digest, key: &Key) {
        self.pairs.push([asked.0, key.0.0]);
    }

    fn into_bytes(self) -> Vec<u8> {
        self.pairs.into_flattened().into_flattened()
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
