//! Text on its way to a screen: keeps line breaks, tabs and the colours of `style`, and writes any other character that
//! people do not see as `\u001b`, which is what it is in JSON too. The last guard: whoever puts a name into a line uses
//! `pipe_schema::text::one_line` first, so that the name cannot break the line either.

use pipe_schema::text::is_hidden;

/// The longest sequence that sets one of the colours.
const LONGEST_STYLE: usize = 12;

/// The text as it may be written to a terminal, a log or a file.
pub fn printable(text: &str, has_color: bool) -> String {
    let mut printed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| is_hidden(c) && !matches!(c, '\n' | '\t')) {
        printed.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(length) = style_length(rest) {
            if has_color {
                printed.push_str(&rest[..length]);
            }
            rest = &rest[length..];
            continue;
        }
        let mut letters = rest.chars();
        if let Some(hidden) = letters.next() {
            for unit in hidden.encode_utf16(&mut [0; 2]) {
                printed.push_str(&format!("\\u{unit:04x}"));
            }
        }
        rest = letters.as_str();
    }
    printed.push_str(rest);
    printed
}

/// Bytes of a sequence at the beginning that sets a colour, bold, dim or underlined, or ends that. Sequences that hide
/// text are not among them.
fn style_length(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find('m').filter(|it| *it <= LONGEST_STYLE)?;
    let is_ours = |it: &str| {
        matches!(
            it.parse(),
            Ok(0_u8 | 1 | 2 | 4 | 22 | 24 | 31..=36 | 39 | 91..=96)
        )
    };
    let all = &parameters[..end];
    (all.is_empty() || all.split(';').all(is_ours)).then_some(end + 3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::style::{BAD, paint};

    #[test]
    fn printable_keeps_its_own_colours_where_they_are_taken() {
        let text = format!("{}\tgröße\n", paint(BAD, "failed"));
        assert_eq!(printable(&text, true), text);
        assert_eq!(printable(&text, false), "failed\tgröße\n");
    }

    #[test]
    fn printable_writes_out_what_would_move_hide_or_reorder() {
        assert_eq!(printable("a\rb", true), "a\\u000db");
        assert_eq!(
            printable("\u{1b}]0;x\u{7}\u{1b}[2J", true),
            "\\u001b]0;x\\u0007\\u001b[2J"
        );
        assert_eq!(printable("\u{1b}[8mhidden", true), "\\u001b[8mhidden");
        assert_eq!(printable("\u{1b}[", true), "\\u001b[");
        assert_eq!(printable("\u{9b}1A\u{202e}", false), "\\u009b1A\\u202e");
    }

    #[test]
    fn printable_leaves_json_the_same_value() {
        let value = serde_json::json!({"a\u{7f}\u{202e}": "\u{e0041}\u{1b}"});
        let text = printable(&value.to_string(), false);
        assert!(!text.contains(is_hidden));
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            value
        );
    }
}
