//! From a network as it is written to its layers with all sizes. Pure: no tensors, no files.

use std::fmt;

use pipe_schema::{
    layer::Layer,
    stage::train::{Activation, LayerSpec, Mlp, Network},
};

use crate::error::{Error, Result};

/// The layers of `network` for rows of `inputs` numbers and `outputs` values a row.
pub fn lower(network: &Network, inputs: u32, outputs: u32) -> Result<Vec<Layer>> {
    if inputs == 0 {
        return Err(
            Error::wrong("the dataset has no feature columns to learn from")
                .hint("keep a column in the preprocess stage, or encode words with `one_hot`"),
        );
    }
    match network {
        Network::Mlp(mlp) => lower_mlp(mlp, inputs, outputs),
        Network::Layers(specs) => lower_layers(specs, inputs, outputs),
    }
}

fn lower_mlp(mlp: &Mlp, inputs: u32, outputs: u32) -> Result<Vec<Layer>> {
    check_share("dropout", mlp.dropout)?;
    let mut layers = Vec::new();
    let mut width = inputs;
    for (index, &size) in mlp.hidden.iter().enumerate() {
        at_least_one(&format!("hidden[{index}]"), size)?;
        layers.push(linear(width, size, true));
        layers.push(match mlp.activation {
            Activation::Relu => Layer::Relu,
            Activation::Tanh => Layer::Tanh,
            Activation::Sigmoid => Layer::Sigmoid,
            Activation::Gelu => Layer::Gelu,
        });
        if mlp.dropout > 0.0 {
            layers.push(Layer::Dropout { p: mlp.dropout });
        }
        width = size;
    }
    layers.push(linear(width, outputs, true));
    Ok(layers)
}

fn lower_layers(specs: &[LayerSpec], inputs: u32, outputs: u32) -> Result<Vec<Layer>> {
    let mut shape = Shape(vec![inputs]);
    let mut layers = Vec::new();
    for (index, spec) in specs.iter().enumerate() {
        let (layer, gives) =
            lower_one(spec, &shape).map_err(|error| error.at(format!("layers[{index}]")))?;
        layers.push(layer);
        shape = gives;
    }
    if shape.0 != [outputs] {
        let needed = Shape(vec![outputs]);
        return Err(Error::wrong(format!(
            "the last layer gives {shape} a row, the target needs {needed}"
        ))
        .hint(format!(
            "end the layers with `linear: {{out_features: {outputs}}}`"
        )));
    }
    Ok(layers)
}

/// The layer for rows of this shape, and the shape that it gives.
fn lower_one(spec: &LayerSpec, shape: &Shape) -> Result<(Layer, Shape)> {
    let same = |layer| Ok((layer, shape.clone()));
    match *spec {
        LayerSpec::Linear { out_features, bias } => {
            let &[width] = shape.0.as_slice() else {
                return Err(needs("linear", shape, "a flat row").hint("put `flatten` before it"));
            };
            at_least_one("out_features", out_features)?;
            Ok((linear(width, out_features, bias), Shape(vec![out_features])))
        }
        LayerSpec::Conv2d {
            out_channels,
            kernel_size,
            stride,
            padding,
            bias,
        } => {
            let [in_channels, height, width] = image("conv2d", shape)?;
            at_least_one("out_channels", out_channels)?;
            let window = Window::new(kernel_size, stride, padding)?;
            let gives = vec![out_channels, window.over(height)?, window.over(width)?];
            let layer = Layer::Conv2d {
                in_channels,
                out_channels,
                kernel_size,
                stride,
                padding,
                bias,
            };
            Ok((layer, Shape(gives)))
        }
        LayerSpec::MaxPool2d {
            kernel_size,
            stride,
            padding,
        } => {
            let [channels, height, width] = image("max_pool2d", shape)?;
            let stride = stride.unwrap_or(kernel_size);
            let window = Window::new(kernel_size, stride, padding)?;
            if padding > kernel_size / 2 {
                return Err(Error::wrong(format!(
                    "max_pool2d: padding {padding} is more than half of kernel_size {kernel_size}"
                )));
            }
            let gives = vec![channels, window.over(height)?, window.over(width)?];
            let layer = Layer::MaxPool2d {
                kernel_size,
                stride,
                padding,
            };
            Ok((layer, Shape(gives)))
        }
        LayerSpec::BatchNorm { eps, momentum } => {
            let (features, spatial) = match *shape.0.as_slice() {
                [width] => (width, false),
                [channels, _, _] => (channels, true),
                _ => {
                    let what = "a flat row or (channels, height, width)";
                    return Err(needs("batch_norm", shape, what));
                }
            };
            same(Layer::BatchNorm {
                features,
                spatial,
                eps,
                momentum,
            })
        }
        LayerSpec::Dropout { p } => {
            check_share("dropout: p", p)?;
            same(Layer::Dropout { p })
        }
        LayerSpec::Flatten => Ok((Layer::Flatten, Shape(vec![shape.flat()?]))),
        LayerSpec::Reshape { shape: ref wanted } => {
            let gives = Shape(wanted.clone());
            if wanted.is_empty() || gives.numbers() != shape.numbers() {
                return Err(Error::wrong(format!(
                    "reshape: gets {shape} a row, {} numbers in all; {gives} would be {}",
                    shape.numbers(),
                    gives.numbers()
                )));
            }
            let shape = wanted.clone();
            Ok((Layer::Reshape { shape }, gives))
        }
        LayerSpec::Relu => same(Layer::Relu),
        LayerSpec::Tanh => same(Layer::Tanh),
        LayerSpec::Sigmoid => same(Layer::Sigmoid),
        LayerSpec::Gelu => same(Layer::Gelu),
    }
}

fn linear(in_features: u32, out_features: u32, bias: bool) -> Layer {
    Layer::Linear {
        in_features,
        out_features,
        bias,
    }
}

/// The dimensions of a row, without the batch.
#[derive(Clone, Debug)]
struct Shape(Vec<u32>);

impl Shape {
    /// Saturates: no row has that many.
    fn numbers(&self) -> u64 {
        let sizes = self.0.iter().map(|&size| u64::from(size));
        sizes.fold(1, u64::saturating_mul)
    }

    fn flat(&self) -> Result<u32> {
        let too_many = |_| Error::wrong(format!("flatten: {self} is too large for a row"));
        self.numbers().try_into().map_err(too_many)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [1] => formatter.write_str("1 value"),
            [size] => write!(formatter, "{size} values"),
            sizes => {
                let sizes: Vec<String> = sizes.iter().map(u32::to_string).collect();
                write!(formatter, "({})", sizes.join(", "))
            }
        }
    }
}

/// A window that moves over an image.
struct Window {
    kernel: u32,
    stride: u32,
    padding: u32,
}

impl Window {
    fn new(kernel: u32, stride: u32, padding: u32) -> Result<Self> {
        at_least_one("kernel_size", kernel)?;
        at_least_one("stride", stride)?;
        Ok(Self {
            kernel,
            stride,
            padding,
        })
    }

    /// How many positions it has along `size` pixels.
    fn over(&self, size: u32) -> Result<u32> {
        let padded = u64::from(size) + 2 * u64::from(self.padding);
        let positions = padded
            .checked_sub(u64::from(self.kernel))
            .and_then(|rest| u32::try_from(rest / u64::from(self.stride) + 1).ok());
        positions.ok_or_else(|| {
            let what = format!(
                "a window of {} does not fit into {size} pixels with padding {}",
                self.kernel, self.padding
            );
            Error::wrong(what).hint("take a smaller `kernel_size` or more `padding`")
        })
    }
}

fn image(name: &str, shape: &Shape) -> Result<[u32; 3]> {
    match *shape.0.as_slice() {
        [channels, height, width] => Ok([channels, height, width]),
        _ => Err(needs(name, shape, "(channels, height, width)")
            .hint(format!("put {} before it", reshape_for(shape)))),
    }
}

/// The reshape that may be meant: one channel, as near to a square as the numbers allow.
fn reshape_for(shape: &Shape) -> String {
    let numbers = shape.numbers();
    let divides = |side: &u64| numbers.is_multiple_of(*side);
    let height = (1..=numbers.isqrt().min(1 << 16))
        .rev()
        .find(divides)
        .unwrap_or(1);
    format!("`reshape: {{shape: [1, {height}, {}]}}`", numbers / height)
}

fn needs(name: &str, shape: &Shape, what: &str) -> Error {
    Error::wrong(format!("{name} gets {shape} a row, it needs {what}"))
}

fn at_least_one(name: &str, value: u32) -> Result<()> {
    if value == 0 {
        return Err(Error::wrong(format!("{name} is 0, it must be at least 1")));
    }
    Ok(())
}

fn check_share(name: &str, value: f64) -> Result<()> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(Error::wrong(format!(
        "{name} is {value}, it must lie between 0 and 1"
    )))
}

#[cfg(test)]
mod tests;
