//! What is minimized, and what follows from that: what is answered, how many values a row, what is measured beside it.

use std::fmt;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What is minimized: the mean over the rows of a batch, and over the targets where there are several.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Loss {
    /// For a categorical target, or whole numbers, which are classes then, however many: the network gives one logit a class.
    CrossEntropy,
    /// For a target of two classes: one logit, that of the second. For several boolean targets: one logit each.
    BceWithLogits,
    /// For numeric targets: mean squared error.
    Mse,
    /// For numeric targets: mean absolute error.
    L1,
    /// For numeric targets: squared where the error is small, absolute where it is large.
    Huber {
        /// Where it turns from one to the other.
        #[serde(default = "one")]
        #[schemars(extend("exclusiveMinimum" = 0.0))]
        delta: f64,
    },
}

/// What a loss learns from and a network trained with it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// One of some classes.
    Classes,
    Number,
    /// Several answers of yes or no.
    Labels,
    /// Several numbers.
    Numbers,
}

/// How much the rows of each class count.
#[derive(Clone, Debug, PartialEq)]
pub enum ClassWeights {
    /// Each class as much as any other: rows / (classes x rows of the class), of the train part. Of labels, yes as much as
    /// no: rows without the label / rows with it.
    Balanced,
    /// By the name of the class, or of the label, whose rows with yes count so much; others count 1.
    Named(IndexMap<String, f64>),
}

impl Loss {
    /// The word for it in a spec.
    pub fn name(self) -> &'static str {
        match self {
            Self::CrossEntropy => "cross_entropy",
            Self::BceWithLogits => "bce_with_logits",
            Self::Mse => "mse",
            Self::L1 => "l1",
            Self::Huber { .. } => "huber",
        }
    }

    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::CrossEntropy => "cross entropy",
            Self::BceWithLogits => "binary cross entropy",
            Self::Mse => "mean squared error",
            Self::L1 => "mean absolute error",
            Self::Huber { .. } => "the Huber loss",
        }
    }

    /// What it learns of one target.
    pub fn answer(self) -> Answer {
        match self {
            Self::CrossEntropy | Self::BceWithLogits => Answer::Classes,
            Self::Mse | Self::L1 | Self::Huber { .. } => Answer::Number,
        }
    }

    /// What it learns of several targets; nothing where it is for one alone.
    pub fn answer_of_several(self) -> Option<Answer> {
        match self {
            Self::CrossEntropy => None,
            Self::BceWithLogits => Some(Answer::Labels),
            Self::Mse | Self::L1 | Self::Huber { .. } => Some(Answer::Numbers),
        }
    }

    /// Whether the network gives a value for each class; else it gives one for each target.
    pub fn gives_classes(self) -> bool {
        self == Self::CrossEntropy
    }

    /// Whether it turns what the network gives into shares itself.
    pub fn takes_logits(self) -> bool {
        self.answer() == Answer::Classes
    }

    /// What is measured beside it while a network learns.
    pub fn metric(self) -> &'static str {
        match self {
            Self::CrossEntropy | Self::BceWithLogits => "accuracy",
            Self::Mse => "rmse",
            Self::L1 | Self::Huber { .. } => "mae",
        }
    }
}

impl Answer {
    /// In words: `classes`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Classes => "classes",
            Self::Number => "a number",
            Self::Labels => "labels",
            Self::Numbers => "numbers",
        }
    }

    /// The loss to take where none better is known.
    pub fn usual_loss(self) -> Loss {
        match self {
            Self::Classes => Loss::CrossEntropy,
            Self::Labels => Loss::BceWithLogits,
            Self::Number | Self::Numbers => Loss::Mse,
        }
    }
}

impl Serialize for ClassWeights {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Balanced => serializer.serialize_str("balanced"),
            Self::Named(weights) => weights.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ClassWeights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordOrWeights;
        impl<'de> de::Visitor<'de> for WordOrWeights {
            type Value = ClassWeights;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`balanced`, or weights by the names of classes")
            }
            fn visit_str<E: de::Error>(self, word: &str) -> Result<ClassWeights, E> {
                match word {
                    "balanced" => Ok(ClassWeights::Balanced),
                    _ => Err(E::invalid_value(de::Unexpected::Str(word), &self)),
                }
            }
            fn visit_map<A: de::MapAccess<'de>>(
                self,
                weights: A,
            ) -> Result<ClassWeights, A::Error> {
                IndexMap::deserialize(de::value::MapAccessDeserializer::new(weights))
                    .map(ClassWeights::Named)
            }
        }
        deserializer.deserialize_any(WordOrWeights)
    }
}

impl JsonSchema for ClassWeights {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ClassWeights".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "`balanced`, or weights by the names of classes",
            "anyOf": [
                {"type": "object", "additionalProperties": {"type": "number", "exclusiveMinimum": 0.0}},
                {"type": "string", "enum": ["balanced"]},
            ]
        })
    }
}

fn one() -> f64 {
    1.0
}
