//! What tch leaves out, from the C++ in `shim/`: any operator, fused optimizers, generator state, TorchScript from source.
//! Safe to call. All `unsafe` of the crate is here; knows nothing of networks and stages.

mod ffi;
mod context;
mod fused;
mod operator;
mod script;

use std::ffi::{CStr, CString, c_int};

use tch::Tensor;

pub use self::{
    context::{
        be_deterministic, cpu_capability, cuda_capability, libtorch_version, rng_state,
        set_rng_state, tune_allocator,
    },
    fused::{Fused, Moments},
    operator::{Argument, Operator, Value},
    script::Script,
};
use crate::error::{Error, Result};

/// The answer of an entry point as a result.
fn check(code: c_int) -> Result<()> {
    if code == 0 {
        return Ok(());
    }
    // SAFETY: the shim returns a pointer to a string that ends in a zero byte; it is this thread's and stands until
    // the next call into the shim, and it is copied before that.
    let text = unsafe { CStr::from_ptr(ffi::shim_last_error()) };
    Err(Error::libtorch(&text.to_string_lossy()))
}

/// A text for C. Ours have no zero bytes; one that does is cut there.
fn c_string(text: &str) -> CString {
    let end = text.find('\0').unwrap_or(text.len());
    CString::new(&text[..end]).unwrap_or_default()
}

fn pointer(tensor: &Tensor) -> *mut torch_sys::C_tensor {
    tensor.as_ptr().cast_mut()
}

fn pointers(tensors: &[Tensor]) -> Vec<*mut torch_sys::C_tensor> {
    tensors.iter().map(pointer).collect()
}

#[cfg(test)]
mod tests;
