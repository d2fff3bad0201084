//! Whether the layers of a network fit one another, as far as that is known before the data is.
//! Knows sizes; not weights. The number of features is not known here, nor the number of classes.

use pipe_schema::stage::{
    Task,
    train::{LayerSpec, Loss, Network},
};

use crate::spec::{Diagnostic, Node};

/// A row on its way through the network.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Row {
    /// So many values; `None` is as many as the data has features.
    Flat(Option<u64>),
    Image {
        channels: u64,
        height: u64,
        width: u64,
    },
}

/// Checks the layer list of a train block.
pub fn check(task: &Task, block: &Node, found: &mut Vec<Diagnostic>) {
    let Task::Train(train) = task else { return };
    let Network::Layers(layers) = &train.model else {
        return;
    };
    let list = block.nearest(["model", "layers"]);
    if layers.is_empty() {
        found.push(
            Diagnostic::error("`layers` must have at least one layer").at(list.span, "no layer"),
        );
        return;
    }
    let mut row = Row::Flat(None);
    for (i, layer) in layers.iter().enumerate() {
        let node = list.items().get(i).unwrap_or(list);
        match pass(row, layer) {
            Ok(next) => row = next,
            Err((title, label, hint)) => {
                let mut error = Diagnostic::error(title).at(node.span, label);
                if let Some(hint) = hint {
                    error = error.hint(hint);
                }
                found.push(error);
                // What follows would only repeat it.
                return;
            }
        }
    }
    let last = list.items().last().unwrap_or(list);
    if let Some((title, label, hint)) = check_end(row, train.loss) {
        let loss = block.nearest(["loss"]);
        found.push(
            Diagnostic::error(title)
                .at(last.span, label)
                .at(loss.span, "the loss")
                .hint(hint),
        );
    }
}

type Wrong = (String, String, Option<String>);

fn check_end(row: Row, loss: Loss) -> Option<(String, String, &'static str)> {
    let what = |row: Row| format!("gives {}", describe(row));
    match (row, loss) {
        (Row::Image { .. }, _) => Some((
            "the last layer must give a flat row".to_owned(),
            what(row),
            "end with `flatten` and `linear`",
        )),
        (Row::Flat(Some(n)), Loss::Mse) if n != 1 => Some((
            "for `mse` the last layer must give 1 value".to_owned(),
            what(row),
            "end with `linear: {out_features: 1}`",
        )),
        (Row::Flat(Some(1)), Loss::CrossEntropy) => Some((
            "for `cross_entropy` the last layer must give a value for each class".to_owned(),
            what(row),
            "two classes have 2 values",
        )),
        _ => None,
    }
}

fn describe(row: Row) -> String {
    match row {
        Row::Flat(None) => "a flat row".to_owned(),
        Row::Flat(Some(1)) => "1 value".to_owned(),
        Row::Flat(Some(n)) => format!("{n} values"),
        Row::Image {
            channels,
            height,
            width,
        } => format!("an image of {channels} × {height} × {width}"),
    }
}

fn pass(row: Row, layer: &LayerSpec) -> Result<Row, Wrong> {
    let hint = |it: &str| Some(it.to_owned());
    match layer {
        LayerSpec::Linear { out_features, .. } => match row {
            Row::Flat(_) => Ok(Row::Flat(Some(u64::from(*out_features)))),
            Row::Image { .. } => Err((
                "`linear` takes a flat row".to_owned(),
                format!("gets {}", describe(row)),
                hint("put `flatten` before it"),
            )),
        },
        LayerSpec::Conv2d {
            out_channels,
            kernel_size,
            stride,
            padding,
            ..
        } => {
            let (_, height, width) = image(row, "conv2d")?;
            Ok(Row::Image {
                channels: u64::from(*out_channels),
                height: slide(height, *kernel_size, *stride, *padding, row)?,
                width: slide(width, *kernel_size, *stride, *padding, row)?,
            })
        }
        LayerSpec::MaxPool2d {
            kernel_size,
            stride,
            padding,
        } => {
            let (channels, height, width) = image(row, "max_pool2d")?;
            if padding * 2 > *kernel_size {
                return Err((
                    "`padding` of `max_pool2d` must be at most half of `kernel_size`".to_owned(),
                    format!("{padding} is more than half of {kernel_size}"),
                    None,
                ));
            }
            let stride = stride.unwrap_or(*kernel_size);
            Ok(Row::Image {
                channels,
                height: slide(height, *kernel_size, stride, *padding, row)?,
                width: slide(width, *kernel_size, stride, *padding, row)?,
            })
        }
        LayerSpec::Flatten => Ok(match row {
            Row::Image { .. } => Row::Flat(size(row)),
            flat @ Row::Flat(_) => flat,
        }),
        LayerSpec::Reshape { shape } => reshape(row, shape),
        LayerSpec::BatchNorm { .. }
        | LayerSpec::Dropout { .. }
        | LayerSpec::Relu
        | LayerSpec::Tanh
        | LayerSpec::Sigmoid
        | LayerSpec::Gelu => Ok(row),
    }
}

fn image(row: Row, layer: &str) -> Result<(u64, u64, u64), Wrong> {
    match row {
        Row::Image {
            channels,
            height,
            width,
        } => Ok((channels, height, width)),
        Row::Flat(_) => Err((
            format!("`{layer}` takes an image"),
            format!("gets {}", describe(row)),
            Some("put `reshape: {shape: [1, 8, 8]}` before it: channels, height, width".to_owned()),
        )),
    }
}

/// The positions of a window along one side.
fn slide(side: u64, window: u32, stride: u32, padding: u32, row: Row) -> Result<u64, Wrong> {
    let padded = side + 2 * u64::from(padding);
    let Some(free) = padded.checked_sub(u64::from(window)) else {
        return Err((
            format!("a window of {window} × {window} does not fit"),
            format!(
                "gets {}{}",
                describe(row),
                if padding > 0 {
                    format!(", padded by {padding}")
                } else {
                    String::new()
                }
            ),
            Some("make the window smaller, pad more, or pool less before".to_owned()),
        ));
    };
    Ok(free / u64::from(stride.max(1)) + 1)
}

fn size(row: Row) -> Option<u64> {
    match row {
        Row::Flat(n) => n,
        Row::Image {
            channels,
            height,
            width,
        } => channels.checked_mul(height)?.checked_mul(width),
    }
}

fn reshape(row: Row, shape: &[u32]) -> Result<Row, Wrong> {
    let to = match *shape {
        [n] => Row::Flat(Some(u64::from(n))),
        [c, h, w] => Row::Image {
            channels: u64::from(c),
            height: u64::from(h),
            width: u64::from(w),
        },
        _ => {
            return Err((
                "a row has 1 dimension, or 3: channels, height, width".to_owned(),
                format!("{} dimensions", shape.len()),
                Some("write `reshape: {shape: [1, 8, 8]}`".to_owned()),
            ));
        }
    };
    if shape.contains(&0) {
        return Err((
            "a dimension must be at least 1".to_owned(),
            "a dimension is 0".to_owned(),
            None,
        ));
    }
    match (size(row), size(to)) {
        (Some(from), Some(n)) if from != n => Err((
            format!("{from} values cannot become {n}"),
            format!("gets {}", describe(row)),
            Some("`reshape` keeps the number of values".to_owned()),
        )),
        _ => Ok(to),
    }
}
