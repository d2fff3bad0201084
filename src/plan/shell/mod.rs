//! Values as words of a shell: a placeholder in a command is quoted for where it stands. The lexer tells where that is, and
//! refuses a place that it cannot tell; `splice` quotes. Knows no spec.

mod here;
mod lexer;
mod pipeline;
mod simple;
mod substitution;

pub use self::lexer::positions;

/// A piece of shell text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Char(char),
    /// Where a value is to stand.
    Placeholder,
}

/// Where a placeholder stands, as the shell reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    Unquoted {
        /// Nothing else is in its word.
        is_word: bool,
        /// The word is the command's name, or may set a variable for it.
        is_command: bool,
        /// A `<` or `>` follows, which takes digits for a descriptor.
        is_before_redirection: bool,
        /// `$name` stands before it, and would go on with letters.
        is_after_variable: bool,
    },
    DoubleQuoted {
        is_after_variable: bool,
    },
    SingleQuoted,
    HereDocument(HereLine),
    Comment,
    Arithmetic,
    /// As there, but a shell or `printf` would take an option for its own.
    NoOption(Box<Position>),
    /// No quoting is certain here.
    Unsafe(Obstacle),
}

/// A line of a here-document with a placeholder in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HereLine {
    /// The delimiter is quoted: the body is taken as it is.
    pub is_literal: bool,
    pub delimiter: String,
    /// There is one placeholder on the line.
    pub is_alone: bool,
    /// The text before the first placeholder of the line, without tabs that the shell removes, and behind the last one.
    pub before: String,
    pub after: String,
}

/// Why a value cannot be quoted where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    Nul,
    Backslash,
    Backquotes,
    Expansion,
    Arithmetic,
    /// An argument that is read as a program: of `sh -c`, `eval`, `trap`, `let`.
    Code,
    /// Brackets, in which bash may calculate.
    Brackets,
    /// A name or a number to a builtin, with which bash may calculate.
    Calculation,
    /// A value that is empty or begins with `-`, where an option may stand.
    Option,
    HereDocument,
    /// Behind `>&`, where bash expands what it expanded once.
    Descriptor,
    /// The lexer cannot tell how the shell goes on behind this.
    Behind(&'static str),
}

impl Obstacle {
    /// `… cannot be quoted` goes on so.
    pub fn place(self) -> String {
        match self {
            Self::Nul => "for a shell: it holds a NUL byte".to_owned(),
            Self::Backslash => "behind a backslash".to_owned(),
            Self::Backquotes => "inside backquotes".to_owned(),
            Self::Expansion => "inside an expansion of the shell".to_owned(),
            Self::Arithmetic => "inside arithmetic of the shell".to_owned(),
            Self::Code => "inside code for another shell".to_owned(),
            Self::Brackets => "inside brackets, in which a shell may calculate".to_owned(),
            Self::Calculation => "where a shell may calculate with it".to_owned(),
            Self::Option => {
                "where a shell or `printf` would take it for an option: it is empty or begins with `-` or `+`".to_owned()
            }
            Self::HereDocument => "in this here-document".to_owned(),
            Self::Descriptor => "behind `>&`".to_owned(),
            Self::Behind(what) => format!("behind {what}"),
        }
    }

    pub fn hint(self) -> &'static str {
        match self {
            Self::Nul => "no program can be given one; remove it",
            Self::Backslash => "remove the backslash: the value is quoted as a whole",
            Self::Backquotes => "write `$(…)` instead of backquotes",
            Self::Behind("`((`" | "`$[`") => {
                "only a whole number can stand in arithmetic; for what is behind it, set a variable at the beginning, `v=${…};`"
            }
            Self::Expansion | Self::Behind(_) => {
                "set a variable at the beginning, `v=${…};`, and write `\"$v\"` here"
            }
            Self::Arithmetic | Self::Brackets => "only a whole number can stand here",
            Self::Calculation => "only a name or a whole number can stand here",
            Self::Option => "write the script or the format first, and pass the value behind it",
            Self::Descriptor => "write `> ${…} 2>&1`",
            Self::Code => "pass it as an argument: `sh -c '… \"$1\"' sh ${…}`",
            Self::HereDocument => {
                "set a variable before it, `v=${…};`, and write `$v` in the here-document, with its delimiter unquoted"
            }
        }
    }
}

/// The text that makes the shell read `value` at this position.
pub fn splice(position: &Position, value: &str) -> Result<String, Obstacle> {
    if value.contains('\0') {
        return Err(Obstacle::Nul);
    }
    let extends_name = value.starts_with(|it: char| it.is_ascii_alphanumeric() || it == '_');
    match position {
        Position::Unquoted {
            is_word,
            is_command,
            is_before_redirection,
            is_after_variable,
        } => {
            let is_misread = *is_after_variable && extends_name
                || *is_before_redirection && value.bytes().all(|it| it.is_ascii_digit())
                || *is_command && value.contains('=');
            Ok(if value.is_empty() && !is_word {
                String::new()
            } else if is_plain(value) && !is_misread {
                value.to_owned()
            } else {
                format!("'{}'", single_quoted(value, false))
            })
        }
        Position::DoubleQuoted { is_after_variable } => {
            let start = if *is_after_variable && extends_name {
                "\"\""
            } else {
                ""
            };
            Ok(format!("{start}{}", double_quoted(value)))
        }
        Position::SingleQuoted => Ok(single_quoted(value, true)),
        Position::Comment => Ok(value.replace(['\n', '\r', '$'], " ")),
        Position::HereDocument(line) => line.splice(value).ok_or(Obstacle::HereDocument),
        Position::Arithmetic => {
            let digits = value.strip_prefix('-').unwrap_or(value);
            let is_number = !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
            is_number
                .then(|| value.to_owned())
                .ok_or(Obstacle::Arithmetic)
        }
        Position::NoOption(position) => {
            let rest = value.strip_prefix(['-', '+']);
            let is_number = |it: &str| it.starts_with(|c: char| c.is_ascii_digit() || c == '.');
            if value.is_empty() || rest.is_some_and(|it| !is_number(it)) {
                return Err(Obstacle::Option);
            }
            splice(position, value)
        }
        // Without a sign that any shell gives a meaning to, it is the same in quotes and without.
        Position::Unsafe(_) if is_plain(value) => Ok(value.to_owned()),
        Position::Unsafe(obstacle) => Err(*obstacle),
    }
}

/// A word that the shell reads as this text.
pub fn quote(text: &str) -> String {
    if is_plain(text) {
        text.to_owned()
    } else {
        format!("'{}'", single_quoted(text, false))
    }
}

/// Whether a text needs no quotes, wherever it stands.
pub fn is_plain(text: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || "_-./=@%+,:".contains(c);
    !text.is_empty() && text.chars().all(is_plain)
}

/// The text inside single quotes. `${` is taken apart, so that it is no placeholder to whoever reads the command next.
fn single_quoted(text: &str, is_open_end: bool) -> String {
    let text = text.replace('\'', r"'\''").replace("${", "$''{");
    match text.strip_suffix('$') {
        Some(rest) if is_open_end => format!("{rest}$''"),
        _ => text,
    }
}

/// The same inside double quotes.
fn double_quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if matches!(c, '"' | '\\' | '$' | '`') {
            quoted.push('\\');
        }
        quoted.push(c);
        if c == '$' && rest.peek().is_none_or(|it| *it == '{') {
            quoted.push_str("\"\"");
        }
    }
    quoted
}

impl HereLine {
    /// Nothing where the value would end the document, or cannot be written in it.
    fn splice(&self, value: &str) -> Option<String> {
        let holds_placeholder = value.contains("${") || value.ends_with('$');
        let middle = self
            .delimiter
            .strip_prefix(self.before.as_str())
            .and_then(|it| it.strip_suffix(self.after.as_str()));
        let untabbed = value.trim_start_matches('\t');
        let ends_it = middle.is_some_and(|it| {
            if self.is_alone {
                it == value || it == untabbed
            } else {
                it.contains(untabbed)
            }
        });
        if value.contains('\n') || ends_it || holds_placeholder {
            return None;
        }
        if self.is_literal {
            return Some(value.to_owned());
        }
        let mut escaped = String::with_capacity(value.len());
        for c in value.chars() {
            if matches!(c, '\\' | '$' | '`') {
                escaped.push('\\');
            }
            escaped.push(c);
        }
        Some(escaped)
    }
}

#[cfg(test)]
mod tests;
