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
    Diagnostic::error("the file is not valid YAML").at(here, info.to_owned())
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
            (Some(open), _) if open == c => quote = None,
            (Some(_), _) => {}
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
