//! Rows of a held-out part that the train part has, too: a score on them measures memory. Knows raw columns.

use std::hash::{BuildHasher, Hash, Hasher};

use hashbrown::{DefaultHashBuilder, HashMap};

use super::Parts;
use crate::frame::{Frame, Values};

/// For each part how many of its rows have the same inputs as a row of the train part, columns aside that are
/// `dropped`; 0 for the train part itself.
pub fn count(frame: &Frame, parts: &Parts, dropped: &[&str]) -> Vec<u64> {
    let columns: Vec<&Values> = frame
        .columns
        .iter()
        .filter(|(name, _)| !dropped.contains(&name.as_str()))
        .map(|(_, values)| values)
        .collect();
    let hashes = DefaultHashBuilder::default();
    let hash = |row: usize| {
        let mut hasher = hashes.build_hasher();
        for values in &columns {
            values.hash_row(row, &mut hasher);
        }
        hasher.finish()
    };
    let is_held_out = parts.len() > 1 && !columns.is_empty();
    let mut train: HashMap<u64, usize> = HashMap::new();
    for row in parts
        .first()
        .filter(|_| is_held_out)
        .map_or(&[][..], |it| &it.1)
    {
        train.insert(hash(*row), *row);
    }
    let in_train = |row: &&usize| {
        let twin = train.get(&hash(**row));
        twin.is_some_and(|twin| columns.iter().all(|it| it.same(**row, *twin)))
    };
    let parts = parts.iter().enumerate();
    parts
        .map(|(at, (_, rows))| match at {
            0 => 0,
            _ => rows.iter().filter(in_train).count() as u64,
        })
        .collect()
}

impl Values {
    fn hash_row(&self, row: usize, hasher: &mut impl Hasher) {
        match self {
            Self::Numbers(values) => values[row].to_bits().hash(hasher),
            Self::Truths(values) => values[row].hash(hasher),
            Self::Words(words) => words.codes[row].hash(hasher),
            Self::Block(block) => block.hash_row(row, hasher),
            Self::Pictures(pictures) => pictures.hash_row(row, hasher),
            Self::Sparse(column) => column.number(row).to_bits().hash(hasher),
        }
    }

    fn same(&self, a: usize, b: usize) -> bool {
        match self {
            Self::Numbers(values) => values[a].to_bits() == values[b].to_bits(),
            Self::Truths(values) => values[a] == values[b],
            Self::Words(words) => words.codes[a] == words.codes[b],
            Self::Block(block) => block.same(a, b),
            Self::Pictures(pictures) => pictures.same(a, b),
            Self::Sparse(column) => column.number(a).to_bits() == column.number(b).to_bits(),
        }
    }
}
