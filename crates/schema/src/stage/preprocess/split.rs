//! How rows are divided into parts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reference::NamedFiles;

/// How rows are divided into parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Split {
    /// By a seeded shuffle.
    Random(RandomSplit),
    /// By a seeded shuffle of groups: the rows of a group stay in one part.
    Group(GroupSplit),
    /// In the order of a column: the oldest rows are trained on, the newest tested on.
    Time(TimeSplit),
    /// One fold of several is held out; a matrix over `fold` makes them all.
    Kfold(KfoldSplit),
    /// Each part has files of its own.
    Files(FilesSplit),
}

impl Default for Split {
    fn default() -> Self {
        Self::Random(RandomSplit::default())
    }
}

impl Split {
    /// The parts that come of it, in the order train, val, test.
    pub fn parts(&self) -> Vec<&'static str> {
        let [train, val, test] = match self {
            Self::Random(it) => [it.train > 0.0, it.val > 0.0, it.test > 0.0],
            Self::Group(it) => [it.train > 0.0, it.val > 0.0, it.test > 0.0],
            Self::Time(it) => [it.train > 0.0, it.val > 0.0, it.test > 0.0],
            Self::Kfold(it) => [
                true,
                it.part == FoldPart::Val || it.val > 0.0,
                it.part == FoldPart::Test,
            ],
            Self::Files(it) => [
                !it.train.is_empty(),
                !it.val.is_empty() || it.val_share.is_some(),
                !it.test.is_empty(),
            ],
        };
        [("train", train), ("val", val), ("test", test)]
            .into_iter()
            .filter(|it| it.1)
            .map(|it| it.0)
            .collect()
    }

    /// The key in YAML.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Random(_) => "random",
            Self::Group(_) => "group",
            Self::Time(_) => "time",
            Self::Kfold(_) => "kfold",
            Self::Files(_) => "files",
        }
    }

    /// The columns that it looks at, each with the option that names it.
    pub fn columns(&self) -> Vec<(&'static str, &str)> {
        let (group, stratify) = match self {
            Self::Random(it) => (None, it.stratify.as_deref()),
            Self::Group(it) => {
                let stratify = it.stratify.as_deref().map(|name| ("stratify", name));
                return [("by", it.by.as_str())]
                    .into_iter()
                    .chain(stratify)
                    .collect();
            }
            Self::Time(it) => return vec![("by", &it.by)],
            Self::Kfold(it) => (it.group.as_deref(), it.stratify.as_deref()),
            Self::Files(it) => (None, it.stratify.as_deref()),
        };
        [("group", group), ("stratify", stratify)]
            .into_iter()
            .filter_map(|(option, column)| Some((option, column?)))
            .collect()
    }
}

/// Shares of the rows, by a seeded shuffle. They must add up to 1; a share of 0 leaves the part out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandomSplit {
    /// Share of the rows that are trained on.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub train: f64,
    /// Share of the rows that steer training: early stopping, choice of a model.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub val: f64,
    /// Share of the rows that are kept for the final measurement.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub test: f64,
    /// A column whose values get the same shares in each part; usually the target of a classification.
    #[serde(default)]
    pub stratify: Option<String>,
    /// Seed of the shuffle.
    #[serde(default)]
    pub seed: u64,
}

impl Default for RandomSplit {
    fn default() -> Self {
        Self {
            train: 0.8,
            val: 0.1,
            test: 0.1,
            stratify: None,
            seed: 0,
        }
    }
}

/// Shares of the groups, not of the rows, as scikit-learn's `GroupShuffleSplit` has them. They must add up to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupSplit {
    /// The column that names a row's group: a patient, a customer, a session.
    pub by: String,
    /// Share of the groups that are trained on: what the other two leave.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub train: f64,
    /// Share of the groups that steer training, rounded up.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub val: f64,
    /// Share of the groups that are kept for the final measurement, rounded up.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub test: f64,
    /// A column whose values get the same shares in each part, as nearly as whole groups allow; shares are then of the rows.
    #[serde(default)]
    pub stratify: Option<String>,
    /// Seed of the shuffle.
    #[serde(default)]
    pub seed: u64,
}

/// Shares of the rows in the order of a column. They must add up to 1. Rows of one time stay in one part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeSplit {
    /// The column of times: numbers, or dates and times like `2024-01-31` and `2024-01-31T13:45:00Z`.
    pub by: String,
    /// Share of the rows that are trained on: the oldest.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub train: f64,
    /// Share of the rows that steer training.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub val: f64,
    /// Share of the rows that are kept for the final measurement: the newest.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub test: f64,
}

/// Folds of equal size; one of them is held out. Their sizes, and without `shuffle` their rows, are those of
/// scikit-learn's `KFold`, with `stratify` those of `StratifiedKFold`, with `group` those of `GroupKFold`, with both those
/// of `StratifiedGroupKFold`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KfoldSplit {
    /// The fold that is held out, from 0; `"${matrix.fold}"` in a stage with `matrix: {fold: [0, 1, 2, 3, 4]}`.
    pub fold: u32,
    /// How many folds there are.
    #[serde(default = "five")]
    #[schemars(range(min = 2))]
    pub folds: u32,
    /// The part that the fold is.
    #[serde(default)]
    pub part: FoldPart,
    /// Share of the rows outside of the fold that become the val part, for early stopping; with `part: test` only.
    /// With `group` it is a share of the groups, with `stratify`, too, of the rows.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub val: f64,
    /// A column whose values get the same shares in each fold; with `group` as nearly as whole groups allow.
    #[serde(default)]
    pub stratify: Option<String>,
    /// A column that names a row's group; the rows of a group stay in one fold.
    #[serde(default)]
    pub group: Option<String>,
    /// Whether rows are shuffled before they are dealt to folds.
    #[serde(default = "yes")]
    pub shuffle: bool,
    /// Seed of the shuffle. All folds of a cross-validation must have the same.
    #[serde(default)]
    pub seed: u64,
}

fn five() -> u32 {
    5
}

fn yes() -> bool {
    true
}

/// The part that a fold is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FoldPart {
    /// The fold is measured on: cross-validation as scikit-learn has it.
    #[default]
    Test,
    /// The fold steers training; there is no test part.
    #[serde(alias = "valid")]
    Val,
}

/// Files for each part, read as `source.read` says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilesSplit {
    /// Files of the train part.
    pub train: NamedFiles,
    /// Files of the val part.
    #[serde(default)]
    pub val: NamedFiles,
    /// Files of the test part.
    #[serde(default)]
    pub test: NamedFiles,
    /// Share of the train files' rows that become the val part instead, by a seeded shuffle; only without `val`.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub val_share: Option<f64>,
    /// For `val_share`: a column whose values get the same shares in train and val.
    #[serde(default)]
    pub stratify: Option<String>,
    /// For `val_share`: seed of the shuffle.
    #[serde(default)]
    pub seed: u64,
}
