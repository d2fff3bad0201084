//! Tables by digests. Knows no digest's meaning.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// A table by digests, or by what is one: they are as good as hashes themselves.
pub type ByDigest<K, V> = HashMap<K, V, BuildHasherDefault<StartHasher>>;

/// The start of what is hashed, at least eight bytes, for its hash.
#[derive(Debug, Default)]
pub struct StartHasher(u64);

impl Hasher for StartHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(start) = bytes.first_chunk() {
            self.0 = u64::from_ne_bytes(*start);
        }
    }

    /// How long it is: all digests are of one length.
    fn write_usize(&mut self, _length: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}
