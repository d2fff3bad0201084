//! The metrics that can be asked for: their names, what they measure and which way is better. Computes none of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::options::{
    CalibrationBins, Fbeta, MeanPinballLoss, RecallAtPrecision, TopKAccuracy, TopRows,
};
use crate::stage::train::Answer;

/// What a metric measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    /// One class against all others.
    OneClass,
    Classes,
    /// Classes, and labels: yes or no of several targets.
    Labels,
    /// A number, of one target alone.
    Number,
    /// A number; of several targets, the mean over them.
    Numbers,
}

/// Which values of a metric are better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Better {
    Higher,
    Lower,
}

/// A line a metric: its doc comment, its name (with its options), what it measures, which values are better.
macro_rules! metrics {
    ($($(#[doc = $doc:literal])* $name:ident $(($options:ident))?: $of:ident $better:ident,)*) => {
        /// A metric. Names and meanings are scikit-learn's.
        #[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Metric {
            $($(#[doc = $doc])* $name $(($options))?,)*
        }

        /// Makes a metric of the top rows.
type OfTopRows = fn(TopRows) -> Metric;

impl Metric {
            /// All metrics, those of classes first; their options at their defaults.
            pub fn all() -> impl Iterator<Item = Self> {
                [$(Self::$name $(($options::default()))?,)*].into_iter()
            }

            fn of(self) -> Of {
                match self {
                    $(Self::$name { .. } => Of::$of,)*
                }
            }

            fn better(self) -> Better {
                match self {
                    $(Self::$name { .. } => Better::$better,)*
                }
            }
        }
    };
}

metrics! {
    /// Share of rows whose class is right; of several targets, of rows with all labels right.
    Accuracy: Labels Higher,
    /// Mean over the classes of the share of their rows that is right.
    BalancedAccuracy: Classes Higher,
    /// Share of rows whose class is among the `k` most probable.
    TopKAccuracy(TopKAccuracy): Classes Higher,
    /// Share of the rows predicted as the positive class that are of it.
    Precision: OneClass Higher,
    /// Share of the rows of the positive class that are predicted as it.
    Recall: OneClass Higher,
    /// Harmonic mean of `precision` and `recall`.
    F1: OneClass Higher,
    /// The same, with `recall` weighing `beta` squared times as much as `precision`.
    Fbeta(Fbeta): OneClass Higher,
    /// Share of the rows of other classes that are not predicted as the positive class: their recall.
    Specificity: OneClass Higher,
    PrecisionMacro: Labels Higher,
    PrecisionMicro: Labels Higher,
    PrecisionWeighted: Labels Higher,
    RecallMacro: Labels Higher,
    RecallMicro: Labels Higher,
    RecallWeighted: Labels Higher,
    F1Macro: Labels Higher,
    F1Micro: Labels Higher,
    F1Weighted: Labels Higher,
    /// Share of rows whose class is wrong; of several targets, share of all their labels that are wrong.
    HammingLoss: Labels Lower,
    /// Correlation of predicted and true classes, from -1 to 1; 0 is chance.
    MatthewsCorrcoef: Classes Higher,
    /// Area under the ROC curve: of the positive class, else the mean over each class, or label, against the rest.
    RocAuc: Labels Higher,
    /// The same, of more than two classes the mean over all, weighted by the rows of each.
    RocAucOvrWeighted: Labels Higher,
    /// Area under the precision-recall curve, in steps: of the positive class, else the mean over classes or labels.
    AveragePrecision: Labels Higher,
    /// The highest `recall` of the positive class that a threshold gives with at least this `precision`.
    RecallAtPrecision(RecallAtPrecision): OneClass Higher,
    /// How many of the rows with the highest probability of the positive class are of it.
    HitsAt(TopRows): OneClass Higher,
    /// Share of these rows that are of the positive class.
    PrecisionAt(TopRows): OneClass Higher,
    /// The same over the positive class's share of all rows: how many times better than chance.
    LiftAt(TopRows): OneClass Higher,
    /// Mean squared difference of the positive class's probability from 0 or 1; without one, summed over all classes.
    BrierScore: Classes Lower,
    /// Mean distance, over ranges of the probability, of the mean probability from the share that is right: of the positive
    /// class, else of the predicted one; of all labels together.
    ExpectedCalibrationError(CalibrationBins): Labels Lower,
    /// Mean negative log of the probability given to the right class.
    LogLoss: Classes Lower,
    /// Rows by true class and predicted class; a table in the report, not a number.
    ConfusionMatrix: Classes Higher,
    /// Mean squared error.
    Mse: Numbers Lower,
    /// Root of the mean squared error, in the target's unit.
    Rmse: Numbers Lower,
    /// Mean absolute error, in the target's unit.
    Mae: Numbers Lower,
    /// Median of the absolute errors, in the target's unit.
    MedianAbsoluteError: Numbers Lower,
    /// Largest absolute error, in the target's unit.
    MaxError: Number Lower,
    /// Mean absolute error as a share of the true value; not a percentage.
    Mape: Numbers Lower,
    /// Mean error of a predicted quantile: what is missed above it weighs `alpha`, below it `1 - alpha`.
    MeanPinballLoss(MeanPinballLoss): Numbers Lower,
    /// Share of the target's variance that is explained.
    R2: Numbers Higher,
    /// The same, without blame for a constant error.
    ExplainedVariance: Numbers Higher,
}

impl Metric {
    /// The word in specs, without options.
    pub fn word(self) -> String {
        let text = match serde_json::to_value(self) {
            Ok(serde_json::Value::Object(map)) => map.keys().next().cloned(),
            Ok(serde_json::Value::String(word)) => Some(word),
            _ => None,
        };
        // A metric is written as a word, or as a map from its word to its options.
        text.unwrap_or_default()
    }

    /// The name in reports and references; its options are in it, so that a report may have it twice.
    pub fn name(self) -> String {
        match self {
            Self::TopKAccuracy(TopKAccuracy { k }) => format!("top_{k}_accuracy"),
            Self::MeanPinballLoss(MeanPinballLoss { alpha }) => {
                format!("mean_pinball_loss_{alpha}")
            }
            Self::Fbeta(Fbeta { beta }) => format!("fbeta_{beta}"),
            Self::RecallAtPrecision(RecallAtPrecision { precision }) => {
                format!("recall_at_precision_{precision}")
            }
            Self::HitsAt(top) => format!("hits_at_{top}"),
            Self::PrecisionAt(top) => format!("precision_at_{top}"),
            Self::LiftAt(top) => format!("lift_at_{top}"),
            Self::ExpectedCalibrationError(CalibrationBins { bins })
                if bins != CalibrationBins::default().bins =>
            {
                format!("expected_calibration_error_{bins}")
            }
            metric => metric.word(),
        }
    }

    /// The metric of a name in a report.
    pub fn of_name(name: &str) -> Option<Self> {
        let without_options = || Self::all().find(|metric| metric.name() == name);
        let found = Self::with_options(name).or_else(without_options)?;
        // `top_02_accuracy` is no metric's name.
        (found.name() == name).then_some(found)
    }

    /// The metric of a name that has options in it.
    fn with_options(name: &str) -> Option<Self> {
        let options = |start: &str, end: &str| name.strip_prefix(start)?.strip_suffix(end);
        if let Some(k) = options("top_", "_accuracy") {
            let k = k.parse().ok()?;
            return Some(Self::TopKAccuracy(TopKAccuracy { k }));
        }
        if let Some(alpha) = options("mean_pinball_loss_", "") {
            let alpha = alpha.parse().ok()?;
            return Some(Self::MeanPinballLoss(MeanPinballLoss { alpha }));
        }
        if let Some(beta) = options("fbeta_", "") {
            let beta = beta.parse().ok().filter(|it| *it > 0.0)?;
            return Some(Self::Fbeta(Fbeta { beta }));
        }
        if let Some(precision) = options("recall_at_precision_", "") {
            let precision = precision
                .parse()
                .ok()
                .filter(|it| *it > 0.0 && *it <= 1.0)?;
            return Some(Self::RecallAtPrecision(RecallAtPrecision { precision }));
        }
        if let Some(bins) = options("expected_calibration_error_", "") {
            let bins = bins.parse().ok().filter(|it| (1..=1000).contains(it))?;
            return Some(Self::ExpectedCalibrationError(CalibrationBins { bins }));
        }
        let tops: [(&str, OfTopRows); 3] = [
            ("hits_at_", Self::HitsAt),
            ("precision_at_", Self::PrecisionAt),
            ("lift_at_", Self::LiftAt),
        ];
        tops.into_iter()
            .find_map(|(start, of)| Some(of(TopRows::parse(options(start, "")?)?)))
    }

    /// Whether it looks for one class, where there is a positive one.
    pub fn looks_for_positive(self) -> bool {
        self.of() == Of::OneClass
            || matches!(
                self,
                Self::RocAuc
                    | Self::AveragePrecision
                    | Self::BrierScore
                    | Self::ExpectedCalibrationError(_)
            )
    }

    /// Whether it looks for one class, and means nothing where none is the positive one.
    pub fn needs_positive(self) -> bool {
        self.of() == Of::OneClass
    }

    /// Whether it measures such answers.
    pub fn is_for(self, answer: Answer) -> bool {
        match answer {
            Answer::Classes => matches!(self.of(), Of::OneClass | Of::Classes | Of::Labels),
            Answer::Labels => self.of() == Of::Labels,
            Answer::Number => matches!(self.of(), Of::Number | Of::Numbers),
            Answer::Numbers => self.of() == Of::Numbers,
        }
    }

    /// What it measures, in words, where it does not measure this answer.
    pub fn measures(self, answer: Answer) -> &'static str {
        match (self.of(), answer) {
            (Of::OneClass | Of::Classes, Answer::Labels) => "classes of one target",
            (Of::Number, Answer::Numbers) => "numbers of one target",
            (Of::OneClass | Of::Classes | Of::Labels, _) => "classes",
            (Of::Number | Of::Numbers, _) => "numbers",
        }
    }

    /// The metrics of an answer where none are named.
    pub fn defaults(answer: Answer) -> [Self; 3] {
        match answer {
            Answer::Classes => [Self::Accuracy, Self::F1Macro, Self::LogLoss],
            Answer::Labels => [Self::Accuracy, Self::F1Macro, Self::HammingLoss],
            Answer::Number | Answer::Numbers => [Self::Rmse, Self::Mae, Self::R2],
        }
    }

    /// Whether it is a number; the confusion matrix is a table.
    pub fn is_number(self) -> bool {
        self != Self::ConfusionMatrix
    }

    /// Whether a higher value is better. The confusion matrix is no value.
    pub fn higher_is_better(self) -> bool {
        self.better() == Better::Higher
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_back_to_its_metric() {
        let options = [
            Metric::TopKAccuracy(TopKAccuracy { k: 5 }),
            Metric::MeanPinballLoss(MeanPinballLoss { alpha: 0.975 }),
            Metric::Fbeta(Fbeta { beta: 0.5 }),
            Metric::RecallAtPrecision(RecallAtPrecision { precision: 1.0 }),
            Metric::HitsAt(TopRows::K(7)),
            Metric::HitsAt(TopRows::Share(0.01)),
            Metric::PrecisionAt(TopRows::Share(1e-7)),
            Metric::LiftAt(TopRows::K(1)),
            Metric::ExpectedCalibrationError(CalibrationBins { bins: 15 }),
        ];
        for metric in Metric::all().chain(options) {
            assert_eq!(Metric::of_name(&metric.name()), Some(metric));
        }
        let names = options.map(Metric::name);
        assert_eq!(
            names,
            [
                "top_5_accuracy",
                "mean_pinball_loss_0.975",
                "fbeta_0.5",
                "recall_at_precision_1",
                "hits_at_7",
                "hits_at_0.01",
                "precision_at_0.0000001",
                "lift_at_1",
                "expected_calibration_error_15",
            ]
        );
        for name in [
            "top_x_accuracy",
            "top_accuracy",
            "top_05_accuracy",
            "hits_at_0",
            "hits_at_1.5",
            "hits_at",
            "fbeta_-1",
            "recall_at_precision_0",
            "expected_calibration_error_10",
        ] {
            assert_eq!(Metric::of_name(name), None, "{name}");
        }
    }
}
