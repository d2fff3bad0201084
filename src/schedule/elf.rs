//! Where a program of 64 bits looks for its libraries first, read from its file. Loads nothing, and reads only what tells it.

use std::{fs::File, os::unix::fs::FileExt, path::Path};

const DYNAMIC: u32 = 2;
const LOADED: u32 = 1;
const STRINGS: u64 = 5;
const RUN_PATHS: [u64; 2] = [15, 29];
/// Tables of honest programs are far smaller.
const TABLE_LIMIT: u64 = 1 << 20;
/// The longest list of folders that is read.
const PATH_LIMIT: u64 = 64 << 10;

/// The folders of DT_RPATH and DT_RUNPATH, as written; none where the file is no such program.
pub fn run_paths(program: &Path) -> Vec<String> {
    File::open(program)
        .ok()
        .and_then(|file| read(&file))
        .unwrap_or_default()
}

struct Segment {
    kind: u32,
    offset: u64,
    length: u64,
    address: u64,
}

fn read(file: &File) -> Option<Vec<String>> {
    let header = at(file, 0, 64)?;
    // The magic, then 64 bits, then little end first.
    if header.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let segments = segments(file, &header)?;
    let dynamic = segments.iter().find(|it| it.kind == DYNAMIC)?;
    let table = at(file, dynamic.offset, dynamic.length)?;
    let entries: Vec<(u64, u64)> = table
        .as_chunks::<16>()
        .0
        .iter()
        .filter_map(|entry| Some((word(entry, 0)?, word(entry, 8)?)))
        .take_while(|(tag, _)| *tag != 0)
        .collect();
    let address = entries.iter().find(|(tag, _)| *tag == STRINGS)?.1;
    let home = segments.iter().find(|it| {
        it.kind == LOADED && (it.address..it.address.saturating_add(it.length)).contains(&address)
    })?;
    let strings = home.offset.checked_add(address - home.address)?;
    let mut paths = Vec::new();
    for (tag, offset) in entries {
        if RUN_PATHS.contains(&tag) {
            let text = at(file, strings.checked_add(offset)?, PATH_LIMIT)?;
            let text = text.split(|&byte| byte == 0).next()?;
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

fn segments(file: &File, header: &[u8]) -> Option<Vec<Segment>> {
    let start = word(header, 32)?;
    let size = usize::from(u16::from_le_bytes(header.get(54..56)?.try_into().ok()?));
    let count = usize::from(u16::from_le_bytes(header.get(56..58)?.try_into().ok()?));
    let table = at(file, start, (size * count) as u64)?;
    table
        .chunks_exact(size.max(1))
        .map(|header| {
            Some(Segment {
                kind: u32::from_le_bytes(header.get(..4)?.try_into().ok()?),
                offset: word(header, 8)?,
                length: word(header, 32)?,
                address: word(header, 16)?,
            })
        })
        .collect()
}

/// At most so many bytes from there; fewer where the file ends.
fn at(file: &File, offset: u64, length: u64) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length.min(TABLE_LIMIT) as usize];
    let mut got = 0;
    while got < bytes.len() {
        match file.read_at(&mut bytes[got..], offset.checked_add(got as u64)?) {
            Ok(0) => break,
            Ok(more) => got += more,
            Err(_) => return None,
        }
    }
    bytes.truncate(got);
    Some(bytes)
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_program_of_this_machine_can_be_read() {
        // Whatever its paths are: the tables were found.
        assert!(read(&File::open("/proc/self/exe").unwrap()).is_some());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let magic = b"\x7fELF\x02\x01";
            if bytes.len() > magic.len() {
                bytes[..magic.len()].copy_from_slice(magic);
            }
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&bytes).unwrap();
            let _ = read(&file);
        }
    }
}
