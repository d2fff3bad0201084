//! What begins with `$` or a backquote: variables, substitutions, arithmetic.

use super::{
    Obstacle, Position, Unit,
    lexer::{DEEPEST, Lexer},
    simple::EXPANSION,
};

impl Lexer<'_> {
    /// What a `$` begins. True behind the name of a variable.
    pub fn dollar(&mut self, word: &mut String, is_quoted: bool) -> bool {
        self.at += 1;
        let Some(next) = self.peek(0) else {
            if self.is_placeholder() {
                self.refuse(Obstacle::Expansion);
            }
            return false;
        };
        if is_expansion(next) {
            word.push(EXPANSION);
        }
        match next {
            '(' if self.peek(1) == Some('(') => {
                self.at += 2;
                self.arithmetic(word);
            }
            '(' => {
                self.at += 1;
                self.substitution();
            }
            '{' => {
                self.at += 1;
                self.expansion(word);
            }
            '[' => self.lose("`$[`"),
            '\\' if self.peek(1) == Some('\n') => {
                self.lose("a `$` that goes on behind a line break");
            }
            '\'' if !is_quoted => self.ansi(),
            c if c.is_ascii_alphanumeric() || c == '_' => {
                while let Some(c) = self.peek(0)
                    && (c.is_ascii_alphanumeric() || c == '_')
                {
                    self.at += 1;
                }
                return true;
            }
            '@' | '*' | '#' | '?' | '-' | '$' | '!' => self.at += 1,
            _ => word.push('$'),
        }
        false
    }

    /// `$(…)`: what it prints is a part of the word.
    fn substitution(&mut self) {
        let outer = self.inherited;
        self.inherited = outer.or(self.refusal());
        self.commands(true);
        self.inherited = outer;
    }

    /// `$'…'`: escapes in bash, a `$` and a quoted text in others.
    fn ansi(&mut self) {
        self.at += 1;
        let mut before = None;
        while let Some(unit) = self.units.get(self.at) {
            match unit {
                Unit::Char('\'') if before == Some('\\') => return self.lose("`$'…\\'`"),
                Unit::Char('\'') => {
                    self.at += 1;
                    return;
                }
                Unit::Char(c) => {
                    before = Some(*c);
                    self.at += 1;
                }
                Unit::Placeholder => self.refuse(Obstacle::Expansion),
            }
        }
    }

    fn expansion(&mut self, word: &mut String) {
        let outer = self.inherited;
        self.inherited = outer.or(Some(Obstacle::Expansion));
        self.expanded(word);
        self.inherited = outer;
    }

    fn expanded(&mut self, word: &mut String) {
        // In a subscript, an offset or a length, bash calculates.
        let mut obstacle = Obstacle::Expansion;
        while let Some(unit) = self.units.get(self.at) {
            match unit {
                Unit::Placeholder => self.refuse(obstacle),
                Unit::Char('}') => {
                    self.at += 1;
                    return;
                }
                Unit::Char('\'' | '"' | '\\' | '`') => {
                    return self.lose("quotes inside `${…}` of the shell");
                }
                Unit::Char('$') => self.inner_dollar(word),
                Unit::Char(c) => {
                    self.at += 1;
                    let is_offset =
                        *c == ':' && !matches!(self.peek(0), Some('-' | '+' | '=' | '?'));
                    if *c == '[' || is_offset {
                        obstacle = Obstacle::Brackets;
                    }
                }
            }
        }
    }

    fn arithmetic(&mut self, word: &mut String) {
        let outer = self.inherited.replace(Obstacle::Arithmetic);
        self.calculated(word);
        self.inherited = outer;
    }

    fn calculated(&mut self, word: &mut String) {
        let mut open = 0_usize;
        while let Some(unit) = self.units.get(self.at) {
            match unit {
                Unit::Placeholder => {
                    self.found.push(Position::Arithmetic);
                    self.at += 1;
                }
                Unit::Char(')') if open == 0 && self.peek(1) == Some(')') => {
                    self.at += 2;
                    return;
                }
                Unit::Char(')') if open == 0 => return self.lose("`$((` without its `))`"),
                Unit::Char('\'' | '"' | '\\' | '`') => {
                    return self.lose("quotes inside `$((…))`");
                }
                Unit::Char('$') => self.inner_dollar(word),
                Unit::Char(c) => {
                    open += usize::from(*c == '(');
                    open -= usize::from(*c == ')');
                    self.at += 1;
                }
            }
        }
    }

    /// A `$` inside an expansion or arithmetic.
    fn inner_dollar(&mut self, word: &mut String) {
        self.depth += 1;
        if self.depth > DEEPEST {
            return self.lose("many substitutions inside each other");
        }
        if self.dollar(word, true) && self.is_placeholder() {
            self.refuse(Obstacle::Expansion);
        }
        self.depth -= 1;
    }

    pub fn backquotes(&mut self) {
        self.at += 1;
        while let Some(unit) = self.units.get(self.at) {
            match unit {
                Unit::Placeholder => self.refuse(Obstacle::Backquotes),
                Unit::Char('`') => {
                    self.at += 1;
                    return;
                }
                Unit::Char('\\') if self.units.get(self.at + 1) != Some(&Unit::Placeholder) => {
                    self.at += 2;
                }
                Unit::Char(_) => self.at += 1,
            }
        }
    }
}

/// Whether a `$` before this is no letter.
fn is_expansion(next: char) -> bool {
    next.is_ascii_alphanumeric() || "({[_'@*#?-$!\\".contains(next)
}
