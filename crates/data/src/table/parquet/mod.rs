//! Reads parquet files into one table, column by column. Knows row groups and lists; not what a value's bytes mean.
//!
//! A list of numbers that is equally long in all rows is a block. The columns `__index_level_N__`, in which pandas keeps
//! the names of rows, are left out.

mod cell;
mod list;

use std::{
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use parquet::{
    column::reader::ColumnReaderImpl,
    data_type::DataType,
    errors::ParquetError,
    file::reader::{FileReader, SerializedFileReader},
    schema::types::{ColumnDescPtr, Type},
};

use self::{cell::Cell, list::List};
use super::{Column, Fields, Table, Take, missing_columns};
use crate::{error::DataError, regular};

/// Values that are read at a time.
const BATCH: usize = 8192;

/// Reads files of the same columns, one after another. `progress` is told the bytes read.
pub fn read(paths: &[PathBuf], progress: &mut dyn FnMut(u64)) -> Result<Table, DataError> {
    let mut all: Option<Table> = None;
    let mut done = 0;
    for path in paths {
        let file = Open::of(path)?;
        let names: Vec<&str> = file.columns.iter().map(|it| it.name.as_str()).collect();
        let names = match &all {
            None => names,
            Some(table) => {
                check_same(table, &names, path)?;
                table.names()
            }
        };
        let table = file.read(&names, &mut |bytes| {
            done += bytes;
            progress(done);
        })?;
        if table.rows() == 0 {
            return Err(DataError::wrong(format!("{}: has no rows", path.display())));
        }
        match &mut all {
            None => all = Some(table),
            Some(all) => all.append(table, path)?,
        }
    }
    all.ok_or_else(|| DataError::wrong("there are no files to read"))
}

/// Names of the columns of a file; reads no row.
pub fn columns(path: &Path) -> Result<Vec<String>, DataError> {
    let file = Open::of(path)?;
    Ok(file.columns.into_iter().map(|it| it.name).collect())
}

/// Reads the columns `wanted` of one file, at most `limit` rows at a time; `take` gets them with the names of the columns
/// that were left out, once at least.
pub fn read_wanted<E: From<DataError>>(
    path: &Path,
    targets: &[String],
    wanted: &[&str],
    limit: usize,
    take: &mut Take<'_, E>,
) -> Result<(), E> {
    let file = Open::of(path)?;
    let present: Vec<String> = file.columns.iter().map(|it| it.name.clone()).collect();
    let is_there = |it: &&str| present.iter().any(|name| name == it);
    let missing: Vec<&str> = wanted.iter().copied().filter(|it| !is_there(it)).collect();
    if !missing.is_empty() {
        return Err(missing_columns(path, &missing, &present).into());
    }
    let is_unused = |it: &&String| !targets.contains(it) && !wanted.contains(&it.as_str());
    let unused: Vec<String> = present.iter().filter(is_unused).cloned().collect();
    let table = file.read(wanted, &mut |_| {})?;
    if table.rows() == 0 {
        return take(table, &unused);
    }
    for from in (0..table.rows()).step_by(limit) {
        take(table.slice(from, from.saturating_add(limit)), &unused)?;
    }
    Ok(())
}

fn check_same(table: &Table, names: &[&str], path: &Path) -> Result<(), DataError> {
    let known = table.names();
    let missing: Vec<&str> = known
        .iter()
        .copied()
        .filter(|it| !names.contains(it))
        .collect();
    if !missing.is_empty() {
        let names: Vec<String> = names.iter().map(|it| (*it).to_owned()).collect();
        return Err(super::lacking_columns(table, path, &missing, &names));
    }
    match names.iter().find(|it| !known.contains(it)) {
        None => Ok(()),
        Some(extra) => Err(super::extra_column(table, path, extra)),
    }
}

/// A file whose rows were not read yet.
struct Open<'a> {
    path: &'a Path,
    reader: SerializedFileReader<File>,
    columns: Vec<Found>,
}

/// A column of a file.
struct Found {
    name: String,
    /// Its place among the leaves of the schema, if it is a value or a list.
    leaf: Option<usize>,
    is_list: bool,
}

impl<'a> Open<'a> {
    fn of(path: &'a Path) -> Result<Self, DataError> {
        guarded(path, || Self::of_file(path))
    }

    fn of_file(path: &'a Path) -> Result<Self, DataError> {
        let file = regular::open(path).map_err(|it| DataError::io(path, &it))?;
        let reader = SerializedFileReader::new(file).map_err(|it| broken(path, &it))?;
        let schema = reader.metadata().file_metadata().schema_descr();
        let mut columns: Vec<Found> = Vec::new();
        for (at, root) in schema.root_schema().get_fields().iter().enumerate() {
            let name = root.name().to_owned();
            if name.starts_with("__index_level_") {
                continue;
            }
            if columns.iter().any(|it| it.name == name) {
                let place = path.display();
                let message = format!("{place}: two columns are named `{name}`");
                return Err(DataError::wrong(message));
            }
            let mut leaves =
                (0..schema.num_columns()).filter(|leaf| schema.get_column_root_idx(*leaf) == at);
            let (leaf, more) = (leaves.next(), leaves.next());
            let levels = leaf.map_or(0, |it| schema.column(it).max_rep_level());
            let is_value = root.is_primitive() && levels == 0;
            let is_list = levels == 1 && (root.is_primitive() || is_list_of_values(root));
            columns.push(Found {
                name,
                leaf: leaf.filter(|_| more.is_none() && (is_value || is_list)),
                is_list,
            });
        }
        Ok(Self {
            path,
            reader,
            columns,
        })
    }

    /// Reads these columns in this order; `progress` is told the bytes of each group of rows.
    fn read(&self, wanted: &[&str], progress: &mut dyn FnMut(u64)) -> Result<Table, DataError> {
        guarded(self.path, || self.read_groups(wanted, progress))
    }

    fn read_groups(
        &self,
        wanted: &[&str],
        progress: &mut dyn FnMut(u64),
    ) -> Result<Table, DataError> {
        let mut table = Table::default();
        let name = self.path.display().to_string();
        table.places.start_rows(0, name);
        let mut values = Vec::new();
        let mut lists = Vec::new();
        for name in wanted {
            let found = self.columns.iter().find(|it| it.name == *name);
            let leaf = found.and_then(|it| Some((it.leaf?, it.is_list)));
            let Some((leaf, is_list)) = leaf else {
                return Err(self.wrong(name, "holds nested values").hint(
                    "make columns of its fields where the file is written, or leave it out",
                ));
            };
            let schema = self.reader.metadata().file_metadata().schema_descr();
            let descr = schema.column(leaf);
            let cell = Cell::of(&descr).map_err(|why| self.wrong(name, &why))?;
            if is_list {
                lists.push((*name, leaf, descr, List::new(cell)));
            } else {
                values.push((*name, leaf, descr, cell, Fields::default()));
            }
        }
        let mut rows = 0;
        for group in 0..self.reader.num_row_groups() {
            let group = self
                .reader
                .get_row_group(group)
                .map_err(|it| broken(self.path, &it))?;
            let count = usize::try_from(group.metadata().num_rows()).unwrap_or_default();
            let open = |leaf| {
                group
                    .get_column_reader(leaf)
                    .map_err(|it| broken(self.path, &it))
            };
            for (name, leaf, descr, cell, fields) in &mut values {
                let mut text = Vec::new();
                let mut row = rows;
                cell.each(open(*leaf)?, descr, count, &mut |_, value| {
                    row += 1;
                    text.clear();
                    if let Some(value) = value {
                        cell.write(value, &mut text)
                            .map_err(|why| format!("row {row} {why}"))?;
                    }
                    fields.push(&text);
                    Ok(())
                })
                .map_err(|it| it.told(self, name))?;
                if row != rows + count {
                    return Err(self.wrong(name, "is cut off"));
                }
            }
            for (name, leaf, descr, list) in &mut lists {
                let cell = list.cell;
                cell.each(open(*leaf)?, descr, count, &mut |level, value| {
                    list.add(level == 0, value)
                })
                .map_err(|it| it.told(self, name))?;
            }
            rows += count;
            progress(u64::try_from(group.metadata().compressed_size()).unwrap_or_default());
        }
        for (name, _, _, _, fields) in values {
            let name = name.to_owned();
            table.columns.push(Column { name, fields });
        }
        for (name, _, _, list) in lists {
            let block = list.finish(rows).map_err(|why| self.wrong(name, &why))?;
            if let Some(block) = block {
                table.blocks.push((name.to_owned(), block));
            }
        }
        table.close_rows(rows);
        Ok(table)
    }

    fn wrong(&self, column: &str, why: &str) -> DataError {
        DataError::wrong(format!("{}: column `{column}`: {why}", self.path.display()))
    }
}

/// Whether a list's items are plain values, not lists or records.
fn is_list_of_values(root: &Type) -> bool {
    let mut node = root;
    loop {
        match node.get_fields() {
            [one] if one.is_primitive() => return true,
            [one] => node = one,
            _ => return false,
        }
    }
}

/// What went wrong in a column.
enum Trouble {
    File(ParquetError),
    Value(String),
}

impl Trouble {
    fn told(self, file: &Open<'_>, column: &str) -> DataError {
        match self {
            Self::File(error) => broken(file.path, &error),
            Self::Value(why) => file.wrong(column, &why),
        }
    }
}

/// Gives each value with its repetition level; a missing one is `None`.
fn each<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    descr: &ColumnDescPtr,
    rows: usize,
    mut take: impl FnMut(i16, Option<&T::T>) -> Result<(), String>,
) -> Result<(), Trouble> {
    let (mut present, mut repeated, mut values) = (Vec::new(), Vec::new(), Vec::new());
    let whole = descr.max_def_level();
    let mut read = 0;
    while read < rows {
        present.clear();
        repeated.clear();
        values.clear();
        let (records, _, levels) = reader
            .read_records(
                BATCH.min(rows - read),
                Some(&mut present),
                Some(&mut repeated),
                &mut values,
            )
            .map_err(Trouble::File)?;
        if records == 0 {
            return Ok(());
        }
        read += records;
        let mut values = values.iter();
        for at in 0..levels {
            let is_present = present.get(at).is_none_or(|it| *it == whole);
            let value = if is_present { values.next() } else { None };
            let level = repeated.get(at).copied().unwrap_or(0);
            take(level, value).map_err(Trouble::Value)?;
        }
    }
    Ok(())
}

/// Bytes that make no sense are an error, or a panic in the library: of both comes an error.
fn guarded<T>(path: &Path, work: impl FnOnce() -> Result<T, DataError>) -> Result<T, DataError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let place = path.display();
        Err(DataError::wrong(format!(
            "{place}: is a broken parquet file"
        )))
    })
}

fn broken(path: &Path, error: &ParquetError) -> DataError {
    let place = path.display();
    let text = error.to_string();
    let text = text.lines().next().unwrap_or_default();
    let text = text.strip_prefix("Parquet error: ").unwrap_or(text);
    match text.strip_prefix("Disabled feature at compile time: ") {
        Some(packing) => DataError::wrong(format!("{place}: is packed with {}", packing.trim()))
            .hint("write the file anew with snappy, gzip, zstd or lz4"),
        None => DataError::wrong(format!(
            "{place}: is no parquet file, or a broken one: {text}"
        )),
    }
}
