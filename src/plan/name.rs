//! Names of stages, vars, axes: which are legal, and why others are not. Knows no stage.

/// What a name may be.
pub const RULE: &str = "a name is letters, digits, `_` and `-`, begins with a letter or `_`, and has at most 100 characters";
const LONGEST: usize = 100;

/// Whether a text may name a stage, a var, an axis, a sweep or the spec.
pub fn is_legal(text: &str) -> bool {
    text.starts_with(|it: char| it.is_alphabetic() || it == '_')
        && text.chars().all(is_legal_char)
        && text.chars().count() <= LONGEST
}

fn is_legal_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-')
}

/// Why it may not.
pub fn explain(text: &str) -> String {
    match text.chars().find(|it| !is_legal_char(*it)) {
        _ if text.is_empty() => "it is empty".to_owned(),
        Some(' ') => "it has a space in it".to_owned(),
        Some('.') => "names have no dots: a dot names a part".to_owned(),
        Some(c) => format!("it has {c:?} in it"),
        None if text.chars().count() > LONGEST => "it is too long".to_owned(),
        None => "it begins with a digit or `-`".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_dots_spaces_or_signs() {
        for text in ["fit", "_a", "größe", "a-b_2"] {
            assert!(is_legal(text), "{text}");
        }
        for text in [
            "",
            "2fit",
            "-a",
            "a.b",
            "a b",
            "a@b",
            "a/b",
            &"x".repeat(101),
        ] {
            assert!(!is_legal(text), "{text}");
            assert!(!explain(text).is_empty());
        }
    }
}
