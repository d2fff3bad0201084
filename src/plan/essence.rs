//! What of a plan decides which results it asks for, as one digest: two plans of one essence are up to date together.
//! Reads nothing but the plan; what its files hold is told by others.

use std::thread;

use indexmap::IndexMap;
use pipe_schema::{
    manifest::Digest,
    stage::{ArtifactType, Control, Resources, Reuse, Task},
};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{FileInput, Input, Plan, Stage, StageId};

/// Stages that are digested together.
const SHARE: usize = 1_000;

/// A stage without what only says how it is run, or what it is for.
#[derive(Serialize)]
struct Essence<'a> {
    id: &'a str,
    name: &'a str,
    instance: &'a IndexMap<String, Value>,
    task: &'a Task,
    reuse: Reuse,
    inputs: &'a [Input],
    files: &'a [FileInput],
    outputs: &'a IndexMap<String, ArtifactType>,
    outs: &'a [String],
    after: &'a [StageId],
    /// Cores become threads, of which numbers may depend.
    cpus: u32,
    env: &'a IndexMap<String, String>,
    pass_env: &'a [String],
    cache: bool,
}

impl Plan {
    /// The digest of what the plan asks for. Vars are in the stages that use them.
    pub fn essence(&self) -> serde_json::Result<Digest> {
        let stages: Vec<&Stage> = self.stages.values().map(|it| &**it).collect();
        let shares: Vec<&[&Stage]> = stages.chunks(SHARE).collect();
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let digests: serde_json::Result<Vec<Digest>> = thread::scope(|scope| {
            let workers: Vec<_> = shares
                .chunks(shares.len().div_ceil(cores).max(1))
                .map(|own| scope.spawn(|| own.iter().map(|it| digest_of(it)).collect()))
                .collect();
            let parts = workers.into_iter().map(std::thread::ScopedJoinHandle::join);
            parts
                .map(|it| it.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect::<serde_json::Result<Vec<Vec<Digest>>>>()
                .map(|it| it.concat())
        });
        let rest = serde_json::to_vec(&(&self.name, digests?))?;
        Ok(Digest(Sha256::digest(rest).into()))
    }
}

fn digest_of(stages: &[&Stage]) -> serde_json::Result<Digest> {
    let mut text = Vec::new();
    for stage in stages {
        serde_json::to_writer(&mut text, &essence_of(stage))?;
    }
    Ok(Digest(Sha256::digest(text).into()))
}

/// Taken apart field by field, so that a field added to the language asks here whether it counts.
fn essence_of(stage: &Stage) -> Essence<'_> {
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
    Essence {
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
