//! The step of RMSprop, in the order of PyTorch's operations.

use pipe_schema::stage::train::Rmsprop;
use tch::Tensor;

use super::optimizer::{list, zeros};
use crate::{error::Result, model::Tensors};

/// Parameters, and how far each gradient goes on average.
pub struct Spread {
    spec: Rmsprop,
    parameters: Vec<Tensor>,
    squares: Vec<Tensor>,
    /// Where it is centered.
    means: Vec<Tensor>,
    /// Where there is momentum.
    buffers: Vec<Tensor>,
}

impl Spread {
    /// Adds what it holds to the state.
    pub fn new(spec: &Rmsprop, parameters: &Tensors, state: &mut Tensors) -> Result<Self> {
        let mut held = |is_held, prefix| {
            if is_held {
                zeros(parameters, prefix, state)
            } else {
                Ok(Vec::new())
            }
        };
        Ok(Self {
            spec: spec.clone(),
            parameters: list(parameters),
            squares: held(true, "square_avg")?,
            means: held(spec.centered, "grad_avg")?,
            buffers: held(spec.momentum > 0.0, "momentum_buffer")?,
        })
    }

    /// Changes the parameters by their gradients.
    pub fn step(&mut self, lr: f64) -> Result<()> {
        let _no_grad = tch::no_grad_guard();
        let spec = &self.spec;
        for (i, parameter) in self.parameters.iter_mut().enumerate() {
            let mut gradient = parameter.f_grad()?;
            if spec.weight_decay > 0.0 {
                gradient = gradient.f_add(&parameter.f_mul_scalar(spec.weight_decay)?)?;
            }
            let square = &mut self.squares[i];
            let _ = square.f_mul_scalar_(spec.alpha)?;
            let new = gradient.f_square()?.f_mul_scalar(1.0 - spec.alpha)?;
            let _ = square.f_add_(&new)?;
            let spread = match self.means.get_mut(i) {
                None => square.f_sqrt()?,
                Some(mean) => {
                    let toward = gradient.f_sub(mean)?.f_mul_scalar(1.0 - spec.alpha)?;
                    let _ = mean.f_add_(&toward)?;
                    square.f_sub(&mean.f_square()?)?.f_sqrt()?
                }
            };
            let scaled = gradient.f_div(&spread.f_add_scalar(spec.eps)?)?;
            let change = match self.buffers.get_mut(i) {
                None => scaled,
                Some(buffer) => {
                    let _ = buffer.f_mul_scalar_(spec.momentum)?;
                    buffer.f_add_(&scaled)?
                }
            };
            let _ = parameter.f_sub_(&change.f_mul_scalar(lr)?)?;
        }
        Ok(())
    }
}
