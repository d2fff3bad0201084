//! Bounds on gradients. Knows no optimizer.

use pipe_schema::stage::train::Clip;
use tch::Tensor;

use crate::{error::Result, model::Tensors};

/// Bounds the gradients of the parameters, as `torch.nn.utils.clip_grad_norm_` and `clip_grad_value_` do.
pub fn clip(parameters: &Tensors, bound: Option<&Clip>) -> Result<()> {
    let Some(bound) = bound else {
        return Ok(());
    };
    let _no_grad = tch::no_grad_guard();
    let mut gradients: Vec<Tensor> = parameters.values().map(Tensor::grad).collect();
    match *bound {
        Clip::Norm(most) => {
            let norms: Vec<Tensor> = gradients
                .iter()
                .map(Tensor::f_norm)
                .collect::<Result<_, _>>()?;
            let norm = Tensor::f_stack(&norms, 0)?.f_norm()?;
            // 1e-6 as in PyTorch. No branch on the norm: that would wait for a GPU.
            let factor = norm.f_add_scalar(1e-6)?.f_reciprocal()?;
            let factor = factor.f_mul_scalar(most)?.f_clamp_max(1.0)?;
            for gradient in &mut gradients {
                let _ = gradient.f_mul_(&factor)?;
            }
        }
        Clip::Value(most) => {
            for gradient in &mut gradients {
                let _ = gradient.f_clamp_(-most, most)?;
            }
        }
    }
    Ok(())
}
