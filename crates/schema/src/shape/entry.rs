//! The form in which a network takes its rows: with the dimensions that the data tell, or flat. Knows what layers take,
//! not what they give.

use super::{Misfit, Row};
use crate::stage::train::{Cnn, LayerSpec, Network};

/// The row that the first layer gets, where the data have rows like this.
///
/// Rows keep their dimensions for a network whose first layer that minds them takes an image or a sequence.
pub fn row(network: &Network, of_data: &Row) -> Row {
    let keeps = match network {
        Network::Layers(specs) => takes_dimensions(specs) == Some(true),
        Network::Cnn(cnn) => cnn.shape.is_none(),
        Network::Mlp(_) | Network::Tabular(_) => false,
    };
    if keeps {
        return of_data.clone();
    }
    match of_data.numbers() {
        None => Row::Flat,
        Some(numbers) => Row::flat(u32::try_from(numbers).unwrap_or(u32::MAX)),
    }
}

/// Refuses rows that are no images, and a shape that is not theirs.
pub fn check_image(cnn: &Cnn, of_data: &Row) -> Result<(), Misfit> {
    let error = match (cnn.shape, of_data) {
        (Some(shape), Row::Sizes(sizes)) => {
            let meant = Row::Sizes(shape.to_vec());
            let (Some(from), Some(to)) = (of_data.numbers(), meant.numbers()) else {
                return Ok(());
            };
            if from == to {
                return Ok(());
            }
            let title = format!("{from} values cannot become {to}");
            let hint = match sizes.len() {
                3 => "leave `shape` out: the dataset tells it",
                _ => "channels × height × width must be the number of values",
            };
            Misfit::new(title, format!("gets {of_data}")).hint(hint)
        }
        (None, Row::Flat | Row::Sizes(_)) if !matches!(of_data, Row::Sizes(it) if it.len() == 3) => {
            let title = "`cnn` takes images, and the dataset does not tell their shape";
            let hint = "set `shape: [1, 28, 28]`: channels, height, width";
            Misfit::new(title, format!("gets {of_data}")).hint(hint)
        }
        _ => return Ok(()),
    };
    Err(error.under(&["shape"]))
}

/// Whether the first layer that minds the dimensions of its rows takes more than one.
fn takes_dimensions(specs: &[LayerSpec]) -> Option<bool> {
    specs.iter().find_map(|spec| match spec {
        LayerSpec::Conv2d { .. }
        | LayerSpec::Conv1d { .. }
        | LayerSpec::MaxPool2d { .. }
        | LayerSpec::AvgPool2d { .. }
        | LayerSpec::MaxPool1d { .. }
        | LayerSpec::GlobalAvgPool => Some(true),
        LayerSpec::Linear { .. }
        | LayerSpec::Embedding { .. }
        | LayerSpec::Flatten
        | LayerSpec::Reshape { .. } => Some(false),
        LayerSpec::Residual { layers, shortcut } => {
            takes_dimensions(layers).or_else(|| takes_dimensions(shortcut))
        }
        LayerSpec::BatchNorm { .. }
        | LayerSpec::LayerNorm { .. }
        | LayerSpec::Dropout { .. }
        | LayerSpec::Relu
        | LayerSpec::Tanh
        | LayerSpec::Sigmoid
        | LayerSpec::Gelu
        | LayerSpec::Softmax => None,
    })
}
