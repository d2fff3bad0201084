//! Networks: from what is written to layers, from layers to tensors, and their files. Unaware of training and of stages.

pub mod file;
mod lower;
mod slots;
mod quantized;
mod net;

pub use self::{
    file::Tensors,
    lower::lower,
    net::{Net, copy_all},
    quantized::{Integers, QuantizedLinear, quantize},
    slots::{Slot, SlotKind, parameter_count, slots},
};
