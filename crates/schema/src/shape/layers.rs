//! Layers one after another: what each gets, and so what it is and what it gives. One function a layer.

use super::{
    Misfit, Row, Sized,
    window::{Window, at_least_one},
};
use crate::{layer::Layer, stage::train::LayerSpec};

/// Layers so far.
pub struct Sequence {
    pub layers: Vec<Sized>,
    first: Row,
}

/// A layer, where its sizes are known, and what it gives.
type Passed = Result<(Option<Layer>, Row), Misfit>;

impl Sequence {
    pub fn new(row: Row) -> Self {
        Self {
            layers: Vec::new(),
            first: row,
        }
    }

    /// What the next layer gets.
    pub fn row(&self) -> &Row {
        self.layers.last().map_or(&self.first, |it| &it.gives)
    }

    /// Rows are kept flat: where they mean more dimensions, the first layer gives them these.
    pub fn unfold(&mut self) {
        if let Row::Sizes(shape) = &self.first
            && shape.len() > 1
        {
            let (gives, shape) = (self.first.clone(), shape.clone());
            self.add("reshape", Some(Layer::Reshape { shape }), gives);
        }
    }

    /// One more.
    pub fn push(&mut self, spec: &LayerSpec) -> Result<(), Misfit> {
        let (layer, gives) = pass(self.row(), spec)?;
        self.add(spec.name(), layer, gives);
        Ok(())
    }

    /// The linear layer that gives what the loss needs.
    pub fn push_head(&mut self, outputs: Option<u32>) {
        let layer = match (self.row(), outputs) {
            (&Row::Sizes(ref sizes), Some(outputs)) if sizes.len() == 1 => Some(Layer::Linear {
                in_features: sizes[0],
                out_features: outputs,
                bias: true,
            }),
            _ => None,
        };
        let gives = outputs.map_or(Row::Flat, Row::flat);
        self.add("linear", layer, gives);
    }

    fn add(&mut self, name: &'static str, layer: Option<Layer>, gives: Row) {
        self.layers.push(Sized { layer, name, gives });
    }
}

fn pass(row: &Row, spec: &LayerSpec) -> Passed {
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
        LayerSpec::BatchNorm { eps, momentum } => batch_norm(row, eps, momentum),
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
    }
}

fn linear(row: &Row, out_features: u32, bias: bool) -> Passed {
    at_least_one("out_features", out_features)?;
    let layer = match row {
        Row::Any | Row::Flat => None,
        Row::Sizes(sizes) => match *sizes.as_slice() {
            [in_features] => Some(Layer::Linear {
                in_features,
                out_features,
                bias,
            }),
            _ => {
                let error = Misfit::new("`linear` takes a flat row", format!("gets {row}"));
                return Err(error.hint("put `flatten` before it"));
            }
        },
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

fn batch_norm(row: &Row, eps: f64, momentum: f64) -> Passed {
    let layer = match row {
        Row::Any | Row::Flat => None,
        Row::Sizes(sizes) => Some(Layer::BatchNorm {
            features: sizes[0],
            spatial: sizes.len() > 1,
            eps,
            momentum,
        }),
    };
    Ok((layer, row.clone()))
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

/// The image that may be meant: one channel, as near to a square as the numbers allow.
fn as_image(numbers: u64) -> String {
    let divides = |side: &u64| numbers.is_multiple_of(*side);
    let sides = (1..=numbers.isqrt().min(1 << 16)).rev();
    let height = sides.into_iter().find(divides).unwrap_or(1);
    format!("[1, {height}, {}]", numbers / height)
}
