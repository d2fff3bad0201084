//! Tables: reading, splitting, preprocessing, and the datasets that come of it.
//! Plain Rust, the same bytes on every machine; unaware of stages, stores and tensors.

pub mod limits;
pub mod error;
pub mod regular;
pub mod table;
pub mod infer;
mod moment;
pub mod stray;
mod written;
pub mod recognize;
mod tell;
pub mod split;
mod grid;
mod offsets;
pub mod dataset;
mod categories;
mod words;
mod met;
mod block;
mod picture;
mod sparse;
mod frame;
mod size;
mod features;
mod steps;
mod codes;
mod target;
mod summary;
mod write;
mod raw;
mod file_names;
mod files;
mod input;
mod join;
mod named;
mod windows;
pub mod prepare;
mod sniff;
mod foreign;
pub mod rows;
mod input_schema;
mod refit;
mod seen;
pub mod convert;

pub use self::{
    convert::convert,
    dataset::{Dataset, FeatureRows, Features, Part, SparseRows, TargetValues},
    error::DataError,
    file_names::CommonFolder,
    files::Files,
    grid::Grid,
    input_schema::input_schema,
    offsets::check_offsets,
    prepare::{Note, Summary, forecast, preprocess, preprocess_within},
    raw::Raw,
    rows::{RawRows, read_rows, read_rows_by, transform, transform_and_count, transform_rows},
    seen::SeenRows,
    sniff::form_of_rows,
    target::find_class,
};
