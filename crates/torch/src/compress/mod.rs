//! The `compress` stage: a smaller or faster model from a trained one, with its size and quality before and after each pass.
//! Knows paths and rows; unaware of the graph, of keys and of the store.

mod finetune;
mod latency;
mod prune;
mod quantize;
#[cfg(test)]
mod tests;

use std::{fs, path::Path};

use pipe_data::Dataset;
use pipe_schema::{
    dataset::{DatasetSchema, SCHEMA_FILE},
    layer::Layer,
    model::{
        COMPRESSION_FILE, Compression, CompressionPoint, EpochRecord, HISTORY_FILE, MODEL_FILE,
        Model, WEIGHTS_FILE,
    },
    protocol::{Done, Request},
    report::Metrics,
    stage::compress::{Compress, Pass},
};
use pipe_wire::Reporter;
use tch::Device;

pub use self::quantize::quantize;
use self::{finetune::finetune, prune::Masks};
use crate::{
    error::{Error, Result},
    inference::is_quantized,
    json::{read_json, write_json},
    loss::Criterion,
    measure::measure,
    model::{Net, file::encode},
    request::{device_of, input},
    rows::Rows,
    threshold::{self, Chosen},
};

/// Does the stage: reads the inputs `model` and `data`, writes the compressed model.
pub fn compress(block: &Compress, request: &Request, reporter: &mut Reporter) -> Result<Done> {
    let source = Path::new(&input(request, "model")?.path);
    let model = read_model(source)?;
    let schema: DatasetSchema = read_json(&source.join(SCHEMA_FILE))?;
    let dataset = Dataset::open(&input(request, "data")?.path)?;
    check_passes(&block.passes, &model.layers)?;
    let device = device_of(request)?;
    let mut net = Net::load(&model.layers, &source.join(WEIGHTS_FILE), device)?;
    let judge = Judge::new(&dataset, &model, &schema)?;
    let before = judge.point(&net)?;
    let mut measured = latency::of("before", &on_cpu(&net)?, &judge.rows)?;

    tch::manual_seed(block.seed as i64);
    let mut after = Vec::new();
    let mut history = Vec::new();
    for pass in &block.passes {
        match pass {
            Pass::Quantize(_) => net = quantize(&net)?,
            Pass::Prune(prune) => {
                let masks = Masks::of(&net, prune.sparsity)?;
                masks.apply(&net)?;
                if let Some(how) = &prune.finetune {
                    let rows = Rows::load_for(&schema, &dataset, "train", device)?;
                    match finetune(
                        net,
                        criterion(&model, device)?,
                        how,
                        &rows,
                        &masks,
                        reporter,
                    )? {
                        Some((tuned, epochs)) => {
                            net = tuned;
                            history.extend(epochs);
                        }
                        None => return Ok(stopped()),
                    }
                }
            }
        }
        let point = judge.point(&net)?;
        reporter.log(judge.tell(
            name(pass),
            after.last().map_or(&before, |it: &(_, _)| &it.1),
            &point,
        ));
        after.push((name(pass).to_owned(), point));
    }

    let threshold = rechosen(&model, &schema, &net, &dataset)?;
    if let Some(chosen) = &threshold {
        reporter.log(threshold::told(&chosen.threshold));
    }
    measured.extend(latency::of("after", &on_cpu(&net)?, &judge.rows)?);
    let compression = Compression {
        part: judge.part.to_owned(),
        metric: judge.metric().to_owned(),
        before,
        after,
    };
    let metrics = judge.metrics(&compression);
    let model = Model {
        threshold: threshold.as_ref().map(|it| it.threshold.clone()),
        ..model
    };
    if let Some(chosen) = &threshold {
        chosen.draw(request.output.as_ref())?;
    }
    write(
        request.output.as_ref(),
        source,
        &model,
        &net,
        &compression,
        &history,
    )?;

    Ok(Done {
        metrics,
        measured,
        ..Done::default()
    })
}

/// The model's threshold, chosen anew by its rule: what a pass changed may have moved it. It stays where the dataset has none of
/// the rows that it is chosen on.
fn rechosen(
    model: &Model,
    schema: &DatasetSchema,
    net: &Net,
    dataset: &Dataset,
) -> Result<Option<Chosen>> {
    let Some(before) = &model.threshold else {
        return Ok(None);
    };
    let part = before.rule.on.name();
    let rows = dataset
        .has(part)
        .then(|| Rows::load_for(schema, dataset, part, Device::Cpu));
    let rows = rows.transpose()?;
    let rows = rows.as_ref().filter(|it| !it.is_empty());
    if rows.is_none() {
        let threshold = before.clone();
        let picture = None;
        return Ok(Some(Chosen { threshold, picture }));
    }
    threshold::find(&before.rule, &schema.target, &on_cpu(net)?, rows).map(Some)
}

/// What models are compared by.
struct Judge {
    part: &'static str,
    /// On the CPU, where quantized networks run.
    rows: Rows,
    criterion: Criterion,
}

impl Judge {
    fn new(dataset: &Dataset, model: &Model, schema: &DatasetSchema) -> Result<Self> {
        for part in ["val", "train"] {
            if dataset.has(part) {
                let rows = Rows::load_for(schema, dataset, part, Device::Cpu)?;
                if !rows.is_empty() {
                    let criterion = criterion(model, Device::Cpu)?;
                    return Ok(Self {
                        part,
                        rows,
                        criterion,
                    });
                }
            }
        }
        Err(Error::wrong(
            "the dataset has no rows to compare the model on",
        ))
    }

    fn point(&self, net: &Net) -> Result<CompressionPoint> {
        let metrics = measure(&on_cpu(net)?, &self.criterion, &self.rows, None)?;
        Ok(CompressionPoint {
            bytes: encode(&net.tensors(), None)?.len() as u64,
            metric: metrics.get(self.metric()).copied().unwrap_or(f64::NAN),
            sparsity: prune::sparsity(net)?,
        })
    }

    fn metric(&self) -> &'static str {
        self.criterion.loss().metric()
    }

    fn tell(&self, pass: &str, before: &CompressionPoint, after: &CompressionPoint) -> String {
        format!(
            "{pass}: {} → {} bytes, {}.{} {:.4} → {:.4}, zero weights {:.1} % → {:.1} %",
            before.bytes,
            after.bytes,
            self.part,
            self.metric(),
            before.metric,
            after.metric,
            before.sparsity * 100.0,
            after.sparsity * 100.0
        )
    }

    /// For lists: where the passes led.
    fn metrics(&self, compression: &Compression) -> Metrics {
        let last = compression
            .after
            .last()
            .map_or(&compression.before, |it| &it.1);
        Metrics::from([
            (format!("{}.{}", self.part, self.metric()), last.metric),
            ("bytes".to_owned(), last.bytes as f64),
            ("sparsity".to_owned(), last.sparsity),
        ])
    }
}

/// The loss that the model was trained with.
fn criterion(model: &Model, device: Device) -> Result<Criterion> {
    let (weights, smoothing) = (&model.class_weights, model.label_smoothing);
    Criterion::new(model.loss, weights, smoothing, device)?.for_layers(&model.layers, device)
}

fn on_cpu(net: &Net) -> Result<Net> {
    Net::from_tensors(net.layers(), net.tensors(), Device::Cpu)
}

fn read_model(folder: &Path) -> Result<Model> {
    let path = folder.join(MODEL_FILE);
    if path.exists() {
        return read_json(&path);
    }
    Err(
        Error::wrong("the model is a script's TorchScript, whose layers are not known")
            .hint("models of train and compress stages can be compressed"),
    )
}

fn check_passes(passes: &[Pass], layers: &[Layer]) -> Result<()> {
    if passes.is_empty() {
        return Err(Error::wrong("there are no passes")
            .hint("say what is to be done: `passes: [{quantize: {bits: 8}}]`"));
    }
    if is_quantized(layers) {
        return Err(Error::wrong("the model is quantized already")
            .hint("do all passes in one stage, `quantize` last"));
    }
    for (index, pass) in passes.iter().enumerate() {
        let Pass::Quantize(quantize) = pass else {
            continue;
        };
        if index + 1 < passes.len() {
            return Err(Error::wrong("`quantize` must be the last pass")
                .hint("integers cannot be pruned or trained further"));
        }
        if quantize.bits != 8 {
            return Err(Error::wrong(format!(
                "quantize: bits: {}: 8 is what there is",
                quantize.bits
            )));
        }
        if !layers.iter().any(|it| matches!(it, Layer::Linear { .. })) {
            return Err(Error::wrong("the model has no linear layers to quantize")
                .hint("`prune` works on convolutions, too"));
        }
    }
    Ok(())
}

fn name(pass: &Pass) -> &'static str {
    match pass {
        Pass::Quantize(_) => "quantize",
        Pass::Prune(_) => "prune",
    }
}

fn stopped() -> Done {
    Done {
        stopped: true,
        ..Done::default()
    }
}

fn write(
    folder: &Path,
    source: &Path,
    model: &Model,
    net: &Net,
    compression: &Compression,
    history: &[EpochRecord],
) -> Result<()> {
    let model = Model {
        layers: net.layers().to_vec(),
        ..model.clone()
    };
    write_json(&folder.join(MODEL_FILE), &model)?;
    net.save(&folder.join(WEIGHTS_FILE))?;
    let (from, to) = (source.join(SCHEMA_FILE), folder.join(SCHEMA_FILE));
    let schema = fs::read(&from).map_err(|error| Error::io(&from, &error))?;
    fs::write(&to, schema).map_err(|error| Error::io(&to, &error))?;
    if !history.is_empty() {
        write_json(&folder.join(HISTORY_FILE), &history)?;
    }
    write_json(&folder.join(COMPRESSION_FILE), compression)
}
