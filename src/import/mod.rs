//! A DVC pipeline becomes a spec that means the same, with a note on each thing that it could not carry over.
//! Reads files through a loader and writes none; knows DVC's format, and what can be said in a spec.

mod convert;
mod grammar;
mod group;
mod jobs;
mod note;
mod outs;
mod params;
mod place;
mod scope;
mod shell;
mod stage;
mod survey;
mod template;
mod top;
pub mod values;
mod vars;
mod write;
#[cfg(test)]
mod tests;

pub use self::{
    convert::from_dvc,
    note::{Note, Weight},
};

/// The folder that the spec is written to, as far as an import looks at it. Paths are relative to it.
pub trait Workspace {
    /// A file's text; `None` where there is no such file.
    fn read(&self, path: &str) -> Result<Option<String>, String>;
    /// Whether a file or folder is there.
    fn exists(&self, path: &str) -> bool;
    /// How many folders up the project reaches.
    fn levels_up(&self) -> usize;
}

/// A spec as text, and what there is to say of it.
#[derive(Clone, Debug)]
pub struct Imported {
    pub text: String,
    /// In the order of the files.
    pub notes: Vec<Note>,
    /// Stages of the spec.
    pub n_stages: usize,
    /// Whether outs of its commands are there already: they are DVC's, and not in pipe's store.
    pub has_outs: bool,
}
