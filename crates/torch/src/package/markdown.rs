//! Names, texts and figures as Markdown. Names come from data and specs: none of them may become a tag, a link, a mention or
//! a reference, whoever shows the text. Knows no model.

use pipe_schema::text::{is_hidden, one_line};

/// The first few names.
pub fn words(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let mut shown: Vec<String> = names.iter().take(SHOWN).map(|it| quoted(it)).collect();
    if names.len() > SHOWN {
        shown.push(format!("… ({} in all)", names.len()));
    }
    shown.join(", ")
}

/// A name as a cell of a table.
pub fn cell(name: &str) -> String {
    if name.split(' ').all(is_plain) {
        name.to_owned()
    } else {
        quoted(name).replace('|', "\\|")
    }
}

/// A name as code: nothing in it is markup, a link, a mention or a reference.
pub fn quoted(name: &str) -> String {
    let name = one_line(name);
    let longest = name.split(|it| it != '`').map(str::len).max().unwrap_or(0);
    let ticks = "`".repeat(longest + 1);
    let is_padded = name.is_empty() || name.starts_with([' ', '`']) || name.ends_with([' ', '`']);
    let pad = if is_padded { " " } else { "" };
    format!("{ticks}{pad}{name}{pad}{ticks}")
}

/// A text of several lines and paragraphs. Words with signs that Markdown, or a site that shows it, may take for more than a
/// word are code.
pub fn prose(text: &str) -> String {
    let lines = text.trim().lines().map(|line| {
        let line = one_line(line);
        let words = line.split_whitespace().enumerate();
        let words: Vec<String> = words.map(|(place, it)| word(it, place == 0)).collect();
        words.join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn word(text: &str, is_first: bool) -> String {
    let core = text.trim_start_matches(['(', '\'', '"']);
    let core = core.trim_end_matches(['.', ',', ';', ':', '?', '!', ')', '\'', '"', '%']);
    // `1.` and `1)` begin lists.
    let is_number =
        is_first && core.len() < text.len() && core.chars().all(|it| it.is_ascii_digit());
    if is_plain(core) && !is_number {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// Whether a word has nothing but letters, digits, signs of other scripts, and within it signs that mean nothing there.
fn is_plain(word: &str) -> bool {
    let letters: Vec<char> = word.chars().collect();
    let is_letter = |it: Option<&char>| {
        it.is_some_and(|it| it.is_alphanumeric() || !it.is_ascii() && !is_hidden(*it))
    };
    let is_digit = |it: Option<&char>| it.is_some_and(char::is_ascii_digit);
    let is_sound = |at: usize| {
        let (before, after) = (letters.get(at.wrapping_sub(1)), letters.get(at + 1));
        match letters[at] {
            '_' | '/' | '\'' => is_letter(before) && is_letter(after),
            '.' | ',' => is_digit(before) && is_digit(after),
            // `GH-1` is a reference.
            '-' => is_letter(before) && is_letter(after) && !is_digit(after),
            _ => is_letter(letters.get(at)),
        }
    };
    !word.is_empty() && (0..letters.len()).all(is_sound)
}

/// `1,797 rows`
pub fn counted(count: usize, noun: &str) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let plural = if count == 1 { "" } else { "s" };
    format!("{grouped} {noun}{plural}")
}

/// A metric.
pub fn figure(value: f64) -> String {
    if value != 0.0 && value.abs() < 1e-3 {
        format!("{value:.3e}")
    } else {
        format!("{value:.4}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_names_are_code_whatever_is_in_them() {
        assert_eq!(quoted("two\nlines"), "`two lines`");
        assert_eq!(quoted("a`b"), "``a`b``");
        assert_eq!(quoted("`` ` ```"), "```` `` ` ``` ````");
        assert_eq!(quoted(""), "`  `");
        assert_eq!(quoted("gnp\u{202e}"), "`gnp\u{fffd}`");
    }

    #[test]
    fn cell_leaves_plain_names_and_makes_code_of_others() {
        for name in ["r2", "f1_macro", "größe 数", "pull-request", "petal width"] {
            assert_eq!(cell(name), name);
        }
        assert_eq!(cell("a|b"), "`a\\|b`");
        for name in [
            "<b>",
            "@team",
            "#12",
            "GH-12",
            "![x](y)",
            "www.example.com",
            "a@b.c",
            "*a*",
            "_a_",
            "-",
            "",
            " a",
            "a  b",
            ":tada:",
            "&lt;",
            "~~a~~",
            "a\u{200b}",
        ] {
            assert!(cell(name).starts_with('`'), "{name}: {}", cell(name));
        }
    }

    #[test]
    fn prose_keeps_sentences_and_paragraphs() {
        let text = "It isn't (yet) good, at 95% of 1,000 rows: read/write.\n\nMore – soon!";
        assert_eq!(prose(text), text);
    }

    #[test]
    fn prose_has_no_markup_of_its_own() {
        let hostile =
            "# Owned @team\n1. a\n- [x](javascript:a) <b> https://x.y\n    code\n| a |\n===";
        assert_eq!(
            prose(hostile),
            "`#` Owned `@team`\n`1.` a\n`-` `[x](javascript:a)` `<b>` `https://x.y`\ncode\n`|` a `|`\n`===`"
        );
    }

    #[test]
    fn many_names_are_counted() {
        let names: Vec<String> = (0..20).map(|it| it.to_string()).collect();
        assert!(words(&names).ends_with("`11`, … (20 in all)"));
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(counted(1_234_567, "row"), "1,234,567 rows");
    }
}
