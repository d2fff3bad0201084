//! The parser's complaint in words that help: tabs, unquoted vars, missing brackets. Knows the text around an error.

use crate::spec::{Diagnostic, Span};

/// What is wrong at a byte of the text.
pub fn explain(text: &str, file: u32, at: usize, info: &str) -> Diagnostic {
    let at = at.min(text.len());
    let here = Span {
        file,
        start: at as u32,
        end: text[at..]
            .chars()
            .next()
            .map_or(at, |it| at + it.len_utf8()) as u32,
    };
    if let Some(var) = unquoted_var(text, at) {
        let written = &text[var.clone()];
        let span = Span {
            file,
            start: var.start as u32,
            end: var.end as u32,
        };
        return Diagnostic::error(format!("`{written}` must be quoted inside `{{}}` and `[]`"))
            .at(span, "YAML reads the brace as the start of a map")
            .hint(format!("write `\"{written}\"`"));
    }
    if let Some(tab) = tab_in_indentation(text, at) {
        let span = Span {
            file,
            start: tab as u32,
            end: tab as u32 + 1,
        };
        return Diagnostic::error("a tab in the indentation")
            .at(span, "a tab")
            .hint("YAML allows spaces only; replace the tab by spaces");
    }
    if let Some(line) = conflict_marker(text) {
        return Diagnostic::error("a merge conflict is not resolved")
            .at(span(file, line, line + 7), "left behind by a merge")
            .hint("keep one of the two sides, and remove the marker lines");
    }
    if info.contains("misplaced bracket") {
        return Diagnostic::error(format!("`{}` closes nothing", &text[at..here.end as usize]))
            .at(here, "not opened before");
    }
    if info.contains("unexpected end of stream") && info.contains("quoted") {
        let quote = &text[at..here.end as usize];
        return Diagnostic::error("a quote is not closed")
            .at(here, "opened here")
            .hint(format!("close the text with `{quote}`"));
    }
    let is_of_brackets = [
        "expected ','",
        "or ']'",
        "or '}'",
        "invalid indentation",
        "illegal placement",
        "end of stream",
    ]
    .iter()
    .any(|it| info.contains(it));
    if let Some(open) = open_bracket(text, at).filter(|_| is_of_brackets) {
        let bracket = &text[open..=open];
        let closing = if bracket == "{" { "}" } else { "]" };
        return Diagnostic::error(format!("`{bracket}` is not closed"))
            .at(span(file, open, open + 1), "opened here")
            .at(here, "still open here")
            .hint(format!(
                "close it with `{closing}`, or put a comma between two entries"
            ));
    }
    plain(text, file, at, here, info)
}

/// Errors outside of brackets, told by what the parser says.
fn plain(text: &str, file: u32, at: usize, here: Span, info: &str) -> Diagnostic {
    let line_start = text[..at].rfind('\n').map_or(0, |it| it + 1);
    if info.contains("mapping values are not allowed") {
        let error = Diagnostic::error("a `:` where YAML takes none");
        return if text[line_start..at].contains(": ") {
            error
                .at(here, "makes a key of what stands before it")
                .hint("text with `: ` in it must be quoted")
        } else {
            error
                .at(here, "the line above has a value already")
                .hint("is this line indented too far?")
        };
    }
    if info.contains("did not find expected key") || info.contains("expected '-' indicator") {
        return Diagnostic::error("the line does not fit those above it")
            .at(here, "begins in another column, or is of another kind")
            .hint("keys of one block begin in one column, and so do the `-` of one list");
    }
    if info.contains("simple key expect") {
        let end = text[..at].trim_end().len();
        let start = text[..end].rfind('\n').map_or(0, |it| it + 1);
        let start = start + text[start..end].len() - text[start..end].trim_start().len();
        return Diagnostic::error("a key without its `:`")
            .at(span(file, start, end), "expected `key: value`");
    }
    if info.contains("unknown anchor") {
        let name: String = text[at..]
            .chars()
            .skip(1)
            .take_while(|it| !it.is_whitespace() && !",]}".contains(*it))
            .collect();
        return Diagnostic::error(format!("unknown anchor `{name}`"))
            .at(span(file, at, at + 1 + name.len()), "nothing is marked so")
            .hint(format!(
                "`&{name}` must stand before `*{name}`, in the same file"
            ));
    }
    if info.contains("unexpected character") {
        let found = &text[at..here.end as usize];
        return Diagnostic::error(format!("text cannot begin with `{found}`"))
            .at(here, "means something else in YAML")
            .hint("put the text in quotes");
    }
    if info.contains("escape character") {
        let escape = text[at..].find('\\').map_or(at, |it| at + it);
        let end = text[escape..]
            .char_indices()
            .nth(2)
            .map_or(text.len(), |it| escape + it.0);
        return Diagnostic::error("unknown escape in a quoted text")
            .at(span(file, escape, end), "not an escape of YAML")
            .hint("a backslash is written `\\\\` in double quotes, and stands for itself in single quotes");
    }
    if info.contains("trailing content") {
        return Diagnostic::error("text behind a closed quote")
            .at(here, "the quote is closed before this")
            .hint("quote the whole value; inside single quotes a quote is doubled: `''`");
    }
    if info.contains("document start") {
        return Diagnostic::error("text behind the end of the document")
            .at(here, "expected nothing more");
    }
    if info.contains("unprintable") {
        return Diagnostic::error("a character that YAML does not allow")
            .at(here, format!("{:?}", &text[at..here.end as usize]));
    }
    if info.contains("node content") {
        return Diagnostic::error("a value is missing").at(here, "expected a value before this");
    }
    Diagnostic::error("the file is not valid YAML").at(here, info.to_owned())
}

fn span(file: u32, start: usize, end: usize) -> Span {
    Span {
        file,
        start: start as u32,
        end: end as u32,
    }
}

fn conflict_marker(text: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.starts_with("<<<<<<< ") {
            return Some(at);
        }
        at += line.len();
    }
    None
}

/// The innermost bracket that is open at a place: quotes and comments are skipped as far as lines tell.
fn open_bracket(text: &str, at: usize) -> Option<usize> {
    let mut open: Vec<usize> = Vec::new();
    let mut quote = None;
    let mut before = '\n';
    let mut in_comment = false;
    for (i, c) in text[..at].char_indices() {
        match (quote, c) {
            (_, '\n') => in_comment = false,
            _ if in_comment => {}
            (Some(it), _) => quote = (it != c || before == '\\').then_some(it),
            (None, '#') if before.is_whitespace() => in_comment = true,
            (None, '"' | '\'') if !before.is_alphanumeric() => quote = Some(c),
            (None, '{' | '[') if !open.is_empty() || before.is_whitespace() => open.push(i),
            (None, '}' | ']') => {
                open.pop();
            }
            _ => {}
        }
        before = c;
    }
    open.pop()
}

/// The `${x}` without quotes that is nearest before the error, on its line or the one above.
fn unquoted_var(text: &str, at: usize) -> Option<std::ops::Range<usize>> {
    let line_start = text[..at].rfind('\n').map_or(0, |it| it + 1);
    let from = text[..line_start.saturating_sub(1)]
        .rfind('\n')
        .map_or(0, |it| it + 1);
    let until = text[at..].find('\n').map_or(text.len(), |it| at + it);
    let (mut quote, mut depth, mut found) = (None, 0_i32, None);
    for (i, c) in text[from..until].char_indices() {
        let i = from + i;
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) => quote = (open != c).then_some(open),
            (None, '$') if text[i..].starts_with("${") && depth > 0 => {
                let end = text[i..until].find('}').map_or(until, |it| i + it + 1);
                if i <= at + 1 {
                    found = Some(i..end);
                }
            }
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth -= 1,
            _ => {}
        }
    }
    found
}

fn tab_in_indentation(text: &str, at: usize) -> Option<usize> {
    let line_start = text[..at].rfind('\n').map_or(0, |it| it + 1);
    [
        Some(line_start),
        text[line_start..].find('\n').map(|it| line_start + it + 1),
    ]
    .into_iter()
    .flatten()
    .find_map(|start| {
        let blank = text[start..].find(|it: char| it != ' ' && it != '\t')?;
        text[start..start + blank].find('\t').map(|it| start + it)
    })
}
