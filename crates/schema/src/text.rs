//! Characters of names and texts from elsewhere that people do not see, or that move what they see: control characters,
//! bidirectional overrides, zero-width characters.

use std::borrow::Cow;

/// Stands for a character that is not shown.
const REPLACEMENT: char = '\u{fffd}';

/// Whether a character may not reach a person's screen as it is: it moves the cursor, breaks the line, reorders the text
/// around it, or takes no room.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{115f}'
                | '\u{1160}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{fffe}'
                | '\u{ffff}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// A text on one line: line breaks and tabs become spaces, other hidden characters `�`.
pub fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let visible = |c: char| match c {
        '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => ' ',
        c if is_hidden(c) => REPLACEMENT,
        c => c,
    };
    Cow::Owned(text.chars().map(visible).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_keeps_what_people_see() {
        for text in ["größe", "数据集", "a b", "🎉", "", "x\u{301}"] {
            assert!(matches!(one_line(text), Cow::Borrowed(it) if it == text));
        }
    }

    #[test]
    fn one_line_replaces_what_moves_breaks_or_hides() {
        assert_eq!(one_line("two\nlines\tand\rmore"), "two lines and more");
        assert_eq!(one_line("\u{1b}[31m\u{9b}2J"), "\u{fffd}[31m\u{fffd}2J");
        assert_eq!(one_line("gnp\u{202e}exe\u{2066}"), "gnp\u{fffd}exe\u{fffd}");
        assert_eq!(one_line("a\u{200b}b\u{e0041}"), "a\u{fffd}b\u{fffd}");
    }
}
