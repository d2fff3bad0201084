//! A network: layers with their tensors on a device. Knows nothing of losses, optimizers and stages.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use pipe_schema::layer::{Layer, points};
use tch::{Device, Kind, Tensor};

use super::{
    Slot, SlotKind,
    embed::{embed, embed_column},
    file::{self, Tensors},
    quantized::{Integers, QuantizedLinear},
    slots,
};
use crate::error::{Error, Result};

/// A network that can be run.
pub struct Net {
    layers: Vec<Layer>,
    /// By layer, in the order of `slots`.
    tensors: Vec<Vec<Tensor>>,
    /// By layer: what a quantized one computes with.
    quantized: Vec<Option<QuantizedLinear>>,
    /// Layers whose input a later one asks for.
    points: BTreeSet<usize>,
    device: Device,
}

impl Net {
    /// A network with weights from libtorch's default generator, drawn as PyTorch draws them: the same seed gives the same
    /// weights there. They are drawn on the CPU, so that they do not depend on the device.
    pub fn new(layers: &[Layer], device: Device) -> Result<Self> {
        let tensors = layers.iter().map(initial).collect::<Result<Vec<_>>>()?;
        Self::with_tensors(layers, tensors, device)
    }

    /// A network with the weights of a file.
    pub fn load(layers: &[Layer], path: &Path, device: Device) -> Result<Self> {
        let found = file::read(path)?;
        Self::from_tensors(layers, found, device).map_err(|error| error.at(path.display()))
    }

    /// A network with the weights in a file's bytes.
    pub fn from_file(layers: &[Layer], bytes: &[u8], device: Device) -> Result<Self> {
        Self::from_tensors(layers, file::decode(bytes)?, device)
    }

    /// A network with tensors by name, e.g. `0.weight`. All must be there, and no others.
    pub fn from_tensors(layers: &[Layer], mut found: Tensors, device: Device) -> Result<Self> {
        // PyTorch counts batches there; nothing reads it where momentum is a number.
        found.retain(|name, _| !name.ends_with(".num_batches_tracked"));
        let mut tensors = Vec::new();
        for (index, layer) in layers.iter().enumerate() {
            let mut of_layer = Vec::new();
            for slot in slots(layer) {
                of_layer.push(take(&mut found, index, &slot)?);
            }
            tensors.push(of_layer);
        }
        if let Some(name) = found.keys().next() {
            return Err(Error::wrong(format!("the network has no tensor `{name}`")).hint(SAME));
        }
        Self::with_tensors(layers, tensors, device)
    }

    /// Writes all tensors under their names.
    pub fn save(&self, path: &Path) -> Result<()> {
        file::write(path, &self.tensors())
    }

    /// The outputs for a batch of rows: [n, inputs] gives [n, outputs]. `train` turns dropout on and lets batch_norm learn.
    pub fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor> {
        let mut x = input.shallow_clone();
        let mut kept = BTreeMap::new();
        for (index, layer) in self.layers.iter().enumerate() {
            let tensors = &self.tensors[index];
            if self.points.contains(&index) {
                kept.insert(index, x.shallow_clone());
            }
            let recall = |point: &u32| {
                let unknown = || Error::wrong(format!("layer {index} asks for a later one"));
                kept.get(&(*point as usize)).ok_or_else(unknown)
            };
            x = match layer {
                Layer::Linear { .. } => x.f_linear(&tensors[0], tensors.get(1))?,
                Layer::QuantizedLinear { .. } => self.quantized(index)?.forward(&x)?,
                Layer::Embedding { .. } => embed(&tensors[0], &x)?.f_transpose(1, 2)?,
                Layer::ColumnEmbedding { column, .. } => {
                    embed_column(&tensors[0], &x, i64::from(*column))?
                }
                Layer::Conv2d {
                    stride, padding, ..
                } => {
                    let (stride, padding) = (both(*stride), both(*padding));
                    x.f_conv2d(&tensors[0], tensors.get(1), stride, padding, [1, 1], 1)?
                }
                Layer::Conv1d {
                    stride, padding, ..
                } => {
                    let (stride, padding) = (one(*stride), one(*padding));
                    x.f_conv1d(&tensors[0], tensors.get(1), stride, padding, [1], 1)?
                }
                Layer::MaxPool2d {
                    kernel_size,
                    stride,
                    padding,
                } => {
                    let (kernel, stride, padding) =
                        (both(*kernel_size), both(*stride), both(*padding));
                    x.f_max_pool2d(kernel, stride, padding, [1, 1], false)?
                }
                Layer::AvgPool2d {
                    kernel_size,
                    stride,
                    padding,
                } => {
                    let (kernel, stride, padding) =
                        (both(*kernel_size), both(*stride), both(*padding));
                    x.f_avg_pool2d(kernel, stride, padding, false, true, None)?
                }
                Layer::MaxPool1d {
                    kernel_size,
                    stride,
                    padding,
                } => {
                    let (kernel, stride, padding) =
                        (one(*kernel_size), one(*stride), one(*padding));
                    x.f_max_pool1d(kernel, stride, padding, [1], false)?
                }
                Layer::GlobalAvgPool => {
                    x.f_flatten(2, -1)?
                        .f_mean_dim([2i64].as_slice(), false, Kind::Float)?
                }
                Layer::LayerNorm { shape, eps } => {
                    let shape: Vec<i64> = shape.iter().map(|&size| i64::from(size)).collect();
                    x.f_layer_norm(shape, Some(&tensors[0]), Some(&tensors[1]), *eps, true)?
                }
                Layer::Recall { point } => recall(point)?.shallow_clone(),
                Layer::Add { point } => x.f_add(recall(point)?)?,
                Layer::Softmax => x.f_softmax(1, Kind::Float)?,
                Layer::Rescale { scale, shift } => {
                    let like = |numbers| floats(numbers, x.device());
                    x.f_mul(&like(scale)?)?.f_add(&like(shift)?)?
                }
                Layer::BatchNorm { eps, momentum, .. } => {
                    if train {
                        check_variance(&x)?;
                    }
                    let [weight, bias, mean, var] = [0, 1, 2, 3].map(|slot| Some(&tensors[slot]));
                    x.f_batch_norm(weight, bias, mean, var, train, *momentum, *eps, true)?
                }
                Layer::Dropout { p } => x.f_dropout(*p, train)?,
                Layer::Flatten => x.f_flatten(1, -1)?,
                Layer::Reshape { shape } => {
                    let mut sizes = vec![x.size()[0]];
                    sizes.extend(shape.iter().map(|&size| i64::from(size)));
                    x.f_reshape(sizes)?
                }
                Layer::Relu => x.f_relu()?,
                Layer::Tanh => x.f_tanh()?,
                Layer::Sigmoid => x.f_sigmoid()?,
                Layer::Gelu => x.f_gelu("none")?,
            };
        }
        Ok(x)
    }

    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    pub fn device(&self) -> Device {
        self.device
    }

    /// What is learned, by name, in the order of the layers. The tensors are the network's own, not copies.
    pub fn parameters(&self) -> Tensors {
        self.select(|kind| kind == SlotKind::Parameter)
    }

    /// All tensors by name, in the order of the layers. The tensors are the network's own, not copies.
    pub fn tensors(&self) -> Tensors {
        self.select(|_| true)
    }

    /// The tensors of a layer, in the order of `slots`.
    pub fn of_layer(&self, index: usize) -> &[Tensor] {
        &self.tensors[index]
    }

    /// What a quantized layer computes with.
    pub fn quantized(&self, index: usize) -> Result<&QuantizedLinear> {
        self.quantized[index]
            .as_ref()
            .ok_or_else(|| Error::bug("a layer that is not quantized"))
    }

    /// The first tensor that has a value which is not finite.
    pub fn not_finite(&self) -> Result<Option<String>> {
        for (name, tensor) in self.tensors() {
            if tensor.f_isfinite()?.f_all()?.f_int64_value(&[])? == 0 {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// A copy of all tensors, for later.
    pub fn snapshot(&self) -> Result<Tensors> {
        let copy = |(name, tensor): (String, Tensor)| Ok((name, tensor.f_detach_copy()?));
        self.tensors().into_iter().map(copy).collect()
    }

    /// Takes the values of a snapshot.
    pub fn restore(&self, snapshot: &Tensors) -> Result<()> {
        copy_all(&self.tensors(), snapshot)
    }

    fn with_tensors(layers: &[Layer], tensors: Vec<Vec<Tensor>>, device: Device) -> Result<Self> {
        let mut net = Self {
            layers: layers.to_vec(),
            tensors: Vec::new(),
            quantized: Vec::new(),
            points: points(layers),
            device,
        };
        for (layer, tensors) in layers.iter().zip(tensors) {
            let place = |(slot, tensor): (Slot, Tensor)| {
                let learned = slot.kind == SlotKind::Parameter;
                Ok(tensor.f_to_device(device)?.f_set_requires_grad(learned)?)
            };
            let placed = slots(layer).into_iter().zip(tensors).map(place);
            let placed = placed.collect::<Result<Vec<_>>>()?;
            net.quantized.push(match layer {
                Layer::QuantizedLinear { .. } => Some(pack(&placed)?),
                _ => None,
            });
            net.tensors.push(placed);
        }
        Ok(net)
    }

    fn select(&self, wanted: impl Fn(SlotKind) -> bool) -> Tensors {
        let mut selected = Tensors::new();
        for (index, (layer, tensors)) in self.layers.iter().zip(&self.tensors).enumerate() {
            for (slot, tensor) in slots(layer).into_iter().zip(tensors) {
                if wanted(slot.kind) {
                    selected.insert(format!("{index}.{}", slot.name), tensor.shallow_clone());
                }
            }
        }
        selected
    }
}

/// Refuses a batch with one value a feature, as PyTorch does: it has no variance to normalize by.
fn check_variance(x: &Tensor) -> Result<()> {
    let sizes = x.size();
    if x.numel() as i64 == sizes[1] {
        return Err(Error::wrong(
            "batch_norm gets a single value of each feature, which has no variance",
        )
        .hint("learn from at least 2 rows a step: a larger `batch_size`, more rows to train on"));
    }
    Ok(())
}

/// Copies values by name into tensors that exist. Names and shapes must be the same.
pub fn copy_all(into: &Tensors, from: &Tensors) -> Result<()> {
    let _no_grad = tch::no_grad_guard();
    for (name, tensor) in into {
        let source = from.get(name).filter(|it| it.size() == tensor.size());
        let source =
            source.ok_or_else(|| Error::wrong(format!("no tensor `{name}` of this shape")))?;
        tensor.shallow_clone().f_copy_(source)?;
    }
    Ok(())
}

const SAME: &str = "the weights must be those of a network with the same layers";

/// The tensors that a layer begins with: those of PyTorch's modules, drawn in the same order.
fn initial(layer: &Layer) -> Result<Vec<Tensor>> {
    let fan_in = match *layer {
        Layer::Linear { in_features, .. } => f64::from(in_features),
        Layer::Conv2d {
            in_channels,
            kernel_size,
            ..
        } => f64::from(in_channels) * f64::from(kernel_size).powi(2),
        Layer::Conv1d {
            in_channels,
            kernel_size,
            ..
        } => f64::from(in_channels) * f64::from(kernel_size),
        _ => 1.0,
    };
    let is_embedding = matches!(
        layer,
        Layer::Embedding { .. } | Layer::ColumnEmbedding { .. }
    );
    let is_norm = matches!(layer, Layer::BatchNorm { .. } | Layer::LayerNorm { .. });
    let options = (Kind::Float, Device::Cpu);
    let fill = |slot: Slot| {
        if !matches!(slot.kind, SlotKind::Parameter | SlotKind::Buffer) {
            return Err(Error::bug("a quantized layer has no initial weights"));
        }
        let shape = slot.shape.as_slice();
        if is_embedding {
            return Ok(Tensor::f_empty(shape, options)?.f_normal_(0.0, 1.0)?);
        }
        Ok(match (is_norm, slot.name) {
            (true, "weight" | "running_var") => Tensor::f_ones(shape, options)?,
            (true, _) => Tensor::f_zeros(shape, options)?,
            (false, "weight") => uniform(shape, weight_bound(fan_in))?,
            (false, _) => uniform(shape, 1.0 / fan_in.sqrt())?,
        })
    };
    slots(layer).into_iter().map(fill).collect()
}

fn uniform(shape: &[i64], bound: f64) -> Result<Tensor> {
    let mut tensor = Tensor::f_empty(shape, (Kind::Float, Device::Cpu))?;
    Ok(tensor.f_uniform_(-bound, bound)?)
}

/// The bound of `torch.nn.init.kaiming_uniform_(a=sqrt(5))`, in its order of operations: equal to the last bit.
fn weight_bound(fan_in: f64) -> f64 {
    let gain = (2.0 / (1.0 + 5f64.sqrt().powi(2))).sqrt();
    3f64.sqrt() * (gain / fan_in.sqrt())
}

fn take(found: &mut Tensors, index: usize, slot: &Slot) -> Result<Tensor> {
    let name = format!("{index}.{}", slot.name);
    let Some(tensor) = found.swap_remove(&name) else {
        return Err(Error::wrong(format!("there is no tensor `{name}`")).hint(SAME));
    };
    let kind = match slot.kind {
        SlotKind::Parameter | SlotKind::Buffer => Kind::Float,
        SlotKind::Quantized => Kind::Int8,
        SlotKind::Scale => Kind::Double,
    };
    let (has, needs) = (
        (tensor.size(), tensor.f_kind()?),
        (slot.shape.clone(), kind),
    );
    if has != needs {
        return Err(Error::wrong(format!(
            "tensor `{name}` is {:?} {:?}, the network needs {:?} {:?}",
            has.1, has.0, needs.1, needs.0
        ))
        .hint(SAME));
    }
    Ok(tensor)
}

fn pack(tensors: &[Tensor]) -> Result<QuantizedLinear> {
    let weight = Integers {
        integers: tensors[0].shallow_clone(),
        scale: tensors[1].f_double_value(&[])?,
    };
    QuantizedLinear::new(&weight, tensors.get(2))
}

fn floats(numbers: &[f64], device: Device) -> Result<Tensor> {
    let floats = Tensor::f_from_slice(numbers)?.f_to_kind(Kind::Float)?;
    Ok(floats.f_to_device(device)?)
}

fn one(size: u32) -> [i64; 1] {
    [i64::from(size)]
}

fn both(size: u32) -> [i64; 2] {
    [i64::from(size); 2]
}

#[cfg(test)]
mod tests;
