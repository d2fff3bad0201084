//! The threshold of a probability from which on a row is predicted as the positive class: all that rows tell apart, and the
//! one that a rule chooses among them. Pure arithmetic: knows nothing of networks, parts and files.

use pipe_schema::stage::{
    evaluate::{Fbeta, Metric},
    train::{Costs, ThresholdRule},
};

use super::{Counts, ranking::Step};

/// A threshold, and what it makes of the rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cut {
    /// Rows with at least this probability are predicted as the positive class. It lies between the probabilities of two rows,
    /// so that a last bit tips none over.
    pub at: f64,
    pub counts: Counts,
}

/// Why no threshold was chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NoCut {
    /// No row is of the positive class.
    NoPositives,
    /// All rows are of the positive class.
    NoNegatives,
    /// None has this precision; the highest has so much, and this recall.
    TooPrecise { highest: f64, recall: f64 },
}

/// All thresholds that make a difference, falling: from the one that predicts no row as the positive class to the one that
/// predicts all.
pub fn cuts(steps: &[Step]) -> Vec<Cut> {
    let (positives, negatives) = steps.last().map_or((0, 0), |last| (last.hits, last.alarms));
    let cut = |at: f64, hits: u64, alarms: u64| Cut {
        at,
        counts: Counts {
            true_positives: hits,
            false_positives: alarms,
            false_negatives: positives - hits,
            true_negatives: negatives - alarms,
        },
    };
    let above = match steps.first() {
        Some(first) if first.probability < 1.0 => f64::midpoint(first.probability, 1.0),
        // Above all probabilities.
        _ => 1.0_f64.next_up(),
    };
    let mut cuts = vec![cut(above, 0, 0)];
    for (at, step) in steps.iter().enumerate() {
        let below = steps.get(at + 1).map_or(0.0, |next| {
            f64::midpoint(step.probability, next.probability)
        });
        cuts.push(cut(below, step.hits, step.alarms));
    }
    cuts
}

/// The threshold that a rule chooses. A rule with `at` chooses nothing.
pub fn choose(rule: &ThresholdRule, steps: &[Step]) -> Result<Cut, NoCut> {
    let last = steps.last();
    if last.is_none_or(|last| last.hits == 0) {
        return Err(NoCut::NoPositives);
    }
    if last.is_none_or(|last| last.alarms == 0) {
        return Err(NoCut::NoNegatives);
    }
    let cuts = cuts(steps);
    if let Some(least) = rule.recall {
        let has_it = |cut: &&Cut| cut.counts.recall().is_some_and(|recall| recall >= least);
        return cuts.iter().find(has_it).copied().ok_or(NoCut::NoPositives);
    }
    if let Some(least) = rule.precision {
        return precise(&cuts, least);
    }
    Ok(best(&cuts, |cut| match (rule.costs, rule.maximize) {
        (Some(costs), _) => Some(-cost(cut.counts, costs)),
        (None, metric) => value(metric.unwrap_or(Metric::F1), cut.counts),
    }))
}

/// The one with the highest recall among those with this precision; of equals the most precise.
fn precise(cuts: &[Cut], least: f64) -> Result<Cut, NoCut> {
    let precision = |cut: &Cut| cut.counts.precision();
    let mut found: Option<Cut> = None;
    for cut in cuts {
        let is_precise = precision(cut).is_some_and(|it| it >= least);
        let finds_more = |best: Cut| cut.counts.true_positives > best.counts.true_positives;
        if is_precise && found.is_none_or(finds_more) {
            found = Some(*cut);
        }
    }
    found.ok_or_else(|| {
        let highest = best(cuts, precision);
        NoCut::TooPrecise {
            highest: precision(&highest).unwrap_or_default(),
            recall: highest.counts.recall().unwrap_or_default(),
        }
    })
}

/// The first with the highest value; those without one do not count.
fn best(cuts: &[Cut], value: impl Fn(&Cut) -> Option<f64>) -> Cut {
    let mut best = (cuts[0], f64::NEG_INFINITY);
    for cut in cuts {
        if let Some(value) = value(cut).filter(|it| *it > best.1) {
            best = (*cut, value);
        }
    }
    best.0
}

/// What these rows cost.
pub fn cost(counts: Counts, costs: Costs) -> f64 {
    let parts = [
        (counts.false_positives, costs.false_positive),
        (counts.false_negatives, costs.false_negative),
        (counts.true_positives, costs.true_positive),
        (counts.true_negatives, costs.true_negative),
    ];
    parts.iter().map(|(rows, each)| *rows as f64 * each).sum()
}

/// A metric that follows from which rows of two classes are predicted as the positive one; nothing where it is undefined.
pub fn value(metric: Metric, counts: Counts) -> Option<f64> {
    let other = Counts {
        true_positives: counts.true_negatives,
        false_positives: counts.false_negatives,
        false_negatives: counts.false_positives,
        true_negatives: counts.true_positives,
    };
    match metric {
        Metric::Precision => counts.precision(),
        Metric::Recall => counts.recall(),
        Metric::Specificity => counts.specificity(),
        Metric::F1 => counts.fbeta(1.0),
        Metric::Fbeta(Fbeta { beta }) => counts.fbeta(beta),
        Metric::Accuracy => {
            let right = counts.true_positives + counts.true_negatives;
            Some(right as f64 / (counts.positives() + counts.negatives()) as f64)
        }
        Metric::BalancedAccuracy => Some(f64::midpoint(counts.recall()?, counts.specificity()?)),
        Metric::F1Macro => Some(f64::midpoint(counts.fbeta(1.0)?, other.fbeta(1.0)?)),
        Metric::MatthewsCorrcoef => Some(matthews(counts)),
        _ => None,
    }
}

/// 0 where truth or prediction has one class only.
fn matthews(counts: Counts) -> f64 {
    let [hits, alarms, misses, rest] = [
        counts.true_positives,
        counts.false_positives,
        counts.false_negatives,
        counts.true_negatives,
    ]
    .map(|it| it as f64);
    let predicted = (hits + alarms) * (rest + misses);
    let scale = (predicted * (hits + misses) * (rest + alarms)).sqrt();
    if scale == 0.0 {
        0.0
    } else {
        (hits * rest - alarms * misses) / scale
    }
}

#[cfg(test)]
mod tests;
