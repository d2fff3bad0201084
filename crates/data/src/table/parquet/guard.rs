//! What a parquet file says of its own sizes, looked at before the library believes it: the depth of its schema, and
//! what the pages of a column unpack to. Reads headers alone, but for pages of gzip, whose headers may lie.

use std::{fs::File, io::Read as _, os::unix::fs::FileExt as _};

use flate2::read::MultiGzDecoder;
use parquet::{basic::Compression, file::metadata::ColumnChunkMetaData};

use super::{
    Trouble,
    thrift::{Reader, kind},
};
use crate::limits::{self, UnpackBudget};

/// A file ends with the length of its metadata in four bytes, and four letters.
const TAIL: usize = 8;
const MAGIC: &[u8] = b"PAR1";
/// Groups within groups of a schema.
const MOST_DEPTH: usize = 64;
/// Bytes of a page's header that are read at first, and at most: it may hold the least and largest value.
const HEADER: usize = 4 << 10;
const MOST_HEADER: usize = 1 << 20;
/// Pages of gzip up to this size cannot unpack to much.
const SMALL_PAGE: u64 = 64 << 10;
/// Memory for a number of a list while it is read, with its levels.
const LIST_NUMBER: u64 = 8;

/// Checks the end of a file. What makes no sense is left to the library, which has the words for it.
pub fn check_footer(file: &File) -> Result<(), String> {
    let size = file.metadata().map_or(0, |it| it.len());
    let mut tail = [0; TAIL];
    let Some(at) = size.checked_sub(TAIL as u64) else {
        return Ok(());
    };
    if file.read_exact_at(&mut tail, at).is_err() || !tail.ends_with(MAGIC) {
        return Ok(());
    }
    let length = u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]) as usize;
    if length > limits::LINE {
        let most = limits::LINE >> 20;
        return Err(format!("its metadata are larger than {most} MiB"));
    }
    let Some(start) = at.checked_sub(length as u64) else {
        return Ok(());
    };
    let mut footer = vec![0; length];
    if file.read_exact_at(&mut footer, start).is_err() {
        return Ok(());
    }
    check_schema(&mut Reader::new(&footer)).unwrap_or(Ok(()))
}

/// The list of the schema's nodes is the second field; each node tells how many follow below it.
fn check_schema(metadata: &mut Reader<'_>) -> Option<Result<(), String>> {
    let mut field = 0;
    loop {
        let (next, kind) = metadata.field(field)?;
        field = next;
        match (field, kind) {
            (_, 0) => return None,
            (2, kind::LIST) => break,
            _ => metadata.skip(kind)?,
        }
    }
    let (nodes, kind) = metadata.list()?;
    if nodes > limits::COLUMNS as u64 {
        let most = limits::COLUMNS;
        return Some(Err(format!("its schema names more than {most} columns")));
    }
    // How many nodes are still to come on each level.
    let mut open: Vec<u64> = Vec::new();
    for _ in 0..nodes {
        if let Some(last) = open.last_mut() {
            *last -= 1;
        }
        let children = children_of_node(metadata, kind)?;
        if children > 0 {
            open.push(children);
        }
        while open.last() == Some(&0) {
            open.pop();
        }
        if open.len() > MOST_DEPTH {
            let why = format!("its schema nests deeper than {MOST_DEPTH} levels");
            return Some(Err(why));
        }
    }
    Some(Ok(()))
}

fn children_of_node(metadata: &mut Reader<'_>, kind: u8) -> Option<u64> {
    if kind != kind::STRUCT {
        return None;
    }
    let (mut field, mut children) = (0, 0);
    loop {
        let (next, kind) = metadata.field(field)?;
        field = next;
        match (field, kind) {
            (_, 0) => return Some(children),
            (5, kind::I32) => children = u64::try_from(metadata.integer()?).ok()?,
            _ => metadata.skip(kind)?,
        }
    }
}

/// Takes what the pages of a column unpack to off the budget.
pub fn check_pages(
    file: &File,
    column: &ColumnChunkMetaData,
    is_list: bool,
    budget: &UnpackBudget,
) -> Result<(), Trouble> {
    let start = column
        .dictionary_page_offset()
        .unwrap_or_else(|| column.data_page_offset());
    // The library's own `byte_range` panics if one of them is negative.
    let (Ok(mut at), Ok(length)) = (
        u64::try_from(start),
        u64::try_from(column.compressed_size()),
    ) else {
        return Err(Trouble::Value("has a negative offset or size".to_owned()));
    };
    let end = at.saturating_add(length);
    while at < end {
        let Some((page, header)) = page_at(file, at)? else {
            // The file ends, or it is no page: the library says so.
            return Ok(());
        };
        at += header as u64;
        if page.packed > end.saturating_sub(at) {
            return Ok(());
        }
        budget.spend(page.unpacked)?;
        if is_list {
            budget.spend(page.values.saturating_mul(LIST_NUMBER))?;
        }
        if matches!(column.compression(), Compression::GZIP(_)) && page.packed > SMALL_PAGE {
            check_gzip(file, at, &page)?;
        }
        at += page.packed;
    }
    Ok(())
}

/// The sizes that a page's header tells.
#[derive(Default)]
struct Page {
    packed: u64,
    unpacked: u64,
    values: u64,
}

/// The page at a place, with the length of its header.
fn page_at(file: &File, at: u64) -> Result<Option<(Page, usize)>, Trouble> {
    let mut bytes = Vec::new();
    for size in [HEADER, MOST_HEADER] {
        bytes.resize(size, 0);
        let mut filled = 0;
        while filled < size {
            match file.read_at(&mut bytes[filled..], at + filled as u64) {
                Ok(0) | Err(_) => break,
                Ok(read) => filled += read,
            }
        }
        let mut header = Reader::new(&bytes[..filled]);
        if let Some(page) = page_of(&mut header) {
            return Ok(Some((page, header.position())));
        }
        if filled < size {
            return Ok(None);
        }
    }
    let most = MOST_HEADER >> 10;
    Err(Trouble::Value(format!(
        "the header of a page is broken, or larger than {most} KiB"
    )))
}

fn page_of(header: &mut Reader<'_>) -> Option<Page> {
    let (mut page, mut field) = (Page::default(), 0);
    loop {
        let (next, kind) = header.field(field)?;
        field = next;
        match (field, kind) {
            (_, 0) => return Some(page),
            (2, kind::I32) => page.unpacked = u64::try_from(header.integer()?).ok()?,
            (3, kind::I32) => page.packed = u64::try_from(header.integer()?).ok()?,
            // Of both versions of a page with values, the first field is their number.
            (5 | 8, kind::STRUCT) => page.values = values_of(header)?,
            _ => header.skip(kind)?,
        }
    }
}

fn values_of(header: &mut Reader<'_>) -> Option<u64> {
    let (mut values, mut field) = (0, 0);
    loop {
        let (next, kind) = header.field(field)?;
        field = next;
        match (field, kind) {
            (_, 0) => return Some(values),
            (1, kind::I32) => values = u64::try_from(header.integer()?).ok()?,
            _ => header.skip(kind)?,
        }
    }
}

/// Checks that a page of gzip unpacks to what its header promises, and no more: the library unpacks all there is.
fn check_gzip(file: &File, at: u64, page: &Page) -> Result<(), Trouble> {
    let mut packed = vec![0; page.packed as usize];
    if file.read_exact_at(&mut packed, at).is_err() {
        return Ok(());
    }
    let unpacked = MultiGzDecoder::new(packed.as_slice());
    let most = page.unpacked.saturating_add(1);
    let found = std::io::copy(&mut unpacked.take(most), &mut std::io::sink());
    match found {
        Ok(bytes) if bytes > page.unpacked => Err(Trouble::Value(
            "a page unpacks to more than its header promises".to_owned(),
        )),
        // A page that cannot be unpacked is told by the library.
        _ => Ok(()),
    }
}
