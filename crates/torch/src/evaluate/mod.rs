//! The `evaluate` stage: answers of a model for a part of a dataset, and what they are worth. Knows no store.

mod bootstrap;
mod paired;
mod plots;

use std::path::Path;

use pipe_data::{Dataset, Part};
use pipe_schema::{
    dataset::{DatasetSchema, TargetKind},
    protocol::{Done, InputPath, Request},
    report::{ClassFigures, METRICS_FILE, PREDICTIONS_FILE, REPORT_FILE, Report},
    stage::evaluate::Evaluate,
};
use pipe_wire::Reporter;

use self::paired::Paired;
use crate::{
    answer::{self, Answers, class_names},
    error::{Error, Result},
    inference::{Inference, check_fits},
    json::write_json,
    metric,
    request::{device_of, input},
};

/// Does the stage: reads the inputs `model` and `data`, writes the report.
pub fn evaluate(block: &Evaluate, request: &Request, reporter: &mut Reporter) -> Result<Done> {
    let inference = Inference::open(input(request, "model")?.path.as_ref(), device_of(request)?)?;
    let dataset = Dataset::open(&input(request, "data")?.path)?;
    let schema = dataset.schema();
    if let Some(own) = &inference.schema {
        check_fits(own, schema)?;
        if own.steps != schema.steps {
            reporter.log("the dataset's preprocessing was fitted on other rows than the model's");
        }
    }
    let part_name = part_of(input(request, "data")?)?;
    let part = dataset.part(part_name)?;
    if part.is_empty() {
        return Err(
            Error::wrong(format!("the part `{part_name}` has no rows to measure on"))
                .hint("give it a larger share in the `split` of the preprocess stage"),
        );
    }

    let names = class_names(schema);
    let total = part.rows.len() as u64;
    let batch = block.batch_size as usize;
    let answers = inference.answers(
        &part.features,
        names.len(),
        batch,
        &part.rows,
        &mut |done| {
            reporter.progress(done, total, "rows");
        },
    )?;
    let metrics = if block.metrics.is_empty() {
        metric::defaults(!names.is_empty(), part.len())
    } else {
        block.metrics.clone()
    };
    let paired = Paired::of(&part.target, &answers, names.len())?;
    let measured = paired.measure(&metrics)?;
    let trivial = trivial(schema, part.len());
    let baseline = Paired::of(&part.target, &trivial, names.len())?.measure(&metrics)?;

    let bootstrap = block.bootstrap.as_ref().map(|it| {
        let total = u64::from(it.samples);
        bootstrap::intervals(it, &metrics, &paired, &mut |done| {
            reporter.progress(done, total, "samples");
        })
    });

    let report = Report {
        part: part_name.to_owned(),
        rows: total,
        metrics: measured.metrics,
        baseline: baseline.metrics,
        classes: names.to_vec(),
        confusion_matrix: measured.confusion_matrix,
        per_class: per_class(&paired, names),
        bootstrap,
    };
    let folder = Path::new(&request.output);
    write(folder, &report, &part, &answers)?;
    plots::write(folder, &paired, names)?;
    Ok(Done {
        metrics: report.metrics,
        ..Done::default()
    })
}

fn part_of(data: &InputPath) -> Result<&str> {
    data.part.as_deref().ok_or_else(|| {
        Error::wrong("`data` names no part of the dataset")
            .hint("name the part to measure on, e.g. `data: prepare.test`")
    })
}

/// One line a class.
fn per_class(paired: &Paired, names: &[String]) -> Vec<ClassFigures> {
    let metric::Answers::Classes(classes) = paired.answers() else {
        return Vec::new();
    };
    let tallies = classes.tallies();
    let lines = names.iter().zip(tallies).map(|(name, tally)| ClassFigures {
        class: name.clone(),
        rows: tally.truth as u64,
        predicted: tally.predicted as u64,
        precision: tally.precision(),
        recall: tally.recall(),
        f1: tally.f1(),
    });
    lines.collect()
}

/// What can be said of a row without looking at it: the most frequent class with the shares of the train part, or its mean.
fn trivial(schema: &DatasetSchema, rows: usize) -> Answers {
    match &schema.target.kind {
        TargetKind::Classes { train_counts, .. } => {
            let sum: u64 = train_counts.iter().sum();
            let shares: Vec<f32> = train_counts
                .iter()
                .map(|it| (*it as f64 / sum.max(1) as f64) as f32)
                .collect();
            let most = (1..train_counts.len()).fold(0, |best, class| {
                if train_counts[class] > train_counts[best] {
                    class
                } else {
                    best
                }
            });
            Answers::Classes {
                chosen: vec![most; rows],
                probabilities: shares.repeat(rows),
            }
        }
        TargetKind::Number { train_mean } => Answers::Numbers(vec![*train_mean as f32; rows]),
    }
}

fn write(folder: &Path, report: &Report, part: &Part, answers: &Answers) -> Result<()> {
    write_json(&folder.join(METRICS_FILE), &report.metrics)?;
    write_json(&folder.join(REPORT_FILE), report)?;
    let path = folder.join(PREDICTIONS_FILE);
    answer::write(&path, &part.rows, &part.target, answers, &report.classes)
}

#[cfg(test)]
mod tests;
