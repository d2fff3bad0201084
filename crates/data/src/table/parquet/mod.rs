//! Reads parquet files into one table, column by column. Knows row groups and lists; not what a value's bytes mean.
//!
//! A list of numbers that is equally long in all rows is a block. The columns `__index_level_N__`, in which pandas keeps
//! the names of rows, are left out.

mod cell;
mod groups;
mod guard;
mod list;
mod thrift;
mod zone;

use std::{
    collections::HashSet,
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use parquet::{
    column::reader::ColumnReaderImpl,
    data_type::DataType,
    errors::ParquetError,
    file::reader::{FileReader, SerializedFileReader},
    schema::types::ColumnDescPtr,
};
use pipe_schema::stage::preprocess;

use self::list::is_list_of_values;
use super::{Portion, Selection, Table, Take, missing_columns, remedy};
use crate::{
    error::DataError,
    limits::{TooLarge, UnpackBudget},
    regular,
};

/// Values that are read at a time.
const BATCH: usize = 8192;

/// Reads files of the same columns, one after another: all, or of each as many groups of rows as make a portion. Says
/// whether there is more. `progress` is told the bytes read.
pub fn read(
    paths: &[PathBuf],
    read: &preprocess::Read,
    selection: &Selection<'_>,
    portion: Portion,
    progress: &mut dyn FnMut(u64),
) -> Result<(Table, bool), DataError> {
    let mut is_more = false;
    let mut all: Option<Table> = None;
    let mut done = 0;
    for path in paths {
        let file = Open::of(path)?;
        let present = file.columns.iter().map(|column| column.name.as_str());
        let (names, skipped): (Vec<&str>, Vec<&str>) =
            present.partition(|name| selection.takes(name));
        let names: Vec<String> = match &mut all {
            None => names.into_iter().map(str::to_owned).collect(),
            Some(table) => {
                check_same(table, &names, path, selection)?;
                table.names().into_iter().map(str::to_owned).collect()
            }
        };
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let how = (read, selection);
        let (mut table, is_cut) = file.read(&names, how, portion, &mut |bytes| {
            done += bytes;
            progress(done);
        })?;
        let skipped = skipped.into_iter().map(str::to_owned);
        table.skipped.extend(skipped);
        is_more |= is_cut;
        if table.rows() == 0 {
            return Err(DataError::wrong(format!("{}: has no rows", path.display())));
        }
        match &mut all {
            None => all = Some(table),
            Some(all) => all.append(table, selection, path)?,
        }
    }
    let all = all.ok_or_else(|| DataError::wrong("there are no files to read"))?;
    Ok((all, is_more))
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
    read: &preprocess::Read,
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
    let how = (read, &Selection::ALL);
    let (table, _) = file.read(wanted, how, Portion::ALL, &mut |_| {})?;
    if table.rows() == 0 {
        return take(table, &unused);
    }
    table.portions(limit, |portion| take(portion, &unused))
}

/// Checks that a file has the columns of the table before it; those that may be left out are, where it has not.
fn check_same(
    table: &mut Table,
    names: &[&str],
    path: &Path,
    selection: &Selection<'_>,
) -> Result<(), DataError> {
    let known = table.names();
    let is_needed = |name: &&&str| !selection.is_optional(name);
    let missing: Vec<&str> = (known.iter().copied())
        .filter(|it| !names.contains(it))
        .collect();
    let needed: Vec<&str> = missing.iter().filter(is_needed).copied().collect();
    if !needed.is_empty() {
        let names: Vec<String> = names.iter().map(|it| (*it).to_owned()).collect();
        return Err(super::lacking_columns(table, path, &needed, &names));
    }
    let extra = names.iter().filter(|name| !known.contains(name));
    let extra: Vec<&str> = extra
        .filter(|name| !table.unread.contains_key(**name))
        .copied()
        .collect();
    if let Some(name) = extra.iter().find(|name| is_needed(name)) {
        return Err(super::extra_column(table, path, name));
    }
    let apart: Vec<String> = missing
        .into_iter()
        .chain(extra)
        .map(str::to_owned)
        .collect();
    for name in apart {
        table.unread.insert(name, "is not in all files".to_owned());
    }
    table.remove_unread();
    Ok(())
}

/// A file whose rows were not read yet.
struct Open<'a> {
    path: &'a Path,
    file: File,
    reader: SerializedFileReader<File>,
    columns: Vec<Found>,
}

/// A column of a file.
struct Found {
    name: String,
    /// Its place among the leaves of the schema, if it is a value or a list; else what it is.
    leaf: Result<usize, String>,
    is_list: bool,
}

impl<'a> Open<'a> {
    fn of(path: &'a Path) -> Result<Self, DataError> {
        guarded(path, || Self::of_file(path))
    }

    fn of_file(path: &'a Path) -> Result<Self, DataError> {
        let file = regular::open(path).map_err(|it| DataError::io(path, &it))?;
        guard::check_footer(&file).map_err(|why| unusual(path, &why))?;
        let shared = file.try_clone().map_err(|it| DataError::io(path, &it))?;
        let reader = SerializedFileReader::new(shared).map_err(|it| broken(path, &it))?;
        let schema = reader.metadata().file_metadata().schema_descr();
        let roots = schema.root_schema().get_fields();
        // The first leaf below each root, and how many there are.
        let mut leaves = vec![(None, 0); roots.len()];
        for leaf in 0..schema.num_columns() {
            let (first, count) = &mut leaves[schema.get_column_root_idx(leaf)];
            first.get_or_insert(leaf);
            *count += 1;
        }
        let mut columns: Vec<Found> = Vec::new();
        let mut names = HashSet::new();
        for (root, (leaf, count)) in roots.iter().zip(leaves) {
            let name = root.name().to_owned();
            if name.starts_with("__index_level_") {
                continue;
            }
            if !names.insert(root.name()) {
                let place = path.display();
                let message = format!("{place}: two columns are named `{name}`");
                return Err(DataError::wrong(message));
            }
            let levels = leaf.map_or(0, |it| schema.column(it).max_rep_level());
            let is_value = root.is_primitive() && levels == 0;
            let is_list = levels == 1 && (root.is_primitive() || is_list_of_values(root));
            columns.push(Found {
                name,
                leaf: (leaf.filter(|_| count == 1 && (is_value || is_list)))
                    .ok_or_else(|| cell::nested(root)),
                is_list,
            });
        }
        drop(names);
        Ok(Self {
            path,
            file,
            reader,
            columns,
        })
    }

    /// Reads these columns in this order; `progress` is told the bytes of each group of rows.
    fn read(
        &self,
        wanted: &[&str],
        (read, selection): (&preprocess::Read, &Selection<'_>),
        portion: Portion,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(Table, bool), DataError> {
        let size = self.file.metadata().map_or(0, |it| it.len());
        let budget = UnpackBudget::new(size, read);
        let (path, most) = (self.path, portion.bytes as u64);
        let mut wanted = self.wanted(wanted, read, selection)?;
        guarded(path, || {
            self.read_groups(&mut wanted, (&budget, most), selection, progress)
        })
    }

    fn wrong(&self, column: &str, why: &str) -> DataError {
        DataError::wrong(format!("{}: column `{column}`: {why}", self.path.display()))
            .hint(remedy(column))
    }
}

/// What went wrong in a column.
enum Trouble {
    File(ParquetError),
    Value(String),
    TooLarge(TooLarge),
}

impl From<TooLarge> for Trouble {
    fn from(error: TooLarge) -> Self {
        Self::TooLarge(error)
    }
}

impl Trouble {
    fn told(self, file: &Open<'_>, column: &str) -> DataError {
        match self {
            Self::File(error) => broken(file.path, &error),
            Self::Value(why) => file.wrong(column, &why),
            Self::TooLarge(error) => DataError::too_large(file.path, error),
        }
    }
}

/// Gives each value with its repetition level; a missing one is `None`.
fn each<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    descr: &ColumnDescPtr,
    rows: usize,
    mut take: impl FnMut(i16, Option<&T::T>) -> Result<(), Trouble>,
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
            take(level, value)?;
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

fn unusual(path: &Path, why: &str) -> DataError {
    DataError::wrong(format!("{}: {why}", path.display()))
        .hint("write the file anew with fewer columns, or its nested values as columns")
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
