//! YAML text -> located tree, within limits that no text can pass. The only place that names serde_yaml and saphyr.
//! Knows YAML, not the language.

mod offsets;
mod scalar;
mod syntax;
mod tree;

use std::thread;

use saphyr_parser::{Event, Parser, ScanError, Span as CharSpan, StrInput};

pub use self::scalar::value_of;
use self::{offsets::Offsets, tree::Builder};
use super::{Diagnostic, Node, Span};
use crate::threads::Ahead;

/// Larger files are refused.
const MOST_BYTES: usize = 4 << 20;
/// Longer texts are parsed on another core than the tree is built on.
const LONG: usize = 64 << 10;
/// Events that go from one core to another at once.
const EVENTS: usize = 2048;
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
    if text.len() > MOST_BYTES {
        let title = format!("the file is larger than {} MiB", MOST_BYTES >> 20);
        return Err(vec![Diagnostic::error(title).at(nowhere(file), "")]);
    }
    let offsets = Offsets::new(text, file);
    let events = || Events::of(&offsets);
    if text.len() < LONG {
        return build(text, &offsets, events());
    }
    thread::scope(|scope| build(text, &offsets, Ahead::spawn(scope, EVENTS, &events)))
}

/// What the parser says, with its places in the text. It says nothing after an error.
struct Events<'a> {
    parser: Parser<'a, StrInput<'a>>,
    offsets: &'a Offsets<'a>,
    has_failed: bool,
}

impl<'a> Events<'a> {
    fn of(offsets: &'a Offsets<'a>) -> Self {
        Self {
            parser: Parser::new_from_str(offsets.text()),
            offsets,
            has_failed: false,
        }
    }
}

impl<'a> Iterator for Events<'a> {
    type Item = Result<(Event<'a>, Span), ScanError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_failed {
            return None;
        }
        let next = self.parser.next_event()?;
        self.has_failed = next.is_err();
        Some(next.map(|(event, place)| (event, self.offsets.span(place))))
    }
}

fn build<'a>(
    text: &str,
    offsets: &Offsets<'_>,
    events: impl Iterator<Item = <Events<'a> as Iterator>::Item>,
) -> Result<Tree, Vec<Diagnostic>> {
    let file = offsets.file;
    let mut builder = Builder::new(text, file);
    let mut n_documents = 0;
    for next in events {
        let (event, span) = match next {
            Ok(next) => next,
            Err(error) => {
                let at = offsets.byte(error.marker().index());
                builder
                    .found
                    .push(syntax::explain(text, file, at, error.info()));
                return Err(builder.found);
            }
        };
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
            .at(nowhere(file), "")
            .hint("`pipe init` writes a first spec"),
    );
    Err(builder.found)
}

/// The file as a whole.
fn nowhere(file: u32) -> Span {
    Span {
        file,
        start: 0,
        end: 0,
    }
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
