//! A model: its layers, how it learned, what compression did.

use std::{path::Path, slice};

use pipe_schema::{
    model::{
        COMPRESSION_FILE, Compression, CompressionPoint, EpochRecord, HISTORY_FILE, MODEL_FILE,
        Model,
    },
    slot::parameter_count,
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
    if let Some(threshold) = &model.threshold {
        text.push_str(&format!("\n{}\n", figures::threshold(threshold)));
    }
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
        let parameters = match parameter_count(slice::from_ref(layer)) {
            0 => String::new(),
            count => figures::count(count),
        };
        let name = layer.name().to_owned();
        table.row([at.to_string(), name, layer.sizes(), parameters]);
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
}
