//! Windows of rows in order: what a network learns a series by.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Rows one after another become one: the columns after all steps, each with its values in order, to predict the target of a
/// row that comes later. Windows never reach from one part into another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Windows {
    /// So many rows are a window.
    #[schemars(range(min = 1, max = 65536))]
    pub length: u32,
    /// So many rows after the last of the window comes the one whose target is predicted; 0: it is the last.
    #[serde(default = "next")]
    #[schemars(range(max = 65536))]
    pub horizon: u32,
    /// The column of numbers or dates in whose order the rows follow each other. Default: as they are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// A column: all rows of a window have the same value in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Whether the target's own past is in the window, as a column that steps may change.
    #[serde(default, skip_serializing_if = "is_false")]
    pub with_target: bool,
}

fn next() -> u32 {
    1
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_false(value: &bool) -> bool {
    !*value
}

impl Windows {
    /// The columns that it names, by option.
    pub fn columns(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let named = [("order", &self.order), ("group", &self.group)];
        named
            .into_iter()
            .filter_map(|(option, name)| Some((option, name.as_deref()?)))
    }
}
