//! Reading a journal: which frames it has and where they lie. Knows no meaning of a frame.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
};

use super::frame::{HEAD, Head, MARK, TAIL};

/// Read at once.
const BUFFER: usize = 256 << 10;

/// What became of a look through a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scanned {
    /// Behind the last whole frame.
    pub end: u64,
    /// Whether there is anything but whole frames before that. What is behind may be a frame that is being written, or was
    /// not written to its end.
    pub is_damaged: bool,
}

/// Shows each frame from `from` on, with its place. The content comes along, and is known to be as it was written, where it
/// is small or `deep` is set; else it is empty.
pub fn scan(
    file: &File,
    from: u64,
    deep: bool,
    visit: &mut dyn FnMut(&Head, u64, &[u8]),
) -> io::Result<Scanned> {
    let length = file.metadata()?.len();
    let mut reader = BufReader::with_capacity(BUFFER, file);
    reader.seek(SeekFrom::Start(from))?;
    let mut scanned = Scanned {
        end: from,
        is_damaged: false,
    };
    let mut at = from;
    let mut is_lost = false;
    let mut content = Vec::new();
    while at + (HEAD + TAIL) as u64 <= length {
        if let Some(head) = next(&mut reader, length - at, deep, &mut content)? {
            visit(&head, at, &content);
            at += head.size();
            scanned.end = at;
            scanned.is_damaged |= std::mem::take(&mut is_lost);
            continue;
        }
        is_lost = true;
        reader.seek(SeekFrom::Start(at + 1))?;
        match skip_to_mark(&mut reader)? {
            Some(skipped) => at += 1 + skipped,
            None => break,
        }
    }
    Ok(scanned)
}

/// The frame that begins here, if one does and it ends within `left` bytes.
fn next(
    reader: &mut BufReader<&File>,
    left: u64,
    deep: bool,
    content: &mut Vec<u8>,
) -> io::Result<Option<Head>> {
    let mut bytes = [0; HEAD];
    reader.read_exact(&mut bytes)?;
    let Some(head) = Head::parse(&bytes).filter(|it| it.size() <= left) else {
        return Ok(None);
    };
    content.clear();
    let is_read = deep || head.kind.is_small();
    if is_read {
        content.resize(head.length as usize, 0);
        reader.read_exact(content)?;
    } else {
        reader.seek_relative(i64::from(head.length))?;
    }
    let mut newline = [0; TAIL];
    reader.read_exact(&mut newline)?;
    let is_whole = newline == *b"\n" && (!is_read || head.fits(content));
    Ok(is_whole.then_some(head))
}

/// Goes to the next byte that may begin a frame; how many bytes lie before it.
fn skip_to_mark(reader: &mut BufReader<&File>) -> io::Result<Option<u64>> {
    let mut skipped = 0;
    loop {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let found = bytes.iter().position(|it| *it == MARK);
        let passed = found.unwrap_or(bytes.len());
        reader.consume(passed);
        skipped += passed as u64;
        if found.is_some() {
            return Ok(Some(skipped));
        }
    }
}
