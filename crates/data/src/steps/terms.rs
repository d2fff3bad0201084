//! The words of a text. The rule is scikit-learn's `token_pattern`, `(?u)\b\w\w+\b`, and the same for all steps of texts.

/// The words of a text in order: runs of two or more letters, digits and `_`.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|it: char| !(it.is_alphanumeric() || it == '_'))
        .filter(|it| it.chars().nth(1).is_some())
}
