//! Opens a file, plain or gzip, and of text refuses what is none. Knows no form of table.

use std::{
    cell::Cell,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
    rc::Rc,
};

use flate2::bufread::MultiGzDecoder;
use pipe_schema::stage::preprocess::{self, Encoding};

use super::decode::Decoded;
use crate::{
    error::DataError,
    limits::{Budgeted, UnpackBudget},
    regular,
};

const BUFFER: usize = 256 * 1024;
/// What a file starts with that is no text, and what it is then.
const OTHERS: [(&[u8], &str, &str); 7] = [
    (UTF16_MARKS[0], "UTF-16, not UTF-8", UTF16),
    (UTF16_MARKS[1], "UTF-16, not UTF-8", UTF16),
    (
        b"PK\x03\x04",
        "a zip archive or an Excel sheet, not text",
        "unpack it, or export the sheet as CSV",
    ),
    (
        b"PAR1",
        "a parquet file, not text",
        "name its form: `source: {parquet: FILE}`, or `read: {form: parquet}`",
    ),
    (
        b"\x28\xb5\x2f\xfd",
        "packed with zstd",
        "unpack it, or pack it with gzip",
    ),
    (
        b"BZh",
        "packed with bzip2",
        "unpack it, or pack it with gzip",
    ),
    (
        b"\xfd7zXZ\0",
        "packed with xz",
        "unpack it, or pack it with gzip",
    ),
];
/// The longest of these starts.
const MOST_START: usize = 6;
const UTF16: &str = "of CSV, say so: `read: {encoding: utf-16}`; else convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW";
const UTF16_MARKS: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

/// Counts the bytes of files that were read, packed ones as they lie on the disk.
pub type Count = Rc<Cell<u64>>;

/// Opens `path` as text: unpacks gzip, drops a byte order mark, gives UTF-8.
pub fn open(
    path: &Path,
    read: &preprocess::Read,
    count: &Count,
) -> Result<Box<dyn BufRead>, DataError> {
    let (bytes, _) = open_bytes(path, read, count)?;
    let encoding = read.encoding;
    let text = start(path, encoding, bytes)?;
    Ok(match encoding {
        Encoding::Utf8 => text,
        other => Box::new(Decoded::of(text, other)),
    })
}

/// Opens `path`: unpacks gzip. What it unpacks to is taken off the budget that comes with it.
pub fn open_bytes(
    path: &Path,
    read: &preprocess::Read,
    count: &Count,
) -> Result<(Box<dyn BufRead>, UnpackBudget), DataError> {
    let fail = |it: io::Error| DataError::io(path, &it);
    let file = match regular::open(path) {
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
            return Err(
                DataError::wrong(format!("{}: is a folder, not a file", path.display()))
                    .hint("name the files in it, e.g. with the glob `FOLDER/*.csv`"),
            );
        }
        opened => opened.map_err(fail)?,
    };
    let metadata = file.metadata().map_err(fail)?;
    let budget = UnpackBudget::new(metadata.len(), read);
    let counted = Counted {
        file,
        count: Rc::clone(count),
    };
    let mut packed = BufReader::with_capacity(BUFFER, counted);
    let is_gzip = packed.fill_buf().map_err(fail)?.starts_with(b"\x1f\x8b");
    if !is_gzip {
        return Ok((Box::new(packed), budget));
    }
    let plain = Budgeted::new(MultiGzDecoder::new(packed), budget.clone());
    Ok((Box::new(BufReader::with_capacity(BUFFER, plain)), budget))
}

fn start(
    path: &Path,
    encoding: Encoding,
    mut text: Box<dyn BufRead>,
) -> Result<Box<dyn BufRead>, DataError> {
    let mut first = [0; MOST_START];
    let mut filled = 0;
    while filled < first.len() {
        match text.read(&mut first[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(DataError::io(path, &error)),
        }
    }
    let first = &first[..filled];
    for (magic, what, remedy) in OTHERS {
        let is_meant = encoding == Encoding::Utf16 && UTF16_MARKS.contains(&magic);
        if first.starts_with(magic) && !is_meant {
            return Err(DataError::wrong(format!("{}: is {what}", path.display())).hint(remedy));
        }
    }
    let kept = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first);
    Ok(Box::new(io::Cursor::new(kept.to_vec()).chain(text)))
}

struct Counted {
    file: File,
    count: Count,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.count.set(self.count.get() + read as u64);
        Ok(read)
    }
}
