//! By what a category is told: `1`, `1.0` and the number 1 are one, as are `True` and `true`. Knows no columns.
//!
//! A text is told by itself first. Where all categories are numbers, another spelling of a number is it, too; beside words,
//! that holds for whole numbers alone, as a tool writes `1.0` for 1 once a value is missing, while `1.10` may be a version.
//! Two integers from 2^53 on may share a float, so that their texts tell them apart. A number with zeros before it, like the
//! postal code `01234`, is never made one with another category, but it is found by the number.

use std::collections::{HashMap, hash_map::Entry};

use crate::infer;

/// What a category means, whatever its spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Meaning {
    /// The bits of the number.
    Number(u64),
    Truth(bool),
}

/// What the categories of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Numbers,
    Truths,
    Mixed,
}

impl Kind {
    /// The kind of some categories.
    pub fn of<'a>(mut names: impl Iterator<Item = &'a str> + Clone) -> Self {
        if names
            .clone()
            .all(|name| infer::number(name.as_bytes()).is_some())
        {
            Self::Numbers
        } else if names.all(|name| truth(name).is_some()) {
            Self::Truths
        } else {
            Self::Mixed
        }
    }

    /// What a category of such a column means beside its text.
    pub fn meaning(self, name: &str) -> Option<Meaning> {
        match self {
            Self::Truths => truth(name).map(Meaning::Truth),
            Self::Numbers => number(name),
            Self::Mixed => number(name).filter(|_| is_whole(name)),
        }
    }
}

fn number(name: &str) -> Option<Meaning> {
    let value = infer::number(name.as_bytes()).filter(|value| value.abs() < infer::EXACT)?;
    Some(Meaning::Number((value + 0.0).to_bits()))
}

fn truth(name: &str) -> Option<bool> {
    [("true", true), ("false", false)]
        .into_iter()
        .find(|(word, _)| word.eq_ignore_ascii_case(name))
        .map(|(_, truth)| truth)
}

/// Whether a number is written with digits alone, or with zeros behind its point.
fn is_whole(name: &str) -> bool {
    let digits = name.strip_prefix('-').unwrap_or(name);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let are = |text: &str, is: fn(&u8) -> bool| !text.is_empty() && text.bytes().all(|it| is(&it));
    are(whole, u8::is_ascii_digit) && are(fraction, |digit| *digit == b'0') && !is_padded(name)
}

/// Whether zeros stand before a number that does not need them.
pub fn is_padded(name: &str) -> bool {
    let digits = name.strip_prefix(['-', '+']).unwrap_or(name).as_bytes();
    matches!(digits, [b'0', b'0'..=b'9', ..])
}

/// Finds categories by text or meaning.
pub struct Categories<'a> {
    by_text: HashMap<&'a str, usize>,
    kind: Kind,
    /// Nothing where several categories mean the same.
    by_meaning: HashMap<Meaning, Option<usize>>,
}

impl<'a> Categories<'a> {
    /// Categories by their place.
    pub fn of(names: impl Iterator<Item = &'a str> + Clone) -> Self {
        let kind = Kind::of(names.clone());
        let mut by_text = HashMap::new();
        let mut by_meaning = HashMap::new();
        for (place, name) in names.enumerate() {
            by_text.insert(name, place);
            let Some(meaning) = kind.meaning(name) else {
                continue;
            };
            match by_meaning.entry(meaning) {
                Entry::Vacant(entry) => {
                    entry.insert(Some(place));
                }
                Entry::Occupied(mut entry) => {
                    entry.insert(None);
                }
            }
        }
        Self {
            by_text,
            kind,
            by_meaning,
        }
    }

    /// The place of a category.
    pub fn find(&self, name: &str) -> Option<usize> {
        let by_text = self.by_text.get(name).copied();
        by_text.or_else(|| *self.by_meaning.get(&self.kind.meaning(name)?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(names: &[&str], name: &str) -> Option<usize> {
        Categories::of(names.iter().copied()).find(name)
    }

    #[test]
    fn a_category_is_found_by_its_number() {
        for (name, place) in [
            ("1", Some(0)),
            ("1.0", Some(0)),
            ("01", Some(0)),
            ("2e0", Some(1)),
            ("3", None),
            ("x", None),
        ] {
            assert_eq!(find(&["1", "2"], name), place, "{name}");
        }
        assert_eq!(find(&["0.5", "1e-7"], "0.0000001"), Some(1));
        assert_eq!(find(&["9007199254740993"], "9007199254740992"), None);
    }

    #[test]
    fn a_category_beside_words_is_found_by_whole_numbers_alone() {
        let names = ["1", "1.1", "1e3", "A"];
        for (name, place) in [
            ("1.0", Some(0)),
            ("1.10", None),
            ("1000", None),
            ("01", None),
        ] {
            assert_eq!(find(&names, name), place, "{name}");
        }
    }

    #[test]
    fn a_category_that_is_a_truth_is_found_in_any_case() {
        assert_eq!(find(&["False", "True"], "true"), Some(1));
        assert_eq!(find(&["True", "maybe"], "true"), None);
    }

    #[test]
    fn a_number_that_several_categories_have_finds_none_of_them() {
        assert_eq!(find(&["01", "1"], "1.0"), None);
        assert_eq!(find(&["01", "1"], "01"), Some(0));
    }
}
