//! Puts the columns of a second table beside the rows of a first where their keys are equal. Knows no types but for keys.
//!
//! A key that is a number is told by its value, so that `7`, `7.0` and `07` meet; another by its text. Where the block says
//! that a key's column is no number, all are told by their texts. Integers from 2^53 on, which may share a float, are too.
//! A missing key has no partner, not even another missing one.

use std::path::PathBuf;

use hashbrown::{HashMap, hash_map::Entry};
use pipe_schema::stage::preprocess::{ColumnType, How, Join, Preprocess, Read};

use crate::{
    error::DataError,
    infer::{self, Missing, listed, text_of},
    input::read_all,
    prepare::Note,
    table::{Selection, Table},
};

/// Joins all tables of a block, one after another. `files` has those of each.
pub fn all(
    mut table: Table,
    block: &Preprocess,
    files: &[Vec<PathBuf>],
    report: &mut dyn FnMut(Note),
) -> Result<Table, DataError> {
    for (at, join) in block.source.join.0.iter().enumerate() {
        let paths = files.get(at).map_or(&[][..], Vec::as_slice);
        let selection = &Selection::of_join(block, join);
        let read = Read {
            notations: block.notations(),
            ..join.reading()
        };
        let other = read_all(paths, &read, selection, report)?;
        table.unread.extend(other.unread.clone());
        let name = paths.first().and_then(|it| it.file_name());
        let name = name.unwrap_or_default().to_string_lossy();
        let tables = Tables {
            name: &name,
            left: &table,
            right: &other,
            join,
        };
        let partners = tables.partners(block)?;
        if let Some(line) = tables.note(&partners) {
            report(Note::Log(line));
        }
        tables.check_blocks(&partners)?;
        table = beside(table, &other, partners, join);
    }
    Ok(table)
}

struct Tables<'a> {
    /// The name of the right table's first file.
    name: &'a str,
    left: &'a Table,
    right: &'a Table,
    join: &'a Join,
}

impl Tables<'_> {
    /// For each row of the left table, the row of the right one that has its key.
    fn partners(&self, block: &Preprocess) -> Result<Vec<Option<usize>>, DataError> {
        self.check_names()?;
        let (left, right): (Vec<&str>, Vec<&str>) = self
            .join
            .on
            .0
            .iter()
            .map(|(left, right)| (left.as_str(), right.as_str()))
            .unzip();
        let by_text: Vec<bool> = left
            .iter()
            .map(|it| (block.columns.get(*it)).is_some_and(|it| it.r#type() != ColumnType::Numeric))
            .collect();
        let na = Missing::of(&self.join.reading());
        let mut rows: HashMap<Vec<u8>, usize> = HashMap::new();
        for (row, key) in keys(self.right, &right, &by_text, &na)?.enumerate() {
            let Some(key) = key else { continue };
            match rows.entry(key) {
                Entry::Vacant(place) => {
                    place.insert(row);
                }
                Entry::Occupied(place) => return Err(self.doubled(&right, *place.get(), row)),
            }
        }
        let na = Missing::of(&block.reading());
        let partners: Vec<Option<usize>> = keys(self.left, &left, &by_text, &na)?
            .map(|key| rows.get(&key?).copied())
            .collect();
        if partners.iter().all(Option::is_none) && !partners.is_empty() {
            return Err(self.strange(&left, &right));
        }
        Ok(partners)
    }

    /// Checks that keys and columns are there, and that no name is there twice.
    fn check_names(&self) -> Result<(), DataError> {
        let (ours, theirs) = (self.left.names(), self.right.names());
        // Only some of them may have been read.
        let all = self.right.all_names();
        let mut wanted: Vec<(&str, &[&str], &str)> = Vec::new();
        for (left, right) in &self.join.on.0 {
            wanted.push((left, &ours, "the rows"));
            wanted.push((right, &all, self.name));
        }
        let taken = self.join.columns.iter();
        wanted.extend(taken.map(|it| (it.as_str(), &all[..], self.name)));
        for (name, names, whose) in wanted {
            if names.contains(&name) {
                continue;
            }
            let error = DataError::wrong(format!("join: {whose} has no column `{name}`"));
            let error = match whose {
                "the rows" => DataError::wrong(format!("join: the rows have no column `{name}`")),
                _ => error,
            };
            return Err(match infer::closest(name, names.iter().copied()) {
                Some(meant) => error.hint(format!("did you mean `{meant}`?")),
                None => error.hint(format!("the columns are: {}", listed(names))),
            });
        }
        let mut added = theirs.iter().filter(|it| self.join.adds(it));
        if let Some(name) = added.find(|it| ours.contains(it)) {
            return Err(DataError::wrong(format!(
                "join: the rows and {} both have a column `{name}`",
                self.name
            ))
            .hint(
                "take other columns alone: `columns: […]`; or rename one: `read: {names: […]}` names all columns of a file",
            ));
        }
        Ok(())
    }

    fn doubled(&self, names: &[&str], first: usize, second: usize) -> DataError {
        let places = &self.right.places;
        DataError::wrong(format!(
            "{}: the key {} is there twice, first in {}",
            places.of(second),
            shown(self.right, names, second),
            places.of(first)
        ))
        .hint("a row can take one row of the joined table alone: make its keys unique, or add a column to `on` that tells them apart")
    }

    /// The error for tables of which no keys are equal.
    fn strange(&self, left: &[&str], right: &[&str]) -> DataError {
        let error = DataError::wrong(format!("join: no row has a key that is in {}", self.name));
        if self.right.rows() == 0 {
            return error;
        }
        error.hint(format!(
            "the first rows have {} and {}: are these the columns that belong together? They are compared as numbers, else letter by letter",
            shown(self.left, left, 0),
            shown(self.right, right, 0)
        ))
    }

    /// What is worth telling: rows without a partner.
    fn note(&self, partners: &[Option<usize>]) -> Option<String> {
        let alone = partners.iter().filter(|it| it.is_none()).count();
        let (rows, name) = (partners.len(), self.name);
        let what = match self.join.how {
            How::Left => "its columns are missing there",
            How::Inner => "they are left out",
        };
        (alone > 0).then(|| {
            format!("join: {alone} of {rows} rows have a key that is not in {name}: {what}")
        })
    }

    /// A block cannot be missing.
    fn check_blocks(&self, partners: &[Option<usize>]) -> Result<(), DataError> {
        let mut blocks = self.right.blocks.iter().filter(|it| self.join.adds(&it.0));
        let alone = partners.iter().position(Option::is_none);
        let (Some((name, _)), Some(row), How::Left) = (blocks.next(), alone, self.join.how) else {
            return Ok(());
        };
        Err(DataError::wrong(format!(
            "{}: the key is not in {}, and a list of numbers like `{name}` cannot be missing",
            self.left.places.of(row),
            self.name
        ))
        .hint("leave such rows out: `how: inner`"))
    }
}

/// The left table with the columns of the right one.
fn beside(mut left: Table, right: &Table, partners: Vec<Option<usize>>, join: &Join) -> Table {
    let partners = match join.how {
        How::Left => partners,
        How::Inner => {
            let has = |row: &usize| partners[*row].is_some();
            let rows: Vec<usize> = (0..partners.len()).filter(has).collect();
            if rows.len() < partners.len() {
                left.keep(&rows);
            }
            rows.iter().map(|row| partners[*row]).collect()
        }
    };
    let na = Missing::of(&join.reading());
    let before = left.columns.len();
    left.put_beside(right, &partners, |name| join.adds(name));
    // What stands for a missing value in one table may be a value in the other.
    for column in &mut left.columns[before..] {
        column.fields = column.fields.without(|it| na.has(it));
    }
    left
}

/// The key of each row; nothing where a part of it is missing.
fn keys<'a>(
    table: &'a Table,
    names: &[&str],
    by_text: &'a [bool],
    na: &'a Missing,
) -> Result<impl Iterator<Item = Option<Vec<u8>>> + 'a, DataError> {
    let mut columns = Vec::with_capacity(names.len());
    for name in names {
        let Some(column) = table.column(name) else {
            return Err(DataError::wrong(format!(
                "join: column `{name}` has no single values to join by"
            ))
            .hint("a key is a column of words or numbers"));
        };
        columns.push(column.fields.iter());
    }
    Ok((0..table.rows()).map(move |_| {
        let mut key = Some(Vec::new());
        // All columns go on by one, also where a part is missing.
        for (fields, by_text) in columns.iter_mut().zip(by_text) {
            let text = fields.next().unwrap_or_default();
            if na.has(text) {
                key = None;
            } else if let Some(key) = &mut key {
                add(text, *by_text, key);
            }
        }
        key
    }))
}

/// Adds a part of a key, so that no two different keys become the same bytes.
fn add(text: &[u8], by_text: bool, key: &mut Vec<u8>) {
    let value = infer::number(text).filter(|it| !by_text && it.abs() < infer::EXACT);
    if let Some(value) = value {
        key.push(1);
        key.extend((value + 0.0).to_le_bytes());
    } else {
        key.push(0);
        key.extend((text.len() as u64).to_le_bytes());
        key.extend(text);
    }
}

/// `id` = `7`
fn shown(table: &Table, names: &[&str], row: usize) -> String {
    let part = |name: &&str| {
        let column = table.column(name);
        let text = column.and_then(|it| it.fields.iter().nth(row));
        format!("`{name}` = `{}`", text_of(text.unwrap_or_default()))
    };
    let parts: Vec<String> = names.iter().map(part).collect();
    parts.join(", ")
}
