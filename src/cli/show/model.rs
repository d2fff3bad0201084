//! A model: its layers, how it learned, what compression did.

use std::path::Path;

use pipe_schema::{
    layer::Layer,
    model::{
        COMPRESSION_FILE, Compression, CompressionPoint, EpochRecord, HISTORY_FILE, MODEL_FILE,
        Model,
    },
};
use serde_json::{Value, json};

use super::read;
use crate::{
    cli::Context,
    report::{
        figures,
        style::{BUSY, DIM, PLAIN},
        table::Table,
    },
};

/// Columns of a curve.
const CURVE: usize = 32;
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// For programs: model, history and compression as stored.
pub fn content(path: &Path) -> anyhow::Result<Value> {
    Ok(json!({
        "model": read::<Value>(&path.join(MODEL_FILE))?,
        "history": read::<Value>(&path.join(HISTORY_FILE))?,
        "compression": read::<Value>(&path.join(COMPRESSION_FILE))?,
    }))
}

/// For people.
pub fn render(path: &Path, context: &Context) -> anyhow::Result<String> {
    let Some(model) = read::<Model>(&path.join(MODEL_FILE))? else {
        return super::files::render(path, context);
    };
    let mut text = layers(&model, context);
    if let Some(history) =
        read::<Vec<EpochRecord>>(&path.join(HISTORY_FILE))?.filter(|it| !it.is_empty())
    {
        text.push('\n');
        text.push_str(&curves(&history, context));
    }
    if let Some(compression) = read::<Compression>(&path.join(COMPRESSION_FILE))? {
        text.push('\n');
        text.push_str(&passes(&compression, context));
    }
    Ok(text)
}

fn layers(model: &Model, context: &Context) -> String {
    let mut table = Table::new(&["#", "layer", "shape", "#parameters"]);
    for (at, layer) in model.layers.iter().enumerate() {
        let (name, shape, parameters) = describe(layer);
        let parameters = if parameters > 0 {
            figures::count(parameters)
        } else {
            String::new()
        };
        table.row([at.to_string(), name.to_owned(), shape, parameters]);
    }
    let total = figures::plural(model.parameters, "parameter");
    let (inputs, outputs) = (
        figures::plural(u64::from(model.inputs), "feature"),
        model.outputs,
    );
    let values = if outputs == 1 {
        "1 value".to_owned()
    } else {
        format!("{outputs} values")
    };
    format!(
        "{inputs} to {values}, {total}\n\n{}",
        table.render(context.width)
    )
}

/// A layer's name, its shape and how many parameters it has.
fn describe(layer: &Layer) -> (&'static str, String, u64) {
    let dense = |inputs: u32, outputs: u32, bias: bool| {
        (
            format!("{inputs} → {outputs}"),
            (u64::from(inputs) + u64::from(bias)) * u64::from(outputs),
        )
    };
    match layer {
        Layer::Linear {
            in_features,
            out_features,
            bias,
        } => {
            let (shape, parameters) = dense(*in_features, *out_features, *bias);
            ("linear", shape, parameters)
        }
        Layer::QuantizedLinear {
            in_features,
            out_features,
            bias,
        } => {
            let (shape, parameters) = dense(*in_features, *out_features, *bias);
            ("linear int8", shape, parameters)
        }
        Layer::Conv2d {
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            bias,
        } => {
            let shape = format!(
                "{in_channels} → {out_channels}, {kernel_size}×{kernel_size}, stride {stride}, padding {padding}"
            );
            let taps = u64::from(*in_channels) * u64::from(*kernel_size) * u64::from(*kernel_size);
            (
                "conv2d",
                shape,
                (taps + u64::from(*bias)) * u64::from(*out_channels),
            )
        }
        Layer::MaxPool2d {
            kernel_size,
            stride,
            padding,
        } => (
            "max_pool2d",
            format!("{kernel_size}×{kernel_size}, stride {stride}, padding {padding}"),
            0,
        ),
        Layer::BatchNorm { features, .. } => {
            ("batch_norm", features.to_string(), 2 * u64::from(*features))
        }
        Layer::Dropout { p } => ("dropout", figures::number(*p), 0),
        Layer::Flatten => ("flatten", String::new(), 0),
        Layer::Reshape { shape } => {
            let sizes: Vec<String> = shape.iter().map(ToString::to_string).collect();
            ("reshape", sizes.join("×"), 0)
        }
        Layer::Relu => ("relu", String::new(), 0),
        Layer::Tanh => ("tanh", String::new(), 0),
        Layer::Sigmoid => ("sigmoid", String::new(), 0),
        Layer::Gelu => ("gelu", String::new(), 0),
    }
}

/// One line a metric: its first value, its course, its last, and that of the kept epoch.
fn curves(history: &[EpochRecord], context: &Context) -> String {
    let kept = history.iter().rfind(|it| it.kept).or(history.last());
    let kept_title = kept.map_or(String::new(), |it| format!("#kept ({})", it.epoch));
    let epochs = format!("over {}", figures::plural(history.len() as u64, "epoch"));
    let room = CURVE.min(context.width.saturating_sub(48)).max(8);
    let mut table = Table::new(&["history", "#first", &epochs, "#last", &kept_title]);
    let names = history
        .last()
        .map(|it| it.metrics.keys().cloned().collect::<Vec<_>>())
        .unwrap_or_default();
    for name in names {
        let values: Vec<f64> = history
            .iter()
            .filter_map(|it| it.metrics.get(&name))
            .copied()
            .collect();
        let number = |it: Option<&f64>| it.map(|it| figures::number(*it)).unwrap_or_default();
        table.styled([
            (PLAIN, name.clone()),
            (DIM, number(values.first())),
            (BUSY, curve(&values, room)),
            (PLAIN, number(values.last())),
            (PLAIN, number(kept.and_then(|it| it.metrics.get(&name)))),
        ]);
    }
    table.render(context.width)
}

/// The course of a metric in at most `room` signs; each stands for the mean of its epochs.
pub fn curve(values: &[f64], room: usize) -> String {
    let finite = || values.iter().copied().filter(|it| it.is_finite());
    let (low, high) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), it| {
        (low.min(it), high.max(it))
    });
    let signs = room.min(values.len());
    (0..signs)
        .map(|at| {
            let (from, to) = (at * values.len() / signs, (at + 1) * values.len() / signs);
            let slice = &values[from..to.max(from + 1)];
            let mean = slice.iter().sum::<f64>() / slice.len() as f64;
            if !mean.is_finite() {
                return '!';
            }
            let height = if high > low {
                (mean - low) / (high - low) * 7.0
            } else {
                0.0
            };
            HEIGHTS[(height.round() as usize).min(7)]
        })
        .collect()
}

fn passes(compression: &Compression, context: &Context) -> String {
    let metric = format!("#{} on {}", compression.metric, compression.part);
    let mut table = Table::new(&["compression", "#weights", "#of before", &metric, "#zeros"]);
    let before = &compression.before;
    let mut row = |name: &str, point: &CompressionPoint| {
        table.row([
            name.to_owned(),
            figures::bytes(point.bytes),
            format!(
                "{:.0}%",
                point.bytes as f64 / before.bytes.max(1) as f64 * 100.0
            ),
            figures::number(point.metric),
            format!("{:.0}%", point.sparsity * 100.0),
        ]);
    };
    row("before", before);
    for (name, point) in &compression.after {
        row(name, point);
    }
    table.render(context.width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_goes_from_its_highest_to_its_lowest() {
        assert_eq!(curve(&[8.0, 4.0, 2.0, 1.0], 4), "█▄▂▁");
        assert_eq!(curve(&[1.0, 1.0], 8), "▁▁");
        assert_eq!(curve(&[1.0, f64::NAN], 8), "▁!");
        assert_eq!(curve(&[], 8), "");
        assert_eq!(
            curve(&(0..1000).map(f64::from).collect::<Vec<_>>(), 8)
                .chars()
                .count(),
            8
        );
    }

    #[test]
    fn parameters_are_counted_as_the_layers_have_them() {
        let linear = Layer::Linear {
            in_features: 64,
            out_features: 10,
            bias: true,
        };
        assert_eq!(describe(&linear).2, 650);
        let convolution = Layer::Conv2d {
            in_channels: 1,
            out_channels: 8,
            kernel_size: 3,
            stride: 1,
            padding: 1,
            bias: false,
        };
        assert_eq!(describe(&convolution).2, 72);
    }
}
