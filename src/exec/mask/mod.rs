//! Secrets out of texts and streams: each value, its lines, and the forms in which programs print them.
//! Knows neither where texts come from nor where they go.

mod forms;
mod stream;

use aho_corasick::AhoCorasick;

pub use self::stream::Masked;

/// What stands for a secret.
const MASK: &str = "***";

/// Values that must not be seen.
#[derive(Clone, Debug, Default)]
pub struct Mask {
    /// Nothing where there is nothing to hide.
    search: Option<Search>,
}

#[derive(Clone, Debug)]
struct Search {
    automaton: AhoCorasick,
    /// What is searched for, in order.
    patterns: Vec<Vec<u8>>,
    longest: usize,
    /// Bytes that a pattern begins with.
    first: [bool; 256],
}

impl Mask {
    /// Hides these values, each line of those that have several, and what these look like when they are encoded.
    pub fn new<'s>(secrets: impl IntoIterator<Item = &'s str>) -> Self {
        let mut patterns: Vec<Vec<u8>> = secrets.into_iter().flat_map(forms::of).collect();
        patterns.sort();
        patterns.dedup();
        // It fails only where patterns exceed what fits into memory.
        let automaton = AhoCorasick::new(&patterns).ok();
        let search = automaton.filter(|_| !patterns.is_empty()).map(|automaton| {
            let mut first = [false; 256];
            for pattern in &patterns {
                first[usize::from(pattern[0])] = true;
            }
            Search {
                automaton,
                longest: patterns.iter().map(Vec::len).max().unwrap_or(0),
                patterns,
                first,
            }
        });
        Self { search }
    }

    pub fn is_empty(&self) -> bool {
        self.search.is_none()
    }

    /// The text without what must not be seen.
    pub fn apply(&self, text: String) -> String {
        let Some(search) = &self.search else {
            return text;
        };
        let ranges = search.ranges(text.as_bytes());
        if ranges.is_empty() {
            return text;
        }
        let mut masked = Vec::with_capacity(text.len());
        let mut at = 0;
        for (start, end) in ranges {
            masked.extend_from_slice(&text.as_bytes()[at..start]);
            masked.extend_from_slice(MASK.as_bytes());
            at = end;
        }
        masked.extend_from_slice(&text.as_bytes()[at..]);
        String::from_utf8_lossy(&masked).into_owned()
    }
}

impl Search {
    /// Where something must be hidden, in order; what overlaps is one.
    fn ranges(&self, bytes: &[u8]) -> Vec<(usize, usize)> {
        let found = self.automaton.find_overlapping_iter(bytes);
        let mut found: Vec<(usize, usize)> = found.map(|it| (it.start(), it.end())).collect();
        found.sort_unstable();
        let mut ranges: Vec<(usize, usize)> = Vec::new();
        for (start, end) in found {
            match ranges.last_mut() {
                Some(last) if start < last.1 => last.1 = last.1.max(end),
                _ => ranges.push((start, end)),
            }
        }
        ranges
    }

    /// The first place from which on all is the beginning of something to be hidden, or the end.
    fn beginning(&self, bytes: &[u8]) -> usize {
        let from = bytes.len().saturating_sub(self.longest - 1);
        let candidates = from..bytes.len();
        candidates
            .filter(|&at| self.first[usize::from(bytes[at])])
            .find(|&at| self.is_beginning(&bytes[at..]))
            .unwrap_or(bytes.len())
    }

    fn is_beginning(&self, part: &[u8]) -> bool {
        let at = self.patterns.partition_point(|it| it.as_slice() <= part);
        self.patterns.get(at).is_some_and(|it| it.starts_with(part))
    }
}

#[cfg(test)]
mod tests;
