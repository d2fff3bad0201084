//! Text files into a table: a row for each file or each of its lines, with the folder it lies in as its label.
//! Knows no words.

use std::{
    io::{BufRead, ErrorKind, Read as _},
    path::{Path, PathBuf},
};

use pipe_schema::stage::preprocess::{Encoding, Read, TextRows};

use super::{
    Column, Fields, Portion, Table, Take,
    file::{self, Count},
    folders::{self, LABEL},
    missing_columns,
};
use crate::{error::DataError, limits};

const TEXT: &str = "text";
/// Bytes of a row; a larger one is hardly a text.
const LARGEST: u64 = limits::LINE as u64;

/// The columns that a table may have.
pub fn columns() -> Vec<String> {
    vec![TEXT.to_owned(), LABEL.to_owned()]
}

/// A row for each file or line; those that a desktop leaves in folders do not count. Without several folders there are no
/// labels.
pub fn read(
    paths: &[PathBuf],
    read: &Read,
    progress: &mut dyn FnMut(u64),
) -> Result<Table, DataError> {
    let paths = folders::counting(paths);
    let labels: Vec<&str> = paths
        .iter()
        .map(|it| folders::label(it))
        .collect::<Result<_, _>>()?;
    let count = Count::default();
    let mut table = Table::of(vec![TEXT.to_owned()]);
    let mut label = Fields::default();
    for (path, name) in paths.iter().zip(&labels) {
        let before = table.rows();
        let mut rows = Rows::open(path, read, &count)?;
        rows.start(&mut table);
        rows.append(&mut table, Portion::ALL)?;
        if table.rows() == before {
            return Err(DataError::wrong(format!(
                "{}: has no lines",
                path.display()
            )));
        }
        for _ in before..table.rows() {
            label.push(name.as_bytes());
        }
        progress(count.get());
    }
    if labels.windows(2).any(|it| it[0] != it[1]) {
        table.columns.push(Column {
            name: LABEL.to_owned(),
            fields: label,
        });
    }
    Ok(table)
}

/// The texts of a file or a folder, without labels, at most `limit` at a time.
pub fn read_wanted<E: From<DataError>>(
    path: &Path,
    read: &Read,
    wanted: &[&str],
    limit: usize,
    take: &mut Take<'_, E>,
) -> Result<(), E> {
    let lacking: Vec<&str> = wanted.iter().copied().filter(|it| *it != TEXT).collect();
    if !lacking.is_empty() {
        return Err(missing_columns(path, &lacking, &[TEXT.to_owned()]).into());
    }
    let fresh = || Table::of(wanted.iter().map(|it| (*it).to_owned()).collect());
    let portion = Portion::of_rows(limit);
    let mut table = fresh();
    let mut is_first = true;
    for path in folders::files(path)? {
        let mut rows = Rows::open(&path, read, &Count::default())?;
        rows.start(&mut table);
        while !rows.append(&mut table, portion)? {
            take(std::mem::replace(&mut table, fresh()), &[])?;
            rows.start(&mut table);
            is_first = false;
        }
    }
    if is_first || table.rows() > 0 {
        take(table, &[])?;
    }
    Ok(())
}

/// The rows of a file.
struct Rows<'a> {
    path: &'a Path,
    encoding: Encoding,
    text: Box<dyn BufRead>,
    are_lines: bool,
    /// The last one.
    row: Vec<u8>,
    line: u64,
    /// Bytes of the text before the last row.
    before: u64,
    read: u64,
    is_over: bool,
}

impl<'a> Rows<'a> {
    fn open(path: &'a Path, read: &Read, count: &Count) -> Result<Self, DataError> {
        Ok(Self {
            path,
            encoding: read.encoding,
            text: file::open(path, read, count)?,
            are_lines: read.rows == TextRows::Line,
            row: Vec::new(),
            line: 0,
            before: 0,
            read: 0,
            is_over: false,
        })
    }

    /// What follows in the table comes from this file.
    fn start(&self, table: &mut Table) {
        let (row, name) = (table.rows(), self.path.display().to_string());
        if self.are_lines {
            table.places.start_file(row, name);
        } else {
            table.places.start_single(row, name);
        }
    }

    /// Adds rows until the table has a portion of them, or there are no more: then it is over.
    fn append(&mut self, table: &mut Table, portion: Portion) -> Result<bool, DataError> {
        // The text is the only column, if there is one.
        while !portion.is_full(table.rows(), table.bytes()) {
            if !self.next()? {
                return Ok(true);
            }
            for column in &mut table.columns {
                column.fields.push(&self.row);
            }
            table.close_row(self.line);
        }
        Ok(self.is_over)
    }

    /// Goes to the next row, if there is one.
    fn next(&mut self) -> Result<bool, DataError> {
        loop {
            if self.is_over {
                return Ok(false);
            }
            self.before += self.read;
            self.row.clear();
            let mut text = (&mut self.text).take(LARGEST + 1);
            let read = if self.are_lines {
                text.read_until(b'\n', &mut self.row)
            } else {
                text.read_to_end(&mut self.row)
            };
            self.read = read.map_err(|it| self.unreadable(&it))? as u64;
            self.line += 1;
            self.is_over = !self.are_lines || self.read == 0;
            self.check()?;
            let is_blank = self.row.trim_ascii().is_empty();
            if !self.are_lines || !is_blank {
                return Ok(true);
            }
        }
    }

    /// Checks that the row is a text.
    fn check(&self) -> Result<(), DataError> {
        let place = if self.are_lines {
            format!("{}:{}", self.path.display(), self.line)
        } else {
            self.path.display().to_string()
        };
        if self.read > LARGEST {
            let error = DataError::wrong(format!("{place}: is larger than a row may be, 64 MiB"));
            return Err(if self.are_lines {
                error
            } else {
                error.hint("if each line is a row, say so: `read: {rows: line}`; else leave it out")
            });
        }
        if let Some(at) = self.row.iter().position(|it| *it == 0) {
            let at = self.before + at as u64 + 1;
            return Err(
                DataError::wrong(format!("{place}: byte {at} is 0, which no text has")).hint(
                    "leave the file out, or say how it is written: `read: {encoding: utf-16}`",
                ),
            );
        }
        if let Err(error) = std::str::from_utf8(&self.row) {
            let at = self.before + error.valid_up_to() as u64 + 1;
            return Err(
                DataError::wrong(format!("{place}: byte {at} is not UTF-8 text")).hint(ENCODED),
            );
        }
        Ok(())
    }

    fn unreadable(&self, error: &std::io::Error) -> DataError {
        let is_text = error.kind() == ErrorKind::InvalidData && self.encoding != Encoding::Utf8;
        let error = DataError::io(self.path, error);
        if is_text && error.hint.is_none() {
            error.hint(ENCODED)
        } else {
            error
        }
    }
}

const ENCODED: &str =
    "say how its characters are written, e.g. `read: {encoding: latin-1}`, which takes any byte";
