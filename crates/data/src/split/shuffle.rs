//! A seeded shuffle. Knows no rows.
//!
//! The order comes from ChaCha8 and a Fisher-Yates shuffle written out here, so that no library's update can change
//! which rows are tested on.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Draws orders, one after another.
pub struct Shuffle {
    generator: ChaCha8Rng,
}

impl Shuffle {
    /// The same seed draws the same orders.
    pub fn seeded(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Self {
            generator: ChaCha8Rng::from_seed(bytes),
        }
    }

    /// Puts the items into an order, each equally likely.
    pub fn mix<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last as u64 + 1) as usize;
            items.swap(last, other);
        }
    }

    /// A number below `bound`, each equally likely.
    fn below(&mut self, bound: u64) -> u64 {
        let uneven = u64::MAX - u64::MAX % bound;
        loop {
            let drawn = self.generator.next_u64();
            if drawn < uneven {
                return drawn % bound;
            }
        }
    }
}
