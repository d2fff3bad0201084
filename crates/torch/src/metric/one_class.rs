//! Metrics that look for the positive class.

use pipe_schema::stage::evaluate::{Fbeta, Metric, RecallAtPrecision};

use super::{Classes, Counts, Unmeasurable, ranking};

/// Measures one of them.
pub fn value(metric: Metric, classes: &Classes) -> Result<f64, Unmeasurable> {
    use Metric as M;
    let Some(positive) = classes.positive else {
        let classes = classes.count;
        return Err(Unmeasurable::NoPositiveClass { metric, classes });
    };
    let rows = classes.truth.len();
    let counts = || Counts::of(classes, positive);
    let curve = || classes.curve(positive);
    let no_positives = Unmeasurable::NoPositives { metric };
    match metric {
        M::Precision => counts()
            .precision()
            .ok_or(Unmeasurable::NonePredicted { metric }),
        M::Recall => counts().recall().ok_or(no_positives),
        M::F1 => counts().fbeta(1.0).ok_or(no_positives),
        M::Fbeta(Fbeta { beta }) => counts().fbeta(beta).ok_or(no_positives),
        M::Specificity => counts()
            .specificity()
            .ok_or(Unmeasurable::NoNegatives { metric }),
        M::RecallAtPrecision(RecallAtPrecision { precision }) => {
            ranking::recall_at_precision(&curve(), precision).ok_or(no_positives)
        }
        M::HitsAt(top) => Ok(ranking::hits_among(&curve(), top.count(rows))),
        M::PrecisionAt(top) => {
            let count = top.count(rows);
            Ok(ranking::hits_among(&curve(), count) / count as f64)
        }
        M::LiftAt(top) => {
            let (count, positives) = (top.count(rows), counts().positives());
            if positives == 0 {
                return Err(no_positives);
            }
            let found = ranking::hits_among(&curve(), count) / count as f64;
            Ok(found / (positives as f64 / rows as f64))
        }
        _ => {
            let answer = pipe_schema::stage::train::Answer::Classes;
            Err(Unmeasurable::Misfit { metric, answer })
        }
    }
}
