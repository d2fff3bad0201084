//! How numbers are written in a text: the mark before a fraction, and that between groups of digits. Knows no file.

use crate::infer;

/// The marks in a number.
#[derive(Clone, Copy, Debug)]
pub struct Notation {
    /// Before the fraction.
    pub decimal: u8,
    /// Between groups of digits.
    pub thousands: Option<u8>,
}

impl Notation {
    /// A number with a point before its fraction and nothing between its digits; nothing where the text is that
    /// already, or no number.
    pub fn plain(self, text: &[u8]) -> Option<Vec<u8>> {
        if self.decimal == b'.' && self.thousands.is_none() {
            return None;
        }
        let text = text.trim_ascii();
        let point = text.iter().position(|it| *it == self.decimal);
        let (whole, rest) = text.split_at(point.unwrap_or(text.len()));
        let grouped = self.thousands.filter(|it| whole.contains(it));
        if grouped.is_none() && (point.is_none() || self.decimal == b'.') {
            return None;
        }
        let mut number = match grouped {
            Some(mark) => ungrouped(whole, mark)?,
            None => whole.to_vec(),
        };
        if let Some((_, fraction)) = rest.split_first() {
            number.push(b'.');
            number.extend(fraction);
        }
        infer::number(&number).map(|_| number)
    }
}

/// Digits without the marks between their groups: the last one has three digits, those before two or three, the first
/// one to three.
fn ungrouped(whole: &[u8], mark: u8) -> Option<Vec<u8>> {
    let digits = whole.strip_prefix(b"+").or(whole.strip_prefix(b"-"));
    let digits = digits.unwrap_or(whole);
    let groups: Vec<&[u8]> = digits.split(|it| *it == mark).collect();
    let last = groups.len() - 1;
    let is_group = |(at, group): (usize, &&[u8])| {
        let fits = match at {
            0 => (1..=3).contains(&group.len()),
            _ if at == last => group.len() == 3,
            _ => (2..=3).contains(&group.len()),
        };
        fits && group.iter().all(u8::is_ascii_digit)
    };
    let are_groups = groups.iter().enumerate().all(is_group);
    are_groups.then(|| whole.iter().copied().filter(|it| *it != mark).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_in_groups_are_rewritten() {
        let of = |decimal, thousands| Notation { decimal, thousands };
        for (notation, text, plain) in [
            (of(b'.', Some(b',')), "1,234,567.5", Some("1234567.5")),
            (of(b'.', Some(b',')), "-12,34,567", Some("-1234567")),
            (of(b'.', Some(b',')), "1,23", None),
            (of(b'.', Some(b',')), ",123", None),
            (of(b'.', Some(b',')), "1,,234", None),
            (of(b'.', Some(b',')), "1234.5", None),
            (of(b'.', Some(b',')), "a,bcd", None),
            (of(b',', Some(b'.')), "1.234,5", Some("1234.5")),
            (of(b',', Some(b'.')), "1.234.567", Some("1234567")),
            (of(b',', None), "3,5", Some("3.5")),
            (of(b',', None), "3,5,1", None),
            (of(b'.', Some(b' ')), "12 345", Some("12345")),
            (of(b'.', None), "3.5", None),
        ] {
            let found = notation.plain(text.as_bytes());
            assert_eq!(found.as_deref(), plain.map(str::as_bytes), "{text}");
        }
    }
}
