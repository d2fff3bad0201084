//! `README.md`: the model card, for people. Has no times and no paths, so that equal packages have equal cards.

use std::fmt::Write;

use pipe_schema::{
    dataset::{DatasetSchema, FittedStep, PositiveClass, TargetKind},
    layer::Layer,
    model::{ClassThreshold, Compression, Model},
    package::{Package, Several},
    report::Report,
    stage::{evaluate::Metric, package::Format, preprocess::ColumnType, train::Answer},
};

use super::markdown::{cell, counted, figure, prose, quoted, words};

/// How many raw columns the card names.
const COLUMNS: usize = 12;

/// What the card is written from.
pub struct Card<'a> {
    pub package: &'a Package,
    pub model: &'a Model,
    pub schema: &'a DatasetSchema,
    pub report: &'a Report,
    pub compression: Option<&'a Compression>,
}

impl Card<'_> {
    /// The card as Markdown.
    pub fn text(&self) -> String {
        let mut text = format!("# {}\n", prose(&self.package.name));
        if let Some(description) = &self.package.description {
            // Writing to a String never fails.
            let _ = write!(text, "\n{}\n", prose(description));
        }
        for (title, body) in [
            ("What it is", self.what()),
            ("Data", self.data()),
            ("Metrics", self.metrics()),
            ("Use", self.usage()),
            ("Limits", self.limits()),
            ("Files", self.files()),
        ] {
            let _ = write!(text, "\n## {title}\n\n{}\n", body.trim_end());
        }
        text
    }

    fn what(&self) -> String {
        let target = quoted(&self.package.target);
        let gives = match (&self.package.targets, self.package.classes.as_slice()) {
            (Some(Several::Numbers(names)), _) => format!("the numbers {}", words(names)),
            (Some(Several::Labels(names)), _) => {
                format!("yes or no for each of {},", words(names))
            }
            (None, []) => format!("a number, {target},"),
            (None, classes) => format!("the class of {target}, one of {},", words(classes)),
        };
        let loss = self.model.loss.title();
        let mut text = format!(
            "A neural network that gives {gives} from {}. It has {} and was trained to minimize {loss}.\n\n",
            counted(self.schema.columns.len(), "column"),
            counted(self.model.parameters as usize, "parameter"),
        );
        text.push_str("| | layer | sizes |\n|---|---|---|\n");
        for (index, layer) in self.model.layers.iter().enumerate() {
            let _ = writeln!(text, "| {index} | {} | {} |", layer.name(), layer.sizes());
        }
        if let Some(compression) = self.compression {
            text.push_str(&self::compression(compression));
        }
        text
    }

    fn data(&self) -> String {
        let mut text = match &self.schema.target.kind {
            TargetKind::Classes {
                names,
                train_counts,
            } => {
                let rows: u64 = train_counts.iter().sum();
                let mut text = format!("Trained on {}.\n\n", counted(rows as usize, "row"));
                text.push_str("| class | rows trained on |\n|---|---|\n");
                for (name, count) in names.iter().zip(train_counts) {
                    let _ = writeln!(text, "| {} | {count} |", cell(name));
                }
                text
            }
            TargetKind::Number { train_mean } => {
                format!("The mean of the rows trained on is {train_mean}.\n")
            }
            TargetKind::Numbers { names, train_means } => {
                let mut text = "| target | mean of the rows trained on |\n|---|---|\n".to_owned();
                for (name, mean) in names.iter().zip(train_means) {
                    let _ = writeln!(text, "| {} | {mean} |", cell(name));
                }
                text
            }
            TargetKind::Labels {
                names,
                train_counts,
                train_rows,
            } => {
                let mut text = format!("Trained on {}.\n\n", counted(*train_rows as usize, "row"));
                text.push_str("| label | rows trained on with yes |\n|---|---|\n");
                for (name, count) in names.iter().zip(train_counts) {
                    let _ = writeln!(text, "| {} | {count} |", cell(name));
                }
                text
            }
        };
        text.push_str("\n| column | holds |\n|---|---|\n");
        for column in self.schema.columns.iter().take(COLUMNS) {
            let holds = match column.r#type {
                ColumnType::Numeric => "numbers",
                ColumnType::Categorical => "words",
                ColumnType::Boolean => "yes or no",
                ColumnType::Datetime => "dates",
                ColumnType::Text => "texts",
                ColumnType::Image => "pictures",
            };
            let _ = writeln!(text, "| {} | {holds} |", cell(&column.name));
        }
        if self.schema.columns.len() > COLUMNS {
            let more = counted(self.schema.columns.len() - COLUMNS, "more column");
            let _ = writeln!(text, "\nand {more}; `input.schema.json` names all.");
        }
        if let Some(windows) = &self.schema.windows {
            let length = windows.length;
            let _ = writeln!(
                text,
                "\nA row is a window: in JSON each of these columns is a list of {length} values, in order. A table of rows that follow each other will do as well."
            );
        }
        let steps: Vec<&str> = self.schema.steps.iter().map(step).collect();
        if !steps.is_empty() {
            let steps = steps.join(", then ");
            let _ = writeln!(
                text,
                "\nBefore the network sees a row: {steps}. What that learned from the rows trained on is in `schema.json`."
            );
        }
        text
    }

    fn metrics(&self) -> String {
        let Report {
            part,
            rows,
            in_train,
            metrics,
            baseline,
            ..
        } = self.report;
        // Reports that were made before rows were counted are of the model's own dataset.
        let in_train = in_train.or((part == "train").then_some(*rows));
        let is_all = in_train == Some(*rows);
        let rows = counted(*rows as usize, "row");
        let mut text = match (part.as_str(), in_train) {
            (_, Some(_)) if is_all => {
                format!("Measured on the {rows} it was trained on: expect less of new rows.\n\n")
            }
            (_, Some(seen)) if seen > 0 => format!(
                "Measured on {rows} ({}), of which {seen} have the same inputs as a row that it was trained on: expect less of new rows.\n\n",
                quoted(part)
            ),
            ("val", None) => format!(
                "Measured on {rows} (`val`) that it was not trained on, but that may have steered training.\n\n"
            ),
            _ => format!(
                "Measured on {rows} ({}) that it was not shown in training.\n\n",
                quoted(part)
            ),
        };
        let positive = self.report.positive.as_ref();
        text.push_str("| metric | this model | baseline |\n|---|---|---|\n");
        for (name, value) in metrics {
            let baseline = baseline.get(name).map(|it| figure(*it)).unwrap_or_default();
            let of = Metric::of_name(name).is_some_and(Metric::looks_for_positive);
            let of = match positive.filter(|_| of) {
                Some(it) => format!(" of {}", cell(&it.class)),
                None => String::new(),
            };
            let value = figure(*value);
            let _ = writeln!(text, "| {}{of} | {value} | {baseline} |", cell(name));
        }
        if let Some(PositiveClass { class, why }) = positive {
            let class = quoted(class);
            let _ = writeln!(text, "\nFigures of one class look for {class}, {why}.");
        }
        for note in &self.report.notes {
            let _ = writeln!(text, "\n{}.", prose(note));
        }
        text.push_str(match self.answer() {
            Answer::Number => "\nThe baseline always gives the mean of the rows trained on.\n",
            Answer::Numbers => "\nThe baseline always gives the means of the rows trained on.\n",
            Answer::Classes => {
                "\nThe baseline always gives the most frequent class, with the shares of the rows trained on as probabilities.\n"
            }
            Answer::Labels => {
                "\nThe baseline always gives what is more frequent of each label, with the shares of the rows trained on as probabilities.\n"
            }
        });
        text.push_str(&self.each());
        text
    }

    /// The metrics of each of several targets.
    fn each(&self) -> String {
        let mut text = String::new();
        if let [first, ..] = self.report.per_target.as_slice() {
            let names: Vec<String> = first.metrics.keys().map(|it| cell(it)).collect();
            let _ = writeln!(text, "\n| target | {} |", names.join(" | "));
            let _ = writeln!(text, "|---|{}", "---|".repeat(names.len()));
            for each in &self.report.per_target {
                let values: Vec<String> = each.metrics.values().map(|it| figure(*it)).collect();
                let _ = writeln!(text, "| {} | {} |", cell(&each.target), values.join(" | "));
            }
        }
        if !self.report.per_label.is_empty() {
            text.push_str(
                "\n| label | rows with yes | precision | recall | f1 |\n|---|---|---|---|---|\n",
            );
            for each in &self.report.per_label {
                let shares = [each.precision, each.recall, each.f1]
                    .map(figure)
                    .join(" | ");
                let _ = writeln!(text, "| {} | {} | {shares} |", cell(&each.label), each.rows);
            }
        }
        text
    }

    fn answer(&self) -> Answer {
        self.schema.target.answer()
    }

    fn usage(&self) -> String {
        let features = self.schema.features.len();
        let mut text = "With pipe, from raw rows (CSV or JSON Lines):\n\n```sh\npipe predict . rows.csv\n```\n".to_owned();
        let outputs = match self.answer() {
            Answer::Number => "the number",
            Answer::Numbers => "the numbers, in the order above",
            Answer::Classes if self.model.outputs == 1 => {
                "a logit of the second class; sigmoid makes its probability of it"
            }
            Answer::Classes => "a logit a class; softmax makes probabilities of them",
            Answer::Labels => {
                "a logit a label, in the order above; sigmoid makes probabilities of yes of them"
            }
        };
        if let Some(ClassThreshold { class, at }) = &self.package.threshold {
            let class = quoted(class);
            let _ = writeln!(
                text,
                "\nA row is predicted as {class} where its probability is at least {at}, else as the other class. `pipe predict` does so; who takes the probabilities decides by himself."
            );
        }
        if self.package.formats.contains(&Format::Torchscript) {
            let _ = write!(
                text,
                r#"
In PyTorch and in Rust rows go in as {features} numbers each (float32), treated as `schema.json` says (`steps`, in order) and ordered as its `features`; out come {outputs}.

```python
import torch

model = torch.jit.load("model.pt")
outputs = model(features)  # [rows, {features}] -> [rows, {}]
```

```rust
let model = tch::CModule::load("model.pt")?;
let outputs = model.forward_ts(&[features])?;
```
"#,
                self.model.outputs
            );
        }
        let _ = write!(
            text,
            r#"
The weights alone, named as PyTorch's `Sequential` names them (`0.weight` is of layer 0 above):

```python
from safetensors.torch import load_file

weights = load_file("weights.safetensors")
```
"#
        );
        text
    }

    fn limits(&self) -> String {
        let mut text = format!(
            "- A reload gives the predictions of `golden.jsonl` up to {:e}, relative to 1 + |expected|; `pipe predict --verify` checks that.\n\
             - It has seen rows like those described under Data and no others; the metrics say nothing of rows that differ from them.\n",
            self.package.tolerance
        );
        if self.answer() == Answer::Labels {
            text.push_str("- It says yes where that is more probable than no. Its probabilities are not calibrated.\n");
        }
        if !self.package.classes.is_empty() {
            text.push_str("- It knows no other classes than those above, and always chooses one of them. Its probabilities are not calibrated.\n");
        }
        if self
            .model
            .layers
            .iter()
            .any(|it| matches!(it, Layer::QuantizedLinear { .. }))
        {
            text.push_str("- Its linear layers compute with 8-bit integers, on the CPU only.\n");
        }
        text
    }

    fn files(&self) -> String {
        let mut text = "| file | holds |\n|---|---|\n".to_owned();
        let torchscript = self.package.formats.contains(&Format::Torchscript);
        for (file, holds) in [
            ("package.json", "name, target, classes, tolerance"),
            ("model.json", "the layers"),
            ("weights.safetensors", "the weights"),
            ("model.pt", "the network as TorchScript"),
            ("schema.json", "columns and preprocessing"),
            ("input.schema.json", "JSON Schema of a raw row"),
            ("metrics.json, report.json", "the metrics above"),
            ("golden.jsonl", "raw rows with the predictions to expect"),
            ("MANIFEST.sha256", "digests: `sha256sum -c MANIFEST.sha256`"),
        ] {
            if file != "model.pt" || torchscript {
                let _ = writeln!(text, "| {file} | {holds} |");
            }
        }
        text
    }
}

fn compression(compression: &Compression) -> String {
    let mut text = format!(
        "\nCompressed after training; {} on the {} part:\n\n| | bytes | {} | zero weights |\n|---|---|---|---|\n",
        quoted(&compression.metric),
        quoted(&compression.part),
        cell(&compression.metric)
    );
    let before = [("before".to_owned(), compression.before.clone())];
    for (name, point) in before.iter().chain(&compression.after) {
        let zeros = format!("{:.1} %", point.sparsity * 100.0);
        let (bytes, metric) = (point.bytes, figure(point.metric));
        let _ = writeln!(text, "| {} | {bytes} | {metric} | {zeros} |", cell(name));
    }
    text
}

fn step(step: &FittedStep) -> &'static str {
    match step {
        FittedStep::Impute { .. } => "missing values are filled",
        FittedStep::Standardize { .. } => "numbers are standardized",
        FittedStep::MinMax { .. } => "numbers are scaled to a range",
        FittedStep::OneHot { .. } => "words become columns of 0 and 1",
        FittedStep::Robust { .. } => "numbers are centered on the median",
        FittedStep::Log { .. } => "numbers become ln(1 + x)",
        FittedStep::Power { .. } => "numbers are made more normal (Yeo-Johnson)",
        FittedStep::Clip { .. } => "numbers are cut to bounds",
        FittedStep::Bucketize { .. } => "numbers are sorted into buckets",
        FittedStep::Ordinal { .. } => "words become their place in an order",
        FittedStep::Hash { .. } => "words become hashed columns of 0 and 1",
        FittedStep::TargetEncode { .. } => "words become the target's mean over their rows",
        FittedStep::DatetimeParts { .. } => "dates become their parts",
        FittedStep::BagOfWords { .. } => "texts become weights of their words",
        FittedStep::Tokens { .. } => "texts become codes of their words, in order",
        FittedStep::Resize { .. } => "pictures are scaled to one size",
        FittedStep::Normalize { .. } => "channels of images are standardized",
        FittedStep::Drop { .. } => "columns are dropped",
    }
}
