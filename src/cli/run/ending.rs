//! What the end of a run shows: gathered from the plan, the run's story and the store. Draws nothing.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use pipe_schema::{
    dataset::{DatasetSchema, SCHEMA_FILE},
    report::{METRICS_FILE, Metrics, REPORT_FILE, Report},
    run::RunStatus,
    stage::{ArtifactType, preprocess::Form},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    bounded,
    cli::{Context, discovery, quote},
    plan::{Plan, Stage},
    report::summary::{Measured, NoteCount, Place},
    schedule::Untouched,
    store::Store,
    track::{Story, story::State},
};

/// Reports whose metrics are shown.
const REPORTS: usize = 6;
/// Results that are named.
const RESULTS: usize = 6;

/// What there is to see and to do after a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Finds {
    pub reports: Vec<Measured>,
    pub notes: Vec<NoteCount>,
    pub results: Vec<Place>,
    pub next: Vec<String>,
}

/// Looks at what a run that has ended left. It did not look at the untouched stages itself.
pub fn find(
    plan: &Plan,
    story: &Story,
    untouched: &Untouched,
    store: &Store,
    context: &Context,
) -> Finds {
    let done: Vec<&Stage> = story
        .stages
        .iter()
        .filter(|(_, chapter)| matches!(chapter.state, State::Done | State::Cached))
        .filter_map(|(id, _)| plan.stages.get(id).map(|it| &**it))
        .collect();
    let record_of = |stage: &Stage| {
        let told = story.stages.get(&stage.id)?.record.clone();
        told.or_else(|| {
            store
                .find_record(untouched.keys.get(&stage.id)?)
                .map(Arc::new)
        })
    };
    let is_done = story.status() == Some(RunStatus::Done);
    let spec = story.started.as_ref().map_or("", |started| &started.spec);
    let current = |stage: &Stage, output: &str| {
        let name = plan.full_name(spec, &stage.id);
        context.display(&current(&name, stage, output, store))
    };
    let show = |stage: &str| show_command(spec, stage, store, context);
    let ends = ends(&done);
    let mut results = Vec::new();
    for (stage, name) in outputs_of(&ends).take(RESULTS + 1) {
        let bytes = record_of(stage).and_then(|it| Some(it.outputs.get(name)?.bytes));
        results.extend(bytes.map(|bytes| Place {
            path: current(stage, name),
            bytes,
        }));
    }
    if !is_done || results.len() > RESULTS {
        results.clear();
    }
    let artifacts = outputs_of(&done)
        .filter(|(stage, name)| stage.outputs[*name] == ArtifactType::Report)
        .filter_map(|(stage, name)| {
            let digest = record_of(stage)?.outputs.get(name)?.digest;
            Some((&*stage.id, store.artifact(&digest)))
        });
    let packaged_form = |stage: &Stage, output: &str| {
        let digest = record_of(stage)?.outputs.get(output)?.digest;
        let schema = store.artifact(&digest).join(SCHEMA_FILE);
        Some(read::<DatasetSchema>(&schema)?.read.form())
    };
    Finds {
        reports: reports(artifacts),
        notes: notes(story, &show),
        results,
        next: if is_done {
            next(&done, &ends, &current, &packaged_form, &show)
        } else {
            Vec::new()
        },
    }
}

fn outputs_of<'a>(stages: &[&'a Stage]) -> impl Iterator<Item = (&'a Stage, &'a str)> {
    let outputs = |stage: &&'a Stage| {
        let stage = *stage;
        stage.outputs.keys().map(move |name| (stage, name.as_str()))
    };
    stages.iter().flat_map(outputs)
}

/// Stages whose output no other stage of the run reads.
fn ends<'a>(done: &[&'a Stage]) -> Vec<&'a Stage> {
    let read: BTreeSet<&String> = done
        .iter()
        .flat_map(|stage| stage.inputs.iter().map(|it| &it.stage))
        .collect();
    done.iter()
        .filter(|stage| !read.contains(&stage.id))
        .copied()
        .collect()
}

fn reports<'a>(artifacts: impl Iterator<Item = (&'a str, PathBuf)>) -> Vec<Measured> {
    let mut found = Vec::new();
    for (stage, folder) in artifacts {
        let Some(metrics) = read::<Metrics>(&folder.join(METRICS_FILE)) else {
            continue;
        };
        let (baseline, positive) = read::<Report>(&folder.join(REPORT_FILE))
            .map(|it| (it.baseline, it.positive))
            .unwrap_or_default();
        found.push(Measured {
            stage: stage.to_owned(),
            metrics,
            baseline,
            positive,
        });
    }
    // Of many, those that bring others together.
    if found.len() > REPORTS {
        found.retain(|it| !it.stage.contains('@'));
        found.truncate(REPORTS);
    }
    found
}

/// What is worth typing after a run that went well. `current` is the link by which people find an output, `show` the command
/// that shows a stage.
fn next(
    done: &[&Stage],
    ends: &[&Stage],
    current: &dyn Fn(&Stage, &str) -> String,
    packaged_form: &dyn Fn(&Stage, &str) -> Option<Form>,
    show: &dyn Fn(&str) -> String,
) -> Vec<String> {
    let has = |stage: &Stage, wanted| stage.outputs.values().any(|it| *it == wanted);
    let last = |wanted| done.iter().rev().find(|it| has(it, wanted));
    let mut commands = Vec::new();
    let shown = last(ArtifactType::Report).or(ends.last());
    commands.extend(shown.map(|stage| show(&stage.id)));
    if let Some(stage) = last(ArtifactType::Package) {
        let name = stage.outputs.keys().next().map_or("main", String::as_str);
        let link = quote::shell(&current(stage, name));
        let rows = packaged_form(stage, name).unwrap_or_default().example();
        commands.push(format!("pipe predict {link} {rows}"));
    }
    commands
}

/// The command that shows a stage of this spec. From a folder of another project, the store has to be named; if other specs
/// have a stage of this id, the spec, too.
fn show_command(spec: &str, stage: &str, store: &Store, context: &Context) -> String {
    let is_near = context.typed_store().is_none()
        && discovery::current_store_root(context).canonicalize().ok()
            == store.root().canonicalize().ok();
    let mut command = "pipe ".to_owned();
    if !is_near {
        let root = context.display(store.root());
        command.push_str(&format!("--store {} ", quote::shell(&root)));
    }
    command.push_str("show ");
    if store.specs_with(stage).len() > 1 {
        let path = store.root().parent().unwrap_or(store.root()).join(spec);
        command.push_str(&format!("{} ", quote::shell(&context.display(&path))));
    }
    command + &quote::shell(stage)
}

/// The stages that were looked at whose results have notes.
fn notes(story: &Story, show: &dyn Fn(&str) -> String) -> Vec<NoteCount> {
    let mut found = Vec::new();
    for (stage, chapter) in &story.stages {
        let notes = (chapter.record.as_ref()).map_or(0, |record| record.observed.notes.len());
        if notes > 0 {
            found.push(NoteCount {
                stage: stage.clone(),
                notes: notes as u64,
                command: show(stage),
            });
        }
    }
    found
}

/// The link by which people find an output of a stage, which has this name among the stages of all specs.
fn current(name: &str, stage: &Stage, output: &str, store: &Store) -> PathBuf {
    let mut link = store.current(name);
    if stage.outputs.len() > 1 && stage.task.kind() == "command" {
        link.push(output);
    }
    link
}

/// A JSON file of an artifact; nothing where there is none or it is of another kind, as in reports of commands.
fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&bounded::read(path).ok()?).ok()
}
