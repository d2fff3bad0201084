//! A column of words as codes of a dictionary, both packed. Knows no other columns.

use std::{collections::HashMap, hash::BuildHasher};

use hashbrown::{DefaultHashBuilder, HashTable, hash_table::Entry};
use pipe_schema::stage::preprocess::ColumnType;

use crate::{
    categories::{Categories, Kind, is_padded},
    infer::{self, Missing},
    table::Fields,
};

/// The code of a missing word.
pub const NO_WORD: u32 = u32::MAX;

/// Words by row. A word's code is its place among the distinct ones, in the order in which they first came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Words {
    /// What the words are: categories, dates or texts.
    pub r#type: ColumnType,
    pub codes: Vec<u32>,
    /// The distinct words one after another.
    text: String,
    /// Where each of them ends.
    ends: Vec<usize>,
}

impl Words {
    /// The texts of a column.
    pub fn of(fields: &Fields, missing: &Missing) -> Self {
        let mut words = Self::default();
        let hasher = DefaultHashBuilder::default();
        let mut places: HashTable<u32> = HashTable::new();
        for text in fields.iter() {
            if missing.has(text) {
                words.codes.push(NO_WORD);
                continue;
            }
            let text = infer::text_of(text);
            let entry = places.entry(
                hasher.hash_one(text),
                |code| words.name(*code) == Some(text),
                |code| hasher.hash_one(words.name(*code).unwrap_or_default()),
            );
            let code = match entry {
                Entry::Occupied(entry) => *entry.get(),
                Entry::Vacant(entry) => {
                    let code = words.ends.len() as u32;
                    entry.insert(code);
                    words.add(text)
                }
            };
            words.codes.push(code);
        }
        words
    }

    /// Words of a type by their codes; a row without one has none.
    pub fn of_codes(r#type: ColumnType, codes: &[Option<u32>], names: &[String]) -> Self {
        let mut words = Self {
            r#type,
            codes: codes.iter().map(|code| code.unwrap_or(NO_WORD)).collect(),
            ..Self::default()
        };
        for name in names {
            words.add(name);
        }
        words
    }

    /// The distinct words, in the order of their codes.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        (0..self.ends.len() as u32).filter_map(|code| self.name(code))
    }

    /// The word of a row.
    pub fn get(&self, row: usize) -> Option<&str> {
        self.name(self.codes[row])
    }

    /// The code of a category, which is new if no row has it.
    pub fn code(&mut self, word: &str) -> u32 {
        let known = Categories::of(self.names()).find(word);
        known.map_or_else(|| self.add(word), |it| it as u32)
    }

    /// Makes one category of spellings that mean the same, like `1` and `1.0`; what the categories are is told from the rows
    /// `train`, and they keep the shortest spelling there.
    pub fn unite(&mut self, train: &[usize]) {
        let counts = self.counts(train);
        let seen = self.names().zip(&counts).filter(|(_, count)| **count > 0);
        let kind = Kind::of(seen.map(|(name, _)| name));
        let mut chosen = HashMap::new();
        let mut are_united = false;
        for (code, name) in self.names().enumerate() {
            let Some(meaning) = kind.meaning(name).filter(|_| !is_padded(name)) else {
                continue;
            };
            let rank = |code: usize, name: &str| (counts[code] == 0, name.len(), name.to_owned());
            let best = chosen.entry(meaning).or_insert((rank(code, name), code));
            are_united |= best.1 != code;
            if rank(code, name) < best.0 {
                *best = (rank(code, name), code);
            }
        }
        if !are_united {
            return;
        }
        let mut united = Self {
            r#type: self.r#type,
            ..Self::default()
        };
        let mut places: HashMap<usize, u32> = HashMap::new();
        let mut codes = Vec::with_capacity(self.ends.len());
        for (code, name) in self.names().enumerate() {
            let meaning = kind.meaning(name).filter(|_| !is_padded(name));
            let code = meaning.map_or(code, |it| chosen[&it].1);
            let place = places
                .entry(code)
                .or_insert_with(|| united.add(self.name(code as u32).unwrap_or_default()));
            codes.push(*place);
        }
        let own = self.codes.iter();
        united.codes = own
            .map(|code| codes.get(*code as usize).copied().unwrap_or(NO_WORD))
            .collect();
        *self = united;
    }

    /// How often each word occurs in `rows`, by code.
    pub fn counts(&self, rows: &[usize]) -> Vec<u64> {
        let mut counts = vec![0; self.ends.len()];
        for row in rows {
            if let Some(count) = counts.get_mut(self.codes[*row] as usize) {
                *count += 1;
            }
        }
        counts
    }

    fn name(&self, code: u32) -> Option<&str> {
        let code = code as usize;
        let end = *self.ends.get(code)?;
        let start = code.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.text[start..end])
    }

    fn add(&mut self, word: &str) -> u32 {
        self.text.push_str(word);
        self.ends.push(self.text.len());
        self.ends.len() as u32 - 1
    }
}
