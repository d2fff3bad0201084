//! What a report says of each class, label or target by itself.

use pipe_schema::{
    report::{ClassFigures, LabelFigures, TargetFigures},
    stage::evaluate::Metric,
};

use crate::{
    answer::Form,
    error::Result,
    metric::{self, Answers, ranking},
    paired::{Paired, refusal},
};

/// One line a class.
pub fn classes(paired: &Paired, form: &Form) -> Vec<ClassFigures> {
    let Answers::Classes(classes) = paired.answers() else {
        return Vec::new();
    };
    let lines = form.names().iter().zip(classes.tallies());
    lines
        .map(|(name, tally)| ClassFigures {
            class: name.clone(),
            rows: tally.truth as u64,
            predicted: tally.predicted as u64,
            precision: tally.precision(),
            recall: tally.recall(),
            f1: tally.f1(),
        })
        .collect()
}

/// One line a label.
pub fn labels(paired: &Paired, form: &Form) -> Vec<LabelFigures> {
    let Answers::Labels(labels) = paired.answers() else {
        return Vec::new();
    };
    let lines = form
        .names()
        .iter()
        .zip(labels.tallies())
        .zip(labels.curves());
    lines
        .map(|((name, tally), steps)| LabelFigures {
            label: name.clone(),
            rows: tally.truth as u64,
            predicted: tally.predicted as u64,
            precision: tally.precision(),
            recall: tally.recall(),
            f1: tally.f1(),
            roc_auc: ranking::area(&steps),
            average_precision: ranking::precision(&steps),
        })
        .collect()
}

/// One line a target, with what was asked for.
pub fn targets(
    metrics: &[Metric],
    paired: &Paired,
    trivial: &Paired,
    form: &Form,
) -> Result<Vec<TargetFigures>> {
    let (Answers::Several(found), Answers::Several(trivial)) =
        (paired.answers(), trivial.answers())
    else {
        return Ok(Vec::new());
    };
    let measure = |numbers| {
        let measured = metric::measure(metrics, &Answers::Numbers(numbers));
        measured.map(|it| it.metrics).map_err(|it| refusal(&it))
    };
    let pairs = found.targets().zip(trivial.targets());
    let lines = form.names().iter().zip(pairs);
    lines
        .map(|(name, (found, trivial))| {
            Ok(TargetFigures {
                target: name.clone(),
                metrics: measure(found)?,
                baseline: measure(trivial)?,
            })
        })
        .collect()
}
