//! YAML text -> located tree, within limits that no text can pass. The only place that names serde_yaml and saphyr.
//! Knows YAML, not the language.

mod offsets;
mod scalar;
mod syntax;
mod tree;

use saphyr_parser::{Event, Parser, Span as CharSpan};

pub use self::scalar::value_of;
use self::{offsets::Offsets, tree::Builder};
use super::{Diagnostic, Node, Span};

/// Larger files are refused.
const MOST_BYTES: usize = 4 << 20;
/// Deeper nesting is refused.
const MOST_DEPTH: usize = 64;
/// More keys, items and values are refused.
const MOST_NODES: usize = 1_000_000;

/// A tree, and what is wrong with it that leaves it a tree.
#[derive(Debug)]
pub struct Tree {
    pub root: Node,
    pub found: Vec<Diagnostic>,
}

/// Reads one document. `file` is what spans name.
pub fn read(text: &str, file: u32) -> Result<Tree, Vec<Diagnostic>> {
    let whole = Span {
        file,
        start: 0,
        end: 0,
    };
    if text.len() > MOST_BYTES {
        let title = format!("the file is larger than {} MiB", MOST_BYTES >> 20);
        return Err(vec![Diagnostic::error(title).at(whole, "")]);
    }
    let offsets = Offsets::new(text, file);
    let mut builder = Builder::new(text, file);
    let mut parser = Parser::new_from_str(offsets.text());
    let mut n_documents = 0;
    while let Some(next) = parser.next_event() {
        let (event, place) = match next {
            Ok(next) => next,
            Err(error) => {
                let at = offsets.byte(error.marker().index());
                builder
                    .found
                    .push(syntax::explain(text, file, at, error.info()));
                return Err(builder.found);
            }
        };
        let span = offsets.span(place);
        if matches!(event, Event::DocumentStart(_)) {
            n_documents += 1;
            if n_documents > 1 {
                let error = Diagnostic::error("more than one YAML document in the file")
                    .at(span, "a second one starts here")
                    .hint("a spec is one document; remove the `---`");
                builder.found.push(error);
                return Err(builder.found);
            }
        }
        if let Err(fatal) = builder.take(event, span) {
            builder.found.push(fatal);
            return Err(builder.found);
        }
    }
    if let Some(root) = builder.root {
        return Ok(Tree {
            root,
            found: builder.found,
        });
    }
    builder.found.push(
        Diagnostic::error("the file is empty")
            .at(whole, "")
            .hint("`pipe init` writes a first spec"),
    );
    Err(builder.found)
}

impl Offsets<'_> {
    fn span(&self, place: CharSpan) -> Span {
        Span {
            file: self.file,
            start: self.byte(place.start.index()) as u32,
            end: self.byte(place.end.index()) as u32,
        }
    }
}

#[cfg(test)]
mod tests;
