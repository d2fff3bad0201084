//! Stages that need no process: `summarize` and `choose` end the axes of a matrix. Reads metrics, starts nothing.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use pipe_schema::{
    model::{EpochRecord, HISTORY_FILE},
    report::{METRICS_FILE, Metrics},
    run::{Failure, FailureKind},
    stage::{
        Choose, Summarize, Task,
        matrix::{Goal, Stat},
    },
};

use super::action::Action;
use crate::{bounded, exec::failure, plan::Stage};

/// What came of it.
pub struct Made {
    /// Outputs that are not written where they were asked to be, by name.
    pub elsewhere: BTreeMap<String, PathBuf>,
    pub metrics: Metrics,
    /// A line for people.
    pub note: Option<String>,
}

/// Makes the output of a stage that needs no process in the empty folder `output`; `None` for any other stage.
pub fn make(stage: &Stage, action: &Action, output: &Path) -> Option<Result<Made, Failure>> {
    match &stage.task {
        Task::Summarize(block) => Some(summarize(block, stage, action, output)),
        Task::Choose(block) => Some(choose(block, stage, action)),
        _ => None,
    }
}

/// Whether a stage needs no process.
pub fn is_inline(task: &Task) -> bool {
    matches!(task, Task::Summarize(_) | Task::Choose(_))
}

fn summarize(
    block: &Summarize,
    stage: &Stage,
    action: &Action,
    output: &Path,
) -> Result<Made, Failure> {
    let mut reports = Vec::new();
    for input in &stage.inputs {
        reports.push(metrics_of(action, &input.role)?);
    }
    let mut metrics = Metrics::new();
    for name in reports.first().into_iter().flat_map(Metrics::keys) {
        // A metric that some instances lack has no fair summary.
        let values: Option<Vec<f64>> = reports.iter().map(|it| it.get(name).copied()).collect();
        for stat in &block.stats {
            if let Some((word, value)) = values.as_deref().and_then(|it| measure(*stat, it)) {
                metrics.insert(format!("{name}_{word}"), value);
            }
        }
    }
    let file = output.join(METRICS_FILE);
    serde_json::to_vec_pretty(&metrics)
        .map_err(std::io::Error::from)
        .and_then(|text| std::fs::write(&file, text))
        .map_err(|error| {
            let message = format!("cannot write `{}`: {error}", file.display());
            failure::plain(FailureKind::Io, message, None)
        })?;
    Ok(Made {
        elsewhere: BTreeMap::new(),
        metrics,
        note: None,
    })
}

fn choose(block: &Choose, stage: &Stage, action: &Action) -> Result<Made, Failure> {
    let mut best: Option<(f64, &str, &str)> = None;
    for input in &stage.inputs {
        let (Some(instance), Some(metric)) = (input.role.strip_prefix("by/"), &input.metric) else {
            continue;
        };
        let value = *metrics_of(action, &input.role)?
            .get(metric)
            .ok_or_else(|| {
                let message = format!("`{}` has no metric `{metric}`", input.stage);
                failure::plain(FailureKind::Wrong, message, None)
            })?;
        // Of equals, the first in the order of the matrix.
        let is_better = best.is_none_or(|(old, ..)| match block.goal {
            Goal::Maximize => value > old,
            Goal::Minimize => value < old,
        });
        if is_better {
            best = Some((value, instance, metric));
        }
    }
    let chosen = best.and_then(|(value, instance, metric)| {
        let role = format!("model/{instance}");
        let input = stage.inputs.iter().find(|it| it.role == role)?;
        let mut elsewhere = BTreeMap::new();
        for (output, role) in [("main", role), ("data", format!("data/{instance}"))] {
            if stage.outputs.contains_key(output) {
                let place = action.inputs.get(&role)?;
                elsewhere.insert(output.to_owned(), PathBuf::from(&place.path));
            }
        }
        Some((value, metric, input, elsewhere))
    });
    let Some((value, metric, input, elsewhere)) = chosen else {
        let message = "there is nothing to choose from";
        return Err(failure::plain(FailureKind::Wrong, message, None));
    };
    Ok(Made {
        elsewhere,
        metrics: Metrics::from([(metric.to_owned(), value)]),
        note: Some(format!("chose {} ({metric} {value})", input.stage)),
    })
}

/// The metrics of a report, or those of the epoch whose weights a model kept.
fn metrics_of(action: &Action, role: &str) -> Result<Metrics, Failure> {
    let wrong = |message: String| failure::plain(FailureKind::Wrong, message, None);
    let place = action
        .inputs
        .get(role)
        .ok_or_else(|| wrong(format!("there is no input `{role}`")))?;
    let folder = Path::new(&place.path);
    let unreadable =
        |file: &Path, error: String| wrong(format!("cannot read `{}`: {error}", file.display()));
    let history = folder.join(HISTORY_FILE);
    if history.exists() {
        let text = bounded::read(&history).map_err(|it| unreadable(&history, it.to_string()))?;
        let epochs: Vec<EpochRecord> =
            serde_json::from_slice(&text).map_err(|it| unreadable(&history, it.to_string()))?;
        let kept = epochs.iter().rev().find(|it| it.kept).or(epochs.last());
        return Ok(kept.map(|it| it.metrics.clone()).unwrap_or_default());
    }
    let file = folder.join(METRICS_FILE);
    let text = bounded::read(&file).map_err(|it| unreadable(&file, it.to_string()))?;
    serde_json::from_slice(&text).map_err(|it| unreadable(&file, it.to_string()))
}

/// A statistic with its word; `None` where so few values have none.
fn measure(stat: Stat, values: &[f64]) -> Option<(&'static str, f64)> {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    Some(match stat {
        _ if values.is_empty() => return None,
        Stat::Mean => ("mean", mean),
        Stat::Std if values.len() < 2 => return None,
        Stat::Std => {
            let squares: f64 = values.iter().map(|it| (it - mean).powi(2)).sum();
            ("std", (squares / (count - 1.0)).sqrt())
        }
        Stat::Min => ("min", values.iter().copied().fold(f64::INFINITY, f64::min)),
        Stat::Max => (
            "max",
            values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        ),
        Stat::Median => {
            let mut sorted = values.to_vec();
            sorted.sort_by(f64::total_cmp);
            let middle = sorted.len() / 2;
            let median = if sorted.len() % 2 == 1 {
                sorted[middle]
            } else {
                f64::midpoint(sorted[middle - 1], sorted[middle])
            };
            ("median", median)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_those_of_a_sample() {
        let values = [1.0, 2.0, 4.0, 9.0];
        let of = |stat| measure(stat, &values).unwrap().1;
        assert_eq!(of(Stat::Mean), 4.0);
        assert!((of(Stat::Std) - 3.559_026_084_010_437).abs() < 1e-12);
        assert_eq!((of(Stat::Min), of(Stat::Max)), (1.0, 9.0));
        assert_eq!(of(Stat::Median), 3.0);
        assert_eq!(measure(Stat::Std, &[1.0]), None);
        assert_eq!(measure(Stat::Mean, &[]), None);
    }
}
