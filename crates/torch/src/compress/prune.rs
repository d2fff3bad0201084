//! Magnitude pruning: the smallest weights of linear and convolution layers become zero, over all layers together.
//! Knows networks; not what is done with them afterwards.

use indexmap::IndexMap;
use pipe_schema::layer::Layer;
use tch::Tensor;

use crate::{
    error::Result,
    model::{Net, Tensors},
};

/// Which weights stay, by the weight's name: 1 where it stays, 0 where it is cut.
pub struct Masks(IndexMap<String, Tensor>);

/// Weights that may be cut, by name: the network's own tensors.
pub fn weights(net: &Net) -> Tensors {
    let mut tensors = net.tensors();
    let layers = net.layers();
    tensors.retain(|name, _| {
        let weight = name
            .strip_suffix(".weight")
            .and_then(|it| it.parse::<usize>().ok());
        weight.is_some_and(|at| {
            matches!(
                layers[at],
                Layer::Linear { .. }
                    | Layer::QuantizedLinear { .. }
                    | Layer::Conv2d { .. }
                    | Layer::Conv1d { .. }
            )
        })
    });
    tensors
}

/// Share of those weights that are zero; of none it is 0.
pub fn sparsity(net: &Net) -> Result<f64> {
    let (mut zeros, mut all) = (0, 0);
    for tensor in weights(net).values() {
        all += tensor.numel() as i64;
        zeros += tensor.numel() as i64 - tensor.f_count_nonzero(None)?.f_int64_value(&[])?;
    }
    Ok(if all == 0 {
        0.0
    } else {
        zeros as f64 / all as f64
    })
}

impl Masks {
    /// Keeps all but the share `sparsity` of the weights: the smallest go, of equals those that come first.
    pub fn of(net: &Net, sparsity: f64) -> Result<Self> {
        let weights = weights(net);
        let mut sizes: Vec<f32> = Vec::new();
        for tensor in weights.values() {
            let tensor = tensor.f_detach()?.f_abs()?.f_to_device(tch::Device::Cpu)?;
            sizes.extend(Vec::<f32>::try_from(tensor.f_flatten(0, -1)?)?);
        }
        let cut = ((sparsity * sizes.len() as f64).round() as usize).min(sizes.len());
        let mut order: Vec<usize> = (0..sizes.len()).collect();
        if cut > 0 && cut < order.len() {
            order
                .select_nth_unstable_by(cut, |a, b| sizes[*a].total_cmp(&sizes[*b]).then(a.cmp(b)));
        }
        let mut keep = vec![1.0f32; sizes.len()];
        for at in &order[..cut] {
            keep[*at] = 0.0;
        }
        let mut from = 0;
        let mut masks = IndexMap::new();
        for (name, tensor) in &weights {
            let numbers = &keep[from..from + tensor.numel()];
            from += tensor.numel();
            let mask = Tensor::f_from_slice(numbers)?
                .f_view(tensor.size().as_slice())?
                .f_to_device(tensor.device())?;
            masks.insert(name.clone(), mask);
        }
        Ok(Self(masks))
    }

    /// Sets what is cut to zero.
    pub fn apply(&self, net: &Net) -> Result<()> {
        let _no_grad = tch::no_grad_guard();
        for (name, tensor) in weights(net) {
            if let Some(mask) = self.0.get(&name) {
                // Not a product: it would leave -0 behind.
                let _ = tensor
                    .shallow_clone()
                    .f_masked_fill_(&mask.f_eq(0.0)?, 0.0)?;
            }
        }
        Ok(())
    }
}
