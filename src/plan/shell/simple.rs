//! What the words of a command tell about its next word: is it read as code? Knows words without their quotes.

use super::Obstacle;

/// Programs that read the argument behind `-c` as code.
const SHELLS: [&str; 9] = [
    "sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "$SHELL",
];
/// Builtins that read their arguments as code, or calculate with them.
const EVALUATORS: [&str; 3] = ["eval", "trap", "let"];
/// Words behind which a command's name comes.
const OPENERS: [&str; 12] = [
    "if", "then", "else", "elif", "do", "while", "until", "!", "{", "time", "command", "builtin",
];

/// A command and what is known of it when the next word begins.
#[derive(Default)]
pub(super) struct Simple {
    pub word: String,
    pub has_word: bool,
    pub is_named: bool,
    pub is_shell: bool,
    /// The next word is the operand of an option of a shell.
    pub takes_operand: bool,
    /// The next word is code.
    pub takes_code: bool,
    pub is_evaluator: bool,
    /// Between `[[` and `]]`.
    pub is_test: bool,
    /// The current word is what a redirection names.
    pub is_target: bool,
    /// It is behind `>&`, where bash expands it twice.
    pub is_descriptor: bool,
}

impl Simple {
    /// Why nothing can be quoted in the word that begins.
    pub fn obstacle(&self) -> Option<Obstacle> {
        let is_code = self.is_evaluator || self.takes_code && !self.takes_operand;
        if self.is_target {
            self.is_descriptor.then_some(Obstacle::Descriptor)
        } else {
            is_code.then_some(Obstacle::Code)
        }
    }

    /// The next command begins. What is between `[[` and `]]` is one.
    pub fn end(&mut self) {
        *self = Self {
            is_test: self.is_test,
            ..Self::default()
        };
    }

    /// Takes a whole word in.
    pub fn learn(&mut self, word: &str) {
        let is_assignment = word
            .split_once('=')
            .is_some_and(|(name, _)| name.chars().all(|c| c.is_alphanumeric() || c == '_'));
        match word {
            "[[" => self.is_test = true,
            "]]" => self.is_test = false,
            _ => {}
        }
        if !self.is_named && (is_assignment || OPENERS.contains(&word)) {
            return;
        }
        let is_first = !std::mem::replace(&mut self.is_named, true);
        let name = word.rsplit('/').next().unwrap_or(word);
        if std::mem::take(&mut self.takes_operand) {
            return;
        }
        if std::mem::take(&mut self.takes_code) {
            self.is_shell = false;
        } else if SHELLS.contains(&name) {
            self.is_shell = true;
        } else if self.is_shell && word.starts_with(['-', '+']) {
            let is_short = word.starts_with('-') && !word.starts_with("--");
            self.takes_code = is_short && word.contains('c');
            self.takes_operand = word.ends_with(['o', 'O']);
        } else {
            self.is_shell = false;
            self.is_evaluator |= is_first && EVALUATORS.contains(&name);
        }
    }
}
