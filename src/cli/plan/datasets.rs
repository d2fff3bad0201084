//! The datasets of a plan: rows, features and their bytes, before they are made. Reads small sources; makes nothing.

use std::{
    collections::HashSet,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use pipe_data::Files;
use pipe_schema::{
    dataset::{DatasetSchema, PART_FILE, PARTS, Part, ROWS_FILE, SCHEMA_FILE},
    stage::{Preprocess, Task, preprocess::Step},
};
use serde_json::{Map, Value, json};

use crate::{
    cli::{Context, outlook, project::Project, show},
    plan::{Plan, Stage, StageId},
    report::figures,
    schedule::{Forecast, files_with_roles},
    store::Store,
};

/// Sources of more bytes are not read for it.
const MOST_READ: u64 = 32 << 20;
/// Memory that a forecast may take for columns, unless `resources.memory` says it.
const ROOM: u64 = 2 << 30;

/// What the worker itself takes of `resources.memory`.
const WORKER: u64 = 200 << 20;

/// What is known of a dataset.
#[derive(PartialEq)]
enum Size {
    Known {
        rows: u64,
        features: u64,
        bytes: u64,
        dense_bytes: u64,
    },
    /// What the stage will say instead.
    Refused(String),
}

/// For people: a line for each preprocess stage whose steps add columns.
pub fn text(project: &Project, context: &Context) -> anyhow::Result<String> {
    let sizes = sizes(project, context)?;
    let mut text = String::new();
    for group in project.plan.groups() {
        let mut last = None;
        for stage in &group.instances {
            let Some(size) = sizes.iter().find(|it| it.0 == stage.id) else {
                continue;
            };
            if last == Some(&size.1) {
                continue;
            }
            last = Some(&size.1);
            // Writing to a String cannot fail.
            let _ = writeln!(text, "\ndata of {}: {}", stage.id, size.1.words());
        }
    }
    Ok(text)
}

/// For programs, by stage.
pub fn content(project: &Project, context: &Context) -> anyhow::Result<Map<String, Value>> {
    let sizes = sizes(project, context)?;
    Ok(sizes
        .into_iter()
        .map(|(id, size)| (id, size.json()))
        .collect())
}

fn sizes(project: &Project, context: &Context) -> anyhow::Result<Vec<(StageId, Size)>> {
    let blocks: Vec<(&Stage, &Preprocess)> = widened(&project.plan).collect();
    if blocks.is_empty() {
        return Ok(Vec::new());
    }
    let nowhere;
    let store = if project.store.join("VERSION").is_file() {
        Store::open_existing(&project.store)?
    } else {
        nowhere = tempfile::tempdir()?;
        Store::open(&nowhere.path().join("store"))?
    };
    let wish = outlook::Wish {
        targets: blocks.iter().map(|it| it.0.id.clone()).collect(),
        ..outlook::Wish::default()
    };
    let forecasts = outlook::of(project, &wish, context)?;
    let mut sizes = Vec::new();
    let mut read = HashSet::new();
    for (stage, block) in blocks {
        let forecast = forecasts.iter().find(|it| it.0 == stage.id);
        let size = match forecast.map(|it| &it.1) {
            Some(Forecast::Cached(record)) => match record.outputs.get("main") {
                Some(output) => made(&store.artifact(&output.digest))?,
                None => None,
            },
            // Instances of one stage mostly read the same source: the first one tells.
            _ if read.insert(&stage.name) => to_be_made(stage, block, &store, project),
            _ => None,
        };
        sizes.extend(size.map(|size| (stage.id.clone(), size)));
    }
    Ok(sizes)
}

/// The preprocess stages with steps that make many columns of one.
fn widened(plan: &Plan) -> impl Iterator<Item = (&Stage, &Preprocess)> {
    plan.stages.values().filter_map(|stage| match &stage.task {
        Task::Preprocess(block) if block.steps.iter().any(Step::adds_columns) => {
            Some((&**stage, &**block))
        }
        _ => None,
    })
}

/// Of a dataset in the store.
fn made(folder: &Path) -> anyhow::Result<Option<Size>> {
    let Some(schema) = show::read::<DatasetSchema>(&folder.join(SCHEMA_FILE))? else {
        return Ok(None);
    };
    let features = schema.features.len() as u64;
    let (mut rows, mut bytes) = (0, 0);
    for part in PARTS {
        let folder = folder.join(part);
        rows += show::read::<Part>(&folder.join(PART_FILE))?.map_or(0, |it| it.rows);
        bytes += fs::metadata(folder.join(ROWS_FILE)).map_or(0, |it| it.len());
    }
    let dense_bytes = rows.saturating_mul(features).saturating_mul(4);
    // Targets and the numbers of rows lie in the same files.
    let bytes = bytes.min(dense_bytes);
    Ok(Some(Size::Known {
        rows,
        features,
        bytes,
        dense_bytes,
    }))
}

/// Of one that is not there yet, from its source if that is small.
fn to_be_made(stage: &Stage, block: &Preprocess, store: &Store, project: &Project) -> Option<Size> {
    if !stage.inputs.is_empty() {
        return None;
    }
    let found = files_with_roles(stage, store, &project.folder)?;
    let sizes = found
        .iter()
        .map(|(_, path)| fs::metadata(path).map_or(u64::MAX, |it| it.len()));
    if sizes.fold(0, u64::saturating_add) > MOST_READ {
        return None;
    }
    let mut files = Files::default();
    for (role, path) in found {
        let list: &mut Vec<PathBuf> = files.list(&role)?;
        list.push(path);
    }
    let memory = stage.control.resources.memory;
    let room = memory.map_or(ROOM, |it| it.bytes.saturating_sub(WORKER));
    Some(match pipe_data::forecast(block, &files, &|| room) {
        Ok(summary) => Size::Known {
            rows: summary.rows.iter().map(|it| it.1).sum(),
            features: summary.features,
            bytes: summary.bytes,
            dense_bytes: summary.dense_bytes,
        },
        Err(error) => Size::Refused(error.message),
    })
}

impl Size {
    fn words(&self) -> String {
        match self {
            Self::Known {
                rows,
                features,
                bytes,
                dense_bytes,
            } => {
                let dense = if bytes < dense_bytes {
                    format!(
                        " sparse; {} if they were dense",
                        figures::bytes(*dense_bytes)
                    )
                } else {
                    String::new()
                };
                format!(
                    "{} of {}, {}{dense}",
                    figures::plural(*rows, "row"),
                    figures::plural(*features, "feature"),
                    figures::bytes(*bytes)
                )
            }
            Self::Refused(why) => format!("cannot be made: {why}"),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Known {
                rows,
                features,
                bytes,
                dense_bytes,
            } => {
                json!({"rows": rows, "features": features, "bytes": bytes, "dense_bytes": dense_bytes})
            }
            Self::Refused(why) => json!({"refused": why}),
        }
    }
}
