//! Rows that a model was trained on, told by their features: a score on them measures memory. Knows no columns.

use std::hash::{BuildHasher, Hash, Hasher};

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::dataset::FeatureRows;

/// Which rows of a part are among the rows of others, by all of their features.
pub struct SeenRows<'a> {
    rows: &'a FeatureRows,
    is_seen: Vec<bool>,
}

impl<'a> SeenRows<'a> {
    /// Starts with none of the rows.
    pub fn none_of(rows: &'a FeatureRows) -> Self {
        Self {
            is_seen: vec![false; rows.rows()],
            rows,
        }
    }

    /// Adds the rows that are among these, which have the same features.
    pub fn add(&mut self, others: &FeatureRows) {
        if others.width() != self.rows.width() {
            return;
        }
        let hasher = DefaultHashBuilder::default();
        let hash = |row: &[f32]| {
            let mut state = hasher.build_hasher();
            for number in row {
                number.to_bits().hash(&mut state);
            }
            state.finish()
        };
        let mut known: HashTable<usize> = HashTable::with_capacity(others.rows());
        for at in 0..others.rows() {
            let row = others.row(at);
            known
                .entry(
                    hash(&row),
                    |other| is_same(&others.row(*other), &row),
                    |other| hash(&others.row(*other)),
                )
                .or_insert(at);
        }
        for (at, is_seen) in self.is_seen.iter_mut().enumerate() {
            let row = self.rows.row(at);
            let found = known.find(hash(&row), |other| is_same(&others.row(*other), &row));
            *is_seen |= found.is_some();
        }
    }

    /// How many rows were found.
    pub fn count(&self) -> u64 {
        self.is_seen.iter().filter(|it| **it).count() as u64
    }
}

fn is_same(one: &[f32], other: &[f32]) -> bool {
    let mut pairs = one.iter().zip(other);
    pairs.all(|(a, b)| a.to_bits() == b.to_bits())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Features;

    fn features(rows: &[[f32; 2]]) -> FeatureRows {
        FeatureRows::Dense(Features {
            rows: rows.len(),
            width: 2,
            values: rows.concat(),
        })
    }

    #[test]
    fn seen_rows_are_equal_in_all_features_and_count_once() {
        let part = features(&[[1.0, 2.0], [1.0, 3.0], [1.0, 2.0], [0.0, 0.0]]);
        let mut seen = SeenRows::none_of(&part);
        assert_eq!(seen.count(), 0);
        seen.add(&features(&[[1.0, 2.0], [1.0, 2.0], [2.0, 1.0]]));
        assert_eq!(seen.count(), 2);
        seen.add(&features(&[[0.0, 0.0], [1.0, 2.0]]));
        assert_eq!(seen.count(), 3);
    }
}
