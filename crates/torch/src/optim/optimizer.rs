//! SGD, RMSprop, Adam and AdamW, where there are any on libtorch's fused kernels, with a state that can be saved and put back.

use pipe_schema::stage::train::{Adam, AdamW, Optimizer as Spec, Rmsprop, Sgd};
use tch::{Device, Kind, Tensor};

use super::rmsprop::Spread;
use crate::{
    error::Result,
    model::{Tensors, copy_all},
    shim::{Fused, Moments},
};

/// Parameters and how they are changed.
pub struct Optimizer {
    rule: Rule,
    lr: f64,
    fused: Fused,
    /// All that a step reads and writes beside the parameters, by name. The tensors are shared with `fused`.
    state: Tensors,
}

enum Rule {
    Sgd {
        momentum: f64,
        weight_decay: f64,
        nesterov: bool,
    },
    Rmsprop(Spread),
    Adam {
        moments: Moments,
        step: Tensor,
    },
}

impl Optimizer {
    /// For these parameters, which keep their gradients themselves.
    pub fn new(spec: &Spec, parameters: &Tensors) -> Result<Self> {
        let moments = |betas, eps, weight_decay, decoupled| Moments {
            betas,
            eps,
            weight_decay,
            decoupled,
        };
        match spec {
            Spec::Sgd(sgd) => Self::sgd(sgd, parameters),
            Spec::Rmsprop(rmsprop) => Self::rmsprop(rmsprop, parameters),
            &Spec::Adam(Adam {
                lr,
                betas,
                eps,
                weight_decay,
            }) => Self::adam(lr, moments(betas, eps, weight_decay, false), parameters),
            &Spec::Adamw(AdamW {
                lr,
                betas,
                eps,
                weight_decay,
            }) => Self::adam(lr, moments(betas, eps, weight_decay, true), parameters),
        }
    }

    /// The learning rate that the spec names; a schedule begins with it.
    pub fn lr(&self) -> f64 {
        self.lr
    }

    /// Forgets the gradients of the last step.
    pub fn zero_grad(&mut self) -> Result<()> {
        self.fused.zero_grad()
    }

    /// Changes the parameters by their gradients.
    pub fn step(&mut self, lr: f64) -> Result<()> {
        match &mut self.rule {
            Rule::Sgd {
                momentum,
                weight_decay,
                nesterov,
            } => self.fused.step_sgd(lr, *momentum, *weight_decay, *nesterov),
            Rule::Rmsprop(spread) => spread.step(lr),
            Rule::Adam { moments, step } => {
                let _ = step.f_add_scalar_(1.0)?;
                self.fused.step_adam(lr, *moments)
            }
        }
    }

    /// What the next step depends on, by name: `exp_avg.0.weight`, `step`. The tensors are its own, not copies.
    pub fn state(&self) -> &Tensors {
        &self.state
    }

    /// Puts back what `state` gave.
    pub fn restore(&mut self, state: &Tensors) -> Result<()> {
        copy_all(&self.state, state)
    }

    fn sgd(sgd: &Sgd, parameters: &Tensors) -> Result<Self> {
        let mut state = Tensors::new();
        let buffers = if sgd.momentum == 0.0 {
            Vec::new()
        } else {
            zeros(parameters, "momentum_buffer", &mut state)?
        };
        Ok(Self {
            rule: Rule::Sgd {
                momentum: sgd.momentum,
                weight_decay: sgd.weight_decay,
                nesterov: sgd.nesterov,
            },
            lr: sgd.lr,
            fused: Fused::sgd(&list(parameters), &buffers)?,
            state,
        })
    }

    fn rmsprop(spec: &Rmsprop, parameters: &Tensors) -> Result<Self> {
        let mut state = Tensors::new();
        let spread = Spread::new(spec, parameters, &mut state)?;
        Ok(Self {
            rule: Rule::Rmsprop(spread),
            lr: spec.lr,
            // There is no such kernel; it holds the gradients.
            fused: Fused::sgd(&list(parameters), &[])?,
            state,
        })
    }

    fn adam(lr: f64, moments: Moments, parameters: &Tensors) -> Result<Self> {
        let mut state = Tensors::new();
        let first = zeros(parameters, "exp_avg", &mut state)?;
        let second = zeros(parameters, "exp_avg_sq", &mut state)?;
        let device = parameters
            .first()
            .map_or(Device::Cpu, |(_, parameter)| parameter.device());
        let step = Tensor::f_zeros([0i64; 0], (Kind::Float, device))?;
        state.insert("step".to_owned(), step.shallow_clone());
        Ok(Self {
            fused: Fused::adam(&list(parameters), &first, &second, &step)?,
            rule: Rule::Adam { moments, step },
            lr,
            state,
        })
    }
}

pub fn list(parameters: &Tensors) -> Vec<Tensor> {
    parameters.values().map(Tensor::shallow_clone).collect()
}

/// A tensor of zeros for each parameter, known to the state under the parameter's name.
pub fn zeros(parameters: &Tensors, prefix: &str, state: &mut Tensors) -> Result<Vec<Tensor>> {
    let mut list = Vec::new();
    for (name, parameter) in parameters {
        let zeros = parameter.f_detach()?.f_zeros_like()?;
        state.insert(format!("{prefix}.{name}"), zeros.shallow_clone());
        list.push(zeros);
    }
    Ok(list)
}
