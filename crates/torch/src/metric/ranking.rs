//! Metrics of how well a probability ranks the rows of a class, or of a label, above the others, and the curves behind them.
//!
//! With rows taken in falling order of the probability, equal ones at once, `hits` of them are of it and
//! `alarms` are not (Fawcett 2006, "An introduction to ROC analysis", algorithms 1 to 3). The ROC curve is hits / all
//! hits over alarms / all alarms. Average precision is Σ (recall - recall before) precision, without interpolation.

/// How many rows have at least this probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    pub probability: f64,
    pub hits: u64,
    pub alarms: u64,
}

/// The mean over the curves that tell two sides apart. Nothing where none does.
pub fn roc_auc(curves: &[Vec<Step>]) -> Option<f64> {
    mean(curves, area, |_| 1.0)
}

/// The same, each curve weighted by its hits.
pub fn roc_auc_weighted(curves: &[Vec<Step>]) -> Option<f64> {
    match curves {
        [one] => area(one),
        more => mean(more, area, |last| last.hits as f64),
    }
}

/// The mean over the curves that have hits. Nothing where none has.
pub fn average_precision(curves: &[Vec<Step>]) -> Option<f64> {
    mean(curves, precision, |_| 1.0)
}

/// One step a distinct probability, falling; of each row whether it is a hit.
pub fn steps(rows: impl Iterator<Item = (f64, bool)>) -> Vec<Step> {
    let mut rows: Vec<(f64, bool)> = rows.collect();
    rows.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    let mut steps: Vec<Step> = Vec::new();
    let (mut hits, mut alarms) = (0, 0);
    for (probability, is_hit) in rows {
        hits += u64::from(is_hit);
        alarms += u64::from(!is_hit);
        let step = Step {
            probability,
            hits,
            alarms,
        };
        match steps.last_mut() {
            Some(last) if last.probability == probability => *last = step,
            _ => steps.push(step),
        }
    }
    steps
}

/// Area under the ROC curve; nothing where one side has no rows.
pub fn area(steps: &[Step]) -> Option<f64> {
    let last = steps.last()?;
    if last.hits == 0 || last.alarms == 0 {
        return None;
    }
    let (mut area, mut before) = (0.0, (0, 0));
    for step in steps {
        let width = (step.alarms - before.1) as f64;
        area += width * (step.hits + before.0) as f64 / 2.0;
        before = (step.hits, step.alarms);
    }
    Some(area / last.hits as f64 / last.alarms as f64)
}

/// Average precision; nothing where no row is of the class.
pub fn precision(steps: &[Step]) -> Option<f64> {
    let all = steps.last()?.hits;
    if all == 0 {
        return None;
    }
    let (mut sum, mut before) = (0.0, 0);
    for step in steps {
        let precision = step.hits as f64 / (step.hits + step.alarms) as f64;
        sum += (step.hits - before) as f64 * precision;
        before = step.hits;
    }
    Some(sum / all as f64)
}

/// How many of the first `count` rows are of the class. Of rows with equal probabilities at the end, a share counts: the mean
/// over all their orders.
pub fn hits_among(steps: &[Step], count: usize) -> f64 {
    let (mut rows_before, mut hits_before) = (0, 0);
    for step in steps {
        let rows = step.hits + step.alarms;
        if rows >= count as u64 {
            let part = (count as u64 - rows_before) as f64 / (rows - rows_before) as f64;
            return hits_before as f64 + part * (step.hits - hits_before) as f64;
        }
        (rows_before, hits_before) = (rows, step.hits);
    }
    hits_before as f64
}

/// The highest recall of a threshold with at least this precision, 0 where none has it; nothing where no row is of the class.
pub fn recall_at_precision(steps: &[Step], precision: f64) -> Option<f64> {
    let all = steps.last()?.hits;
    let is_precise =
        |step: &&Step| step.hits as f64 / (step.hits + step.alarms) as f64 >= precision;
    let most = steps.iter().rfind(is_precise).map_or(0, |step| step.hits);
    (all > 0).then(|| most as f64 / all as f64)
}

fn mean(
    curves: &[Vec<Step>],
    value: fn(&[Step]) -> Option<f64>,
    weight: fn(&Step) -> f64,
) -> Option<f64> {
    let (mut sum, mut weights) = (0.0, 0.0);
    for steps in curves {
        if let (Some(value), Some(last)) = (value(steps), steps.last()) {
            sum += weight(last) * value;
            weights += weight(last);
        }
    }
    (weights > 0.0).then(|| sum / weights)
}
