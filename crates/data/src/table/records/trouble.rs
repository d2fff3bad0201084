//! What is wrong with a record, in words. Reads nothing.

use super::{Records, TextFault};
use crate::{error::DataError, limits};

impl Records<'_> {
    /// The error for a field that is no text; of a column without a name, its number is told.
    pub fn not_text(&self, fault: &TextFault, name: Option<&str>) -> DataError {
        let column = match name {
            Some(name) => format!("column `{name}`"),
            None => format!("column {}", fault.field + 1),
        };
        let place = self.place();
        if fault.has_nul {
            return DataError::wrong(format!("{place}: {column}: holds a NUL byte, which no text has"))
                .hint("is it UTF-16? then say so: `read: {encoding: utf-16}`; else the file is damaged, or no text");
        }
        DataError::wrong(format!("{place}: {column}: is not UTF-8 text"))
            .hint("say how it is written, e.g. `read: {encoding: windows-1252}`")
    }

    /// The error for a record of another number of fields than `expected`.
    pub fn ragged(&self, expected: usize) -> DataError {
        let (place, found) = (self.place(), self.len());
        if found == expected + 1 && self.field(expected).is_empty() {
            let mark = char::from(self.delimiter);
            return DataError::wrong(format!(
                "{place}: ends with the delimiter {mark:?}, and the header does not: {found} fields where {expected} are expected"
            ))
            .hint("remove the delimiter at the end of the lines, or put one at the end of the header too: the empty column is left out then");
        }
        let error = DataError::wrong(format!(
            "{place}: {found} fields where {expected} are expected"
        ));
        if self.next_line > self.line + 1 {
            error.hint("the row goes over several lines: is a quote not closed?")
        } else {
            error.hint("a field that contains the delimiter must be quoted")
        }
    }

    pub(super) fn too_long(&self) -> DataError {
        DataError::wrong(format!(
            "{}: a row is longer than {} MiB",
            self.place(),
            limits::LINE >> 20
        ))
        .hint("is a quote not closed, or is the file no text? if a quote is a character like others: `read: {quoting: false}`")
    }

    pub(super) fn too_wide(&self) -> DataError {
        DataError::wrong(format!(
            "{}: a row has more than {} fields",
            self.place(),
            limits::COLUMNS
        ))
        .hint("are rows and columns exchanged, or is the delimiter another one? `read: {delimiter: …}`")
    }

    pub(super) fn open_quote(&self) -> DataError {
        DataError::wrong(format!(
            "{}: a quote is opened in this row and not closed up to the end of the file",
            self.place()
        ))
    }

    /// The file and the line.
    fn place(&self) -> String {
        format!("{}:{}", self.path.display(), self.line)
    }
}
