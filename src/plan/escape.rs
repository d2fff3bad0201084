//! Stage ids as file names: one spelling, used wherever a stage has a file. Knows no stage and no file.

use std::fmt::Write;

use pipe_schema::manifest::Digest;
use sha2::{Digest as _, Sha256};

/// Bytes a name may have: most file systems allow 255, and callers add suffixes.
const MAX_BYTES: usize = 200;

/// A name for `id` that is legal on every file system and stands for this id alone.
/// Letters and digits of all scripts and `-_.@=+,` stay; any other byte becomes `%XX`; what is too long ends in a hash.
pub fn file_name(id: &str) -> String {
    let mut name = String::with_capacity(id.len());
    for (position, letter) in id.char_indices() {
        let stays = letter.is_alphanumeric() || "-_@=+,".contains(letter);
        if stays || (letter == '.' && position > 0) {
            name.push(letter);
        } else {
            let mut bytes = [0; 4];
            for byte in letter.encode_utf8(&mut bytes).bytes() {
                // Writing to a String cannot fail.
                let _ = write!(name, "%{byte:02X}");
            }
        }
    }
    if name.is_empty() {
        return "%".to_owned();
    }
    if name.len() > MAX_BYTES {
        let hash = Digest(Sha256::digest(id.as_bytes()).into()).short();
        let cut = name.floor_char_boundary(MAX_BYTES - hash.len() - 2);
        name.truncate(cut);
        name.push_str("%~");
        name.push_str(&hash);
    }
    name
}

/// The id for which `file_name` gives this name; None if it was too long to be kept whole.
pub fn original_name(name: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        if first != b'%' {
            bytes.push(first);
            rest = behind;
            continue;
        }
        if behind.is_empty() && name == "%" {
            return Some(String::new());
        }
        let digits = std::str::from_utf8(behind.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &behind[2..];
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_ids_stay_readable() {
        assert_eq!(file_name("score@fold=0@lr=0.1"), "score@fold=0@lr=0.1");
        assert_eq!(file_name("größe"), "größe");
    }

    #[test]
    fn what_a_file_system_takes_amiss_is_escaped() {
        assert_eq!(file_name("a/b"), "a%2Fb");
        assert_eq!(file_name(".."), "%2E.");
        assert_eq!(file_name("100%\n"), "100%25%0A");
        assert_eq!(file_name(""), "%");
    }

    proptest! {
        #[test]
        fn names_are_legal_and_differ_as_ids_do(one in "\\PC{0,300}", two in "\\PC{0,300}") {
            let (a, b) = (file_name(&one), file_name(&two));
            prop_assert!(a.len() <= MAX_BYTES && !a.is_empty() && !a.contains('/') && !a.starts_with('.'));
            prop_assert_eq!(a == b, one == two);
            prop_assert!(original_name(&a).is_none_or(|id| id == one));
            prop_assert!(original_name(&a).is_some() || a.contains("%~"));
        }
    }
}
