//! What is known of a stage's outputs before it runs: parts, metrics, what a model is for. Says nothing of errors.

use std::sync::Arc;

use indexmap::IndexMap;
use pipe_schema::{
    dataset::{KEPT_FILE, RAW_FOLDER, raw_file},
    stage::{
        ArtifactType, Evaluate, Package, Preprocess, Summarize, Task,
        compress::Pass,
        evaluate::Metric,
        package::Format,
        preprocess::{Form, Step, UnknownRank},
        train::{Answer, Loss, Train},
    },
};

use super::{
    Input, Loader, columns,
    lineage::{CHOSEN_DATA, ModelLineage},
    target::Target,
    upstream::Upstream,
    wiring::{Facts, Measured, Output, PACKAGE_FILES},
};

/// Adds what a task's outputs are known to be.
pub fn add(
    facts: &mut Facts,
    task: &Task,
    inputs: &[Input],
    upstream: &Upstream<'_>,
    loader: &dyn Loader,
) {
    let lineage = ModelLineage::of(&facts.id, task, inputs, upstream);
    let mut main = match task {
        Task::Preprocess(block) => dataset(block, loader),
        Task::Train(block) => {
            facts.live_metrics = live_metrics(block, upstream);
            let target = upstream.output("data").and_then(|it| it.target.as_ref());
            let answer = target.and_then(|it| it.answer(block.loss));
            model(Some(block.loss), answer)
        }
        Task::Evaluate(block) => report(block, inputs, upstream),
        Task::Compress(block) => Output {
            is_quantized: block
                .passes
                .iter()
                .any(|it| matches!(it, Pass::Quantize(_))),
            ..match upstream.output("model") {
                Some(it) => model(it.loss, it.answer),
                None => model(None, None),
            }
        },
        Task::Package(block) => package(block),
        Task::Summarize(block) => summary(block, upstream),
        Task::Choose(_) => upstream.output("model").cloned().unwrap_or_default(),
        Task::Command(block) => {
            facts.outputs = block
                .outputs
                .iter()
                .map(|(name, it)| {
                    (
                        name.clone(),
                        Output {
                            r#type: it.r#type,
                            ..Output::default()
                        },
                    )
                })
                .collect();
            return;
        }
    };
    if main.r#type == ArtifactType::Model {
        main.lineage = lineage.map(Box::new);
    }
    let chosen = main
        .lineage
        .as_ref()
        .filter(|it| it.dataset.stage == facts.id);
    let chosen = chosen.map(|it| (CHOSEN_DATA.to_owned(), it.facts.as_ref().clone()));
    facts.outputs = IndexMap::from([("main".to_owned(), main)]);
    facts.outputs.extend(chosen);
}

/// Lets an evaluate stage that slices depend on its part's raw columns; another does not even see them.
pub fn add_raw_columns(task: &Task, inputs: &mut [Input]) {
    let Task::Evaluate(block) = task else { return };
    let data = inputs.iter_mut().find(|it| it.role == "data");
    let Some(data) = data.filter(|_| !block.slices.is_empty()) else {
        return;
    };
    if let Some(part) = &data.part {
        let kept = format!("{RAW_FOLDER}/{KEPT_FILE}");
        for path in [kept, raw_file(part)] {
            if !data.reads.contains(&path) {
                data.reads.push(path);
            }
        }
    }
}

/// The rows that a package's report was made on.
pub fn implicit_data(task: &Task, inputs: &[Input], upstream: &Upstream<'_>) -> Option<Input> {
    let Task::Package(_) = task else { return None };
    inputs.iter().find(|it| it.role == "report")?;
    let measured = upstream.output("report")?.measured.as_ref()?;
    Some(Input {
        role: "data".to_owned(),
        ..measured.data.clone()
    })
}

fn dataset(block: &Preprocess, loader: &dyn Loader) -> Output {
    Output {
        r#type: ArtifactType::Dataset,
        is_built_in: true,
        parts: Some(block.split.parts()),
        is_flat: is_flat(block),
        has_codes: block.steps.iter().any(makes_codes),
        columns: columns::known(block, loader),
        target: Some(Target::of(block, loader)),
        blocks: vec![Arc::new(block.clone())],
        ..Output::default()
    }
}

fn makes_codes(step: &Step) -> bool {
    match step {
        Step::Ordinal(it) => it.unknown == UnknownRank::Own,
        Step::Tokens(_) => true,
        _ => false,
    }
}

/// Whether rows are flat: each cell and each step gives single numbers, or a row of them, as far as they are known to.
fn is_flat(block: &Preprocess) -> bool {
    let gives_numbers = |step: &Step| {
        matches!(
            step,
            Step::Impute(_)
                | Step::Standardize(_)
                | Step::MinMax(_)
                | Step::Robust(_)
                | Step::Log(_)
                | Step::Power(_)
                | Step::Clip(_)
                | Step::Bucketize(_)
                | Step::OneHot(_)
                | Step::Ordinal(_)
                | Step::Hash(_)
                | Step::TargetEncode(_)
                | Step::DatetimeParts(_)
                | Step::BagOfWords(_)
                | Step::Tokens(_)
                | Step::Drop(_)
        )
    };
    let joined = block.source.join.0.iter().map(|it| it.reading().form());
    let mut forms = joined.chain([block.reading().form()]);
    forms.all(|it| matches!(it, Form::Csv | Form::Text))
        && block.windows.is_none()
        && block.steps.iter().all(gives_numbers)
}

fn model(loss: Option<Loss>, answer: Option<Answer>) -> Output {
    Output {
        r#type: ArtifactType::Model,
        is_built_in: true,
        loss,
        answer,
        ..Output::default()
    }
}

/// What training reports each epoch.
fn live_metrics(block: &Train, upstream: &Upstream<'_>) -> Vec<String> {
    let mut metrics = vec!["train.loss".to_owned()];
    let parts = upstream.output("data").and_then(|it| it.parts.as_ref());
    if parts.is_none_or(|it| it.contains(&"val")) {
        metrics.push("val.loss".to_owned());
        metrics.push(format!("val.{}", block.loss.metric()));
        let target = upstream.output("data").and_then(|it| it.target.as_ref());
        let answer = target.map_or(Some(block.loss.answer()), |it| it.answer(block.loss));
        for name in block.watched() {
            let name = name.replace("valid.", "val.");
            let metric = name.strip_prefix("val.").and_then(Metric::of_name);
            let is_measured = |it: Metric| answer.is_some_and(|answer| it.is_for(answer));
            if metric.is_some_and(|it| it.is_number() && is_measured(it))
                && !metrics.contains(&name)
            {
                metrics.push(name);
            }
        }
    }
    metrics
}

fn report(block: &Evaluate, inputs: &[Input], upstream: &Upstream<'_>) -> Output {
    let answer = upstream.output("model").and_then(|it| it.answer);
    let metrics = match (block.metrics.as_slice(), answer) {
        ([], answer) => answer.map(|it| Metric::defaults(it).to_vec()),
        (given, _) => Some(given.to_vec()),
    };
    let input = |role: &str| inputs.iter().find(|it| it.role == role);
    let measured = input("model").zip(input("data")).map(|(model, data)| {
        Box::new(Measured {
            model: (model.stage.clone(), model.output.clone()),
            data: data.clone(),
        })
    });
    Output {
        r#type: ArtifactType::Report,
        is_built_in: true,
        metrics: metrics.map(|it| {
            let numbers: Vec<Metric> = it.into_iter().filter(|it| it.is_number()).collect();
            let worst = block.slices.iter();
            let worst = worst.flat_map(|by| numbers.iter().map(|it| by.worst(*it)));
            numbers.iter().map(|it| it.name()).chain(worst).collect()
        }),
        measured,
        ..Output::default()
    }
}

fn package(block: &Package) -> Output {
    let has = |name: &str| name == "safetensors" || block.formats.contains(&Format::Torchscript);
    Output {
        r#type: ArtifactType::Package,
        is_built_in: true,
        files: PACKAGE_FILES
            .iter()
            .filter(|it| has(it.0))
            .copied()
            .collect(),
        ..Output::default()
    }
}

/// `accuracy_mean`, `accuracy_std`.
fn summary(block: &Summarize, upstream: &Upstream<'_>) -> Output {
    let metrics = upstream
        .output("reports")
        .and_then(|it| it.metrics.as_ref());
    let stats: Vec<String> = block
        .stats
        .iter()
        .filter_map(|it| serde_json::to_value(it).ok()?.as_str().map(str::to_owned))
        .collect();
    Output {
        r#type: ArtifactType::Report,
        is_built_in: true,
        metrics: metrics.map(|it| {
            it.iter()
                .flat_map(|metric| stats.iter().map(move |stat| format!("{metric}_{stat}")))
                .collect()
        }),
        ..Output::default()
    }
}
