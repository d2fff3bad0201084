//! Reads shell text as far as its quoting goes: where does a placeholder stand? What POSIX shells and bash read differently,
//! and what would take a parser, it does not guess: all placeholders behind it are unsafe.

use super::{Obstacle, Position, Unit, here::HereDocument, simple::Simple};

/// Substitutions inside substitutions.
pub(super) const DEEPEST: usize = 50;

/// The position of each placeholder.
pub fn positions(units: &[Unit]) -> Vec<Position> {
    let mut lexer = Lexer {
        units,
        at: 0,
        depth: 0,
        obstacle: None,
        found: Vec::new(),
    };
    lexer.commands(false);
    lexer.found
}

pub(super) struct Lexer<'u> {
    pub units: &'u [Unit],
    pub at: usize,
    /// How many substitutions are open.
    pub depth: usize,
    /// Why nothing in the current word can be quoted.
    obstacle: Option<Obstacle>,
    pub found: Vec<Position>,
}

impl Lexer<'_> {
    pub fn peek(&self, ahead: usize) -> Option<char> {
        match self.units.get(self.at + ahead) {
            Some(Unit::Char(c)) => Some(*c),
            _ => None,
        }
    }

    pub fn is_placeholder(&self) -> bool {
        matches!(self.units.get(self.at), Some(Unit::Placeholder))
    }

    /// Gives the rest up.
    pub fn lose(&mut self, behind: &'static str) {
        let rest = &self.units[self.at.min(self.units.len())..];
        let count = rest.iter().filter(|it| **it == Unit::Placeholder).count();
        let lost = Position::Unsafe(Obstacle::Behind(behind));
        self.found.extend(std::iter::repeat_n(lost, count));
        self.at = self.units.len();
    }

    pub fn refuse(&mut self, obstacle: Obstacle) {
        self.found.push(Position::Unsafe(obstacle));
        self.at += 1;
    }

    /// Commands until the end, or until the `)` of a substitution or subshell.
    pub fn commands(&mut self, is_nested: bool) {
        self.depth += 1;
        if self.depth > DEEPEST {
            return self.lose("many substitutions inside each other");
        }
        let outer = self.obstacle.take();
        let mut simple = Simple::default();
        let mut documents: Vec<HereDocument> = Vec::new();
        while let Some(unit) = self.units.get(self.at) {
            let Unit::Char(c) = *unit else {
                self.unquoted(&mut simple, false);
                continue;
            };
            match c {
                '\n' | ';' | '|' | ' ' | '\t' | '&' => {
                    self.end_word(&mut simple);
                    let is_redirection =
                        self.at > 0 && matches!(self.units[self.at - 1], Unit::Char('<' | '>'));
                    self.at += 1;
                    if c == '&' && is_redirection {
                        simple.is_descriptor = true;
                    } else if !matches!(c, ' ' | '\t') {
                        simple.end();
                    }
                    if c == '\n' {
                        self.bodies(&mut documents);
                    }
                }
                '(' if self.peek(1) == Some('(') => self.lose("`((`"),
                '(' if !documents.is_empty() => self.lose("parentheses behind `<<`"),
                '(' => {
                    self.end_word(&mut simple);
                    self.at += 1;
                    self.commands(true);
                    simple.end();
                }
                ')' => {
                    self.end_word(&mut simple);
                    self.at += 1;
                    if is_nested {
                        break;
                    }
                    simple.end();
                }
                '<' if self.peek(1) == Some('<') && self.peek(2) != Some('<') => {
                    self.end_word(&mut simple);
                    self.at += 2;
                    documents.extend(self.delimiter(simple.is_shell));
                }
                '<' | '>' => {
                    self.end_word(&mut simple);
                    simple.is_target = true;
                    self.at += 1;
                }
                '#' if !simple.has_word => self.comment(),
                '\\' if self.peek(1) == Some('\n') => {
                    let before = self.at.checked_sub(1).map(|it| self.units[it]);
                    if matches!(before, Some(Unit::Char('<' | '('))) {
                        self.lose("an operator that goes on behind a line break");
                    }
                    self.at += 2;
                }
                _ => {
                    let from = self.at;
                    self.begin_word(&mut simple);
                    self.part(c, &mut simple);
                    let passed = &self.units[from..self.at.min(self.units.len())];
                    if !documents.is_empty() && passed.contains(&Unit::Char('\n')) {
                        self.lose("a line break in quotes behind `<<`");
                    }
                }
            }
        }
        if self.at >= self.units.len() {
            self.end_word(&mut simple);
        } else if !documents.is_empty() {
            self.lose("a here-document that begins at the end of a substitution");
        }
        self.obstacle = outer;
        self.depth -= 1;
    }

    /// A part of a word that begins with this sign.
    fn part(&mut self, c: char, simple: &mut Simple) {
        match c {
            '\'' => self.single(&mut simple.word),
            '"' => self.double(&mut simple.word),
            '`' => self.backquotes(),
            '$' => {
                let is_after_variable = self.dollar(&mut simple.word, false);
                if is_after_variable && self.is_placeholder() {
                    self.unquoted(simple, true);
                }
            }
            '\\' => {
                self.at += 1;
                if self.is_placeholder() {
                    self.refuse(Obstacle::Backslash);
                } else {
                    simple.word.extend(self.peek(0).filter(|it| *it != '\n'));
                    self.at += 1;
                }
            }
            _ => {
                simple.word.push(c);
                self.at += 1;
            }
        }
    }

    fn begin_word(&mut self, simple: &mut Simple) {
        if !simple.has_word {
            simple.has_word = true;
            self.obstacle = simple.obstacle();
        }
    }

    fn end_word(&mut self, simple: &mut Simple) {
        if !simple.has_word {
            return;
        }
        simple.has_word = false;
        self.obstacle = None;
        let word = std::mem::take(&mut simple.word);
        if std::mem::take(&mut simple.is_target) {
            simple.is_descriptor = false;
            return;
        }
        if word == "case" && self.depth > 1 {
            // The `)` of its patterns looks like the end.
            self.lose("`case` in a substitution");
        }
        simple.learn(&word);
    }

    /// A placeholder outside of quotes.
    fn unquoted(&mut self, simple: &mut Simple, is_after_variable: bool) {
        let is_start = !simple.has_word;
        self.begin_word(simple);
        let next = self.units.get(self.at + 1);
        let is_end = match next {
            None => true,
            Some(Unit::Char(c)) => " \t\n;&|()<>".contains(*c),
            Some(Unit::Placeholder) => false,
        };
        let has_bracket = simple.word.rfind('[') > simple.word.rfind(']');
        let position = if let Some(obstacle) = self.obstacle {
            Position::Unsafe(obstacle)
        } else if simple.is_test || has_bracket {
            Position::Unsafe(Obstacle::Brackets)
        } else {
            Position::Unquoted {
                is_word: is_start && is_end,
                is_command: !simple.is_named && is_start && !simple.is_target,
                is_before_redirection: self.is_before_redirection(),
                is_after_variable,
            }
        };
        self.found.push(position);
        // It stands for something, so that a word is not taken for another.
        simple.word.push('\u{fffc}');
        self.at += 1;
    }

    /// Whether digits and a `<` or `>` follow.
    fn is_before_redirection(&self) -> bool {
        let rest = &self.units[self.at + 1..];
        let next = rest.iter().find(|it| !matches!(it, Unit::Char('0'..='9')));
        matches!(next, Some(Unit::Char('<' | '>')))
    }

    fn comment(&mut self) {
        while let Some(unit) = self.units.get(self.at) {
            match unit {
                Unit::Char('\n') => break,
                Unit::Char(_) => {}
                Unit::Placeholder => self.found.push(Position::Comment),
            }
            self.at += 1;
        }
    }

    fn single(&mut self, word: &mut String) {
        self.at += 1;
        while let Some(unit) = self.units.get(self.at) {
            self.at += 1;
            match unit {
                Unit::Char('\'') => break,
                Unit::Char(c) => word.push(*c),
                Unit::Placeholder => {
                    let free = Position::SingleQuoted;
                    self.found
                        .push(self.obstacle.map_or(free, Position::Unsafe));
                }
            }
        }
    }

    fn double(&mut self, word: &mut String) {
        self.at += 1;
        let mut is_after_variable = false;
        while let Some(unit) = self.units.get(self.at) {
            let after = std::mem::take(&mut is_after_variable);
            match unit {
                Unit::Placeholder => {
                    let free = Position::DoubleQuoted {
                        is_after_variable: after,
                    };
                    self.found
                        .push(self.obstacle.map_or(free, Position::Unsafe));
                    self.at += 1;
                }
                Unit::Char('"') => {
                    self.at += 1;
                    break;
                }
                Unit::Char('`') => self.backquotes(),
                Unit::Char('$') => is_after_variable = self.dollar(word, true),
                Unit::Char('\\') => {
                    self.at += 1;
                    if self.is_placeholder() {
                        self.refuse(Obstacle::Backslash);
                    } else {
                        word.extend(self.peek(0));
                        self.at += 1;
                    }
                }
                Unit::Char(c) => {
                    word.push(*c);
                    self.at += 1;
                }
            }
        }
    }
}
