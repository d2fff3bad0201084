//! What the end of a run shows: gathered from the plan, the run's story and the store. Draws nothing.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use pipe_schema::{
    record::Record,
    report::{METRICS_FILE, Metrics, REPORT_FILE, Report},
    run::RunStatus,
    stage::ArtifactType,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    cli::{Context, discovery, quote},
    plan::Plan,
    report::summary::{Measured, Place},
    store::Store,
    track::Story,
};

/// Reports whose metrics are shown.
const REPORTS: usize = 6;
/// Results that are named.
const RESULTS: usize = 6;

/// What there is to see and to do after a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Finds {
    pub reports: Vec<Measured>,
    pub results: Vec<Place>,
    pub next: Vec<String>,
}

/// Looks at what a run that has ended left.
pub fn find(plan: &Plan, story: &Story, store: &Store, context: &Context) -> Finds {
    let records: Vec<(&String, &Record)> = story
        .stages
        .iter()
        .filter_map(|(id, chapter)| Some((id, chapter.record.as_deref()?)))
        .collect();
    let is_done = story.status() == Some(RunStatus::Done);
    let ends = ends(plan, &records);
    let mut results = Vec::new();
    for (id, record) in &ends {
        for (name, output) in &record.outputs {
            let link = current(store, id, record, name);
            results.push(Place {
                path: context.display(&link),
                bytes: output.bytes,
            });
        }
    }
    if !is_done || results.len() > RESULTS {
        results.clear();
    }
    Finds {
        reports: reports(&records, store),
        results,
        next: if is_done {
            next(&records, &ends, store, context)
        } else {
            Vec::new()
        },
    }
}

/// Stages whose output no other stage of the run reads.
fn ends<'a>(plan: &Plan, records: &[(&'a String, &'a Record)]) -> Vec<(&'a String, &'a Record)> {
    let read: BTreeSet<&String> = records
        .iter()
        .filter_map(|(id, _)| plan.stages.get(*id))
        .flat_map(|stage| stage.inputs.iter().map(|it| &it.stage))
        .collect();
    records
        .iter()
        .filter(|(id, _)| !read.contains(id))
        .copied()
        .collect()
}

fn reports(records: &[(&String, &Record)], store: &Store) -> Vec<Measured> {
    let mut found = Vec::new();
    for (id, record) in records {
        for output in record
            .outputs
            .values()
            .filter(|it| it.r#type == ArtifactType::Report)
        {
            let folder = store.artifact(&output.digest);
            let Some(metrics) = read::<Metrics>(&folder.join(METRICS_FILE)) else {
                continue;
            };
            let baseline = read::<Report>(&folder.join(REPORT_FILE)).map(|it| it.baseline);
            found.push(Measured {
                stage: (*id).clone(),
                metrics,
                baseline: baseline.unwrap_or_default(),
            });
        }
    }
    // Of many, those that bring others together.
    if found.len() > REPORTS {
        found.retain(|it| !it.stage.contains('@'));
        found.truncate(REPORTS);
    }
    found
}

/// What is worth typing after a run that went well.
fn next(
    records: &[(&String, &Record)],
    ends: &[(&String, &Record)],
    store: &Store,
    context: &Context,
) -> Vec<String> {
    let has = |record: &Record, wanted| record.outputs.values().any(|it| it.r#type == wanted);
    let last = |wanted| records.iter().rev().find(|(_, record)| has(record, wanted));
    let mut commands = Vec::new();
    let shown = last(ArtifactType::Report).or(ends.last());
    // From a folder of another project, the store has to be named.
    let is_near = context.typed_store().is_none()
        && discovery::current_store_root(context).canonicalize().ok()
            == store.root().canonicalize().ok();
    let pipe = if is_near {
        "pipe".to_owned()
    } else {
        let root = context.display(store.root());
        format!("pipe --store {}", quote::shell(&root))
    };
    commands.extend(shown.map(|(id, _)| format!("{pipe} show {id}")));
    if let Some((id, record)) = last(ArtifactType::Package) {
        let name = record.outputs.keys().next().map_or("main", String::as_str);
        let link = current(store, id, record, name);
        let link = quote::shell(&context.display(&link));
        commands.push(format!("pipe predict {link} rows.csv"));
    }
    commands
}

/// The link by which people find an output.
fn current(store: &Store, id: &str, record: &Record, output: &str) -> PathBuf {
    let mut link = store.current(id);
    if record.outputs.len() > 1 {
        link.push(output);
    }
    link
}

/// A JSON file of an artifact; nothing where there is none or it is of another kind, as in reports of commands.
fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}
