//! `pipe run` where a run that had nothing to do looked at everything already: as long as all of that is as it was, the
//! answer is the same, and so it is where the spec was edited but asks for the same. Where it asks for other things, the
//! stages that it did not touch are known. Decides nothing by itself: where anything else moved, the run goes its usual way.

mod known;
mod question;

use std::collections::BTreeMap;

use pipe_schema::{key::Key, manifest::Digest, run::RunStarted};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use self::{
    known::Known,
    question::{Ended, Question},
};
use super::ending::Finds;
use crate::{cli::Context, exec::environment::Host, plan::Plan, schedule};

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
    /// Digests of what is asked for, each with the key. Sorted as they are read.
    pairs: Vec<[u8; 2 * DIGEST_BYTES]>,
}

const DIGEST_BYTES: usize = 32;

impl Keys {
    fn parse(bytes: &[u8]) -> Self {
        let (pairs, _) = bytes.as_chunks();
        Self {
            pairs: pairs.to_vec(),
        }
    }

    /// The key of a stage that asks for this.
    fn of(&self, asked: &Digest) -> Option<Key> {
        let place = (self.pairs).binary_search_by(|it| it[..DIGEST_BYTES].cmp(&asked.0));
        let (_, key) = self.pairs[place.ok()?].split_last_chunk()?;
        Some(Key(Digest(*key)))
    }

    fn add(&mut self, asked: &Digest, key: &Key) {
        let mut pair = [0; 2 * DIGEST_BYTES];
        pair[..DIGEST_BYTES].copy_from_slice(&asked.0);
        pair[DIGEST_BYTES..].copy_from_slice(&key.0.0);
        self.pairs.push(pair);
    }

    fn into_bytes(mut self) -> Vec<u8> {
        self.pairs.sort_unstable();
        self.pairs.into_flattened()
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
