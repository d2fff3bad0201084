//! Tensor work.
