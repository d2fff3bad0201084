//! Early stopping: which metric, which direction, and when it is enough. Pure.

use pipe_schema::{
    dataset::Target,
    stage::{
        evaluate::Metric,
        train::{EarlyStopping, Loss, higher_is_better},
    },
};

use super::watched::metric_on_val;
use crate::error::{Error, Result};

/// A metric that is watched.
#[derive(Debug)]
pub struct Watch {
    metric: String,
    higher_is_better: bool,
    patience: u32,
    min_delta: f64,
}

impl Watch {
    /// Checks that there will be such a metric.
    pub fn new(
        stopping: &EarlyStopping,
        loss: Loss,
        target: &Target,
        has_val: bool,
    ) -> Result<Self> {
        let metric = stopping.metric.as_str();
        check_metric("early_stopping", metric, loss, target, has_val)?;
        Ok(Self {
            metric: metric.to_owned(),
            higher_is_better: higher_is_better(metric),
            patience: stopping.patience,
            min_delta: stopping.min_delta,
        })
    }

    pub fn metric(&self) -> &str {
        &self.metric
    }

    /// Whether `value` is better than the best so far, by enough.
    pub fn improves(&self, value: f64, best: Option<f64>) -> bool {
        match best {
            None => true,
            Some(best) if self.higher_is_better => value > best + self.min_delta,
            Some(best) => value < best - self.min_delta,
        }
    }

    /// Whether training ends after `epoch`, with `best` the epoch of the best value.
    pub fn is_enough(&self, epoch: u32, best: u32) -> bool {
        epoch - best >= self.patience
    }

    /// A line for people, at the end.
    pub fn verdict(&self, epoch: u32, kept: u32, epochs: u32) -> String {
        let metric = &self.metric;
        if self.is_enough(epoch, kept) {
            return format!(
                "stopped after epoch {epoch} of {epochs}: {metric} was best after epoch {kept}, which is kept"
            );
        }
        format!("kept epoch {kept} of {epoch}, the best by {metric}")
    }
}

/// Refuses a metric that will not be measured.
pub fn check_metric(
    what: &str,
    metric: &str,
    loss: Loss,
    target: &Target,
    has_val: bool,
) -> Result<()> {
    let of_loss = format!("val.{}", loss.metric());
    let on_val = metric_on_val(metric, target.answer());
    if !["val.loss", "train.loss", &of_loss].contains(&metric) && on_val.is_none() {
        return Err(Error::wrong(format!(
            "{what} watches `{metric}`, which this training does not have"
        ))
        .hint(format!(
            "it has `val.loss`, `{of_loss}`, any metric of an evaluate stage behind `val.`, and `train.loss`"
        )));
    }
    if on_val.is_some_and(Metric::needs_positive) && target.positive_class().is_none() {
        return Err(Error::wrong(format!(
            "{what} watches `{metric}`, which looks for one class, and none of the target's {} is the positive one",
            target.classes().len()
        ))
        .hint("name it in the preprocess stage: `target: {column: …, positive: CLASS}`"));
    }
    if metric.starts_with("val.") && !has_val {
        return Err(Error::wrong(format!(
            "{what} watches `{metric}`, but the dataset has no val part"
        ))
        .hint("give `val` a share in the `split` of the preprocess stage, or watch `train.loss`"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use pipe_schema::dataset::TargetKind;

    use super::*;

    fn classes(count: usize) -> Target {
        Target {
            name: "y".to_owned(),
            kind: TargetKind::Classes {
                names: (0..count).map(|it| it.to_string()).collect(),
                train_counts: vec![7; count],
            },
            positive: None,
        }
    }

    fn number() -> Target {
        Target {
            name: "y".to_owned(),
            kind: TargetKind::Number { train_mean: 0.0 },
            positive: None,
        }
    }

    fn watch(metric: &str, min_delta: f64) -> Watch {
        let stopping = EarlyStopping {
            metric: metric.to_owned(),
            patience: 2,
            min_delta,
        };
        Watch::new(&stopping, Loss::CrossEntropy, &classes(3), true).unwrap()
    }

    #[test]
    fn loss_must_fall_and_accuracy_rise_by_enough() {
        let loss = watch("val.loss", 0.1);
        assert!(loss.improves(5.0, None));
        assert!(loss.improves(0.8, Some(1.0)));
        assert!(!loss.improves(0.95, Some(1.0)));
        let accuracy = watch("val.accuracy", 0.0);
        assert!(accuracy.improves(0.9, Some(0.8)));
        assert!(!accuracy.improves(0.8, Some(0.8)));
    }

    #[test]
    fn patience_counts_epochs_since_the_best() {
        let watch = watch("val.loss", 0.0);
        assert!(!watch.is_enough(3, 2));
        assert!(watch.is_enough(4, 2));
    }

    #[test]
    fn metric_that_will_not_be_there_is_refused() {
        let stopping = |metric: &str| EarlyStopping {
            metric: metric.to_owned(),
            patience: 1,
            min_delta: 0.0,
        };
        let refusal = |metric, has_val| {
            let error = Watch::new(&stopping(metric), Loss::Mse, &number(), has_val).unwrap_err();
            error.to_string()
        };
        assert_eq!(
            refusal("val.accuracy", true),
            "early_stopping watches `val.accuracy`, which this training does not have\n\
             hint: it has `val.loss`, `val.rmse`, any metric of an evaluate stage behind `val.`, and `train.loss`"
        );
        assert_eq!(
            refusal("val.loss", false),
            "early_stopping watches `val.loss`, but the dataset has no val part\n\
             hint: give `val` a share in the `split` of the preprocess stage, or watch `train.loss`"
        );
        assert!(Watch::new(&stopping("train.loss"), Loss::Mse, &number(), false).is_ok());
    }

    #[test]
    fn early_stopping_takes_any_metric_of_the_val_part() {
        let watch = |metric: &str, target: &Target| {
            let stopping = EarlyStopping {
                metric: metric.to_owned(),
                patience: 1,
                min_delta: 0.0,
            };
            Watch::new(&stopping, Loss::CrossEntropy, target, true)
        };
        for (metric, rises) in [
            ("val.f1_macro", true),
            ("val.average_precision", true),
            ("val.recall_at_precision_0.9", true),
            ("val.log_loss", false),
            ("val.brier_score", false),
            ("val.expected_calibration_error", false),
        ] {
            let watch = watch(metric, &classes(2)).unwrap();
            assert_eq!(watch.improves(0.9, Some(0.5)), rises, "{metric}");
        }
        for metric in [
            "val.r2",
            "val.confusion_matrix",
            "train.f1_macro",
            "f1_macro",
        ] {
            assert!(watch(metric, &classes(2)).is_err(), "{metric}");
        }
        assert_eq!(
            watch("val.recall", &classes(3)).unwrap_err().to_string(),
            "early_stopping watches `val.recall`, which looks for one class, and none of the target's 3 is the positive one\n\
             hint: name it in the preprocess stage: `target: {column: …, positive: CLASS}`"
        );
    }
}
