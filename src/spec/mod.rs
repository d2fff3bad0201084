//! YAML -> Spec: a located tree, and errors drawn with the source line and a caret.
//! Reads text, not files; knows YAML and places, not what stages mean.

pub mod node;
pub mod diagnostic;
pub mod suggest;
pub mod yaml;
mod content;
mod decode;

use std::sync::Arc;

pub use self::{
    diagnostic::{Diagnostic, Diagnostics, Severity},
    node::{Entry, Node, Span, Value},
};

/// A file as read by the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// As it is shown in messages.
    pub path: String,
    pub text: String,
}

/// A spec as written. Blocks are not decoded: their vars are not bound yet.
#[derive(Clone, Debug)]
pub struct Spec {
    pub source: Arc<Source>,
    pub root: Node,
    /// What is wrong but leaves a tree: duplicate keys, scalars that readers differ on.
    /// `plan::resolve` reports it together with what it finds itself.
    pub found: Vec<Diagnostic>,
}

/// Reads a spec. Fails where no tree can be had: a syntax error, a limit.
pub fn parse(source: Source) -> Result<Spec, Diagnostics> {
    let source = Arc::new(source);
    match yaml::read(&source.text, 0) {
        Ok(tree) => Ok(Spec {
            source,
            root: tree.root,
            found: tree.found,
        }),
        Err(found) => Err(Diagnostics::new(vec![source], found)),
    }
}
