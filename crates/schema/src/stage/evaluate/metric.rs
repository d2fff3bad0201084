//! The metrics that can be asked for: their names, what they measure and which way is better. Computes none of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::stage::train::Answer;

/// What a metric measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
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
    /// Area under the ROC curve: of the second of two classes, else the mean over each class, or label, against the rest.
    RocAuc: Labels Higher,
    /// The same, with the mean weighted by the rows of each class.
    RocAucOvrWeighted: Labels Higher,
    /// Area under the precision-recall curve, in steps: of the second of two classes, else the mean over classes or labels.
    AveragePrecision: Labels Higher,
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

/// Options of `top_k_accuracy`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TopKAccuracy {
    /// How many classes may be named.
    #[serde(default = "two")]
    #[schemars(range(min = 1))]
    pub k: u32,
}

fn two() -> u32 {
    2
}

impl Default for TopKAccuracy {
    fn default() -> Self {
        Self { k: two() }
    }
}

/// Options of `mean_pinball_loss`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MeanPinballLoss {
    /// The quantile that is predicted; 0.5 is the median.
    #[serde(default = "half")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub alpha: f64,
}

fn half() -> f64 {
    0.5
}

impl Default for MeanPinballLoss {
    fn default() -> Self {
        Self { alpha: half() }
    }
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
            metric => metric.word(),
        }
    }

    /// The metric of a name in a report.
    pub fn of_name(name: &str) -> Option<Self> {
        let options = |start: &str, end: &str| name.strip_prefix(start)?.strip_suffix(end);
        if let Some(k) = options("top_", "_accuracy") {
            let k = k.parse().ok()?;
            return Some(Self::TopKAccuracy(TopKAccuracy { k }));
        }
        if let Some(alpha) = options("mean_pinball_loss_", "") {
            let alpha = alpha.parse().ok()?;
            return Some(Self::MeanPinballLoss(MeanPinballLoss { alpha }));
        }
        Self::all().find(|it| it.word() == name)
    }

    /// Whether it measures such answers.
    pub fn is_for(self, answer: Answer) -> bool {
        match answer {
            Answer::Classes => matches!(self.of(), Of::Classes | Of::Labels),
            Answer::Labels => self.of() == Of::Labels,
            Answer::Number => matches!(self.of(), Of::Number | Of::Numbers),
            Answer::Numbers => self.of() == Of::Numbers,
        }
    }

    /// What it measures, in words, where it does not measure this answer.
    pub fn measures(self, answer: Answer) -> &'static str {
        match (self.of(), answer) {
            (Of::Classes, Answer::Labels) => "classes of one target",
            (Of::Number, Answer::Numbers) => "numbers of one target",
            (Of::Classes | Of::Labels, _) => "classes",
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
        ];
        for metric in Metric::all().chain(options) {
            assert_eq!(Metric::of_name(&metric.name()), Some(metric));
        }
        assert_eq!(options[0].name(), "top_5_accuracy");
        assert_eq!(options[1].name(), "mean_pinball_loss_0.975");
        assert_eq!(Metric::of_name("top_x_accuracy"), None);
        assert_eq!(Metric::of_name("top_accuracy"), None);
    }
}
