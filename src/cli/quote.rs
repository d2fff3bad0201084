//! Words as YAML and as a shell takes them: plain where that is certain, quoted elsewhere. Knows no spec.

use std::fmt::Write;

use pipe_schema::text::is_hidden;

/// Plain words that readers of YAML take for something else than text.
const NOT_TEXT: [&str; 16] = [
    "true", "false", "yes", "no", "on", "off", "y", "n", "null", "none", "nan", "inf", "infinity",
    "all", "numeric", "boolean",
];

/// A text as a scalar of a spec, in a flow list or map, too. `${` stays `${`.
pub fn yaml(text: &str) -> String {
    let is_plain = text.starts_with(|it: char| it.is_ascii_alphabetic())
        && text
            .chars()
            .all(|it| it.is_ascii_alphanumeric() || "_-./".contains(it))
        && !text.ends_with(['-', '.', '/'])
        && !NOT_TEXT.contains(&text.to_ascii_lowercase().as_str());
    if is_plain {
        return text.to_owned();
    }
    let mut quoted = "\"".to_owned();
    for c in text.replace("${", "$${").chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            _ if is_hidden(c) => {
                // Writing to a string cannot fail.
                let _ = write!(quoted, "\\U{:08x}", c as u32);
            }
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A text on a line of a comment or of prose: short, without what breaks the line.
pub fn prose(text: &str) -> String {
    const LONGEST: usize = 40;
    let mut short: String = text
        .chars()
        .map(|it| if is_hidden(it) { ' ' } else { it })
        .take(LONGEST)
        .collect();
    if text.chars().count() > LONGEST {
        short.push('…');
    }
    short
}

/// A word of a shell's command.
pub fn shell(text: &str) -> String {
    let is_plain = !text.is_empty()
        && !text.starts_with('-')
        && text
            .chars()
            .all(|it| it.is_alphanumeric() || "_-./+=:@%,".contains(it));
    if is_plain {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
