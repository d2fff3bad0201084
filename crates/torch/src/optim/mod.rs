//! How parameters are changed: optimizers, learning rates, bounds on gradients. Formulas are PyTorch's.
//! Unaware of networks: parameters are tensors with names.

mod clip;
mod optimizer;
mod rmsprop;
mod schedule;

pub use self::{clip::clip, optimizer::Optimizer, schedule::Schedule};

#[cfg(test)]
mod tests;
