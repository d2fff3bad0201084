//! Small packages of every kind, made as pipe makes them, but for their weights, which are zeros.

use std::{collections::BTreeMap, fs, path::Path};

use pipe_data::{Dataset, Files, preprocess};
use pipe_schema::{
    dataset::{DatasetSchema, HeadRow, SCHEMA_FILE, TargetKind},
    layer::Layer,
    model::{MODEL_FILE, Model, WEIGHTS_FILE},
    package::{
        GOLDEN_FILE, GoldenRow, PACKAGE_FILE, PACKAGE_VERSION, Package as FrontPage, Several,
    },
    slot::{SlotKind, slots},
    stage::package::Format,
};
use safetensors::{Dtype, tensor::TensorView};
use serde_json::{Value, json};

/// The files of a package by name.
pub type Contents = BTreeMap<String, Vec<u8>>;

const PICTURE: &str = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAAAAABX3VL4AAAADklEQVR4nGPgOsEQxQwABA8BMF79HNoAAAAASUVORK5CYII=";

/// Packages with their names.
pub fn all() -> Vec<(&'static str, Contents)> {
    vec![
        ("table", table()),
        ("blocks", blocks()),
        ("pictures", pictures()),
        ("tokens", tokens()),
        ("codes", codes()),
        ("windows", windows()),
        ("labels", labels()),
    ]
}

fn table() -> Contents {
    let mut text = "at,city,size,mail,age,income,change,tag,kind\n".to_owned();
    for row in 0..60 {
        let city = ["Oslo", "Bern", "Rome", "Oslo", "Kyiv"][row % 5];
        let size = ["S", "M", "L"][row % 3];
        let age = match row % 6 {
            1 => String::new(),
            _ => (row * 7 % 50).to_string(),
        };
        let mail = ["a quick fox", "the lazy dog", "fox and dog"][row * 5 % 3];
        let (income, change) = (row * row % 97, (row % 13) as f64 - 6.5);
        let (month, day, hour, tag) = (row % 8 + 1, row % 9, row % 7, row % 4);
        let kind = ["a", "b,c", "d"][row % 3];
        text.push_str(&format!(
            "2024-0{month}-1{day} 0{hour}:00,{city},{size},{mail},{age},{income},{change},t{tag},\"{kind}\"\n"
        ));
    }
    let steps = json!([
        {"datetime_parts": {"columns": ["at"], "cyclic": true}},
        {"target_encode": {"columns": ["city"], "folds": 2}},
        {"bag_of_words": {"columns": ["mail"]}},
        {"one_hot": {"columns": ["size"]}},
        {"hash": {"columns": ["tag"], "buckets": 4}},
        {"impute": {"columns": ["age"], "indicator": true}},
        {"bucketize": {"columns": ["age"], "encode": "one_hot"}},
        {"log": {"columns": ["income"]}},
        {"clip": {"columns": ["change"], "quantiles": [0.05, 0.95]}},
        {"power": {"columns": ["change"]}},
        {"robust": {"columns": ["income"]}},
        {"standardize": {"columns": ["at_year"]}},
    ]);
    package(
        &text,
        "csv",
        &json!({"target": "kind", "steps": steps}),
        |width| {
            vec![
                linear(width, 4),
                Layer::BatchNorm {
                    features: 4,
                    spatial: false,
                    eps: 1e-5,
                    momentum: 0.1,
                },
                Layer::Relu,
                Layer::Dropout { p: 0.1 },
                Layer::QuantizedLinear {
                    in_features: 4,
                    out_features: 3,
                    bias: true,
                },
            ]
        },
    )
}

fn blocks() -> Contents {
    let rows = (0..30).map(|row| {
        let pixels: Vec<Vec<u32>> = (0..4)
            .map(|y| (0..4).map(|x| (row * 31 + y * 7 + x) % 50).collect())
            .collect();
        json!({"pixel": pixels, "kind": row % 3})
    });
    let block = json!({
        "target": "kind", "columns": {"kind": "categorical"},
        "steps": [{"normalize": {"columns": ["pixel"]}}],
    });
    package(&lines(rows), "jsonl", &block, |_| {
        vec![
            Layer::Reshape {
                shape: vec![1, 4, 4],
            },
            Layer::Conv2d {
                in_channels: 1,
                out_channels: 2,
                kernel_size: 3,
                stride: 1,
                padding: 1,
                bias: true,
            },
            Layer::Add { point: 2 },
            Layer::MaxPool2d {
                kernel_size: 2,
                stride: 2,
                padding: 0,
            },
            Layer::LayerNorm {
                shape: vec![2, 2, 2],
                eps: 1e-5,
            },
            Layer::Flatten,
            linear(8, 3),
        ]
    })
}

fn pictures() -> Contents {
    let rows = (0..12).map(|row| json!({"photo": PICTURE, "kind": row % 2}));
    let block = json!({
        "target": "kind", "columns": {"kind": "categorical", "photo": "image"},
        "steps": [{"resize": {"columns": ["photo"], "size": [3, 3]}}],
    });
    package(&lines(rows), "jsonl", &block, |_| vec![linear(9, 1)])
}

fn tokens() -> Contents {
    let rows = (0..24).map(|row| {
        let text = ["the cat sat on the mat", "dogs bark", "cats and dogs"][row % 3];
        let kind = ["x", "y", "z"][row % 3];
        json!({"text": text, "kind": kind})
    });
    let block = json!({
        "target": "kind", "columns": {"text": "text"},
        "steps": [{"tokens": {"columns": ["text"], "length": 5}}],
    });
    package(&lines(rows), "jsonl", &block, |_| {
        vec![
            Layer::Embedding {
                num_embeddings: 20,
                embedding_dim: 3,
            },
            Layer::Conv1d {
                in_channels: 3,
                out_channels: 2,
                kernel_size: 2,
                stride: 1,
                padding: 0,
                bias: false,
            },
            Layer::GlobalAvgPool,
            linear(2, 3),
        ]
    })
}

/// A table with a column of codes, as one of `all`.
pub fn codes() -> Contents {
    let mut text = "city,x,price\n".to_owned();
    for row in 0..30 {
        let city = ["Graz", "Linz", "Wien"][row % 3];
        text.push_str(&format!("{city},{row},{}\n", row * 2 + 1));
    }
    let block = json!({
        "target": "price",
        "steps": [{"min_max": {}}, {"ordinal": {"columns": ["city"], "unknown": "own"}}],
    });
    package(&text, "csv", &block, |_| {
        vec![
            Layer::ColumnEmbedding {
                column: 0,
                num_embeddings: 4,
                embedding_dim: 2,
            },
            linear(3, 1),
            Layer::Rescale {
                scale: vec![2.0],
                shift: vec![1.0],
            },
        ]
    })
}

fn windows() -> Contents {
    let mut text = "hour,x,y\n".to_owned();
    for hour in 0..40 {
        text.push_str(&format!("{hour},{},{}\n", hour * 3 % 11, hour % 5));
    }
    let block = json!({
        "target": "y",
        "columns": {"y": "numeric"},
        "split": {"time": {"by": "hour", "train": 0.6, "val": 0.0, "test": 0.4}},
        "steps": [{"drop": {"columns": ["hour"]}}],
        "windows": {"length": 3, "horizon": 1, "order": "hour", "with_target": true},
    });
    package(&text, "csv", &block, |_| {
        vec![
            Layer::Reshape { shape: vec![2, 3] },
            Layer::MaxPool1d {
                kernel_size: 3,
                stride: 1,
                padding: 1,
            },
            Layer::Flatten,
            linear(6, 1),
        ]
    })
}

fn labels() -> Contents {
    let mut text = "x,y,warm,far\n".to_owned();
    for row in 0..40 {
        let (warm, far) = (["yes", "no"][row % 2], row / 2 % 2);
        text.push_str(&format!("{row},{},{warm},{far}\n", row * 3 % 7));
    }
    let block = json!({
        "target": ["warm", "far"], "columns": {"warm": "boolean", "far": "boolean"},
        "steps": [{"standardize": {}}],
    });
    package(&text, "csv", &block, |_| vec![linear(2, 2)])
}

fn linear(in_features: usize, out_features: u32) -> Layer {
    Layer::Linear {
        in_features: u32::try_from(in_features).unwrap(),
        out_features,
        bias: true,
    }
}

fn lines(rows: impl Iterator<Item = Value>) -> String {
    let mut text = String::new();
    for row in rows {
        text.push_str(&format!("{row}\n"));
    }
    text
}

/// The package of a network on this data; `layers` are made for rows of so many features.
fn package(
    text: &str,
    format: &str,
    block: &Value,
    layers: impl Fn(usize) -> Vec<Layer>,
) -> Contents {
    let folder = tempfile::tempdir().unwrap();
    let (rows, out) = (folder.path().join("rows"), folder.path().join("data"));
    fs::write(&rows, text).unwrap();
    fs::create_dir(&out).unwrap();
    let mut block = block.clone();
    block["source"] = json!({format: "rows"});
    if block.get("split").is_none() {
        block["split"] = json!({"random": {"train": 0.7, "test": 0.3, "seed": 5}});
    }
    let files = Files {
        source: vec![rows],
        ..Files::default()
    };
    let block = serde_json::from_value(block).unwrap();
    preprocess(&block, &files, &out, &mut |_| {}).unwrap();
    let dataset = Dataset::open(&out).unwrap();
    let head = dataset.head("test").unwrap();
    let schema = dataset.schema().clone();
    let layers = layers(schema.features.len());
    assemble(&out, &schema, &head, &layers)
}

fn assemble(out: &Path, schema: &DatasetSchema, head: &[HeadRow], layers: &[Layer]) -> Contents {
    let outputs = layers.iter().rev().find_map(outputs_of);
    let model = json!({
        "inputs": schema.features.len(), "outputs": outputs,
        "loss": "cross_entropy", "parameters": 0, "layers": layers,
    });
    let model: Model = serde_json::from_value(model).unwrap();
    let front = FrontPage {
        version: PACKAGE_VERSION,
        name: "sample".to_owned(),
        description: None,
        formats: vec![Format::Safetensors],
        target: schema.target.name.clone(),
        classes: schema.target.classes().to_vec(),
        targets: match &schema.target.kind {
            TargetKind::Labels { names, .. } => Some(Several::Labels(names.clone())),
            TargetKind::Numbers { names, .. } => Some(Several::Numbers(names.clone())),
            _ => None,
        },
        threshold: None,
        tolerance: 1e-4,
    };
    let golden = lines(head.iter().map(|row| json!(golden_row(schema, row))));
    let schema = fs::read(out.join(SCHEMA_FILE)).unwrap();
    [
        (PACKAGE_FILE, serde_json::to_vec_pretty(&front).unwrap()),
        (MODEL_FILE, serde_json::to_vec_pretty(&model).unwrap()),
        (SCHEMA_FILE, schema),
        (WEIGHTS_FILE, zeros(&model.layers)),
        (GOLDEN_FILE, golden.into_bytes()),
        ("README.md", b"# sample\n".to_vec()),
    ]
    .map(|(name, bytes)| (name.to_owned(), bytes))
    .into()
}

fn outputs_of(layer: &Layer) -> Option<u32> {
    match layer {
        Layer::Linear { out_features, .. } | Layer::QuantizedLinear { out_features, .. } => {
            Some(*out_features)
        }
        _ => None,
    }
}

fn golden_row(schema: &DatasetSchema, row: &HeadRow) -> GoldenRow {
    let (prediction, shares) = match &schema.target.kind {
        TargetKind::Classes { names, .. } => (json!(names[0]), names.len()),
        TargetKind::Labels { names, .. } => {
            let each = names.iter().map(|name| (name.clone(), json!(true)));
            (Value::Object(each.collect()), names.len())
        }
        TargetKind::Number { .. } | TargetKind::Numbers { .. } => (json!(0.5), 0),
    };
    GoldenRow {
        row: row.row,
        input: row.input.clone(),
        prediction,
        probabilities: vec![0.5; shares],
    }
}

/// Weights of these layers, all of them 0.
pub fn zeros(layers: &[Layer]) -> Vec<u8> {
    let mut tensors = Vec::new();
    for (index, layer) in layers.iter().enumerate() {
        for slot in slots(layer) {
            let (dtype, size) = match slot.kind {
                SlotKind::Parameter | SlotKind::Buffer => (Dtype::F32, 4),
                SlotKind::Quantized => (Dtype::I8, 1),
                SlotKind::Scale => (Dtype::F64, 8),
            };
            let shape: Vec<usize> = slot.shape.iter().map(|size| *size as usize).collect();
            let bytes = vec![0; shape.iter().product::<usize>() * size];
            tensors.push((format!("{index}.{}", slot.name), dtype, shape, bytes));
        }
    }
    let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
        let view = TensorView::new(*dtype, shape.clone(), bytes).unwrap();
        (name.clone(), view)
    });
    safetensors::serialize(views, None).unwrap()
}
