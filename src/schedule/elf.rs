//! Where a program of 64 bits looks for its libraries first, read from its file. Loads nothing.

use std::{fs, ops::Range, path::Path};

const DYNAMIC: u32 = 2;
const LOADED: u32 = 1;
const STRINGS: u64 = 5;
const RUN_PATHS: [u64; 2] = [15, 29];

/// The folders of DT_RPATH and DT_RUNPATH, as written; none where the file is no such program.
pub fn run_paths(program: &Path) -> Vec<String> {
    fs::read(program)
        .ok()
        .and_then(|bytes| read(&bytes))
        .unwrap_or_default()
}

struct Segment {
    kind: u32,
    file: Range<usize>,
    address: u64,
}

fn read(bytes: &[u8]) -> Option<Vec<String>> {
    // The magic, then 64 bits, then little end first.
    if bytes.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let segments = segments(bytes)?;
    let dynamic = segments.iter().find(|it| it.kind == DYNAMIC)?;
    let entries: Vec<(u64, u64)> = bytes
        .get(dynamic.file.clone())?
        .as_chunks::<16>()
        .0
        .iter()
        .filter_map(|entry| Some((word(entry, 0)?, word(entry, 8)?)))
        .take_while(|(tag, _)| *tag != 0)
        .collect();
    let address = entries.iter().find(|(tag, _)| *tag == STRINGS)?.1;
    let home = segments.iter().find(|it| {
        let length = it.file.len() as u64;
        it.kind == LOADED && (it.address..it.address.saturating_add(length)).contains(&address)
    })?;
    let strings = home.file.start + usize::try_from(address - home.address).ok()?;
    let mut paths = Vec::new();
    for (tag, offset) in entries {
        if RUN_PATHS.contains(&tag) {
            let start = strings.checked_add(usize::try_from(offset).ok()?)?;
            let text = bytes.get(start..)?.split(|&byte| byte == 0).next()?;
            let text = String::from_utf8_lossy(text);
            paths.extend(
                text.split(':')
                    .filter(|it| !it.is_empty())
                    .map(str::to_owned),
            );
        }
    }
    Some(paths)
}

fn segments(bytes: &[u8]) -> Option<Vec<Segment>> {
    let table = usize::try_from(word(bytes, 32)?).ok()?;
    let size = usize::from(u16::from_le_bytes(bytes.get(54..56)?.try_into().ok()?));
    let count = usize::from(u16::from_le_bytes(bytes.get(56..58)?.try_into().ok()?));
    let mut segments = Vec::with_capacity(count);
    for index in 0..count {
        let header = bytes.get(table.checked_add(index * size)?..)?;
        let start = usize::try_from(word(header, 8)?).ok()?;
        let length = usize::try_from(word(header, 32)?).ok()?;
        segments.push(Segment {
            kind: u32::from_le_bytes(header.get(..4)?.try_into().ok()?),
            file: start..start.checked_add(length)?,
            address: word(header, 16)?,
        });
    }
    Some(segments)
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_program_of_this_machine_can_be_read() {
        // Whatever its paths are: the tables were found.
        let bytes = fs::read("/proc/self/exe").unwrap();
        assert!(read(&bytes).is_some());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let magic = b"\x7fELF\x02\x01";
            if bytes.len() > magic.len() {
                bytes[..magic.len()].copy_from_slice(magic);
            }
            let _ = read(&bytes);
        }
    }
}
