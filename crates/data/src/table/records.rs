//! Takes a CSV file apart into records. Knows quotes and lines; no names and no types.
//!
//! Lines end in LF, CRLF or CR; blank lines do not count. Line numbers are those of an editor: the csv crate's own are
//! off by one after CRLF and by all blank lines, so this works on csv-core.

mod trouble;

use std::{io::BufRead, path::Path};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use pipe_schema::stage::preprocess::Read;

use super::{
    file::{self, Count},
    notation::Notation,
};
use crate::{error::DataError, infer, limits};

/// A field that is no text.
pub struct TextFault {
    pub field: usize,
    has_nul: bool,
}

/// The records of one file, one at a time in a buffer that is used again.
pub struct Records<'a> {
    path: &'a Path,
    text: Box<dyn BufRead>,
    core: Reader,
    fields: Vec<u8>,
    ends: Vec<usize>,
    count: usize,
    /// Where the record starts.
    line: u64,
    /// Where the next one starts, at the earliest.
    next_line: u64,
    /// The record before ended in CR: an LF that follows belongs to it.
    after_cr: bool,
    /// The first record is to be given once more: it is a row, not a header.
    again: bool,
    delimiter: u8,
    quote: Option<u8>,
    escape: Option<u8>,
    notation: Notation,
    /// What lines start with that are passed over.
    comment: Option<u8>,
}

impl<'a> Records<'a> {
    /// Opens a file, before its first record.
    pub fn open(path: &'a Path, read: &Read, count: &Count) -> Result<Self, DataError> {
        let delimiter = mark("delimiter", read.delimiter)?;
        let quote = mark("quote", read.quote)?;
        let comment = read.comment.map(|it| mark("comment", it)).transpose()?;
        let escape = read.escape.map(|it| mark("escape", it)).transpose()?;
        let taken = [read.quoting.then_some(quote), comment, escape];
        if taken.contains(&Some(delimiter)) {
            return Err(none_of("delimiter", read.delimiter));
        }
        let core = ReaderBuilder::new()
            .delimiter(delimiter)
            .quote(quote)
            .quoting(read.quoting)
            .escape(escape)
            .build();
        let mut records = Self {
            path,
            text: file::open(path, read, count)?,
            core,
            fields: vec![0; 4096],
            ends: vec![0; 64],
            count: 0,
            line: 1,
            next_line: 1,
            after_cr: false,
            again: false,
            delimiter,
            quote: read.quoting.then_some(quote),
            escape,
            notation: Notation {
                decimal: mark("decimal", read.decimal)?,
                thousands: read.thousands.map(|it| mark("thousands", it)).transpose()?,
            },
            comment,
        };
        for _ in 0..read.skip_lines {
            records.skip_line()?;
        }
        Ok(records)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        self.path
    }

    /// The line where the record starts, as an editor counts.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// How many fields the record has.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Bytes of all its fields.
    pub fn bytes(&self) -> usize {
        self.count.checked_sub(1).map_or(0, |last| self.ends[last])
    }

    /// A field of the record, unquoted.
    pub fn field(&self, at: usize) -> &[u8] {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.fields[start..self.ends[at]]
    }

    /// Whether nothing stands behind the last delimiter of the record.
    pub fn ends_in_delimiter(&self) -> bool {
        self.count > 1 && self.field(self.count - 1).trim_ascii().is_empty()
    }

    /// A number that is written with other marks than a point, as it is usually written.
    pub fn plain_number(&self, text: &[u8]) -> Option<Vec<u8>> {
        self.notation.plain(text)
    }

    /// The texts of the first record, which is a row where the file has no header.
    pub fn first(&mut self, read: &Read) -> Result<Vec<String>, DataError> {
        if !self.next()? {
            return Err(DataError::wrong(format!(
                "{}: is empty",
                self.path.display()
            )));
        }
        self.again = !read.header;
        if let Some(fault) = self.bad_text(|_| true) {
            return Err(self.not_text(&fault, None));
        }
        let names =
            (0..self.len()).map(|at| infer::text_of(self.field(at).trim_ascii()).to_owned());
        Ok(names.collect())
    }

    /// Skips a line with its end.
    fn skip_line(&mut self) -> Result<(), DataError> {
        loop {
            let buffer = match self.text.fill_buf() {
                Ok([]) => return Ok(()),
                Ok(buffer) => buffer,
                Err(error) => return Err(self.broken(&error)),
            };
            // The LF of a CRLF whose CR ended the line before.
            let rest = match buffer {
                [b'\n', rest @ ..] if self.after_cr => rest,
                all => all,
            };
            let skipped = buffer.len() - rest.len();
            self.after_cr = false;
            let end = rest.iter().position(|it| b"\r\n".contains(it));
            let is_over = end.is_some();
            if let Some(end) = end {
                self.after_cr = rest[end] == b'\r';
                self.next_line += 1;
            }
            let length = skipped + end.map_or(rest.len(), |it| it + 1);
            self.text.consume(length);
            if is_over {
                return Ok(());
            }
        }
    }

    /// Skips line ends and counts them, and lines of comments; `false` at the end of the file.
    fn skip_to_record(&mut self) -> Result<bool, DataError> {
        loop {
            if !self.skip_blank_lines()? {
                return Ok(false);
            }
            let first = match self.text.fill_buf() {
                Ok(buffer) => buffer.first().copied(),
                Err(error) => return Err(self.broken(&error)),
            };
            if first.is_none() || first != self.comment {
                return Ok(true);
            }
            self.skip_line()?;
        }
    }

    /// Skips line ends and counts them; `false` at the end of the file.
    fn skip_blank_lines(&mut self) -> Result<bool, DataError> {
        loop {
            let buffer = match self.text.fill_buf() {
                Ok([]) => return Ok(false),
                Ok(buffer) => buffer,
                Err(error) => return Err(self.broken(&error)),
            };
            let mut skipped = 0;
            for &byte in buffer {
                match byte {
                    b'\n' if self.after_cr => self.after_cr = false,
                    b'\n' => self.next_line += 1,
                    b'\r' => {
                        self.next_line += 1;
                        self.after_cr = true;
                    }
                    _ => break,
                }
                skipped += 1;
            }
            let at_record = skipped < buffer.len();
            self.text.consume(skipped);
            if at_record {
                self.after_cr = false;
                return Ok(true);
            }
        }
    }

    /// Goes to the next record; `false` at the end of the file.
    pub fn next(&mut self) -> Result<bool, DataError> {
        if std::mem::take(&mut self.again) {
            return Ok(true);
        }
        if !self.skip_to_record()? {
            return Ok(false);
        }
        self.line = self.next_line;
        self.count = 0;
        let mut filled = 0;
        let mut quotes = 0_usize;
        let mut is_escaped = false;
        loop {
            let buffer = match self.text.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) => return Err(self.broken(&error)),
            };
            let at_end = buffer.is_empty();
            let (result, read, written, ended) = self.core.read_record(
                buffer,
                &mut self.fields[filled..],
                &mut self.ends[self.count..],
            );
            let consumed = &buffer[..read];
            // Without quotes, the fields and what is between them are all that there is.
            if quotes == 0 && read == written + ended {
                self.next_line += u64::from(consumed.last() == Some(&b'\n'));
            } else {
                self.next_line += count(consumed, b'\n') as u64;
                quotes += match (self.quote, self.escape) {
                    (None, _) => 0,
                    (Some(quote), None) => count(consumed, quote),
                    (Some(quote), Some(escape)) => {
                        count_unescaped(consumed, quote, escape, &mut is_escaped)
                    }
                };
            }
            if result == ReadRecordResult::Record && consumed.last() == Some(&b'\r') {
                self.next_line += 1;
                self.after_cr = true;
            }
            self.text.consume(read);
            filled += written;
            self.count += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.fields.len() >= limits::LINE => {
                    return Err(self.too_long());
                }
                ReadRecordResult::OutputFull => self.fields.resize(self.fields.len() * 2, 0),
                ReadRecordResult::OutputEndsFull if self.ends.len() >= limits::COLUMNS => {
                    return Err(self.too_wide());
                }
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record => {
                    let is_open = at_end && quotes % 2 == 1 && self.next_line > self.line;
                    return if is_open {
                        Err(self.open_quote())
                    } else {
                        Ok(true)
                    };
                }
                ReadRecordResult::End => return Ok(false),
            }
        }
    }

    /// The first field that is no UTF-8 text, of those that count.
    pub fn bad_text(&self, counts: impl Fn(usize) -> bool) -> Option<TextFault> {
        let text = &self.fields[..self.ends[self.count - 1]];
        if text.is_ascii() && !text.contains(&0) {
            return None;
        }
        let fault = |field: usize| {
            let text = self.field(field);
            let has_nul = text.contains(&0);
            let is_bad = has_nul || std::str::from_utf8(text).is_err();
            is_bad.then_some(TextFault { field, has_nul })
        };
        (0..self.len())
            .filter(|field| counts(*field))
            .find_map(fault)
    }

    fn broken(&self, error: &std::io::Error) -> DataError {
        let mut broken = DataError::io(self.path, error);
        broken.message = format!("{}:{}: {error}", self.path.display(), self.next_line);
        broken
    }
}

/// A character of one byte that divides or marks text.
fn mark(name: &str, given: char) -> Result<u8, DataError> {
    let byte = u8::try_from(given).ok();
    byte.filter(|it| it.is_ascii() && !b"\r\n".contains(it))
        .ok_or_else(|| none_of(name, given))
}

fn none_of(name: &str, given: char) -> DataError {
    DataError::wrong(format!("`{given}` cannot be the {name}"))
        .hint("use one ASCII character, like `,`, `;` or a tab (\"\\t\"), each for one purpose")
}

#[allow(
    clippy::naive_bytecount,
    reason = "records are short; the compiler's vectors do"
)]
fn count(bytes: &[u8], wanted: u8) -> usize {
    bytes.iter().filter(|it| **it == wanted).count()
}

/// Quotes that no escape goes before; `is_escaped` is carried on from the bytes before.
fn count_unescaped(bytes: &[u8], quote: u8, escape: u8, is_escaped: &mut bool) -> usize {
    let mut quotes = 0;
    for byte in bytes {
        if *is_escaped {
            *is_escaped = false;
        } else if *byte == escape {
            *is_escaped = true;
        } else {
            quotes += usize::from(*byte == quote);
        }
    }
    quotes
}
