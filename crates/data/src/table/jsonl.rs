//! Rows as JSON objects, one a line or at hand, into a table. Knows no types: values become their text.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet, btree_map::Entry},
    fmt,
    io::BufRead,
    path::{Path, PathBuf},
};

use pipe_schema::stage::preprocess::Encoding;
use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};

use super::{
    Fields, Table, Take,
    file::{self, Count},
    missing_columns,
};
use crate::{block::Block, error::DataError, infer::text_of};

/// Reads files of one object a line, one after another. The columns are the names that occur, in the order in which they
/// first do; a name that a row lacks is a missing value. `progress` is told the bytes read.
pub fn read(paths: &[PathBuf], progress: &mut dyn FnMut(u64)) -> Result<Table, DataError> {
    let count = Count::default();
    let mut table = Table::default();
    let mut places = HashMap::new();
    let mut lists = Lists::new();
    for path in paths {
        let mut lines = Lines::open(path, &count)?;
        let before = table.rows();
        table.places.start_file(before, path.display().to_string());
        while let Some((line, row)) = lines.next()? {
            let rows = table.rows();
            for (name, value) in &row {
                let at = *places.entry(name.clone()).or_insert_with(|| {
                    table.columns.push(super::Column {
                        name: name.clone(),
                        fields: Fields::empty(rows),
                    });
                    table.columns.len() - 1
                });
                push(&mut table, &mut lists, at, rows, value)
                    .map_err(|why| no_value(&format!("{}:{line}", path.display()), name, why))?;
            }
            if row.len() < table.columns.len() {
                let lacking = table.columns.iter_mut();
                for column in lacking.filter(|it| !row.contains_key(&it.name)) {
                    column.fields.push(b"");
                }
            }
            table.close_row(line);
            if table.rows().is_multiple_of(1 << 14) {
                progress(count.get());
            }
        }
        if table.rows() == before {
            return Err(DataError::wrong(format!("{}: has no rows", path.display())));
        }
    }
    progress(count.get());
    settle(&mut table, lists)?;
    Ok(table)
}

/// Reads the columns `wanted` of a file of one object a line, at most `limit` rows at a time; `take` gets them with the
/// names that were left out, once at least.
/// A key that a row lacks is a missing value; one that all of the first rows lack is an error.
pub fn read_wanted<E: From<DataError>>(
    path: &Path,
    targets: &[String],
    wanted: &[&str],
    limit: usize,
    take: &mut Take<'_, E>,
) -> Result<(), E> {
    let mut lines = Lines::open(path, &Count::default())?;
    let fresh = || Gather::new(path.display().to_string(), targets, wanted);
    let mut rows = fresh();
    let mut is_first = true;
    loop {
        let next = lines.next()?;
        if next.is_none() || rows.table.rows() == limit {
            let full = std::mem::replace(&mut rows, fresh());
            let (table, unused) = full.finish(path, is_first)?;
            take(table, &unused)?;
            is_first = false;
        }
        match next {
            Some((line, row)) => rows.push(&row, line)?,
            None => return Ok(()),
        }
    }
}

/// The first object of a file.
pub fn first(path: &Path) -> Result<Option<Map<String, Value>>, DataError> {
    let first = Lines::open(path, &Count::default())?.next()?;
    Ok(first.map(|it| it.1))
}

/// The objects of a file as they are, at most `limit` at a time.
pub fn objects<E: From<DataError>>(
    path: &Path,
    limit: usize,
    take: &mut dyn FnMut(Vec<Map<String, Value>>) -> Result<(), E>,
) -> Result<(), E> {
    let mut lines = Lines::open(path, &Count::default())?;
    let mut rows = Vec::new();
    while let Some((_, row)) = lines.next()? {
        rows.push(row);
        if rows.len() == limit {
            take(std::mem::take(&mut rows))?;
        }
    }
    if rows.is_empty() { Ok(()) } else { take(rows) }
}

/// Takes the columns `wanted` of rows that are at hand.
pub fn take_wanted(
    rows: &[Map<String, Value>],
    targets: &[String],
    wanted: &[&str],
) -> Result<(Table, Vec<String>), DataError> {
    let mut gather = Gather::new(String::new(), targets, wanted);
    for (number, row) in rows.iter().enumerate() {
        gather.push(row, number as u64 + 1)?;
    }
    gather.finish(Path::new("rows"), true)
}

/// An object with its line.
type Numbered = (u64, Map<String, Value>);

/// The objects of a file; blank lines do not count.
struct Lines<'a> {
    path: &'a Path,
    text: Box<dyn BufRead>,
    line: Vec<u8>,
    number: u64,
}

impl<'a> Lines<'a> {
    fn open(path: &'a Path, count: &Count) -> Result<Self, DataError> {
        Ok(Self {
            path,
            text: file::open(path, Encoding::Utf8, count)?,
            line: Vec::new(),
            number: 0,
        })
    }

    /// The next object with its line.
    fn next(&mut self) -> Result<Option<Numbered>, DataError> {
        loop {
            self.line.clear();
            self.number += 1;
            let (path, number) = (self.path.display(), self.number);
            let read = self.text.read_until(b'\n', &mut self.line);
            let read = read.map_err(|it| {
                let mut error = DataError::io(self.path, &it);
                error.message = format!("{path}:{number}: {it}");
                error
            })?;
            if read == 0 {
                return Ok(None);
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
                    row.insert(name, entries.next_value()?);
                }
                Ok(Row(row))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// Columns of lists, by their place among the columns.
type Lists = BTreeMap<usize, Block>;

/// Adds a value to a column: its text, which is empty for nothing, or a list of numbers.
fn push(
    table: &mut Table,
    lists: &mut Lists,
    at: usize,
    row: usize,
    value: &Value,
) -> Result<(), &'static str> {
    let text = match value {
        Value::Null => Cow::Borrowed(""),
        Value::Bool(it) => Cow::Owned(it.to_string()),
        Value::Number(it) => Cow::Owned(it.to_string()),
        Value::String(it) => Cow::Borrowed(it.as_str()),
        Value::Array(_) => {
            let list = Block::of_json(value).ok_or("the list is not of numbers in equal rows")?;
            if lists.get(&at).map_or(0, Block::rows) != row {
                return Err("a list, which a row before it has not");
            }
            match lists.entry(at) {
                Entry::Vacant(entry) => {
                    entry.insert(list);
                }
                Entry::Occupied(entry) if entry.get().shape() == list.shape() => {
                    entry.into_mut().append(list);
                }
                Entry::Occupied(_) => {
                    return Err("the list has another shape than those before it");
                }
            }
            Cow::Borrowed("")
        }
        Value::Object(_) => return Err("an object is no value"),
    };
    table.columns[at].fields.push(text.as_bytes());
    Ok(())
}

fn no_value(place: &str, name: &str, why: &str) -> DataError {
    DataError::wrong(format!("{place}: column `{name}`: {why}"))
        .hint("give a number, a text, true, false, null, or in each row a list of as many numbers")
}

/// Makes blocks of the columns of lists.
fn settle(table: &mut Table, lists: Lists) -> Result<(), DataError> {
    for (at, block) in lists.into_iter().rev() {
        let column = table.columns.remove(at);
        if block.rows() != table.rows() || column.fields.iter().any(|it| !it.is_empty()) {
            // Lists came without a gap as long as there were any.
            let place = table.places.of(block.rows());
            let why = "no list, which the rows before it have";
            return Err(no_value(&place, &column.name, why));
        }
        table.blocks.insert(0, (column.name, block));
    }
    Ok(())
}

struct Gather<'a> {
    table: Table,
    lists: Lists,
    wanted: &'a [&'a str],
    known: HashSet<&'a str>,
    seen: Vec<bool>,
    unused: Vec<String>,
}

impl<'a> Gather<'a> {
    fn new(name: String, targets: &'a [String], wanted: &'a [&'a str]) -> Self {
        let mut table = Table::of(wanted.iter().map(|it| (*it).to_owned()).collect());
        table.places.start_file(0, name);
        Self {
            table,
            lists: Lists::new(),
            wanted,
            known: {
                let targets = targets.iter().map(String::as_str);
                wanted.iter().copied().chain(targets).collect()
            },
            seen: vec![false; wanted.len()],
            unused: Vec::new(),
        }
    }

    fn push(&mut self, row: &Map<String, Value>, line: u64) -> Result<(), DataError> {
        let mut found = 0;
        // It is counted first, so that an error can tell its place.
        self.table.close_row(line);
        for (at, name) in self.wanted.iter().enumerate() {
            let value = row.get(*name);
            if value.is_some() {
                self.seen[at] = true;
                found += 1;
            }
            let value = value.unwrap_or(&Value::Null);
            let at_row = self.table.rows - 1;
            push(&mut self.table, &mut self.lists, at, at_row, value)
                .map_err(|why| no_value(&self.table.places.of(at_row), name, why))?;
        }
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
    fn finish(
        mut self,
        path: &Path,
        must_have_all: bool,
    ) -> Result<(Table, Vec<String>), DataError> {
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
        settle(&mut self.table, self.lists)?;
        Ok((self.table, self.unused))
    }
}
