//! What of a plan decides which results it asks for, as digests: two plans of one essence are up to date together.
//! Reads nothing but the plan; what its files hold is told by others.

use indexmap::IndexMap;
use pipe_schema::{
    manifest::Digest,
    stage::{ArtifactType, Cache, Control, Resources, Reuse, Task},
};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{FileInput, Input, Plan, Stage, StageId};
use crate::threads;

/// What a plan asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Essence {
    /// All of it.
    pub whole: Digest,
    /// Of each stage, in the order of the plan, what it asks for itself.
    pub stages: Vec<Digest>,
}

/// Stages that one thread takes at once.
const FEW: usize = 500;

/// A stage without what only says how it is run, or what it is for.
#[derive(Serialize)]
struct Asked<'a> {
    id: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    instance: &'a IndexMap<String, Value>,
    task: &'a Task,
    reuse: Reuse,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    inputs: &'a [Input],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    files: &'a [FileInput],
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    outputs: &'a IndexMap<String, ArtifactType>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    outs: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    after: &'a [StageId],
    /// Cores become threads, of which numbers may depend.
    cpus: u32,
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    env: &'a IndexMap<String, String>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pass_env: &'a [String],
    cache: Cache,
}

impl Plan {
    /// What the plan asks for. Vars are in the stages that use them.
    pub fn essence(&self) -> serde_json::Result<Essence> {
        let stages: Vec<&Stage> = self.stages.values().map(|it| &**it).collect();
        let parts: Vec<&[&Stage]> = stages.chunks(FEW).collect();
        let stages = threads::map(threads::cores(), &parts, |(), part| digests_of(part));
        let stages = (stages.into_iter().collect::<serde_json::Result<Vec<_>>>())?.concat();
        let mut hasher = Sha256::new_with_prefix(Sha256::digest(&self.name));
        for stage in &stages {
            hasher.update(stage.0);
        }
        Ok(Essence {
            whole: Digest(hasher.finalize().into()),
            stages,
        })
    }
}

fn digests_of(stages: &[&Stage]) -> serde_json::Result<Vec<Digest>> {
    let mut text = Vec::new();
    let digests = stages.iter().map(|stage| {
        text.clear();
        serde_json::to_writer(&mut text, &asked_of(stage))?;
        Ok(Digest(Sha256::digest(&text).into()))
    });
    digests.collect()
}

/// Taken apart field by field, so that a field added to the language asks here whether it counts.
fn asked_of(stage: &Stage) -> Asked<'_> {
    let Stage {
        id,
        name,
        instance,
        task,
        control,
        reuse,
        inputs,
        files,
        outputs,
        outs,
        after,
    } = stage;
    let Control {
        needs: _,
        timeout: _,
        retries: _,
        resources:
            Resources {
                cpus,
                memory: _,
                gpus: _,
            },
        env,
        pass_env,
        secrets: _,
        cache,
        reuse: _,
        matrix: _,
        description: _,
    } = control;
    Asked {
        id,
        name,
        instance,
        task,
        reuse: *reuse,
        inputs,
        files,
        outputs,
        outs,
        after,
        cpus: *cpus,
        env,
        pass_env,
        cache: *cache,
    }
}
