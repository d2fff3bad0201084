//! Commands whose output is the input of others: what a shell reads from them is code.

use super::{Obstacle, Position, Unit, here::HereDocument, lexer::Lexer, simple::Simple};

/// Where the commands began that are read, as places in what was found.
pub(super) struct Pipeline {
    /// The first command of all.
    scope: usize,
    /// The first one that the current one may read from.
    start: usize,
    current: usize,
    is_piped: bool,
    /// Commands with others in them that are open: `{`, `while`.
    groups: Vec<Group>,
}

/// A command with others in it, which share its input.
struct Group {
    /// The first command that they may read from, where that is not its own.
    start: Option<usize>,
    /// A shell that reads its input is among them.
    reads_code: bool,
}

impl Pipeline {
    pub fn new(at: usize) -> Self {
        Self {
            scope: at,
            start: at,
            current: at,
            is_piped: false,
            groups: Vec::new(),
        }
    }

    /// Begins with a command that no pipe leads to.
    fn restart(&mut self, at: usize) {
        self.start = self.groups.last().and_then(|it| it.start).unwrap_or(at);
    }

    /// Opens so many groups, whose input is that of the current command.
    fn open(&mut self, count: usize) {
        let outer = self.groups.last().and_then(|it| it.start);
        let start = self.is_piped.then_some(self.start).or(outer);
        let group = || Group {
            start,
            reads_code: false,
        };
        self.groups
            .extend(std::iter::repeat_with(group).take(count));
    }
}

impl Lexer<'_> {
    /// What ends a word, and perhaps a command.
    pub fn separator(
        &mut self,
        c: char,
        simple: &mut Simple,
        pipeline: &mut Pipeline,
        documents: &mut Vec<HereDocument>,
    ) {
        self.end_word(simple);
        let before = self.at.checked_sub(1).map(|it| self.units[it]);
        let is_redirection = matches!(before, Some(Unit::Char('<' | '>')));
        self.at += 1;
        match c {
            ' ' | '\t' => {}
            '&' if is_redirection => simple.is_descriptor = true,
            '|' if is_redirection => {}
            // One command to bash, two to others.
            '&' if self.peek(0) == Some('>') => simple.is_named = false,
            _ => {
                let is_pipe =
                    c == '|' && self.peek(0) != Some('|') && before != Some(Unit::Char('|'));
                self.end_simple(simple, pipeline, documents, is_pipe);
            }
        }
        if c == '\n' {
            self.bodies(documents);
            pipeline.current = self.found.len();
            if !pipeline.is_piped {
                pipeline.restart(pipeline.current);
            }
        }
    }

    /// A command is over. `is_pipe`: the next one reads what it writes.
    pub fn end_simple(
        &mut self,
        simple: &mut Simple,
        pipeline: &mut Pipeline,
        documents: &mut [HereDocument],
        is_pipe: bool,
    ) {
        if simple.is_closing
            && let Some(group) = pipeline.groups.pop()
            && group.reads_code
        {
            simple.pass_input_to_shell();
        }
        pipeline.open(simple.opened);
        if simple.reads_code() {
            self.reads_code = true;
            for group in &mut pipeline.groups {
                group.reads_code = true;
            }
            let end = if simple.has_here_string {
                self.found.len()
            } else {
                pipeline.current
            };
            self.refuse_code(pipeline.start, end);
            for document in documents {
                document.is_code = true;
            }
        }
        if simple.feeds_shell {
            self.refuse_code(pipeline.start, self.found.len());
        }
        // A line may end behind `|`.
        let goes_on = pipeline.is_piped && !simple.has_words;
        if is_pipe && simple.is_closing {
            pipeline.start = pipeline.scope;
        } else if !is_pipe && !goes_on {
            pipeline.restart(self.found.len());
        }
        pipeline.is_piped = is_pipe || goes_on;
        pipeline.current = self.found.len();
        simple.end();
    }

    /// `(…)`, `<(…)`, `>(…)`, and the elements of an array.
    pub fn parentheses(&mut self, simple: &mut Simple, pipeline: &mut Pipeline, is_array: bool) {
        let before = self.at.checked_sub(1).map(|it| self.units[it]);
        let is_process = matches!(before, Some(Unit::Char('<' | '>')));
        let found = self.found.len();
        let inherited = self.inherited;
        if is_process && simple.runs_files() {
            self.inherited = Some(Obstacle::Code);
        }
        let outer = std::mem::take(&mut self.reads_code);
        self.at += 1;
        self.commands_in(Simple::within(is_array));
        self.inherited = inherited;
        let is_shell_inside = self.reads_code;
        if is_shell_inside {
            self.refuse_code(pipeline.start, found);
            simple.feeds_shell |= is_process;
        }
        self.reads_code |= outer;
        if is_process {
            simple.is_target = false;
        } else {
            simple.end();
            if is_shell_inside {
                simple.pass_input_to_shell();
            }
        }
    }

    /// A shell reads what these values are written to. Names of files are none of it.
    fn refuse_code(&mut self, from: usize, to: usize) {
        for at in from..to {
            let is_free = !matches!(
                self.found[at],
                Position::Comment | Position::Arithmetic | Position::Unsafe(_)
            );
            if is_free && !self.targets.contains(&at) {
                self.found[at] = Position::Unsafe(Obstacle::Code);
            }
        }
    }
}
