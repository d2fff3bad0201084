//! Steps for pictures.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::column::{ColumnType, Columns};

/// Scales pictures to one size, bilinearly; where one becomes smaller, all its pixels count. Levels of 0 to 255 become
/// numbers from 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resize {
    /// Which columns: `image`, or names.
    #[serde(default = "images")]
    pub columns: Columns,
    /// Height and width.
    pub size: [u32; 2],
    /// 1 for grey, 3 for red, green and blue. Default: 1 where all pictures of the train part are grey, else 3.
    #[serde(default)]
    pub channels: Option<u32>,
}

/// Subtracts the mean of each channel and divides by its population standard deviation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Normalize {
    /// Which columns: `image`, or names. Arrays of three sizes are images, too: channels, height, width.
    #[serde(default = "images")]
    pub columns: Columns,
    /// The mean of each channel, in place of that of the train part; `std` must be beside it.
    #[serde(default)]
    pub mean: Option<Vec<f64>>,
    /// The deviation of each channel.
    #[serde(default)]
    pub std: Option<Vec<f64>>,
}

fn images() -> Columns {
    Columns::OfType(ColumnType::Image)
}
