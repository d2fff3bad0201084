//! Headers of safetensors files, checked before the library takes them apart: it adds offsets up without looking.

use std::collections::HashMap;

use serde::Deserialize;

/// A tensor in the header; what is not one has no offsets.
#[derive(Deserialize)]
struct HeaderEntry {
    data_offsets: Option<[u64; 2]>,
}

/// Checks that no tensor ends behind the file.
pub fn check_offsets(bytes: &[u8]) -> Result<(), String> {
    let (length, rest) = bytes
        .split_first_chunk::<8>()
        .map(|(length, rest)| (u64::from_le_bytes(*length), rest))
        .ok_or_else(|| unreadable("it is too short"))?;
    let header = usize::try_from(length)
        .ok()
        .and_then(|length| rest.get(..length));
    let header = header.ok_or_else(|| unreadable("its header is longer than the file"))?;
    let entries: HashMap<String, HeaderEntry> =
        serde_json::from_slice(header).map_err(unreadable)?;
    let data = rest.len() as u64 - length;
    for (name, entry) in entries {
        if entry
            .data_offsets
            .is_some_and(|[start, end]| start > end || end > data)
        {
            return Err(unreadable(format!("tensor `{name}` ends behind the file")));
        }
    }
    Ok(())
}

fn unreadable(why: impl std::fmt::Display) -> String {
    format!("not a readable safetensors file: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_offsets_refuses_tensors_that_end_behind_the_file_or_before_they_begin() {
        let check = |offsets: &str| {
            let header =
                format!(r#"{{"x":{{"dtype":"U8","shape":[1],"data_offsets":{offsets}}}}}"#);
            let length = (header.len() as u64).to_le_bytes();
            check_offsets(&[&length, header.as_bytes(), b"1"].concat())
        };
        assert_eq!(check("[0,1]"), Ok(()));
        for offsets in ["[0,2]", "[1,0]", "[0,18446744073709551615]"] {
            let error = check(offsets).unwrap_err();
            assert!(error.contains("`x` ends behind the file"), "{error}");
        }
    }
}
