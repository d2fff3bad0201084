//! What the words of a command tell about its next word: is it read as code, or calculated? Knows words without their quotes.

use super::Obstacle;

/// Stands in a word for a value, so that the word is not taken for another.
pub(super) const VALUE: char = '\u{fffc}';
/// The same for what the shell puts there.
pub(super) const EXPANSION: char = '\u{fffb}';

/// Programs that read the argument behind `-c` as code, and their input.
const SHELLS: [&str; 27] = [
    "sh", "bash", "rbash", "dash", "ash", "zsh", "rzsh", "ksh", "rksh", "mksh", "lksh", "oksh",
    "loksh", "pdksh", "yash", "posh", "hush", "sash", "bosh", "osh", "csh", "tcsh", "fish", "pwsh",
    "nu", "elvish", "xonsh",
];
/// Options of shells that take no operand, but for `o` and `O`; behind those with a `c` comes code.
const FLAGS: &str = "abcefhiklmnoprstuvxBCDEHOPT";
/// What reads its arguments as code, or calculates with them.
const EVALUATORS: [&str; 17] = [
    "eval",
    "trap",
    "let",
    "alias",
    "mapfile",
    "readarray",
    "compgen",
    "complete",
    "bind",
    "fc",
    "ssh",
    "rsh",
    "watch",
    "parallel",
    "at",
    "batch",
    "coproc",
];
/// Which of them read their input as code, too.
const CODE_READERS: [&str; 7] = ["ssh", "rsh", "parallel", "at", "batch", "source", "."];
/// Programs whose option with this letter has code behind it.
const TAKERS: [(&str, char); 6] = [
    ("flock", 'c'),
    ("su", 'c'),
    ("runuser", 'c'),
    ("sg", 'c'),
    ("script", 'c'),
    ("env", 'S'),
];
/// Programs that run the program that their arguments name.
const WRAPPERS: [&str; 18] = [
    "env", "nice", "ionice", "nohup", "timeout", "sudo", "doas", "stdbuf", "setsid", "chroot",
    "xargs", "flock", "busybox", "toybox", "strace", "unshare", "taskset", "chrt",
];
/// Builtins that take names of variables, in whose subscripts bash calculates.
const NAMERS: [&str; 4] = ["read", "unset", "getopts", "wait"];
const DECLARERS: [&str; 5] = ["declare", "typeset", "local", "export", "readonly"];
/// Words behind which a command's name comes.
const OPENERS: [&str; 13] = [
    "if", "then", "else", "elif", "do", "while", "until", "!", "{", "time", "command", "builtin",
    "exec",
];
/// Words that begin commands which have commands in them.
const COMPOUNDS: [&str; 7] = ["{", "if", "while", "until", "for", "case", "select"];
/// Words that end commands which have commands in them.
const CLOSERS: [&str; 4] = ["}", "done", "fi", "esac"];
/// Variables whose values shells expand, and those that bash calculates.
const CODE_VARIABLES: [&str; 8] = [
    "BASH_ENV",
    "ENV",
    "PROMPT_COMMAND",
    "PS0",
    "PS1",
    "PS2",
    "PS4",
    "SHELLOPTS",
];
const NUMBER_VARIABLES: [&str; 8] = [
    "RANDOM",
    "SRANDOM",
    "SECONDS",
    "LINENO",
    "OPTIND",
    "HISTCMD",
    "BASHPID",
    "BASH_SUBSHELL",
];

/// What a value in the current word must not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// More than plain.
    Refused(Obstacle),
    /// An option.
    Option,
    /// A part of a name: only behind `=` it is free.
    Name,
    /// A part of a subscript, in a word that may be an assignment.
    Subscript,
}

/// How far the arguments of a shell are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Shell {
    /// There is none.
    #[default]
    No,
    /// The next word is an option or a script.
    Options,
    /// The next word is an option or code.
    Code,
    /// The next word is what the code has for its own name.
    Name,
    /// All that follows are arguments for code or a script.
    Arguments,
    /// Any word may be code.
    Unsure,
}

/// Builtins that mind which word it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Builtin {
    #[default]
    Other,
    Namer,
    Declarer,
    Test,
    Printf,
}

/// A command and what is known of it when the next word begins.
#[derive(Default)]
pub(super) struct Simple {
    pub word: String,
    pub has_word: bool,
    pub is_named: bool,
    /// Between `[[` and `]]`.
    pub is_test: bool,
    /// The current word is what a redirection names.
    pub is_target: bool,
    /// It is behind `>&`, where bash expands it twice.
    pub is_descriptor: bool,
    /// A text behind `<<<` is its input.
    pub has_here_string: bool,
    /// It writes to a shell, in `>(…)`.
    pub feeds_shell: bool,
    /// It is an element of an array, or what may be a command for one.
    pub is_array: bool,
    /// So many commands with others in them begin.
    pub opened: usize,
    /// It ends a command with others in it.
    pub is_closing: bool,
    /// It has words.
    pub has_words: bool,
    shell: Shell,
    /// The program is a shell for certain: it knows no options but those of shells.
    is_sure: bool,
    /// A script is passed, or code.
    has_script: bool,
    /// No options are read any more.
    options_ended: bool,
    /// So many words that follow are operands of options.
    operands: usize,
    is_evaluator: bool,
    reads_code: bool,
    is_wrapper: bool,
    builds_commands: bool,
    taker: Option<char>,
    builtin: Builtin,
    previous: String,
    /// An option came with which bash calculates.
    calculates: bool,
}

impl Simple {
    /// The first of several commands, or of the elements of an array.
    pub fn within(is_array: bool) -> Self {
        Self {
            is_array,
            ..Self::default()
        }
    }

    /// What a value in the word that begins must not be.
    pub fn limit(&self) -> Option<Limit> {
        let code = Some(Limit::Refused(Obstacle::Code));
        let calculated = Some(Limit::Refused(Obstacle::Calculation));
        if self.is_target {
            return (self.is_descriptor).then_some(Limit::Refused(Obstacle::Descriptor));
        }
        if self.is_evaluator {
            return code;
        }
        match self.shell {
            Shell::Unsure => return code,
            Shell::Code if self.operands == 0 => return code,
            Shell::Options if self.operands == 0 => return Some(Limit::Option),
            _ => {}
        }
        match self.builtin {
            Builtin::Namer => calculated,
            Builtin::Declarer if self.calculates => calculated,
            Builtin::Declarer => Some(Limit::Name),
            Builtin::Test | Builtin::Printf if matches!(self.previous.as_str(), "-v" | "-R") => {
                calculated
            }
            Builtin::Test if is_unknown(&self.previous) => calculated,
            Builtin::Printf if self.previous.is_empty() => Some(Limit::Option),
            _ => (self.is_array || !self.is_named).then_some(Limit::Subscript),
        }
    }

    /// Whether its input is code.
    pub fn reads_code(&self) -> bool {
        let is_shell = !matches!(self.shell, Shell::No | Shell::Name | Shell::Arguments);
        self.reads_code
            || is_shell && !self.has_script
            || self.builds_commands && self.shell != Shell::No
    }

    /// Whether a file that is its next word is code.
    pub fn runs_files(&self) -> bool {
        self.is_evaluator || self.reads_code()
    }

    /// A shell among the commands that end here has their input.
    pub fn pass_input_to_shell(&mut self) {
        self.reads_code = true;
    }

    /// The next command begins. What is between `[[` and `]]` is one.
    pub fn end(&mut self) {
        *self = Self {
            is_test: self.is_test,
            is_array: self.is_array,
            ..Self::default()
        };
    }

    /// Takes a whole word in.
    pub fn learn(&mut self, word: &str) {
        self.has_words = true;
        self.opened += usize::from(!self.is_named && COMPOUNDS.contains(&word));
        match word {
            "[[" => self.is_test = true,
            "]]" => self.is_test = false,
            // Behind `function f`, too.
            "{" => self.is_named = false,
            _ => {}
        }
        let is_before_name =
            is_assignment(word) || OPENERS.contains(&word) || word.starts_with('-');
        if !self.is_named && is_before_name {
            return;
        }
        let name = word.rsplit('/').next().unwrap_or(word);
        if !std::mem::replace(&mut self.is_named, true) {
            return self.begin(word, name);
        }
        if ["-exec", "-execdir", "-ok", "-okdir"].contains(&word) {
            self.is_named = false;
        }
        if self.shell == Shell::Name {
            self.shell = Shell::Arguments;
        } else if self.operands > 0 {
            self.operands -= 1;
            if word.starts_with(EXPANSION) {
                self.shell = Shell::Unsure;
            }
        } else if is_shell(name) {
            self.find_shell(true);
        } else if matches!(self.shell, Shell::Options | Shell::Code) {
            self.argument(word);
        } else if self.shell == Shell::No {
            self.is_evaluator |= self.is_wrapper && EVALUATORS.contains(&name);
            self.reads_code |= self.is_wrapper && CODE_READERS.contains(&name);
            let is_taken = |it: char| word.starts_with('-') && word.contains(it);
            self.is_evaluator |= self.taker.is_some_and(is_taken);
            self.calculates |= !word.contains('=') && is_unknown(word)
                || word.starts_with(['-', '+'])
                    && !word[1..].chars().all(|it| "fgluprtx-".contains(it));
            if self.is_wrapper && is_unknown(name) && !is_assignment(word) {
                self.find_shell(false);
            } else if let Some((_, letter)) = TAKERS.iter().find(|it| it.0 == name)
                && self.is_wrapper
            {
                self.taker = Some(*letter);
            }
        }
        word.clone_into(&mut self.previous);
    }

    /// The word is the program.
    fn begin(&mut self, word: &str, name: &str) {
        self.is_closing = CLOSERS.contains(&word);
        self.is_wrapper |= WRAPPERS.contains(&name);
        self.builds_commands |= ["xargs", "parallel"].contains(&name);
        self.is_evaluator |= EVALUATORS.contains(&name);
        self.reads_code |= CODE_READERS.contains(&name);
        self.taker = TAKERS.iter().find(|it| it.0 == name).map(|it| it.1);
        self.builtin = match name {
            "test" | "[" => Builtin::Test,
            "printf" => Builtin::Printf,
            _ if NAMERS.contains(&name) => Builtin::Namer,
            _ if DECLARERS.contains(&name) => Builtin::Declarer,
            _ => Builtin::Other,
        };
        let is_pattern =
            name.contains(['*', '?', '{']) || name.contains('[') && !name.starts_with('[');
        if is_shell(name) {
            self.find_shell(true);
        } else if is_unknown(name) || is_pattern {
            self.find_shell(false);
        }
    }

    fn find_shell(&mut self, is_sure: bool) {
        self.shell = Shell::Options;
        self.is_sure = is_sure;
        self.has_script = false;
        self.options_ended = false;
    }

    /// A word behind a shell, or behind what may be one.
    fn argument(&mut self, word: &str) {
        match word.chars().next() {
            Some(VALUE) if self.shell == Shell::Options => {
                // No option, as it is limited; but a list may be no word at all.
                self.has_script = true;
                self.is_sure = false;
            }
            Some(EXPANSION) if self.shell == Shell::Options && word.contains('/') => self.pass(),
            Some(VALUE | EXPANSION | '{' | '*' | '?' | '[') => self.shell = Shell::Unsure,
            Some('-' | '+') if !self.options_ended => self.option(&word[1..]),
            _ => self.pass(),
        }
    }

    fn option(&mut self, letters: &str) {
        let name = letters.split('=').next().unwrap_or(letters);
        let is_long = letters.starts_with('-');
        if letters.is_empty() || letters == "-" {
            self.options_ended = true;
        } else if ["rcfile", "init-file"].contains(&letters.trim_start_matches('-')) {
            self.operands = 1;
        } else if is_unknown(name)
            || name.contains("command")
            || self.is_sure && !is_long && !letters.chars().all(|it| FLAGS.contains(it))
        {
            self.shell = Shell::Unsure;
        } else if !is_long {
            if letters.contains('c') {
                self.shell = Shell::Code;
            }
            self.operands = letters.matches(['o', 'O']).count();
        }
    }

    /// The word is a script or code for certain.
    fn pass(&mut self) {
        self.has_script = true;
        self.shell = if self.shell == Shell::Code {
            Shell::Name
        } else {
            Shell::Arguments
        };
    }
}

/// Why a value cannot be quoted behind what begins a word: it is for a variable that shells read on their own.
pub(super) fn variable(word: &str) -> Option<Obstacle> {
    let name = word.split_once('=')?.0;
    let name = name.strip_suffix('+').unwrap_or(name);
    if CODE_VARIABLES.contains(&name) {
        Some(Obstacle::Code)
    } else {
        (NUMBER_VARIABLES.contains(&name)).then_some(Obstacle::Calculation)
    }
}

/// Whether a program is a shell, perhaps with its version or what it was built for: `bash5`, `zsh-5.9`, `mksh-static`.
fn is_shell(name: &str) -> bool {
    let end = name.find(|it: char| !it.is_ascii_alphabetic());
    let (name, rest) = name.split_at(end.unwrap_or(name.len()));
    let version = rest.trim_start_matches(['-', '.', '_']);
    let is_version = version.starts_with(|it: char| it.is_ascii_digit()) || version == "static";
    SHELLS.contains(&name) && (rest.is_empty() || is_version)
}

/// Whether the text is known only when it runs.
fn is_unknown(word: &str) -> bool {
    word.contains([VALUE, EXPANSION])
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        let name = name.strip_suffix('+').unwrap_or(name);
        let name = name.split('[').next().unwrap_or(name);
        name.chars().all(|c| c.is_alphanumeric() || c == '_')
    })
}
