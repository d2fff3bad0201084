//! What a run would do, truthfully: nothing is guessed of stages whose inputs are not made yet. Runs nothing.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::Result;
use pipe_schema::{
    key::{Key, KeyParts},
    record::Record,
    run::Reason,
};

use super::{
    Options,
    action::{Action, Maker},
    claim::reason_to_run,
    machine::Machine,
};
use crate::{
    exec::Executor,
    graph::{Graph, Selection},
    key,
    plan::{Plan, Stage, StageId},
    store::{Lookup, Store},
};

/// What a run would do with a stage.
#[derive(Clone, Debug, PartialEq)]
pub enum Forecast {
    /// The store has it.
    Cached(Arc<Record>),
    /// It would be executed.
    Run {
        parts: Box<KeyParts>,
        key: Key,
        reasons: Vec<Reason>,
    },
    /// Whether it must run depends on what `by` makes, and that would run.
    Blocked { by: StageId },
    /// Its inputs cannot be read: the run would fail here.
    Broken {
        message: String,
        hint: Option<String>,
    },
}

/// Says of each selected stage, in order, what a run would do. Runs nothing but a probe of the machine where one is needed.
pub fn forecast(
    plan: &Plan,
    graph: &Graph,
    selection: &Selection,
    store: &Store,
    executor: &mut dyn Executor,
    options: &Options,
) -> Result<Vec<(StageId, Forecast)>> {
    let order: Vec<&Stage> = graph
        .order()
        .iter()
        .filter(|id| selection.contains(*id))
        .map(|id| &*plan.stages[id])
        .collect();
    // Looked at when the first tensor stage needs it.
    let mut machine = Machine::unknown();
    let mut is_looked_at = false;
    let mut records: BTreeMap<StageId, Arc<Record>> = BTreeMap::new();
    // Stages whose outputs are not known, with the one that would run first.
    let mut unknown: BTreeMap<&str, StageId> = BTreeMap::new();
    let mut forecasts = Vec::with_capacity(order.len());
    for stage in order {
        let blocked = stages_read(stage, plan)
            .find_map(|id| unknown.get(id.as_str()).cloned())
            .or_else(|| restored_first(stage, &records, options));
        if blocked.is_none() && stage.task.is_tensor() && !is_looked_at {
            machine = Machine::look(store, executor, options, &crossbeam_channel::never());
            is_looked_at = true;
        }
        let maker = Maker {
            store,
            options,
            machine: &machine,
        };
        let told = match blocked {
            Some(by) => Forecast::Blocked { by },
            None => match maker.make(stage, &records) {
                Ok(action) => ask(&plan.full_name(&stage.id), stage, &action, store, options)?,
                Err(failure) => Forecast::Broken {
                    message: failure.message,
                    hint: failure.hint,
                },
            },
        };
        match &told {
            Forecast::Cached(record) => {
                records.insert(stage.id.clone(), Arc::clone(record));
            }
            Forecast::Blocked { by } => {
                unknown.insert(&stage.id, by.clone());
            }
            Forecast::Run { .. } | Forecast::Broken { .. } => {
                unknown.insert(&stage.id, stage.id.clone());
            }
        }
        forecasts.push((stage.id.clone(), told));
    }
    store.flush()?;
    Ok(forecasts)
}

/// The stages whose outputs this one reads: as inputs, or in the workspace. What only comes before it does not matter.
fn stages_read<'a>(stage: &'a Stage, plan: &'a Plan) -> impl Iterator<Item = &'a StageId> {
    let reads_outs_of = move |id: &&StageId| {
        plan.stages
            .get(*id)
            .is_some_and(|before| before.outs.iter().any(|out| reads(stage, out)))
    };
    stage
        .inputs
        .iter()
        .map(|it| &it.stage)
        .chain(stage.after.iter().filter(reads_outs_of))
}

/// The stage whose outs this one reads and that are to be brought back into the workspace before they can be looked at.
fn restored_first(
    stage: &Stage,
    records: &BTreeMap<StageId, Arc<Record>>,
    options: &Options,
) -> Option<StageId> {
    let is_absent = |out: &String| reads(stage, out) && !options.folder.join(out).exists();
    stage
        .after
        .iter()
        .find(|id| {
            records
                .get(*id)
                .is_some_and(|record| record.outs.keys().any(is_absent))
        })
        .cloned()
}

/// Whether a stage reads this workspace path, or something in it.
fn reads(stage: &Stage, out: &str) -> bool {
    stage.files.iter().any(|file| overlaps(out, &file.path))
}

/// Whether one path is, or lies in, the other. Of a glob, the folder before its first pattern counts.
fn overlaps(out: &str, read: &str) -> bool {
    let fixed: Vec<&str> = read
        .split('/')
        .take_while(|it| !it.contains(['*', '?', '[']))
        .collect();
    out.split('/').zip(&fixed).all(|(out, read)| out == *read)
}

fn ask(
    name: &str,
    stage: &Stage,
    action: &Action,
    store: &Store,
    options: &Options,
) -> Result<Forecast> {
    let reasons = match reason_to_run(stage, options) {
        Some(reason) => vec![reason],
        None => match store.lookup(&action.key)? {
            Lookup::Fresh(record) => return Ok(Forecast::Cached(record)),
            Lookup::Stale(found) => {
                let mut reasons = store.reasons(name, &action.parts, found);
                key::name_inputs(&mut reasons, &action.places);
                reasons
            }
        },
    };
    Ok(Forecast::Run {
        parts: Box::new(action.parts.clone()),
        key: action.key,
        reasons,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_overlap_where_one_holds_the_other() {
        assert!(overlaps("data/out", "data/out"));
        assert!(overlaps("data", "data/out/x.csv"));
        assert!(overlaps("data/out/x.csv", "data/out"));
        assert!(overlaps("data/out", "data/*/x.csv"));
        assert!(!overlaps("data/out", "data/other"));
        assert!(!overlaps("data/out", "database"));
    }
}
