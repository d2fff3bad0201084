//! TorchScript source of a layer list: what a PyTorch user would write for inference.
//! Text only: knows names and sizes, no tensors.

use std::fmt::Write;

use pipe_schema::layer::{Layer, points};

/// PyTorch's numbers for the types `int64` and `float32`: TorchScript that is not made in Python has no names for them.
const INT64: u32 = 4;
const FLOAT32: u32 = 6;

/// `forward` of the network, reading `self.<index>.<name>` as PyTorch's `Sequential` names them.
pub fn forward(layers: &[Layer]) -> String {
    let mut text = "def forward(self, x: Tensor) -> Tensor:\n".to_owned();
    let points = points(layers);
    for (index, layer) in layers.iter().enumerate() {
        if points.contains(&index) {
            let _ = writeln!(text, "    kept{index} = x");
        }
        for line in lines(index, layer) {
            // Writing to a String never fails.
            let _ = writeln!(text, "    {line}");
        }
    }
    text.push_str("    return x\n");
    text
}

fn lines(index: usize, layer: &Layer) -> Vec<String> {
    // An attribute whose name is a number cannot be read with a dot.
    let of = |name: &str| format!("getattr(self, \"{index}\").{name}");
    let bias = |has: bool| if has { of("bias") } else { "None".to_owned() };
    let one = |line: String| vec![line];
    match layer {
        Layer::Linear { bias: b, .. } => one(format!(
            "x = torch.linear(x, {}, {})",
            of("weight"),
            bias(*b)
        )),
        Layer::QuantizedLinear { bias: b, .. } => quantized(&of, *b),
        Layer::Embedding { .. } => one(format!(
            "x = torch.transpose(torch.embedding({}, x.to({INT64})), 1, 2)",
            of("weight")
        )),
        Layer::ColumnEmbedding { column, .. } => {
            let after = column + 1;
            one(format!(
                "x = torch.cat([torch.narrow(x, 1, 0, {column}), torch.narrow(x, 1, {after}, x.size(1) - {after}), \
                 torch.embedding({}, torch.select(x, 1, {column}).to({INT64}))], 1)",
                of("weight")
            ))
        }
        Layer::Conv2d {
            stride,
            padding,
            bias: b,
            ..
        } => one(format!(
            "x = torch.conv2d(x, {}, {}, [{stride}, {stride}], [{padding}, {padding}])",
            of("weight"),
            bias(*b)
        )),
        Layer::Conv1d {
            stride,
            padding,
            bias: b,
            ..
        } => one(format!(
            "x = torch.conv1d(x, {}, {}, [{stride}], [{padding}])",
            of("weight"),
            bias(*b)
        )),
        Layer::AvgPool2d {
            kernel_size: k,
            stride: s,
            padding: p,
        } => one(format!(
            "x = torch.avg_pool2d(x, [{k}, {k}], [{s}, {s}], [{p}, {p}])"
        )),
        Layer::MaxPool1d {
            kernel_size: k,
            stride: s,
            padding: p,
        } => one(format!("x = torch.max_pool1d(x, [{k}], [{s}], [{p}])")),
        Layer::GlobalAvgPool => one("x = torch.mean(torch.flatten(x, 2), [2])".to_owned()),
        Layer::LayerNorm { shape, eps } => one(format!(
            "x = torch.layer_norm(x, [{}], {}, {}, {eps:?})",
            sizes(shape),
            of("weight"),
            of("bias")
        )),
        Layer::Recall { point } => one(format!("x = kept{point}")),
        Layer::Add { point } => one(format!("x = x + kept{point}")),
        Layer::Softmax => one("x = torch.softmax(x, 1)".to_owned()),
        Layer::Rescale { scale, shift } => {
            one(format!("x = x * {} + {}", floats(scale), floats(shift)))
        }
        Layer::MaxPool2d {
            kernel_size: k,
            stride: s,
            padding: p,
        } => one(format!(
            "x = torch.max_pool2d(x, [{k}, {k}], [{s}, {s}], [{p}, {p}])"
        )),
        Layer::BatchNorm { eps, momentum, .. } => one(format!(
            "x = torch.batch_norm(x, {}, {}, {}, {}, False, {momentum:?}, {eps:?}, False)",
            of("weight"),
            of("bias"),
            of("running_mean"),
            of("running_var")
        )),
        // Dropout does nothing outside training.
        Layer::Dropout { .. } => Vec::new(),
        Layer::Flatten => one("x = torch.flatten(x, 1)".to_owned()),
        Layer::Reshape { shape } => one(format!(
            "x = torch.reshape(x, [x.size(0), {}])",
            sizes(shape)
        )),
        Layer::Relu => one("x = torch.relu(x)".to_owned()),
        Layer::Tanh => one("x = torch.tanh(x)".to_owned()),
        Layer::Sigmoid => one("x = torch.sigmoid(x)".to_owned()),
        Layer::Gelu => one("x = torch.gelu(x)".to_owned()),
    }
}

fn sizes(shape: &[u32]) -> String {
    let sizes: Vec<String> = shape.iter().map(u32::to_string).collect();
    sizes.join(", ")
}

/// Numbers, one for each value of a row.
fn floats(numbers: &[f64]) -> String {
    let numbers: Vec<String> = numbers.iter().map(|it| format!("{it:?}")).collect();
    format!(
        "torch.tensor([{}], dtype={FLOAT32}, device=x.device)",
        numbers.join(", ")
    )
}

/// As `QuantizedLinear` computes, in the same order: each row is scaled to its own range first, so that it does not matter
/// which rows stand beside it.
fn quantized(of: &dyn Fn(&str) -> String, bias: bool) -> Vec<String> {
    let least = f64::from(f32::MIN_POSITIVE);
    let mut shifted = format!("x = y * span + low * {}", of("sums"));
    if bias {
        shifted = format!("{shifted} + {}", of("bias"));
    }
    vec![
        "low = torch.amin(x, [-1], True)".to_owned(),
        format!("span = torch.clamp_min(torch.amax(x, [-1], True) - low, {least:?})"),
        format!(
            "y = ops.quantized.linear_dynamic((x - low) / span, {}, True)",
            of("packed")
        ),
        shifted,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workshop::image_layers;

    #[test]
    fn source_reads_as_pytorch_is_written() {
        let mut layers = image_layers(false).to_vec();
        layers.extend([
            Layer::Dropout { p: 0.5 },
            Layer::Flatten,
            Layer::Linear {
                in_features: 32,
                out_features: 3,
                bias: true,
            },
        ]);
        let source = r#"def forward(self, x: Tensor) -> Tensor:
    x = torch.reshape(x, [x.size(0), 1, 4, 4])
    x = torch.conv2d(x, getattr(self, "1").weight, None, [1, 1], [1, 1])
    x = torch.batch_norm(x, getattr(self, "2").weight, getattr(self, "2").bias, getattr(self, "2").running_mean, getattr(self, "2").running_var, False, 0.1, 1e-5, False)
    x = torch.flatten(x, 1)
    x = torch.linear(x, getattr(self, "5").weight, getattr(self, "5").bias)
    return x
"#;
        assert_eq!(forward(&layers), source);
    }
}
