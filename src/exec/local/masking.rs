//! Secrets out of lines. Knows neither where lines come from nor where they go.

/// What stands for a secret.
const MASK: &str = "***";

/// Values that must not be seen.
#[derive(Clone, Debug, Default)]
pub struct Mask {
    secrets: Vec<String>,
}

impl Mask {
    /// Hides these values, and each line of those that have several.
    pub fn new(secrets: &[String]) -> Self {
        let mut lines: Vec<String> = secrets
            .iter()
            .flat_map(|secret| std::iter::once(secret.as_str()).chain(secret.lines()))
            .map(|line| line.trim().to_owned())
            .filter(|line| !line.is_empty())
            .collect();
        // The longest first, so that a secret that holds another leaves nothing of itself behind.
        lines.sort_by_key(|line| std::cmp::Reverse(line.len()));
        lines.dedup();
        Self { secrets: lines }
    }

    pub fn apply(&self, text: String) -> String {
        self.secrets
            .iter()
            .fold(text, |text, secret| text.replace(secret, MASK))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_secret_is_left() {
        let mask = Mask::new(&[
            "abc".to_owned(),
            "abcdef".to_owned(),
            String::new(),
            "first\nsecond".to_owned(),
        ]);
        assert_eq!(
            mask.apply("x abcdef abc y second".to_owned()),
            "x *** *** y ***"
        );
        assert_eq!(mask.apply("plain".to_owned()), "plain");
    }
}
