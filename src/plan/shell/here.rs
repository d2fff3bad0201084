//! Here-documents: their delimiters, and the placeholders in their bodies.

use super::{HereLine, Obstacle, Position, Unit, lexer::Lexer};

/// A document whose body begins on the next line.
pub(super) struct HereDocument {
    /// A shell reads it as code.
    pub is_code: bool,
    delimiter: String,
    is_literal: bool,
    strips_tabs: bool,
}

impl Lexer<'_> {
    /// The word behind `<<`.
    pub fn delimiter(&mut self) -> Option<HereDocument> {
        let strips_tabs = self.peek(0) == Some('-');
        self.at += usize::from(strips_tabs);
        while matches!(self.peek(0), Some(' ' | '\t')) {
            self.at += 1;
        }
        let mut document = HereDocument {
            is_code: self.inherited.is_some(),
            delimiter: String::new(),
            is_literal: false,
            strips_tabs,
        };
        let mut quote = None;
        while let Some(unit) = self.units.get(self.at) {
            let c = match unit {
                Unit::Char(c) if quote.is_some() || !" \t\n;&|()<>".contains(*c) => *c,
                Unit::Char(_) => break,
                Unit::Placeholder => {
                    self.lose("a here-document that a value ends");
                    return None;
                }
            };
            self.at += 1;
            match c {
                _ if quote == Some(c) => quote = None,
                '$' | '`' | '\\' | '\n' => {
                    self.lose("a here-document with signs in its delimiter");
                    return None;
                }
                '\'' | '"' if quote.is_none() => {
                    quote = Some(c);
                    document.is_literal = true;
                }
                _ => document.delimiter.push(c),
            }
        }
        if document.delimiter.is_empty() {
            self.lose("a here-document without a delimiter");
            return None;
        }
        Some(document)
    }

    /// The bodies of the documents that the line before named.
    pub fn bodies(&mut self, documents: &mut Vec<HereDocument>) {
        for document in std::mem::take(documents) {
            let mut is_expanding = false;
            while self.at < self.units.len() {
                let rest = &self.units[self.at..];
                let end = rest.iter().position(|it| *it == Unit::Char('\n'));
                let line = rest[..end.unwrap_or(rest.len())].to_vec();
                if document.is_end(&line) {
                    self.at += line.len() + 1;
                    break;
                }
                self.line(&document, &line, &mut is_expanding);
                // Nothing is left if the rest was given up.
                self.at += line.len() + 1;
            }
        }
        self.at = self.at.min(self.units.len());
    }

    /// A line of a body. `is_expanding` from the first substitution on: it may end on another line.
    fn line(&mut self, document: &HereDocument, line: &[Unit], is_expanding: &mut bool) {
        let mut at = 0;
        while let Some(unit) = line.get(at) {
            let next = line.get(at + 1);
            let position = match unit {
                Unit::Placeholder if document.is_code => Position::Unsafe(Obstacle::Code),
                Unit::Placeholder if *is_expanding => Position::Unsafe(Obstacle::HereDocument),
                Unit::Placeholder => Position::HereDocument(document.line(line)),
                Unit::Char('\\') if !document.is_literal => {
                    match next {
                        // How lines that are joined end the document differs.
                        None => {
                            self.at += at;
                            return self
                                .lose("a backslash at the end of a line of a here-document");
                        }
                        Some(Unit::Placeholder) => {
                            self.found.push(Position::Unsafe(Obstacle::Backslash));
                        }
                        Some(Unit::Char(_)) => {}
                    }
                    at += 2;
                    continue;
                }
                Unit::Char('`') if !document.is_literal => {
                    *is_expanding = true;
                    at += 1;
                    continue;
                }
                Unit::Char('$') if !document.is_literal => {
                    let rest = &line[at + 1..];
                    let name = rest.iter().take_while(|it| is_name(**it)).count();
                    let is_braced = rest.first() == Some(&Unit::Char('{'));
                    let is_simple = is_braced
                        && rest.iter().skip(1).find(|it| !is_name(**it)) == Some(&Unit::Char('}'));
                    *is_expanding |= matches!(rest.first(), Some(Unit::Char('(' | '[')))
                        || is_braced && !is_simple
                        || rest.get(name) == Some(&Unit::Placeholder);
                    at += 1;
                    continue;
                }
                Unit::Char(_) => {
                    at += 1;
                    continue;
                }
            };
            self.found.push(position);
            at += 1;
        }
    }
}

impl HereDocument {
    fn is_end(&self, line: &[Unit]) -> bool {
        let text: Option<String> = line
            .iter()
            .map(|it| match it {
                Unit::Char(c) => Some(*c),
                Unit::Placeholder => None,
            })
            .collect();
        text.is_some_and(|it| self.stripped(&it) == self.delimiter)
    }

    fn stripped<'t>(&self, line: &'t str) -> &'t str {
        if self.strips_tabs {
            line.trim_start_matches('\t')
        } else {
            line
        }
    }

    fn line(&self, line: &[Unit]) -> HereLine {
        let text = |units: &[Unit]| -> String {
            let chars = units.iter().map_while(|it| match it {
                Unit::Char(c) => Some(*c),
                Unit::Placeholder => None,
            });
            chars.collect()
        };
        let count = line.iter().filter(|it| **it == Unit::Placeholder).count();
        let last = line.iter().rposition(|it| *it == Unit::Placeholder);
        HereLine {
            is_literal: self.is_literal,
            delimiter: self.delimiter.clone(),
            is_alone: count == 1,
            before: self.stripped(&text(line)).to_owned(),
            after: text(&line[last.map_or(0, |it| it + 1)..]),
        }
    }
}

fn is_name(unit: Unit) -> bool {
    matches!(unit, Unit::Char(c) if c.is_ascii_alphanumeric() || c == '_')
}
