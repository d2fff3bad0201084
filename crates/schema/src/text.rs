//! Text for people: numbers and sizes; and characters of names and texts from elsewhere that people do not see, or that move
//! what they see: control characters, bidirectional overrides, zero-width characters.

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

/// A size in bytes: `936 MB`.
pub fn size_words(bytes: u64) -> String {
    scaled_words(bytes as f64, 1000.0, &[" B", " kB", " MB", " GB", " TB"])
}

/// A number in the largest unit that it fills, with two digits at least.
pub fn scaled_words(mut value: f64, base: f64, units: &[&str]) -> String {
    let mut unit = 0;
    while value.round() >= base && unit + 1 < units.len() {
        value /= base;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && value < 9.95);
    format!("{value:.digits$}{}", units[unit])
}

/// A count with its thousands apart: `1,797`.
pub fn count_words(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
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
