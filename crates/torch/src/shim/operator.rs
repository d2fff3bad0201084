//! Any operator of libtorch by its name: `quantized::linear_dynamic`. Arguments are checked by libtorch, when called.

use std::{ffi::c_int, ptr::null_mut};

use tch::Tensor;
use torch_sys::CIValue;

use super::{c_string, check, ffi, pointer};
use crate::error::{Error, Result};

/// An operator.
pub struct Operator(*mut ffi::Opaque);

/// An argument of an operator.
#[derive(Clone, Copy)]
pub enum Argument<'a> {
    Tensor(&'a Tensor),
    Value(&'a Value),
    None,
    Int(i64),
    Double(f64),
    Bool(bool),
}

/// What an operator gave: a tensor, or an object such as packed weights.
pub struct Value(*mut CIValue);

impl Operator {
    /// The operator `namespace::name` of the default overload.
    pub fn find(name: &str) -> Result<Self> {
        let (name, overload) = (c_string(name), c_string(""));
        let mut handle = null_mut();
        // SAFETY: both strings live through the call; the shim writes a new handle or fails and `check` returns.
        unsafe {
            check(ffi::shim_operator_find(
                name.as_ptr(),
                overload.as_ptr(),
                &raw mut handle,
            ))?;
        }
        Ok(Self(handle))
    }

    /// Calls it; arguments left out at the end take their defaults. Gives its first result.
    pub fn call(&self, arguments: &[Argument]) -> Result<Value> {
        let arguments: Vec<Value> = arguments.iter().map(|a| a.boxed()).collect();
        let mut pointers: Vec<*mut CIValue> = arguments.iter().map(|value| value.0).collect();
        let mut out = null_mut();
        // SAFETY: `pointers` holds as many live values as is said; the shim copies them. It writes a new value that
        // the result then owns, or fails and `check` returns.
        unsafe {
            check(ffi::shim_operator_call(
                self.0,
                pointers.as_mut_ptr(),
                pointers.len() as c_int,
                &raw mut out,
            ))?;
        }
        Ok(Value(out))
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        // SAFETY: made by `shim_operator_find` and freed once.
        unsafe { ffi::shim_operator_free(self.0) }
    }
}

impl Argument<'_> {
    fn boxed(self) -> Value {
        // SAFETY: torch-sys makes a new value of what it is given and shares the tensor or object, which are live.
        Value(unsafe {
            match self {
                Argument::Tensor(tensor) => torch_sys::ati_tensor(pointer(tensor)),
                Argument::Value(value) => torch_sys::ati_clone(value.0),
                Argument::None => torch_sys::ati_none(),
                Argument::Int(int) => torch_sys::ati_int(int),
                Argument::Double(double) => torch_sys::ati_double(double),
                Argument::Bool(bool) => torch_sys::ati_bool(c_int::from(bool)),
            }
        })
    }
}

impl Value {
    /// A value that holds a tensor.
    pub fn of(tensor: &Tensor) -> Self {
        Argument::Tensor(tensor).boxed()
    }

    /// The tensor in it.
    pub fn tensor(&self) -> Result<Tensor> {
        const TENSOR: c_int = 1;
        // SAFETY: the value is live; its tag is looked at before it is taken for a tensor, and the new pointer is
        // owned by the Tensor made of it.
        unsafe {
            if torch_sys::ati_tag(self.0) != TENSOR {
                return Err(Error::bug("an operator gave no tensor"));
            }
            Ok(Tensor::from_ptr(torch_sys::ati_to_tensor(self.0)))
        }
    }

    pub(super) fn pointer(&self) -> *const CIValue {
        self.0
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        // SAFETY: each value is made by torch-sys or the shim with `new` and freed once.
        unsafe { torch_sys::ati_free(self.0) }
    }
}
