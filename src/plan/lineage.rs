//! What a model comes from: the dataset whose fitted steps it has, and those that it learned from. Where it meets another
//! dataset, a stage reads more than its block names. Knows inputs and outputs; not blocks.

use std::sync::Arc;

use pipe_schema::{
    dataset::{KEPT_FILE, PARTS, RAW_FOLDER, REST_FILE, SCHEMA_FILE, raw_file, rest_file},
    stage::{
        ArtifactType, Task,
        compress::{Compress, Pass},
        preprocess::{Preprocess, Source, Step},
    },
};

use super::{Input, StageId, upstream::Upstream, wiring::Output};

/// The output of a choose stage that is the dataset of the best one.
pub const CHOSEN_DATA: &str = "data";
const TRAIN: &str = "train";

/// A stage's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputRef {
    pub stage: StageId,
    pub output: String,
}

/// What a model comes from.
#[derive(Clone, Debug)]
pub struct ModelLineage {
    /// The dataset whose fitted steps it has.
    pub dataset: OutputRef,
    /// What is known of that dataset.
    pub facts: Arc<Output>,
    /// The datasets whose train parts it learned from.
    pub learned: Vec<OutputRef>,
}

impl OutputRef {
    /// The output that an input is.
    pub fn of(input: &Input) -> Self {
        Self {
            stage: input.stage.clone(),
            output: input.output.clone(),
        }
    }
}

impl ModelLineage {
    /// Returns what the model of a stage comes from, if it is known; `id` is the stage's.
    pub fn of(id: &str, task: &Task, inputs: &[Input], upstream: &Upstream<'_>) -> Option<Self> {
        let data = || inputs.iter().find(|input| input.role == "data");
        match task {
            Task::Train(_) => {
                let dataset = OutputRef::of(data()?);
                let mut learned = vec![dataset.clone()];
                let initial = upstream.output("init_from");
                if let Some(initial) = initial.and_then(|output| output.lineage.as_ref()) {
                    add_new(&mut learned, &initial.learned);
                }
                Some(Self {
                    dataset,
                    facts: Arc::new(upstream.output("data")?.clone()),
                    learned,
                })
            }
            Task::Compress(block) => {
                let mut lineage = upstream.output("model")?.lineage.as_deref()?.clone();
                if trains(block) {
                    add_new(&mut lineage.learned, &[OutputRef::of(data()?)]);
                }
                Some(lineage)
            }
            Task::Choose(_) => chosen(id, upstream),
            _ => None,
        }
    }

    /// Whether these rows are of another dataset than the one whose steps the model has.
    pub fn is_foreign(&self, data: &Input) -> bool {
        self.dataset != OutputRef::of(data)
    }

    /// Whether a step of the model's dataset looks at the target.
    fn encodes_target(&self) -> bool {
        let is_encoding = |step: &Step| matches!(step, Step::TargetEncode(_));
        let mut blocks = self.facts.blocks.iter();
        blocks.any(|block| block.steps.iter().any(is_encoding))
    }
}

fn trains(block: &Compress) -> bool {
    let mut passes = block.passes.iter();
    passes.any(|pass| matches!(pass, Pass::Prune(prune) if prune.finetune.is_some()))
}

fn add_new(all: &mut Vec<OutputRef>, more: &[OutputRef]) {
    for source in more {
        if !all.contains(source) {
            all.push(source.clone());
        }
    }
}

/// Returns what the best of several comes from: the dataset that all of them have, or the best one's own.
fn chosen(id: &str, upstream: &Upstream<'_>) -> Option<ModelLineage> {
    let candidates = upstream.outputs("model");
    let lineages: Option<Vec<&ModelLineage>> =
        candidates.iter().map(|it| it.lineage.as_deref()).collect();
    let lineages = lineages?;
    let first = *lineages.first()?;
    let is_shared = |source: &OutputRef| lineages.iter().all(|it| it.learned.contains(source));
    let shared = first.learned.iter().filter(|source| is_shared(source));
    if lineages.iter().all(|it| it.dataset == first.dataset) {
        return Some(ModelLineage {
            learned: shared.cloned().collect(),
            ..first.clone()
        });
    }
    let dataset = OutputRef {
        stage: id.to_owned(),
        output: CHOSEN_DATA.to_owned(),
    };
    let mut learned = vec![dataset.clone()];
    add_new(&mut learned, &shared.cloned().collect::<Vec<_>>());
    Some(ModelLineage {
        facts: Arc::new(any_of(&lineages)),
        dataset,
        learned,
    })
}

/// Returns what is known of a dataset that is one of these.
fn any_of(lineages: &[&ModelLineage]) -> Output {
    let all = || lineages.iter().map(|it| &*it.facts);
    let mut facts = lineages[0].facts.as_ref().clone();
    facts.is_built_in = all().all(|it| it.is_built_in);
    facts.is_flat = all().all(|it| it.is_flat);
    facts.has_codes = all().any(|it| it.has_codes);
    let is_same_everywhere = all().all(|it| it.columns == facts.columns);
    facts.columns = facts.columns.filter(|_| is_same_everywhere);
    let parts: Option<Vec<&[&str]>> = all().map(|it| it.parts.as_deref()).collect();
    facts.parts = parts.map(|parts| {
        let is_in_all = |part: &&str| parts.iter().all(|it| it.contains(part));
        PARTS.into_iter().filter(is_in_all).collect()
    });
    let are_known = all().all(|it| !it.blocks.is_empty());
    let blocks = all().flat_map(|it| &it.blocks).filter(|_| are_known);
    facts.blocks = blocks.cloned().collect();
    facts
}

/// Returns the datasets of the candidates of a choose stage, if the best one decides which dataset it is.
pub fn chosen_inputs(
    id: &str,
    task: &Task,
    inputs: &[Input],
    upstream: &Upstream<'_>,
) -> Vec<Input> {
    if !matches!(task, Task::Choose(_))
        || chosen(id, upstream).is_none_or(|choice| choice.dataset.stage != id)
    {
        return Vec::new();
    }
    let instances = inputs
        .iter()
        .filter_map(|it| it.role.strip_prefix("model/"));
    let candidates = upstream.outputs("model");
    let datasets = candidates.iter().filter_map(|it| it.lineage.as_ref());
    let pairs = instances.zip(datasets);
    pairs
        .map(|(instance, lineage)| whole(format!("data/{instance}"), &lineage.dataset, Vec::new()))
        .collect()
}

/// Returns the paths that a stage reads of its dataset because it is not the model's: raw columns, to which the model's own
/// steps are applied.
pub fn raw_reads(task: &Task, inputs: &[Input], upstream: &Upstream<'_>) -> Vec<String> {
    let data = inputs.iter().find(|input| input.role == "data");
    let lineage = upstream.output("model").and_then(|it| it.lineage.as_ref());
    let (Some(data), Some(lineage)) = (data, lineage) else {
        return Vec::new();
    };
    let is_foreign = lineage.is_foreign(data);
    match (task, data.part.as_deref()) {
        (Task::Evaluate(_), Some(part)) => {
            // Rows that are trained on are encoded as no new row is.
            let is_unlike_new = part == TRAIN && lineage.encodes_target();
            if is_foreign || is_unlike_new {
                raw_paths(&[part])
            } else {
                Vec::new()
            }
        }
        (Task::Compress(_), _) if is_foreign => raw_paths(&[TRAIN, "val"]),
        _ => Vec::new(),
    }
}

/// Returns the datasets whose rows an evaluate stage looks for among those that it measures on: all that the model learned
/// from, unless that is the measured dataset alone.
pub fn learned_inputs(task: &Task, inputs: &[Input], upstream: &Upstream<'_>) -> Vec<Input> {
    let data = inputs.iter().find(|input| input.role == "data");
    let lineage = upstream.output("model").and_then(|it| it.lineage.as_ref());
    let (Task::Evaluate(_), Some(data), Some(lineage)) = (task, data, lineage) else {
        return Vec::new();
    };
    if !lineage.is_foreign(data) && lineage.learned.len() == 1 {
        return Vec::new();
    }
    let learned = lineage.learned.iter().enumerate();
    learned
        .map(|(at, source)| {
            let mut reads = vec![SCHEMA_FILE.to_owned(), TRAIN.to_owned()];
            if *source != lineage.dataset || lineage.encodes_target() {
                reads.extend(raw_paths(&[TRAIN]));
            }
            whole(format!("trained/{at}"), source, reads)
        })
        .collect()
}

fn whole(role: String, source: &OutputRef, reads: Vec<String>) -> Input {
    Input {
        role,
        stage: source.stage.clone(),
        output: source.output.clone(),
        r#type: ArtifactType::Dataset,
        part: None,
        metric: None,
        file: None,
        reads,
    }
}

fn raw_paths(parts: &[&str]) -> Vec<String> {
    let lists = [KEPT_FILE, REST_FILE].map(|file| format!("{RAW_FOLDER}/{file}"));
    let files = parts
        .iter()
        .flat_map(|part| [raw_file(part), rest_file(part)]);
    lists.into_iter().chain(files).collect()
}

/// Whether rows that one dataset holds out may be rows that the other one trains on: both divide the same rows, each in its
/// own way.
pub fn share_rows(one: &Preprocess, other: &Preprocess) -> bool {
    one.source != Source::default() && one.source == other.source && one.split != other.split
}
