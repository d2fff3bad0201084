//! Networks: from what is written to layers, from layers to tensors, and their files. Unaware of training and of stages.

pub mod file;
mod lower;
mod slots;
mod net;

pub use self::{
    file::Tensors,
    lower::lower,
    net::Net,
    slots::{Slot, SlotKind, parameter_count, slots},
};
