//! What a layer is for a row, and what it gives. One function a layer; knows nothing of what stands beside it.

use super::{
    Misfit, Row,
    window::{Window, at_least_one},
};
use crate::{layer::Layer, stage::train::LayerSpec};

/// A layer, where its sizes are known, and what it gives.
type Passed = Result<(Option<Layer>, Row), Misfit>;

/// One layer for a row like this.
pub fn pass(row: &Row, spec: &LayerSpec) -> Passed {
    let same = |layer| Ok((Some(layer), row.clone()));
    match *spec {
        LayerSpec::Linear { out_features, bias } => linear(row, out_features, bias),
        LayerSpec::Conv2d {
            out_channels,
            kernel_size,
            stride,
            padding,
            bias,
        } => {
            let window = Window {
                kernel_size,
                stride,
                padding,
            };
            conv2d(row, out_channels, window, bias)
        }
        LayerSpec::Conv1d {
            out_channels,
            kernel_size,
            stride,
            padding,
            bias,
        } => {
            let window = Window {
                kernel_size,
                stride,
                padding,
            };
            conv1d(row, out_channels, window, bias)
        }
        LayerSpec::AvgPool2d {
            kernel_size,
            stride,
            padding,
        } => {
            let window = Window {
                kernel_size,
                stride: stride.unwrap_or(kernel_size),
                padding,
            };
            pool2d(row, "avg_pool2d", window, |it| Layer::AvgPool2d {
                kernel_size: it.kernel_size,
                stride: it.stride,
                padding: it.padding,
            })
        }
        LayerSpec::MaxPool1d {
            kernel_size,
            stride,
            padding,
        } => {
            let window = Window {
                kernel_size,
                stride: stride.unwrap_or(kernel_size),
                padding,
            };
            max_pool1d(row, window)
        }
        LayerSpec::GlobalAvgPool => global_avg_pool(row),
        LayerSpec::LayerNorm { eps } => {
            let layer = match row {
                Row::Any | Row::Flat => None,
                Row::Sizes(shape) => Some(Layer::LayerNorm {
                    shape: shape.clone(),
                    eps,
                }),
            };
            Ok((layer, row.clone()))
        }
        LayerSpec::MaxPool2d {
            kernel_size,
            stride,
            padding,
        } => {
            let window = Window {
                kernel_size,
                stride: stride.unwrap_or(kernel_size),
                padding,
            };
            pool2d(row, "max_pool2d", window, |it| Layer::MaxPool2d {
                kernel_size: it.kernel_size,
                stride: it.stride,
                padding: it.padding,
            })
        }
        LayerSpec::BatchNorm { eps, momentum } => Ok((batch_norm(row, eps, momentum), row.clone())),
        LayerSpec::Dropout { p } => {
            if !(0.0..=1.0).contains(&p) {
                let title = "`p` of `dropout` must lie between 0 and 1";
                return Err(Misfit::new(title, format!("found {p}")));
            }
            same(Layer::Dropout { p })
        }
        LayerSpec::Flatten => flatten(row),
        LayerSpec::Reshape { ref shape } => reshape(row, shape),
        LayerSpec::Relu => same(Layer::Relu),
        LayerSpec::Tanh => same(Layer::Tanh),
        LayerSpec::Sigmoid => same(Layer::Sigmoid),
        LayerSpec::Gelu => same(Layer::Gelu),
        LayerSpec::Softmax => same(Layer::Softmax),
        // Several layers, and one that needs the codes: `push` sees to them.
        LayerSpec::Residual { .. } | LayerSpec::Embedding { .. } => Ok((None, row.clone())),
    }
}

fn linear(row: &Row, out_features: u32, bias: bool) -> Passed {
    at_least_one("out_features", out_features)?;
    let layer = match row {
        Row::Any | Row::Flat => None,
        Row::Sizes(sizes) => {
            let &[in_features] = sizes.as_slice() else {
                let error = Misfit::new("`linear` takes a flat row", format!("gets {row}"));
                return Err(error.hint("put `flatten` before it"));
            };
            Some(Layer::Linear {
                in_features,
                out_features,
                bias,
            })
        }
    };
    Ok((layer, Row::flat(out_features)))
}

fn conv2d(row: &Row, out_channels: u32, window: Window, bias: bool) -> Passed {
    at_least_one("out_channels", out_channels)?;
    let Window {
        kernel_size,
        stride,
        padding,
    } = window.check()?;
    let Some([in_channels, height, width]) = image(row, "conv2d")? else {
        return Ok((None, Row::Any));
    };
    let layer = Layer::Conv2d {
        in_channels,
        out_channels,
        kernel_size,
        stride,
        padding,
        bias,
    };
    let [height, width] = window.over([height, width], row)?;
    Ok((Some(layer), Row::Sizes(vec![out_channels, height, width])))
}

fn conv1d(row: &Row, out_channels: u32, window: Window, bias: bool) -> Passed {
    at_least_one("out_channels", out_channels)?;
    let Window {
        kernel_size,
        stride,
        padding,
    } = window.check()?;
    let Some([in_channels, length]) = sequence(row, "conv1d")? else {
        return Ok((None, Row::Any));
    };
    let layer = Layer::Conv1d {
        in_channels,
        out_channels,
        kernel_size,
        stride,
        padding,
        bias,
    };
    let [length] = window.over([length], row)?;
    Ok((Some(layer), Row::Sizes(vec![out_channels, length])))
}

fn max_pool1d(row: &Row, window: Window) -> Passed {
    let sides = sequence(row, "max_pool1d")?;
    let Window {
        kernel_size,
        stride,
        padding,
    } = window.check_pool("max_pool1d")?;
    let layer = Some(Layer::MaxPool1d {
        kernel_size,
        stride,
        padding,
    });
    let Some([channels, length]) = sides else {
        return Ok((layer, Row::Any));
    };
    let [length] = window.over([length], row)?;
    Ok((layer, Row::Sizes(vec![channels, length])))
}

fn global_avg_pool(row: &Row) -> Passed {
    let gives = match row {
        Row::Any => Row::Flat,
        Row::Sizes(sizes) if sizes.len() > 1 => Row::flat(sizes[0]),
        _ => {
            let title = "`global_avg_pool` takes an image or a sequence";
            let error = Misfit::new(title, format!("gets {row}"));
            return Err(error.hint("a flat row has no channels to take the mean of"));
        }
    };
    Ok((Some(Layer::GlobalAvgPool), gives))
}

fn pool2d(row: &Row, name: &str, window: Window, layer: impl Fn(Window) -> Layer) -> Passed {
    let sides = image(row, name)?;
    let window = window.check_pool(name)?;
    let Some([channels, height, width]) = sides else {
        return Ok((Some(layer(window)), Row::Any));
    };
    let [height, width] = window.over([height, width], row)?;
    let gives = Row::Sizes(vec![channels, height, width]);
    Ok((Some(layer(window)), gives))
}

fn batch_norm(row: &Row, eps: f64, momentum: f64) -> Option<Layer> {
    match row {
        Row::Any | Row::Flat => None,
        Row::Sizes(sizes) => Some(Layer::BatchNorm {
            features: sizes[0],
            spatial: sizes.len() > 1,
            eps,
            momentum,
        }),
    }
}

fn flatten(row: &Row) -> Passed {
    let gives = match row.numbers() {
        None => Row::Flat,
        Some(numbers) => {
            let values = u32::try_from(numbers).map_err(|_| {
                Misfit::new("`flatten` gives too many values", format!("gets {row}"))
            })?;
            Row::flat(values)
        }
    };
    Ok((Some(Layer::Flatten), gives))
}

fn reshape(row: &Row, shape: &[u32]) -> Passed {
    if !(1..=3).contains(&shape.len()) {
        let title =
            "a row has 1 dimension, or 2: channels and length, or 3: channels, height, width";
        let found = format!("{} dimensions", shape.len());
        return Err(Misfit::new(title, found).hint("write `reshape: {shape: [1, 8, 8]}`"));
    }
    if shape.contains(&0) {
        let title = "a dimension must be at least 1";
        return Err(Misfit::new(title, "a dimension is 0"));
    }
    let gives = Row::Sizes(shape.to_vec());
    match (row.numbers(), gives.numbers()) {
        (Some(from), Some(to)) if from != to => {
            let title = format!("{from} values cannot become {to}");
            let error = Misfit::new(title, format!("gets {row}"));
            return Err(error.hint("`reshape` keeps the number of values"));
        }
        _ => {}
    }
    let shape = shape.to_vec();
    Ok((Some(Layer::Reshape { shape }), gives))
}

/// Channels, height and width; nothing where they are not known.
fn image(row: &Row, layer: &str) -> Result<Option<[u32; 3]>, Misfit> {
    match row {
        Row::Any => return Ok(None),
        Row::Flat => {}
        Row::Sizes(sizes) => {
            if let &[channels, height, width] = sizes.as_slice() {
                return Ok(Some([channels, height, width]));
            }
        }
    }
    let error = Misfit::new(format!("`{layer}` takes an image"), format!("gets {row}"));
    let shape = as_image(row.numbers().unwrap_or(64));
    Err(error.hint(format!(
        "put `reshape: {{shape: {shape}}}` before it: channels, height, width"
    )))
}

/// Channels and length; nothing where they are not known.
fn sequence(row: &Row, layer: &str) -> Result<Option<[u32; 2]>, Misfit> {
    match row {
        Row::Any => return Ok(None),
        Row::Flat => {}
        Row::Sizes(sizes) => {
            if let &[channels, length] = sizes.as_slice() {
                return Ok(Some([channels, length]));
            }
        }
    }
    let error = Misfit::new(format!("`{layer}` takes a sequence"), format!("gets {row}"));
    let numbers = row.numbers().unwrap_or(64);
    Err(error.hint(format!(
        "put `reshape: {{shape: [1, {numbers}]}}` before it: channels and length"
    )))
}

/// The image that may be meant: one channel, as near to a square as the numbers allow.
fn as_image(numbers: u64) -> String {
    let divides = |side: &u64| numbers.is_multiple_of(*side);
    let sides = (1..=numbers.isqrt().min(1 << 16)).rev();
    let height = sides.into_iter().find(divides).unwrap_or(1);
    format!("[1, {height}, {}]", numbers / height)
}
