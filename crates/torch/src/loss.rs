//! What is minimized. Knows no network.

use pipe_schema::stage::train::Loss;
use tch::{Reduction, Tensor};

use crate::error::Result;

/// The mean loss over the rows of a batch: outputs `[n, k]` against classes `i64 [n]`, or outputs `[n, 1]` against `f32 [n, 1]`.
pub fn mean(loss: Loss, outputs: &Tensor, target: &Tensor) -> Result<Tensor> {
    Ok(match loss {
        Loss::CrossEntropy => outputs.f_cross_entropy_loss(
            target,
            None::<&Tensor>,
            Reduction::Mean,
            /* no class is ignored */ -100,
            /* label smoothing */ 0.0,
        )?,
        Loss::Mse => outputs.f_mse_loss(target, Reduction::Mean)?,
    })
}
