//! Tensor work.

pub mod metric;
