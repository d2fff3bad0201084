//! Tables: reading, splitting, preprocessing, and the datasets that come of it.
//! Plain Rust, the same bytes on every machine; unaware of stages, stores and tensors.

pub mod error;
pub mod dataset;
pub mod rows;
pub mod prepare;
pub mod convert;

pub use self::{
    convert::convert,
    dataset::{Dataset, Features, Part, TargetValues},
    error::DataError,
    prepare::{Files, Note, Summary, preprocess},
    rows::{RawRows, read_rows, transform},
};
