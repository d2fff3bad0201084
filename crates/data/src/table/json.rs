//! Rows as JSON objects, one a line or at hand, into a table. Knows no types: numbers become their text.

use std::{
    collections::HashSet,
    io::{BufRead, Read},
    path::Path,
};

use serde_json::{Map, Value};

use super::{
    Table, Take,
    csv::missing_columns,
    source::{self, Count},
};
use crate::error::DataError;

/// Reads the columns `wanted` of a file of one object a line, at most `limit` rows at a time; `take` gets them with the
/// names that were left out, once at least.
/// A key that a row lacks is a missing value; one that all of the first rows lack is an error.
pub fn read_wanted<E: From<DataError>>(
    path: &Path,
    target: &str,
    wanted: &[&str],
    limit: usize,
    take: &mut Take<'_, E>,
) -> Result<(), E> {
    let mut text = source::open(path, &Count::default())?;
    let mut rows = Gather::new(path.display().to_string(), target, wanted);
    let mut line = Vec::new();
    let mut number = 0;
    let mut is_first = true;
    loop {
        line.clear();
        let read = text.by_ref().read_until(b'\n', &mut line);
        let is_over = read.map_err(|it| DataError::io(path, &it))? == 0;
        number += 1;
        if is_over || rows.table.rows() == limit {
            let fresh = Gather::new(path.display().to_string(), target, wanted);
            let full = std::mem::replace(&mut rows, fresh);
            let (table, unused) = full.finish(path, is_first)?;
            take(table, &unused)?;
            is_first = false;
        }
        if is_over {
            return Ok(());
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let row = serde_json::from_slice(&line).map_err(|it| {
            DataError::wrong(format!("{}:{number}: {it}", path.display()))
                .hint("each line must be one JSON object, like {\"age\": 41, \"city\": \"Bern\"}")
        })?;
        rows.push(&row, number)?;
    }
}

/// Takes the columns `wanted` of rows that are at hand.
pub fn take_wanted(
    rows: &[Map<String, Value>],
    target: &str,
    wanted: &[&str],
) -> Result<(Table, Vec<String>), DataError> {
    let mut gather = Gather::new(String::new(), target, wanted);
    for (number, row) in rows.iter().enumerate() {
        gather.push(row, number as u64 + 1)?;
    }
    gather.finish(Path::new("rows"), true)
}

struct Gather<'a> {
    table: Table,
    wanted: &'a [&'a str],
    known: HashSet<&'a str>,
    seen: Vec<bool>,
    unused: Vec<String>,
}

impl<'a> Gather<'a> {
    fn new(name: String, target: &'a str, wanted: &'a [&'a str]) -> Self {
        let mut table = Table::of(wanted.iter().map(|it| (*it).to_owned()).collect());
        table.places.start_file(0, name);
        Self {
            table,
            wanted,
            known: wanted.iter().copied().chain([target]).collect(),
            seen: vec![false; wanted.len()],
            unused: Vec::new(),
        }
    }

    fn push(&mut self, row: &Map<String, Value>, line: u64) -> Result<(), DataError> {
        let mut found = 0;
        for (at, name) in self.wanted.iter().enumerate() {
            let value = row.get(*name);
            if value.is_some() {
                self.seen[at] = true;
                found += 1;
            }
            let text = match value {
                None | Some(Value::Null) => String::new(),
                Some(Value::Bool(it)) => it.to_string(),
                Some(Value::Number(it)) => it.to_string(),
                Some(Value::String(it)) => it.clone(),
                Some(Value::Array(_) | Value::Object(_)) => {
                    self.table.close_row(line);
                    let place = self.table.places.of(self.table.rows() - 1);
                    return Err(DataError::wrong(format!(
                        "{place}: column `{name}`: a list or an object is no value"
                    ))
                    .hint("give a number, a text, true, false or null"));
                }
            };
            self.table.columns[at].fields.push(text.as_bytes());
        }
        self.table.close_row(line);
        if found < row.len() {
            for name in row.keys() {
                if !self.known.contains(name.as_str()) && !self.unused.contains(name) {
                    self.unused.push(name.clone());
                }
            }
        }
        Ok(())
    }

    /// The rows; with `must_have_all` a wanted column that no row has is refused.
    fn finish(self, path: &Path, must_have_all: bool) -> Result<(Table, Vec<String>), DataError> {
        let missing: Vec<&str> = self
            .wanted
            .iter()
            .zip(&self.seen)
            .filter(|(_, seen)| !**seen)
            .map(|(name, _)| *name)
            .collect();
        if must_have_all && !missing.is_empty() && self.table.rows() > 0 {
            return Err(missing_columns(path, &missing, &self.unused));
        }
        Ok((self.table, self.unused))
    }
}
