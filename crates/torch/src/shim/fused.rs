//! libtorch's fused optimizer kernels: one call a step. Knows the arithmetic's order, not where its numbers come from.

use std::{ffi::c_int, ptr::null_mut};

use tch::Tensor;

use super::{check, ffi, pointer, pointers};
use crate::error::{Error, Result};

/// Parameters with the optimizer state that belongs to them, held by libtorch for the next step.
pub struct Fused(*mut ffi::Opaque);

/// The settings of an Adam step.
#[derive(Clone, Copy, Debug)]
pub struct Moments {
    pub betas: [f64; 2],
    pub eps: f64,
    pub weight_decay: f64,
    /// Weight decay is apart from the gradient: AdamW.
    pub decoupled: bool,
}

impl Fused {
    /// For `adam`: first and second moments, one for each parameter, and the step count, which the caller raises.
    pub fn adam(
        parameters: &[Tensor],
        first: &[Tensor],
        second: &[Tensor],
        step: &Tensor,
    ) -> Result<Self> {
        same_length(parameters, first)?;
        same_length(parameters, second)?;
        let (mut first, mut second) = (pointers(first), pointers(second));
        Self::new(
            parameters,
            first.as_mut_ptr(),
            second.as_mut_ptr(),
            pointer(step),
        )
    }

    /// For `sgd`: momentum buffers, one for each parameter, or none.
    pub fn sgd(parameters: &[Tensor], momentum: &[Tensor]) -> Result<Self> {
        if momentum.is_empty() {
            return Self::new(parameters, null_mut(), null_mut(), null_mut());
        }
        same_length(parameters, momentum)?;
        let mut momentum = pointers(momentum);
        Self::new(parameters, momentum.as_mut_ptr(), null_mut(), null_mut())
    }

    /// A step of Adam or AdamW.
    pub fn step_adam(&mut self, lr: f64, by: Moments) -> Result<()> {
        let [beta1, beta2] = by.betas;
        // SAFETY: the handle is live until drop. The kernel reads and writes tensors that the handle owns a share of.
        unsafe {
            check(ffi::shim_fused_adam(
                self.0,
                by.decoupled,
                lr,
                beta1,
                beta2,
                by.weight_decay,
                by.eps,
            ))
        }
    }

    /// A step of SGD.
    pub fn step_sgd(
        &mut self,
        lr: f64,
        momentum: f64,
        weight_decay: f64,
        nesterov: bool,
    ) -> Result<()> {
        // SAFETY: as in `step_adam`.
        unsafe {
            check(ffi::shim_fused_sgd(
                self.0,
                lr,
                momentum,
                weight_decay,
                nesterov,
            ))
        }
    }

    /// Forgets the gradients.
    pub fn zero_grad(&mut self) -> Result<()> {
        // SAFETY: the handle is live until drop.
        unsafe { check(ffi::shim_fused_zero_grad(self.0)) }
    }

    fn new(
        parameters: &[Tensor],
        first: *mut *mut torch_sys::C_tensor,
        second: *mut *mut torch_sys::C_tensor,
        step: *mut torch_sys::C_tensor,
    ) -> Result<Self> {
        let mut parameters = pointers(parameters);
        let mut fused = null_mut();
        // SAFETY: each list is null or as long as `parameters` (checked by the callers) and holds pointers to live
        // tensors; the shim copies the handles and keeps no pointer of ours.
        unsafe {
            check(ffi::shim_fused_new(
                parameters.as_mut_ptr(),
                first,
                second,
                parameters.len() as c_int,
                step,
                &raw mut fused,
            ))?;
        }
        Ok(Self(fused))
    }
}

impl Drop for Fused {
    fn drop(&mut self) {
        // SAFETY: made by `shim_fused_new` and freed once.
        unsafe { ffi::shim_fused_free(self.0) }
    }
}

fn same_length(parameters: &[Tensor], state: &[Tensor]) -> Result<()> {
    if parameters.len() == state.len() {
        return Ok(());
    }
    Err(Error::bug("optimizer state does not fit its parameters"))
}
