//! What a run would do, truthfully: a forecast takes the keys that the run would take, over the files that it would find, and
//! guesses nothing of what a stage has yet to make. Runs no stage and no program of the project.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use anyhow::Result;
use pipe_schema::{
    key::{Key, KeyParts},
    record::Record,
    run::Reason,
};
use serde_json::Value;

use super::{
    Options,
    action::{Action, Maker},
    claim::reason_to_run,
    machine::Machine,
    programs,
    view::{Unknown, View},
};
use crate::{
    exec::Executor,
    graph::{Graph, Selection},
    key,
    plan::{Plan, Stage, StageId, paths},
    store::{Lookup, Store, StoreError},
};

/// What a run would do with a stage.
#[derive(Clone, Debug, PartialEq)]
pub enum Forecast {
    /// The store has it.
    Cached(Arc<Record>),
    /// It would be executed.
    Run {
        /// Without versions of programs that were never asked; none where it runs in any case, and what it reads is not known.
        parts: Option<Box<KeyParts>>,
        /// None where something of its parts is missing.
        key: Option<Key>,
        reasons: Vec<Reason>,
    },
    /// Whether it must run depends on what only a run finds out.
    Blocked { on: Unknown },
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
    let mut oracle = Oracle {
        plan,
        graph,
        store,
        executor,
        options,
        machine: None,
        view: View::of_forecast(store, &options.folder),
        records: BTreeMap::new(),
        unknown: HashMap::new(),
        broken: HashSet::new(),
        runs: HashMap::new(),
        versionless: None,
    };
    let mut forecasts: Vec<Option<Forecast>> = vec![None; order.len()];
    // A run takes the keys of all stages that wait for none, in order, before it starts one; those of the rest come later.
    let mut unsettled: HashSet<&str> = HashSet::new();
    for (at, stage) in order.iter().enumerate() {
        let mut before = graph.before(&stage.id);
        if !before.any(|it| unsettled.contains(it.as_str())) {
            forecasts[at] = Some(oracle.examine(stage)?);
        }
        if !matches!(forecasts[at], Some(Forecast::Cached(_))) {
            unsettled.insert(&stage.id);
        }
    }
    for (stage, forecast) in order.iter().zip(&forecasts) {
        if !matches!(
            forecast,
            Some(Forecast::Cached(_) | Forecast::Broken { .. })
        ) {
            oracle.view.rewrite(&stage.id, &stage.outs);
        }
    }
    for (at, stage) in order.iter().enumerate() {
        if forecasts[at].is_none() {
            forecasts[at] = Some(oracle.examine(stage)?);
        }
    }
    let told: Vec<Forecast> = forecasts.into_iter().flatten().collect();
    let told = oracle.share_results(&order, told);
    store.flush()?;
    Ok(order.iter().map(|it| it.id.clone()).zip(told).collect())
}

/// What is known so far of the run that is foretold.
struct Oracle<'a> {
    plan: &'a Plan,
    graph: &'a Graph,
    store: &'a Store,
    executor: &'a mut dyn Executor,
    options: &'a Options,
    /// Looked at when the first tensor stage needs it.
    machine: Option<Machine>,
    view: View<'a>,
    /// Of cached stages.
    records: BTreeMap<StageId, Arc<Record>>,
    /// Stages whose outputs are not known, with the one that would run first.
    unknown: HashMap<&'a str, StageId>,
    /// Those among the unknown at which the run would fail.
    broken: HashSet<&'a str>,
    /// The first stage that would make the result of a key.
    runs: HashMap<Key, StageId>,
    /// The keys of all records without versions of programs, once they are needed.
    versionless: Option<HashSet<Key>>,
}

impl<'a> Oracle<'a> {
    /// Says of a stage what a run would do; all that comes before it was examined.
    fn examine(&mut self, stage: &'a Stage) -> Result<Forecast> {
        let told = match self.blocking(stage) {
            Some(by) => self.blocked(stage, Unknown::Stage(by)),
            None => self.ask(stage)?,
        };
        if let Forecast::Cached(record) = &told
            && let Some(out) = self.store.find_blocked_out(&self.options.folder, record)
        {
            let error = StoreError::ReadOnly(self.store.root().to_owned());
            self.broken.insert(&stage.id);
            self.unknown.insert(&stage.id, stage.id.clone());
            return Ok(Forecast::Broken {
                message: format!(
                    "its out `{out}` would have to be restored, what lies there moved to quarantine, and {error}"
                ),
                hint: Some(
                    "move it away, or name a store that can be written with `--store DIR`"
                        .to_owned(),
                ),
            });
        }
        let root = match &told {
            Forecast::Cached(record) => {
                self.view.restore(&stage.id, record);
                self.records.insert(stage.id.clone(), Arc::clone(record));
                return Ok(told);
            }
            Forecast::Blocked {
                on: Unknown::Stage(by),
            } => by.clone(),
            Forecast::Broken { .. } => {
                self.broken.insert(&stage.id);
                stage.id.clone()
            }
            Forecast::Run { .. } | Forecast::Blocked { .. } => stage.id.clone(),
        };
        self.unknown.insert(&stage.id, root);
        Ok(told)
    }

    /// The stage that would run, or fail, before anything is known of this one's inputs.
    fn blocking(&self, stage: &Stage) -> Option<StageId> {
        let reads_outs_of = |id: &&StageId| {
            let outs = self.plan.stages.get(*id).map(|it| &it.outs);
            let mut outs = outs.into_iter().flatten();
            outs.any(|out| {
                stage
                    .files
                    .iter()
                    .any(|it| it.remote.is_none() && paths::reads(&it.path, out))
            })
        };
        let inputs = stage.inputs.iter().map(|it| &it.stage);
        let mut read = inputs.chain(stage.after.iter().filter(reads_outs_of));
        let root = |id: &StageId| self.unknown.get(id.as_str());
        let made = read.find_map(root);
        // Behind a stage that fails nothing is done, whatever it reads.
        let mut before = self.graph.before(&stage.id).filter_map(root);
        made.or_else(|| before.find(|it| self.broken.contains(it.as_str())))
            .cloned()
    }

    /// The forecast where not all that a stage reads is known.
    fn blocked(&self, stage: &Stage, on: Unknown) -> Forecast {
        let is_reached = !matches!(&on, Unknown::Stage(by) if self.broken.contains(by.as_str()));
        match reason_to_run(stage, self.options).filter(|_| is_reached) {
            Some(reason) => Forecast::Run {
                parts: None,
                key: None,
                reasons: vec![reason],
            },
            None => Forecast::Blocked { on },
        }
    }

    /// Makes the stage concrete and asks the store.
    fn ask(&mut self, stage: &Stage) -> Result<Forecast> {
        if stage.task.is_tensor() && self.machine.is_none() {
            let never = crossbeam_channel::never();
            let machine = Machine::look(self.store, &mut *self.executor, self.options, &never);
            self.machine = Some(machine);
        }
        let unknown_machine = Machine::unknown();
        let maker = Maker {
            store: self.store,
            options: self.options,
            machine: self.machine.as_ref().unwrap_or(&unknown_machine),
            view: &self.view,
        };
        let made = maker.make(stage, &self.records);
        let unknown = self.view.take_unknown();
        let is_ahead = |it: &&Unknown| match it {
            Unknown::Stage(by) => *by != stage.id && !self.graph.downstream(&stage.id).contains(by),
            Unknown::Version(_) => false,
        };
        if let Some(on) = unknown.iter().find(is_ahead) {
            return Ok(self.blocked(stage, on.clone()));
        }
        let action = match made {
            Ok(action) => action,
            Err(failure) => {
                return Ok(Forecast::Broken {
                    message: failure.message,
                    hint: failure.hint,
                });
            }
        };
        let versions: Vec<&str> = unknown
            .iter()
            .filter_map(|it| match it {
                Unknown::Version(tool) => Some(tool.as_str()),
                Unknown::Stage(_) => None,
            })
            .collect();
        match versions.first() {
            Some(tool) => self.look_up_without(stage, action, tool),
            None => self.look_up(stage, action),
        }
    }

    fn look_up(&mut self, stage: &Stage, action: Action) -> Result<Forecast> {
        let reasons = if let Some(reason) = reason_to_run(stage, self.options) {
            self.runs.entry(action.key).or_insert(stage.id.clone());
            vec![reason]
        } else {
            let found = match self.store.lookup(&action.key)? {
                Lookup::Fresh(record) => return Ok(Forecast::Cached(record)),
                Lookup::Stale(found) => found,
            };
            if let Some(first) = self.runs.get(&action.key) {
                return Ok(Forecast::Blocked {
                    on: Unknown::Stage(first.clone()),
                });
            }
            self.runs.insert(action.key, stage.id.clone());
            self.reasons(stage, &action, found)
        };
        Ok(Forecast::Run {
            parts: Some(Box::new(action.parts)),
            key: Some(action.key),
            reasons,
        })
    }

    /// The forecast where the version of `tool` is not known: it runs if no result could be the one, whatever the version.
    fn look_up_without(
        &mut self,
        stage: &Stage,
        mut action: Action,
        tool: &str,
    ) -> Result<Forecast> {
        let reasons = match reason_to_run(stage, self.options) {
            Some(reason) => vec![reason],
            None if self.has_result_but_for_versions(&action.parts)? => {
                return Ok(Forecast::Blocked {
                    on: Unknown::Version(tool.to_owned()),
                });
            }
            None => {
                // A version that is not known is no change.
                let shown = action.parts.clone();
                let last = self.store.last_record(&self.full_name(&stage.id));
                for (name, version) in last.iter().flat_map(|it| &it.parts.tools) {
                    if programs::is_version(name) {
                        let tools = &mut action.parts.tools;
                        tools.entry(name.clone()).or_insert(version.clone());
                    }
                }
                let reasons = self.reasons(stage, &action, Vec::new());
                action.parts = shown;
                reasons
            }
        };
        Ok(Forecast::Run {
            parts: Some(Box::new(action.parts)),
            key: None,
            reasons,
        })
    }

    fn has_result_but_for_versions(&mut self, parts: &KeyParts) -> Result<bool> {
        let known = match self.versionless.take() {
            Some(known) => known,
            None => (self.store.all_parts()?.into_iter())
                .map(versionless)
                .collect(),
        };
        let is_known = known.contains(&versionless(parts.clone()));
        self.versionless = Some(known);
        Ok(is_known)
    }

    /// A stage's name among those of all specs that share the store.
    fn full_name(&self, stage: &str) -> String {
        self.plan.full_name(&self.options.spec, stage)
    }

    fn reasons(&self, stage: &Stage, action: &Action, found: Vec<Reason>) -> Vec<Reason> {
        let name = self.full_name(&stage.id);
        let mut reasons = self.store.reasons(&name, &action.parts, found);
        key::name_inputs(&mut reasons, &action.places);
        reasons
    }

    /// Of stages that may turn out to make the same, the one that is reached first runs: what is blocked and comes before
    /// a stage of the same block may make its result.
    fn share_results(&self, order: &[&Stage], mut told: Vec<Forecast>) -> Vec<Forecast> {
        let is_run = |it: &Forecast| matches!(it, Forecast::Run { .. });
        let is_blocked = |it: &Forecast| matches!(it, Forecast::Blocked { .. });
        let Some(last) = told.iter().rposition(is_run) else {
            return told;
        };
        let mut blocked: HashMap<Value, &StageId> = HashMap::new();
        for at in 0..=last {
            let stage = order[at];
            let is_certain = reason_to_run(stage, self.options).is_some() || !stage.outs.is_empty();
            if is_certain || !is_run(&told[at]) && !is_blocked(&told[at]) {
                continue;
            }
            // What has none is broken, and told to be.
            let Ok(config) = key::config_of(stage) else {
                continue;
            };
            if is_blocked(&told[at]) {
                blocked.entry(config).or_insert(&stage.id);
            } else if let Some(first) = blocked.get(&config) {
                told[at] = Forecast::Blocked {
                    on: Unknown::Stage((*first).clone()),
                };
            }
        }
        told
    }
}

/// The key without versions of programs.
fn versionless(mut parts: KeyParts) -> Key {
    parts.tools.retain(|name, _| !programs::is_version(name));
    key::of(&parts)
}
