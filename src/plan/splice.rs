//! Values in a command: each is quoted as a word for where it stands in the shell's text. Knows values and text, not stages.

use std::borrow::Cow;

use super::{
    interpolate::{Looked, Piece, Scope, Splice, inside, no_text, not_closed, split},
    shell::{self, Obstacle, Position, Unit},
};
use crate::spec::{Diagnostic, Entry, Node, Span, Value};

/// A path as bad as paths get. Where it can be quoted, the folder of a project may have any name.
const ODD_PATH: &str = "/a b/it's \"$x\"";

/// A piece of a command whose names were looked up.
enum Part<'t> {
    Text(Cow<'t, str>),
    /// `$${`.
    Escape,
    Value {
        value: Node,
        origin: Option<Span>,
        whole: &'t str,
    },
    /// Bound later: an axis, an input, an output.
    Later {
        name: &'t str,
        whole: &'t str,
    },
}

impl Scope<'_> {
    /// How values get into the text of a `command` block: quoted, unless its `raw` says otherwise.
    pub fn splice_of(&self, block: &Node) -> Splice {
        let raw = block.get("raw").map(|it| self.bind(it, &mut Vec::new()));
        if raw.is_some_and(|it| it.value == Value::Bool(true)) {
            Splice::Raw
        } else {
            Splice::Quoted
        }
    }

    /// A `command` block with its names bound.
    pub fn bind_block(
        mut self,
        block: &Node,
        entries: &[Entry],
        found: &mut Vec<Diagnostic>,
    ) -> Node {
        let splice = self.splice_of(block);
        let entries = entries.iter().map(|it| {
            self.splice = (it.key == "cmd").then_some(splice);
            self.bind_entry(it, found)
        });
        Node {
            value: Value::Map(entries.collect()),
            ..*block
        }
    }

    /// A shell's text with its names bound.
    pub(super) fn bind_command(
        &self,
        node: &Node,
        text: &str,
        splice: Splice,
        found: &mut Vec<Diagnostic>,
    ) -> Node {
        let pieces = split(text);
        let is_alone = pieces.len() == 1;
        let mut parts = Vec::with_capacity(pieces.len());
        for piece in pieces {
            parts.push(match piece {
                Piece::Text(text) => Part::Text(text.into()),
                Piece::Escape => Part::Escape,
                Piece::Open(rest) => {
                    found.push(not_closed(inside(node, text, rest)));
                    Part::Text(rest.into())
                }
                Piece::Name { name, whole } => {
                    match self.look_up(name, whole, inside(node, text, whole), found) {
                        Looked::Value(value, origin) => {
                            let is_list = matches!(value.value, Value::List(_));
                            match splice {
                                Splice::Raw if is_list && is_alone => {
                                    return self.bind_text(node, text, found);
                                }
                                Splice::Raw if !is_list => {
                                    Part::Text(value.value.canonical().into())
                                }
                                Splice::Quoted if is_list && is_alone => {
                                    found.push(list_of_commands(whole, node.span, origin));
                                    return node.clone();
                                }
                                _ => Part::Value {
                                    value,
                                    origin,
                                    whole,
                                },
                            }
                        }
                        Looked::Stays => Part::Later { name, whole },
                        Looked::Unknown => Part::Text(whole.into()),
                    }
                }
            });
        }
        let bound = self.written(&parts, splice, &|whole| inside(node, text, whole), found);
        self.bound(node, bound, found)
    }

    fn written(
        &self,
        parts: &[Part<'_>],
        splice: Splice,
        inside: &dyn Fn(&str) -> Span,
        found: &mut Vec<Diagnostic>,
    ) -> String {
        let mut positions = shell::positions(&units(parts)).into_iter();
        let mut bound = String::new();
        for part in parts {
            match part {
                Part::Text(text) => bound.push_str(text),
                // While axes are open the text is bound once more, so the escape stays.
                Part::Escape if self.axes.is_none() => bound.push_str("$${"),
                Part::Escape => bound.push_str("${"),
                Part::Later { name, whole } => {
                    let obstacle = positions
                        .next()
                        .and_then(|it| shell::splice(&it, ODD_PATH).err());
                    // Told once: at first, unless values that come later are shell text, too.
                    let is_told = self.axes.is_none() == (splice == Splice::Quoted)
                        && !name.starts_with("matrix.");
                    if let Some(obstacle) = obstacle.filter(|_| is_told) {
                        found.push(unquotable(whole, obstacle, inside(whole), "a path"));
                    }
                    bound.push_str(whole);
                }
                Part::Value {
                    value,
                    origin,
                    whole,
                } => {
                    let Some(position) = positions.next() else {
                        continue;
                    };
                    match self.word(value, &position, splice) {
                        Ok(word) => bound.push_str(&word),
                        Err(Some(obstacle)) => {
                            let label = format!("its value is {:?}", value.value.canonical());
                            let error = unquotable(whole, obstacle, inside(whole), &label);
                            found.push(error.at_some(*origin, "set here"));
                            bound.push_str(whole);
                        }
                        Err(None) => {
                            let error = no_text(whole, &value.value, inside(whole), *origin);
                            found.push(error.hint(
                                "alone between blanks, outside of quotes, each item of a list becomes a word",
                            ));
                            bound.push_str(whole);
                        }
                    }
                }
            }
        }
        bound
    }

    /// A value as a word, a list as several. Nothing is the error of what is no text.
    fn word(
        &self,
        node: &Node,
        position: &Position,
        splice: Splice,
    ) -> Result<String, Option<Obstacle>> {
        // A var holds `$${` for `${`, which the second binding would take for an escape.
        let text = |node: &Node| {
            let text = node.value.canonical();
            if self.axes.is_none() {
                text.replace("$${", "${")
            } else {
                text
            }
        };
        let items = match &node.value {
            Value::List(items) => items,
            Value::Map(_) => return Err(None),
            _ => return shell::splice(position, &text(node)).map_err(Some),
        };
        let is_flat = !(items.iter()).any(|it| matches!(it.value, Value::List(_) | Value::Map(_)));
        let free = match position {
            Position::NoOption(free) => free,
            _ => position,
        };
        match free {
            Position::Unquoted { is_word: true, .. } if is_flat && splice == Splice::Quoted => {
                let words = items.iter().map(|it| shell::splice(position, &text(it)));
                let words: Vec<String> = words.collect::<Result<_, _>>().map_err(Some)?;
                Ok(words.join(" "))
            }
            _ => Err(None),
        }
    }
}

fn units(parts: &[Part<'_>]) -> Vec<Unit> {
    let mut units = Vec::new();
    for part in parts {
        match part {
            Part::Text(text) => units.extend(text.chars().map(Unit::Char)),
            Part::Escape => units.extend(['$', '{'].map(Unit::Char)),
            Part::Value { .. } | Part::Later { .. } => units.push(Unit::Placeholder),
        }
    }
    units
}

fn unquotable(whole: &str, obstacle: Obstacle, span: Span, label: &str) -> Diagnostic {
    let title = format!("`{whole}` cannot be quoted {}", obstacle.place());
    let error = Diagnostic::error(title).at(span, label).unreadable();
    error.hint(obstacle.hint().replace("${…}", whole))
}

fn list_of_commands(whole: &str, span: Span, origin: Option<Span>) -> Diagnostic {
    Diagnostic::error(format!("`{whole}` is a list of commands from a var"))
        .at(span, "run as they are")
        .at_some(origin, "set here")
        .unreadable()
        .hint("write the commands here; `raw: true` takes them from the var if you trust whoever sets it")
}
