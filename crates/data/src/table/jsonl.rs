//! Rows as JSON objects, one a line or at hand, into a table. Knows no types: values become their text.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet, btree_map::Entry},
    fs,
    path::{Path, PathBuf},
};

use pipe_schema::stage::preprocess::Read;
use serde_json::{Map, Value};

use super::{
    Fields, NULL, Portion, Selection, Table, Take, file::Count, lines::Lines, missing_columns,
    remedy,
};
use crate::{
    block::Block,
    error::DataError,
    limits::{self, UnpackBudget},
    written::Notation,
};

/// Reads files of one object a line, one after another. The columns are the names that occur, in the order in which they
/// first do; a name that a row lacks is a missing value. Of each file, all or a portion is read; says whether there is more.
/// `progress` is told the bytes read.
pub fn read(
    paths: &[PathBuf],
    read: &Read,
    selection: &Selection<'_>,
    portion: Portion,
    progress: &mut dyn FnMut(u64),
) -> Result<(Table, bool), DataError> {
    let count = Count::default();
    let mut table = Table::default();
    let mut places = HashMap::new();
    let mut lists = Lists::new();
    let mut notations: Vec<Option<Notation>> = Vec::new();
    let mut is_more = false;
    let sizes = paths
        .iter()
        .map(|path| fs::metadata(path).map_or(0, |it| it.len()));
    let missing = UnpackBudget::new(sizes.sum(), read);
    for path in paths {
        let mut lines = Lines::open(path, read, &count)?;
        let before = table.rows();
        table.places.start_file(before, path.display().to_string());
        let mut bytes = 0;
        while let Some((line, row)) = lines.next()? {
            if portion.is_full(table.rows() - before, bytes) {
                is_more = true;
                break;
            }
            bytes += lines.bytes();
            let rows = table.rows();
            let known = table.columns.len();
            let mut given = 0;
            for (name, value) in &row {
                if !selection.takes(name) {
                    table.skipped.insert(name.clone());
                    continue;
                }
                given += 1;
                if table.unread.contains_key(name) {
                    continue;
                }
                let at = *places.entry(name.clone()).or_insert_with(|| {
                    table.columns.push(super::Column {
                        name: name.clone(),
                        fields: Fields::nulls(rows),
                    });
                    let of_column = Notation::all(read, std::iter::once(name.as_str()));
                    notations.extend(of_column);
                    table.columns.len() - 1
                });
                let place = || format!("{}:{line}", path.display());
                let plain = written(notations[at].as_ref(), value, name, &place)?;
                if let Err(why) = push(&mut table, &mut lists, at, rows, &plain) {
                    if !selection.is_optional(name) {
                        return Err(no_value(&place(), name, why));
                    }
                    table.unread.insert(name.clone(), why.to_owned());
                }
            }
            if given < table.columns.len() {
                let lacking = table.columns.iter_mut();
                for column in lacking.filter(|it| !row.contains_key(&it.name)) {
                    column.fields.push(NULL);
                }
            }
            let added = table.columns.len() - known;
            let lacking = table.columns.len() - given + added * rows;
            if table.columns.len() > limits::COLUMNS || missing.spend(lacking as u64).is_err() {
                let place = format!("{}:{line}", path.display());
                return Err(too_sparse(&place, table.columns.len()));
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
    settle(&mut table, lists, selection)?;
    Ok((table, is_more))
}

/// Reads the columns `wanted` of a file of one object a line, at most `limit` rows at a time; `take` gets them with the
/// names that were left out, once at least.
/// A key that a row lacks is a missing value; one that all of the first rows lack is an error.
pub fn read_wanted<E: From<DataError>>(
    path: &Path,
    read: &Read,
    targets: &[String],
    wanted: &[&str],
    limit: usize,
    take: &mut Take<'_, E>,
) -> Result<(), E> {
    let mut lines = Lines::open(path, read, &Count::default())?;
    let portion = Portion::of_rows(limit);
    let fresh = || Gather {
        notations: Notation::all(read, wanted.iter().copied()),
        ..Gather::new(path.display().to_string(), targets, wanted)
    };
    let mut rows = fresh();
    let (mut is_first, mut bytes) = (true, 0);
    loop {
        let next = lines.next()?;
        if next.is_none() || portion.is_full(rows.table.rows(), bytes) {
            let full = std::mem::replace(&mut rows, fresh());
            let (table, unused) = full.finish(path, is_first)?;
            take(table, &unused)?;
            (is_first, bytes) = (false, 0);
        }
        bytes += lines.bytes();
        match next {
            Some((line, row)) => rows.push(&row, line)?,
            None => return Ok(()),
        }
    }
}

/// The first object of a file.
pub fn first(path: &Path, read: &Read) -> Result<Option<Map<String, Value>>, DataError> {
    let first = Lines::open(path, read, &Count::default())?.next()?;
    Ok(first.map(|it| it.1))
}

/// The objects of a file as they are, at most `limit` at a time.
pub fn objects<E: From<DataError>>(
    path: &Path,
    read: &Read,
    limit: usize,
    take: &mut dyn FnMut(Vec<Map<String, Value>>) -> Result<(), E>,
) -> Result<(), E> {
    let mut lines = Lines::open(path, read, &Count::default())?;
    let portion = Portion::of_rows(limit);
    let (mut rows, mut bytes) = (Vec::new(), 0);
    while let Some((_, row)) = lines.next()? {
        rows.push(row);
        bytes += lines.bytes();
        if portion.is_full(rows.len(), bytes) {
            take(std::mem::take(&mut rows))?;
            bytes = 0;
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

/// Columns of lists, by their place among the columns.
type Lists = BTreeMap<usize, Block>;

/// Adds a value to a column: its text, or a list of numbers.
fn push(
    table: &mut Table,
    lists: &mut Lists,
    at: usize,
    row: usize,
    value: &Value,
) -> Result<(), &'static str> {
    let text = match value {
        Value::Null => {
            table.columns[at].fields.push(NULL);
            return Ok(());
        }
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

/// A text in the notation of its column as it is usually written; any other value is what it is.
fn written<'a>(
    notation: Option<&Notation>,
    value: &'a Value,
    column: &str,
    place: &dyn Fn() -> String,
) -> Result<Cow<'a, Value>, DataError> {
    let Some(notation) = notation else {
        return Ok(Cow::Borrowed(value));
    };
    let plain = notation.read_json(value);
    plain.map_err(|why| notation.misfit(&place(), column, &why))
}

fn no_value(place: &str, name: &str, why: &str) -> DataError {
    DataError::wrong(format!("{place}: column `{name}`: {why}")).hint(format!(
        "give a number, a text, true, false, null, or in each row a list of as many numbers; or {}",
        remedy(name)
    ))
}

/// The error for rows of which each has other names.
fn too_sparse(place: &str, columns: usize) -> DataError {
    DataError::wrong(format!(
        "{place}: the rows up to here have {columns} names, and most rows lack most of them"
    ))
    .hint("each name becomes a column: write what differs from row to row as a value, like {\"name\": …, \"value\": …}; or allow it: `read: {max_unpacked: 20GiB}`")
}

/// Makes blocks of the columns of lists.
fn settle(table: &mut Table, lists: Lists, selection: &Selection<'_>) -> Result<(), DataError> {
    for (at, block) in lists.into_iter().rev() {
        let column = table.columns.remove(at);
        if table.unread.contains_key(&column.name) {
            continue;
        }
        if block.rows() != table.rows() || column.fields.iter().any(|it| !it.is_empty()) {
            // Lists came without a gap as long as there were any.
            let place = table.places.of(block.rows());
            let why = "no list, which the rows before it have";
            if selection.is_optional(&column.name) {
                table.unread.insert(column.name, why.to_owned());
                continue;
            }
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
    /// By wanted column; empty where all is written as usual.
    notations: Vec<Option<Notation>>,
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
            notations: Vec::new(),
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
            let notation = self.notations.get(at).and_then(Option::as_ref);
            let value = written(notation, value, name, &|| self.table.places.of(at_row))?;
            let value = value.as_ref();
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
        settle(&mut self.table, self.lists, &Selection::ALL)?;
        Ok((self.table, self.unused))
    }
}
