//! The `evaluate` stage: answers of a model for a part of a dataset, and what they are worth. Knows no store.

mod bootstrap;
mod each;
mod plots;
mod positive;
mod seen;
mod slices;
mod trivial;

use std::path::Path;

use pipe_data::{Dataset, FeatureRows, Part};
use pipe_schema::{
    dataset::{PositiveClass, RowFindings},
    model::ClassThreshold,
    protocol::{Done, InputPath, Request},
    report::{METRICS_FILE, PREDICTIONS_FILE, REPORT_FILE, Report},
    stage::evaluate::Evaluate,
};
use pipe_wire::Reporter;

use self::{positive::positive_class, trivial::trivial};
use crate::{
    answer::{self, Answers, Form},
    error::{Error, Result},
    inference::Inference,
    json::write_json,
    metric,
    paired::Paired,
    request::{device_of, input},
    rows::check_room,
};

/// Does the stage: reads the inputs `model` and `data`, writes the report.
pub fn evaluate(block: &Evaluate, request: &Request, reporter: &mut Reporter) -> Result<Done> {
    let inference = Inference::open(input(request, "model")?.path.as_ref(), device_of(request)?)?;
    let dataset = Dataset::open(&input(request, "data")?.path)?;
    let part_name = part_of(input(request, "data")?)?;
    check_room(&dataset, part_name)?;
    // A script's TorchScript takes the dataset as it is.
    let schema = inference.schema.as_ref().unwrap_or(dataset.schema());
    let (part, findings) = match &inference.schema {
        Some(own) => dataset.new_part_with_findings(part_name, own)?,
        None => (dataset.part_as_kept(part_name)?, RowFindings::default()),
    };
    if part.is_empty() {
        return Err(
            Error::wrong(format!("the part `{part_name}` has no rows to measure on"))
                .hint("give it a larger share in the `split` of the preprocess stage"),
        );
    }

    if let Some(line) = findings.line() {
        reporter.note(line);
    }
    let in_train = match &inference.schema {
        Some(own) => seen::count_in_train(request, &dataset, (part_name, &part), own, reporter)?,
        None => None,
    };

    let form = Form::of(&schema.target);
    let count = form.width();
    // The model's own target says which class is rare, whatever rows it is measured on.
    let positive = positive_class(block.positive.as_ref(), &schema.target)?;
    let threshold = inference.model.as_ref();
    let threshold = threshold.and_then(|it| it.threshold.as_ref().map(|it| &it.of));
    tell_decision(positive.as_ref(), threshold, reporter);
    let looked_for = positive
        .as_ref()
        .and_then(|it| form.names().iter().position(|name| *name == it.class));
    let total = part.rows.len() as u64;
    let batch = block.batch_size as usize;
    let answers = inference.answers(&part.features, &form, batch, &part.rows, &mut |done| {
        reporter.progress(done, total, "rows");
    })?;
    let metrics = if block.metrics.is_empty() {
        metric::defaults(schema.target.answer(), part.len())
    } else {
        block.metrics.clone()
    };
    let paired = Paired::of(&part.target, &answers, count, looked_for)?;
    let measured = paired.measure(&metrics)?;
    for note in &measured.notes {
        reporter.note(note);
    }
    let trivial = trivial(&schema.target, part.len());
    let trivial = Paired::of(&part.target, &trivial, count, looked_for)?;
    let baseline = trivial.measure(&metrics)?;

    let bootstrap = block.bootstrap.as_ref().map(|it| {
        let total = u64::from(it.samples);
        bootstrap::intervals(it, &metrics, &paired, &mut |done| {
            reporter.progress(done, total, "samples");
        })
    });

    let mut metrics_of_all = measured.metrics;
    let mut sliced = Vec::new();
    for by in &block.slices {
        let raw = dataset.raw(part_name, &by.column)?;
        let found = slices::measure(by, &raw, &metrics, &paired)?;
        metrics_of_all.extend(slices::worst(by, &found, &metrics));
        sliced.push(found);
    }

    let report = Report {
        part: part_name.to_owned(),
        rows: total,
        in_train,
        metrics: metrics_of_all,
        baseline: baseline.metrics,
        classes: schema.target.classes().to_vec(),
        positive,
        threshold: threshold.cloned(),
        notes: measured.notes,
        confusion_matrix: measured.confusion_matrix,
        per_class: each::classes(&paired, &form),
        per_label: each::labels(&paired, &form),
        per_target: each::targets(&metrics, &paired, &trivial, &form)?,
        bootstrap,
        slices: sliced,
    };
    let folder = Path::new(&request.output);
    let files = dataset.files(part_name)?;
    write(folder, &report, (&part, &files), &answers, &form)?;
    plots::write(folder, &paired, &form, inference.threshold)?;
    Ok(Done {
        metrics: report.metrics,
        ..Done::default()
    })
}

/// Tells which class is looked for, and from which probability on a class is predicted.
fn tell_decision(
    positive: Option<&PositiveClass>,
    threshold: Option<&ClassThreshold>,
    reporter: &mut Reporter,
) {
    if let Some(positive) = positive {
        reporter.log(positive.to_string());
    }
    if let Some(ClassThreshold { class, at }) = threshold {
        reporter.log(format!(
            "threshold: `{class}` from a probability of {at} on"
        ));
    }
}

fn part_of(data: &InputPath) -> Result<&str> {
    data.part.as_deref().ok_or_else(|| {
        Error::wrong("`data` names no part of the dataset")
            .hint("name the part to measure on, e.g. `data: prepare.test`")
    })
}

fn write(
    folder: &Path,
    report: &Report,
    (part, files): (&Part<FeatureRows>, &[String]),
    answers: &Answers,
    form: &Form,
) -> Result<()> {
    write_json(&folder.join(METRICS_FILE), &report.metrics)?;
    write_json(&folder.join(REPORT_FILE), report)?;
    let path = folder.join(PREDICTIONS_FILE);
    answer::write(&path, (&part.rows, files), &part.target, answers, form)
}

#[cfg(test)]
mod tests;
