//! State of the whole process: random generators, determinism, what libtorch and the machine are, the allocator.

use std::{
    ffi::{CStr, c_int},
    ptr::null_mut,
};

use tch::{Device, Tensor};

use super::{check, ffi, pointer};
use crate::error::{Error, Result};

/// The state of the device's default generator, as bytes in a tensor on the CPU.
pub fn rng_state(device: Device) -> Result<Tensor> {
    let mut state = null_mut();
    // SAFETY: the shim writes a pointer to a new tensor or fails; `check` keeps us from using it then. The pointer is
    // owned by the Tensor made of it.
    unsafe {
        check(ffi::shim_rng_state(device.is_cuda(), &raw mut state))?;
        Ok(Tensor::from_ptr(state))
    }
}

/// Puts back what `rng_state` gave.
pub fn set_rng_state(device: Device, state: &Tensor) -> Result<()> {
    // SAFETY: the pointer is that of a live tensor; the shim copies its bytes and checks their number.
    unsafe { check(ffi::shim_set_rng_state(device.is_cuda(), pointer(state))) }
}

/// From now on equal inputs give equal bits, in full f32; an operator that cannot do so is an error.
pub fn be_deterministic() -> Result<()> {
    // SAFETY: sets a variable of the environment. The only other thread of a job listens on its socket and reads none.
    unsafe { check(ffi::shim_be_deterministic()) }
}

/// libtorch's version.
pub fn libtorch_version() -> String {
    // SAFETY: a string constant that ends in a zero byte.
    let version = unsafe { CStr::from_ptr(ffi::shim_libtorch_version()) };
    version.to_string_lossy().into_owned()
}

/// libtorch's name for the instruction set it uses: `AVX512`.
pub fn cpu_capability() -> Result<String> {
    let mut name = std::ptr::null();
    // SAFETY: the shim writes the address of a string that is never freed, or fails and `check` returns.
    let name = unsafe {
        check(ffi::shim_cpu_capability(&raw mut name))?;
        CStr::from_ptr(name)
    };
    Ok(name.to_string_lossy().into_owned())
}

/// The compute capability of the first GPU, as (major, minor).
pub fn cuda_capability() -> Result<(u32, u32)> {
    let (mut major, mut minor): (c_int, c_int) = (0, 0);
    // SAFETY: both point to integers that live through the call.
    unsafe { check(ffi::shim_cuda_capability(&raw mut major, &raw mut minor))? };
    match (u32::try_from(major), u32::try_from(minor)) {
        (Ok(major), Ok(minor)) => Ok((major, minor)),
        _ => Err(Error::bug(format!("compute capability {major}.{minor}"))),
    }
}

/// Keeps freed memory for the next step of training. To be called before any tensor is made.
pub fn tune_allocator() {
    // SAFETY: mallopt with constants.
    unsafe { ffi::shim_tune_allocator() }
}
