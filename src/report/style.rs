//! The few colours, and text cut to a width. Colours are always written; streams that take none leave them out.

use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub const PLAIN: Style = Style::new();
pub const BOLD: Style = Style::new().bold();
pub const DIM: Style = Style::new().dimmed();
pub const GOOD: Style = AnsiColor::Green.on_default();
pub const BAD: Style = AnsiColor::Red.on_default();
pub const WARN: Style = AnsiColor::Yellow.on_default();
pub const BUSY: Style = AnsiColor::Cyan.on_default();
pub const ERROR: Style = AnsiColor::Red.on_default().bold();
pub const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// A styled text.
pub fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Columns that a text without colours takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// A text padded with blanks to a width.
pub fn padded(text: &str, to: usize) -> String {
    format!("{text}{}", " ".repeat(to.saturating_sub(width(text))))
}

/// A text padded on its left.
pub fn right(text: &str, to: usize) -> String {
    format!("{}{text}", " ".repeat(to.saturating_sub(width(text))))
}

/// A text without colours cut to a width, with `…` for what is left out.
pub fn cut(text: &str, to: usize) -> String {
    if width(text) <= to {
        return text.to_owned();
    }
    let (mut cut, mut taken) = (String::new(), 0);
    for sign in text.chars() {
        let columns = sign.width().unwrap_or(0);
        if taken + columns + 1 > to {
            break;
        }
        cut.push(sign);
        taken += columns;
    }
    if to > 0 {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_text_never_takes_more_columns() {
        for to in 0..12 {
            assert!(width(&cut("größe 数据集 train", to)) <= to);
        }
        assert_eq!(cut("fit", 3), "fit");
        assert_eq!(cut("prepare", 4), "pre…");
    }

    #[test]
    fn padding_counts_columns() {
        assert_eq!(width(&padded("数据", 6)), 6);
        assert_eq!(right("7", 3), "  7");
    }
}
