//! SHA-256 of several texts at once: the steps of one wait for each other, those of several do not, so that a processor
//! with instructions for them is twice as fast. Knows bytes, not files.

use std::sync::OnceLock;

use pipe_schema::manifest::Digest;
use sha2::{Digest as _, Sha256};

/// How many texts are hashed at once.
pub const WIDTH: usize = 4;
/// Bytes of a block.
const BLOCK: u64 = 64;
/// Bytes behind a text: the end mark and the length.
const PADDING: u64 = 9;

/// Blocks of a text of so many bytes.
pub fn blocks(bytes: u64) -> u64 {
    bytes.saturating_add(PADDING).div_ceil(BLOCK)
}

/// The digests of the texts. They are hashed at once where each has as many blocks as the others.
pub fn digests(texts: [&[u8]; WIDTH]) -> [Digest; WIDTH] {
    let mut digests = [[0; 32]; WIDTH];
    tape_sha256::hash_many(&texts, &mut digests);
    digests.map(Digest)
}

/// Whether texts are sooner hashed at once, and rightly: it is tried out before it is used.
pub fn serves() -> bool {
    static SERVES: OnceLock<bool> = OnceLock::new();
    *SERVES.get_or_init(|| has_instructions() && agrees())
}

#[cfg(target_arch = "x86_64")]
fn has_instructions() -> bool {
    is_x86_feature_detected!("sha")
        && is_x86_feature_detected!("ssse3")
        && is_x86_feature_detected!("sse4.1")
}

/// Other processors are not known to gain by it.
#[cfg(not(target_arch = "x86_64"))]
fn has_instructions() -> bool {
    false
}

/// Whether texts that end in any place of a block have the digests that they have one by one, beside some of the same length
/// and beside others.
fn agrees() -> bool {
    const LENGTHS: std::ops::Range<usize> = 0..4 * BLOCK as usize;
    let bytes: Vec<u8> = (0..LENGTHS.end + WIDTH)
        .map(|it| (it * 151 + it / 7) as u8)
        .collect();
    LENGTHS.into_iter().all(|length| {
        let alike = |it: &usize| blocks(*it as u64) == blocks(length as u64);
        let first = LENGTHS.into_iter().find(alike).unwrap_or(length);
        let last = LENGTHS.into_iter().rfind(alike).unwrap_or(length);
        [[length; WIDTH], [first, length, last, length]]
            .iter()
            .all(|lengths| {
                let texts = std::array::from_fn(|it| &bytes[it..it + lengths[it]]);
                digests(texts) == texts.map(|it| Digest(Sha256::digest(it).into()))
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lengths_have_the_digests_that_they_have_one_by_one() {
        let bytes: Vec<u8> = (0..70_000_u32)
            .map(|it| (it.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        for length in (0..300).chain([4_095, 4_096, 65_535, 65_536, 69_990]) {
            let texts = std::array::from_fn(|it| &bytes[it..it + length]);
            let alone = texts.map(|it| Digest(Sha256::digest(it).into()));
            assert_eq!(digests(texts), alone, "{length}");
        }
    }

    #[test]
    fn texts_of_one_number_of_blocks_may_differ_in_length() {
        let bytes = [7; 200];
        let texts = [56, 57, 100, 119].map(|it| &bytes[..it]);
        assert!(texts.iter().all(|it| blocks(it.len() as u64) == 2));
        assert_eq!(
            digests(texts),
            texts.map(|it| Digest(Sha256::digest(it).into()))
        );
    }

    #[test]
    fn it_is_used_where_the_processor_has_the_instructions() {
        assert_eq!(serves(), has_instructions());
    }
}
