//! Reads shell text as far as its quoting goes: where does a placeholder stand? What POSIX shells and bash read differently,
//! and what would take a parser, it does not guess: all placeholders behind it are unsafe.

use std::collections::HashSet;

use super::{
    Obstacle, Position, Unit,
    here::HereDocument,
    pipeline::Pipeline,
    simple::{self, EXPANSION, Limit, Simple, VALUE},
};

/// Substitutions inside substitutions.
pub(super) const DEEPEST: usize = 50;

/// The position of each placeholder.
pub fn positions(units: &[Unit]) -> Vec<Position> {
    let mut lexer = Lexer {
        units,
        at: 0,
        depth: 0,
        limit: None,
        inherited: None,
        reads_code: false,
        is_target: false,
        targets: HashSet::new(),
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
    /// What a value in the current word must not be.
    limit: Option<Limit>,
    /// Why what the current commands print cannot be a value.
    pub inherited: Option<Obstacle>,
    /// A shell that reads its input is among the commands.
    pub reads_code: bool,
    /// The current word names a file.
    is_target: bool,
    /// Which of what was found stands there.
    pub targets: HashSet<usize>,
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

    /// Why what a substitution in the current word prints cannot be a value.
    pub fn refusal(&self) -> Option<Obstacle> {
        match self.limit? {
            Limit::Refused(obstacle) => Some(obstacle),
            Limit::Option => Some(Obstacle::Code),
            Limit::Name | Limit::Subscript => None,
        }
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
        self.read_commands(is_nested, Simple::default());
    }

    /// Commands until a `)`, as what the first one is taken for.
    pub fn commands_in(&mut self, first: Simple) {
        self.read_commands(true, first);
    }

    fn read_commands(&mut self, is_nested: bool, mut simple: Simple) {
        self.depth += 1;
        if self.depth > DEEPEST {
            return self.lose("many substitutions inside each other");
        }
        let outer = (self.limit.take(), self.is_target);
        let mut pipeline = Pipeline::new(self.found.len());
        let mut documents: Vec<HereDocument> = Vec::new();
        while let Some(unit) = self.units.get(self.at) {
            let Unit::Char(c) = *unit else {
                self.unquoted(&mut simple, false);
                continue;
            };
            match c {
                '\n' | ';' | '|' | ' ' | '\t' | '&' => {
                    self.separator(c, &mut simple, &mut pipeline, &mut documents);
                }
                '(' if self.peek(1) == Some('(') => self.lose("`((`"),
                '(' if !documents.is_empty() => self.lose("parentheses behind `<<`"),
                '(' => {
                    let is_array = simple.has_word && simple.word.ends_with('=');
                    self.end_word(&mut simple);
                    self.parentheses(&mut simple, &mut pipeline, is_array);
                }
                ')' => {
                    self.end_word(&mut simple);
                    self.at += 1;
                    if is_nested {
                        break;
                    }
                    self.end_simple(&mut simple, &mut pipeline, &mut documents, false);
                }
                '<' if self.peek(1) == Some('<') && self.peek(2) != Some('<') => {
                    self.end_target(&mut simple);
                    self.at += 2;
                    documents.extend(self.delimiter());
                }
                '<' | '>' => {
                    self.end_target(&mut simple);
                    let is_here_string = c == '<' && self.peek(1) == Some('<');
                    simple.has_here_string |= is_here_string;
                    simple.is_target = true;
                    self.at += if is_here_string { 3 } else { 1 };
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
        self.end_simple(&mut simple, &mut pipeline, &mut documents, false);
        (self.limit, self.is_target) = outer;
        self.depth -= 1;
    }

    /// A part of a word that begins with this sign.
    fn part(&mut self, c: char, simple: &mut Simple) {
        match c {
            '\'' => self.single(&mut simple.word),
            '"' => self.double(&mut simple.word),
            '`' => {
                simple.word.push(EXPANSION);
                self.backquotes();
            }
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
            let inherited = self.inherited.filter(|_| !simple.is_target);
            self.limit = inherited.map(Limit::Refused).or(simple.limit());
            if simple.is_test
                && self.limit.is_none_or(|it| it == Limit::Subscript)
                && self.calculates()
            {
                self.limit = Some(Limit::Refused(Obstacle::Brackets));
            }
            self.is_target = simple.is_target && !simple.has_here_string;
        }
    }

    /// Whether something in the text makes `[[ … ]]` calculate.
    fn calculates(&self) -> bool {
        self.units.windows(3).any(|it| {
            let [Unit::Char('-'), Unit::Char(a), Unit::Char(b)] = it else {
                return false;
            };
            let pair = (*a, *b);
            matches!(
                pair,
                ('e', 'q') | ('n', 'e') | ('l' | 'g', 'e' | 't') | ('v' | 'R', _)
            )
        })
    }

    /// A word is over before a `<` or `>`: it may be a number that belongs to that.
    fn end_target(&mut self, simple: &mut Simple) {
        let word = &simple.word;
        let is_number = word.chars().all(|it| it.is_ascii_digit());
        if is_number || word.starts_with('{') && word.ends_with('}') {
            simple.word.clear();
            simple.has_word = false;
            self.limit = None;
        }
        self.end_word(simple);
    }

    /// Adds a value that could be quoted here if the word allows that. `word` is what came of it before.
    fn place(&mut self, free: Position, word: &str) {
        let begins = |it: char| word.starts_with(it);
        let position = match self.limit {
            Some(Limit::Refused(Obstacle::Arithmetic)) => Position::Arithmetic,
            Some(Limit::Refused(obstacle)) => Position::Unsafe(obstacle),
            Some(Limit::Name) if !word.contains('=') => Position::Unsafe(Obstacle::Calculation),
            Some(Limit::Subscript) if has_bracket(word) => Position::Unsafe(Obstacle::Brackets),
            Some(Limit::Option) if word.is_empty() || begins(VALUE) || begins(EXPANSION) => {
                Position::NoOption(Box::new(free))
            }
            Some(Limit::Option) if begins('-') || begins('+') || begins('{') => {
                let is_operand =
                    word.starts_with("--") && word.contains('=') && !word.contains("command");
                if is_operand {
                    free
                } else {
                    Position::Unsafe(Obstacle::Code)
                }
            }
            _ => simple::variable(word).map_or(free, Position::Unsafe),
        };
        if self.is_target {
            self.targets.insert(self.found.len());
        }
        self.found.push(position);
    }

    pub fn end_word(&mut self, simple: &mut Simple) {
        if !simple.has_word {
            return;
        }
        simple.has_word = false;
        self.limit = None;
        self.is_target = false;
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
        let position = if simple.is_test || has_bracket(&simple.word) {
            Position::Unsafe(Obstacle::Brackets)
        } else {
            Position::Unquoted {
                is_word: is_start && is_end,
                is_command: !simple.is_named && is_start && !simple.is_target,
                is_before_redirection: self.is_before_redirection(),
                is_after_variable,
            }
        };
        self.place(position, &simple.word);
        simple.word.push(VALUE);
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
                    self.place(Position::SingleQuoted, word);
                    word.push(VALUE);
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
                    self.place(free, word);
                    word.push(VALUE);
                    self.at += 1;
                }
                Unit::Char('"') => {
                    self.at += 1;
                    break;
                }
                Unit::Char('`') => {
                    word.push(EXPANSION);
                    self.backquotes();
                }
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

/// Whether a `[` is open at the end of this.
fn has_bracket(word: &str) -> bool {
    word.rfind('[') > word.rfind(']')
}
