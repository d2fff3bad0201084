//! One function for each reader of bytes that come from elsewhere. Whatever the bytes are, it returns: with what was read or
//! with an error, never by a panic, and with memory in proportion. cargo-fuzz calls them, and so do the tests of the corpus.

mod document;
mod input;
mod journal;
mod package;
mod table;
mod wire;

/// A reader by the name of its target, which is that of its folder in `corpus`.
pub type Target = (&'static str, fn(&[u8]));

/// All readers.
pub const TARGETS: [Target; 16] = [
    ("csv", table::csv),
    ("jsonl", table::jsonl),
    ("parquet", table::parquet),
    ("npz", table::npz),
    ("idx", table::idx),
    ("text", table::text),
    ("images", table::images),
    ("dataset", table::dataset),
    ("package", package::package),
    ("safetensors", package::safetensors),
    ("spec", document::spec),
    ("dvc", document::dvc),
    ("pick", document::pick),
    ("wire", wire::messages),
    ("journal", journal::journal),
    ("run_log", journal::run_log),
];

/// Calls the reader of this name.
///
/// # Panics
/// If there is none.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|it| it.0 == name);
    target.expect("the target has a reader").1(bytes);
}
