//! The entry points of the C++ shim, as they are declared there. The modules beside this one make them safe.

use std::ffi::{c_char, c_int};

use torch_sys::{C_tensor, CIValue};

/// `c10::OperatorHandle`, `Fused` and `torch::jit::Module`: known by address only.
#[repr(C)]
pub struct Opaque {
    _private: [u8; 0],
}

unsafe extern "C" {
    pub fn shim_last_error() -> *const c_char;

    pub fn shim_operator_find(
        name: *const c_char,
        overload: *const c_char,
        out: *mut *mut Opaque,
    ) -> c_int;
    pub fn shim_operator_free(handle: *mut Opaque);
    pub fn shim_operator_call(
        handle: *const Opaque,
        arguments: *mut *mut CIValue,
        count: c_int,
        out: *mut *mut CIValue,
    ) -> c_int;

    pub fn shim_fused_new(
        parameters: *mut *mut C_tensor,
        first: *mut *mut C_tensor,
        second: *mut *mut C_tensor,
        count: c_int,
        step: *mut C_tensor,
        out: *mut *mut Opaque,
    ) -> c_int;
    pub fn shim_fused_free(fused: *mut Opaque);
    pub fn shim_fused_adam(
        fused: *mut Opaque,
        decoupled: bool,
        lr: f64,
        beta1: f64,
        beta2: f64,
        weight_decay: f64,
        eps: f64,
    ) -> c_int;
    pub fn shim_fused_sgd(
        fused: *mut Opaque,
        lr: f64,
        momentum: f64,
        weight_decay: f64,
        nesterov: bool,
    ) -> c_int;
    pub fn shim_fused_zero_grad(fused: *mut Opaque) -> c_int;

    pub fn shim_rng_state(cuda: bool, out: *mut *mut C_tensor) -> c_int;
    pub fn shim_set_rng_state(cuda: bool, state: *const C_tensor) -> c_int;
    pub fn shim_be_deterministic() -> c_int;
    pub fn shim_libtorch_version() -> *const c_char;
    pub fn shim_cpu_capability(out: *mut *const c_char) -> c_int;
    pub fn shim_cuda_capability(major: *mut c_int, minor: *mut c_int) -> c_int;
    pub fn shim_tune_allocator();

    pub fn shim_script_new(name: *const c_char, out: *mut *mut Opaque) -> c_int;
    pub fn shim_script_free(module: *mut Opaque);
    pub fn shim_script_parameter(
        module: *mut Opaque,
        name: *const c_char,
        value: *const C_tensor,
    ) -> c_int;
    pub fn shim_script_buffer(
        module: *mut Opaque,
        name: *const c_char,
        value: *const C_tensor,
    ) -> c_int;
    pub fn shim_script_module(
        module: *mut Opaque,
        name: *const c_char,
        part: *const Opaque,
    ) -> c_int;
    pub fn shim_script_attribute(
        module: *mut Opaque,
        name: *const c_char,
        value: *const CIValue,
    ) -> c_int;
    pub fn shim_script_define(module: *mut Opaque, source: *const c_char) -> c_int;
    pub fn shim_script_freeze(module: *const Opaque, out: *mut *mut Opaque) -> c_int;
    pub fn shim_script_save(module: *const Opaque, path: *const c_char) -> c_int;
    pub fn shim_script_forward(
        module: *mut Opaque,
        input: *const C_tensor,
        out: *mut *mut C_tensor,
    ) -> c_int;
}
