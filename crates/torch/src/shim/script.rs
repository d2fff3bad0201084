//! TorchScript modules from source text. Knows nothing of networks: it is given text and tensors.

use std::{path::Path, ptr::null_mut};

use tch::Tensor;

use super::{Value, c_string, check, ffi, pointer};
use crate::error::{Error, Result};

/// A TorchScript module.
pub struct Script(*mut ffi::Opaque);

impl Script {
    /// An empty module; `name` is its class in the file.
    pub fn new(name: &str) -> Result<Self> {
        let name = c_string(name);
        let mut module = null_mut();
        // SAFETY: the string lives through the call; the shim writes a new module or fails and `check` returns.
        unsafe { check(ffi::shim_script_new(name.as_ptr(), &raw mut module))? };
        Ok(Self(module))
    }

    /// A tensor that the source reads as `self.<name>` and that PyTorch lists as a parameter.
    pub fn parameter(&mut self, name: &str, tensor: &Tensor) -> Result<()> {
        let name = c_string(name);
        // SAFETY: module, string and tensor are live; the module takes a share of the tensor.
        unsafe {
            check(ffi::shim_script_parameter(
                self.0,
                name.as_ptr(),
                pointer(tensor),
            ))
        }
    }

    /// Likewise, but PyTorch lists it as a buffer.
    pub fn buffer(&mut self, name: &str, tensor: &Tensor) -> Result<()> {
        let name = c_string(name);
        // SAFETY: as for `parameter`.
        unsafe {
            check(ffi::shim_script_buffer(
                self.0,
                name.as_ptr(),
                pointer(tensor),
            ))
        }
    }

    /// A module in it, which the source reads as `self.<name>`. Nothing is added to that one later.
    pub fn module(&mut self, name: &str, module: &Script) -> Result<()> {
        let name = c_string(name);
        // SAFETY: both modules and the string are live; this one takes a share of the other.
        unsafe { check(ffi::shim_script_module(self.0, name.as_ptr(), module.0)) }
    }

    /// A value that the source reads as `self.<name>`: a tensor, or packed weights.
    pub fn attribute(&mut self, name: &str, value: &Value) -> Result<()> {
        let name = c_string(name);
        // SAFETY: module, string and value are live; the module takes a share of the value.
        unsafe {
            check(ffi::shim_script_attribute(
                self.0,
                name.as_ptr(),
                value.pointer(),
            ))
        }
    }

    /// Adds methods: `def forward(self, x: Tensor) -> Tensor: …`. `ops.namespace.name(…)` calls any operator.
    pub fn define(&mut self, source: &str) -> Result<()> {
        let source = c_string(source);
        // SAFETY: module and string are live through the call.
        unsafe { check(ffi::shim_script_define(self.0, source.as_ptr())) }
    }

    /// The module for inference alone, with its tensors folded into the code.
    pub fn freeze(&self) -> Result<Self> {
        let mut module = null_mut();
        // SAFETY: the module is live; the shim works on a copy and writes a new module or fails and `check` returns.
        unsafe { check(ffi::shim_script_freeze(self.0, &raw mut module))? };
        Ok(Self(module))
    }

    /// Writes it as PyTorch's `torch.jit.load` reads it.
    pub fn save(&self, path: &Path) -> Result<()> {
        let text = path
            .to_str()
            .ok_or_else(|| Error::unreadable(path, "the path is not UTF-8"))?;
        let text = c_string(text);
        // SAFETY: module and string are live through the call.
        unsafe {
            check(ffi::shim_script_save(self.0, text.as_ptr())).map_err(|e| e.at(path.display()))
        }
    }

    /// Runs `forward`, without gradients.
    pub fn forward(&self, input: &Tensor) -> Result<Tensor> {
        let mut output = null_mut();
        // SAFETY: module and tensor are live; the shim writes a new tensor, which the result owns, or fails.
        unsafe {
            check(ffi::shim_script_forward(
                self.0,
                pointer(input),
                &raw mut output,
            ))?;
            Ok(Tensor::from_ptr(output))
        }
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // SAFETY: made by the shim and freed once.
        unsafe { ffi::shim_script_free(self.0) }
    }
}
