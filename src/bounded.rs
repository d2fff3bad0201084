//! Small files read whole, and no larger ones: what a project or a stage wrote may be of any size. Knows no content.

use std::{
    io::{self, Read},
    path::Path,
};

use pipe_data::regular;

/// Bytes of a file that is read whole.
pub const MOST: u64 = 64 << 20;

/// The bytes of a file, which has at most `MOST`.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    read_up_to(path, MOST)
}

/// The text of a file, which has at most `MOST` bytes.
pub fn read_to_string(path: &Path) -> io::Result<String> {
    let wrong = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    String::from_utf8(read(path)?).map_err(wrong)
}

fn read_up_to(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // Its size is not asked for: a pipe has none, and a file may grow.
    regular::open(path)?
        .take(most + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let message = format!("it is larger than {} MiB", most >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bounded_read_refuses_what_is_larger_and_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, vec![0; 1 << 20]).unwrap();
        assert_eq!(read_up_to(&path, 1 << 20).unwrap().len(), 1 << 20);
        std::fs::write(&path, vec![0; (1 << 20) + 1]).unwrap();
        let error = read_up_to(&path, 1 << 20).unwrap_err();
        assert_eq!(error.to_string(), "it is larger than 1 MiB");
    }
}
