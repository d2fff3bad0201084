//! Tables: reading, splitting, preprocessing, and the datasets that come of it.
//! Plain Rust, the same bytes on every machine; unaware of stages, stores and tensors.

pub mod limits;
pub mod error;
pub mod regular;
pub mod table;
pub mod infer;
mod moment;
mod stray;
pub mod split;
mod grid;
mod offsets;
pub mod dataset;
mod words;
mod block;
mod picture;
mod frame;
mod steps;
mod codes;
mod target;
mod summary;
mod write;
mod raw;
mod files;
mod join;
mod named;
mod windows;
pub mod prepare;
pub mod rows;
pub mod convert;

pub use self::{
    convert::convert,
    dataset::{Dataset, Features, Part, TargetValues},
    error::DataError,
    files::Files,
    grid::Grid,
    offsets::check_offsets,
    prepare::{Note, Summary, preprocess},
    raw::Raw,
    rows::{RawRows, input_schema, read_rows, read_rows_by, transform},
    target::find_class,
};
