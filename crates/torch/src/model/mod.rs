//! Networks: from what is written to layers, from layers to tensors, and their files. Unaware of training and of stages.

pub mod file;
mod embed;
mod lower;
mod quantized;
mod net;

#[cfg(test)]
mod golden;

pub use pipe_schema::slot::{Slot, SlotKind, parameter_count, slots};

pub use self::{
    file::Tensors,
    lower::lower,
    net::{Net, copy_all},
    quantized::{Integers, QuantizedLinear, quantize},
};
