//! A category becomes a 1 in one of so many columns, told by its hash. Learns nothing.

use indexmap::IndexMap;
use pipe_schema::{dataset::FittedStep, stage::preprocess::Hash};

use super::choice;
use crate::{
    categories::{Kind, Meaning},
    error::DataError,
    frame::{Frame, Values},
    infer,
    sparse::NewColumns,
};

/// Takes the columns, and learns which of them hold numbers.
pub fn fit(step: &Hash, frame: &Frame, train: &[usize]) -> Result<FittedStep, DataError> {
    if step.buckets < 2 {
        return Err(DataError::wrong("`buckets` must be at least 2"));
    }
    let columns = choice::resolve(&step.columns, frame)?;
    let mut by_value = Vec::new();
    for name in &columns {
        let words = choice::words(frame, name, "hash")?;
        let counts = words.counts(train);
        let seen = words.names().zip(&counts).filter(|(_, count)| **count > 0);
        if Kind::of(seen.map(|(name, _)| name)) == Kind::Numbers {
            by_value.push(name.clone());
        }
    }
    Ok(FittedStep::Hash {
        columns,
        buckets: step.buckets,
        by_value,
    })
}

/// Puts the new columns where the old one was.
pub fn apply(
    hashed: &[String],
    buckets: u32,
    by_value: &[String],
    frame: &mut Frame,
) -> Result<(), DataError> {
    let mut columns = IndexMap::with_capacity(frame.columns.len());
    for (name, values) in std::mem::take(&mut frame.columns) {
        let Values::Words(words) = &values else {
            choice::insert(&mut columns, "hash", name, values)?;
            continue;
        };
        if !hashed.contains(&name) {
            choice::insert(&mut columns, "hash", name, values)?;
            continue;
        }
        choice::check_present(&frame.places, &name, &values)?;
        let is_by_value = by_value.contains(&name);
        let bucket_of: Vec<u32> = words
            .names()
            .map(|word| match Kind::Numbers.meaning(word) {
                Some(Meaning::Number(bits)) if is_by_value => {
                    bucket(&infer::number_text(f64::from_bits(bits)), buckets)
                }
                _ => bucket(word, buckets),
            })
            .collect();
        let mut made = NewColumns::booleans(buckets as usize, words.codes.len());
        for (row, code) in words.codes.iter().enumerate() {
            made.set(bucket_of[*code as usize] as usize, row, 1.0);
        }
        for (bucket, column) in made.finish().enumerate() {
            choice::insert(&mut columns, "hash", format!("{name}#{bucket}"), column)?;
        }
    }
    frame.columns = columns;
    Ok(())
}

/// The column of a word, as scikit-learn's `FeatureHasher` tells it.
fn bucket(word: &str, buckets: u32) -> u32 {
    let hash = murmur3(word.as_bytes()).cast_signed();
    match hash.checked_abs() {
        Some(size) => size.unsigned_abs() % buckets,
        // The smallest number has no absolute value.
        None => (i32::MAX.unsigned_abs() - (buckets - 1)) % buckets,
    }
}

/// `MurmurHash3`, x86, 32 bits, seed 0.
fn murmur3(bytes: &[u8]) -> u32 {
    let scramble = |block: u32| {
        block
            .wrapping_mul(0xcc9e_2d51)
            .rotate_left(15)
            .wrapping_mul(0x1b87_3593)
    };
    let (blocks, tail) = bytes.as_chunks::<4>();
    let mut hash = 0_u32;
    for block in blocks {
        hash ^= scramble(u32::from_le_bytes(*block));
        hash = hash
            .rotate_left(13)
            .wrapping_mul(5)
            .wrapping_add(0xe654_6b64);
    }
    let rest = tail
        .iter()
        .rev()
        .fold(0, |rest, byte| (rest << 8) | u32::from(*byte));
    hash ^= scramble(rest);
    hash ^= bytes.len() as u32;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_published_function() {
        for (text, hash) in [
            ("", 0),
            ("test", 0xba6b_d213),
            ("Hello, world!", 0xc036_3e43),
            ("The quick brown fox jumps over the lazy dog", 0x2e4f_f723),
        ] {
            assert_eq!(murmur3(text.as_bytes()), hash, "{text}");
        }
    }
}
