//! Lines of JSON, each an object, with their numbers. Knows no columns.

use std::{
    fmt,
    io::{BufRead, Read as _},
    path::Path,
};

use pipe_schema::stage::preprocess::{Encoding, Read};
use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};

use super::file::{self, Count};
use crate::{error::DataError, infer::text_of, limits};

/// An object with its line.
pub type Numbered = (u64, Map<String, Value>);

/// The objects of a file; blank lines do not count.
pub struct Lines<'a> {
    path: &'a Path,
    text: Box<dyn BufRead>,
    line: Vec<u8>,
    number: u64,
}

impl<'a> Lines<'a> {
    /// Opens a file, before its first line.
    pub fn open(path: &'a Path, read: &Read, count: &Count) -> Result<Self, DataError> {
        let read = Read {
            encoding: Encoding::Utf8,
            ..read.clone()
        };
        Ok(Self {
            path,
            text: file::open(path, &read, count)?,
            line: Vec::new(),
            number: 0,
        })
    }

    /// Bytes of the line that was read last.
    pub fn bytes(&self) -> usize {
        self.line.len()
    }

    /// The next object with its line.
    pub fn next(&mut self) -> Result<Option<Numbered>, DataError> {
        loop {
            self.line.clear();
            self.number += 1;
            let (path, number) = (self.path.display(), self.number);
            let most = limits::LINE as u64 + 1;
            let read = (&mut self.text)
                .take(most)
                .read_until(b'\n', &mut self.line);
            let read = read.map_err(|it| {
                let mut error = DataError::io(self.path, &it);
                error.message = format!("{path}:{number}: {it}");
                error
            })?;
            if read == 0 {
                return Ok(None);
            }
            if read > limits::LINE {
                let most = limits::LINE >> 20;
                let error = DataError::wrong(format!(
                    "{path}:{number}: is longer than a line may be, {most} MiB"
                ));
                return Err(error.hint("write each row as one JSON object on a line of its own, e.g. with: jq -c '.[]' FILE"));
            }
            if self.line.trim_ascii().is_empty() {
                continue;
            }
            let row: Row = serde_json::from_slice(&self.line).map_err(|it| {
                let (column, why, hint) = trouble(&self.line, &it);
                DataError::wrong(format!("{path}:{number}:{column}: {why}")).hint(hint)
            })?;
            return Ok(Some((number, row.0)));
        }
    }
}

/// Where a line is no object, why, and what to do about it.
fn trouble(line: &[u8], error: &serde_json::Error) -> (usize, String, &'static str) {
    if let Err(error) = std::str::from_utf8(line) {
        return (
            error.valid_up_to() + 1,
            "is not UTF-8 text".to_owned(),
            "JSON Lines are UTF-8; convert the file, e.g.: iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW",
        );
    }
    let column = error.column().max(1);
    let whole = error.to_string();
    let why = whole.split(" at line ").next().unwrap_or_default();
    match word_at(line, column - 1) {
        word @ (b"NaN" | b"Infinity" | b"None" | b"True" | b"False" | b"inf" | b"nan") => (
            column,
            format!("`{}` is no value of JSON", text_of(word)),
            "write null for a missing value, and true or false for a truth",
        ),
        _ if line.trim_ascii_start().starts_with(b"[") => (
            column,
            why.to_owned(),
            "the file holds a list: write its objects one a line, e.g. with: jq -c '.[]' FILE",
        ),
        _ => (
            column,
            why.to_owned(),
            "each line must be one JSON object, like {\"age\": 41, \"city\": \"Bern\"}",
        ),
    }
}

/// The letters around a place in a line.
fn word_at(line: &[u8], at: usize) -> &[u8] {
    let is_other = |it: &u8| !it.is_ascii_alphabetic();
    let (before, after) = line.split_at(at.min(line.len()));
    let start = before.iter().rposition(is_other).map_or(0, |it| it + 1);
    let end = after.iter().position(is_other).unwrap_or(after.len());
    &line[start..before.len() + end]
}

/// An object without a name that is given twice.
struct Row(Map<String, Value>);

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> de::Visitor<'de> for Object {
            type Value = Row;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut entries: A) -> Result<Row, A::Error> {
                let mut row = Map::new();
                while let Some(name) = entries.next_key::<String>()? {
                    if row.contains_key(&name) {
                        return Err(de::Error::custom(format!("`{name}` is given twice")));
                    }
                    if row.len() == limits::COLUMNS {
                        let most = limits::COLUMNS;
                        return Err(de::Error::custom(format!(
                            "a row has more than {most} names"
                        )));
                    }
                    row.insert(name, entries.next_value()?);
                }
                Ok(Row(row))
            }
        }
        deserializer.deserialize_map(Object)
    }
}
