//! Reads parquet files into one table, column by column. Knows row groups and lists; not what a value's bytes mean.
//!
//! A list of numbers that is equally long in all rows is a block. The columns `__index_level_N__`, in which pandas keeps
//! the names of rows, are left out.

mod cell;
mod guard;
mod list;
mod thrift;

use std::{
    collections::{HashMap, HashSet},
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

use self::{
    cell::Cell,
    list::{List, is_list_of_values},
};
use super::{Column, Fields, Portion, Table, Take, missing_columns};
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
    portion: Portion,
    progress: &mut dyn FnMut(u64),
) -> Result<(Table, bool), DataError> {
    let mut is_more = false;
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
        let (table, is_cut) = file.read(&names, read, portion, &mut |bytes| {
            done += bytes;
            progress(done);
        })?;
        is_more |= is_cut;
        if table.rows() == 0 {
            return Err(DataError::wrong(format!("{}: has no rows", path.display())));
        }
        match &mut all {
            None => all = Some(table),
            Some(all) => all.append(table, path)?,
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
    let (table, _) = file.read(wanted, read, Portion::ALL, &mut |_| {})?;
    if table.rows() == 0 {
        return take(table, &unused);
    }
    table.portions(limit, |portion| take(portion, &unused))
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
    file: File,
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
                leaf: leaf.filter(|_| count == 1 && (is_value || is_list)),
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
        read: &preprocess::Read,
        portion: Portion,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(Table, bool), DataError> {
        let size = self.file.metadata().map_or(0, |it| it.len());
        let budget = UnpackBudget::new(size, read);
        let (path, most) = (self.path, portion.bytes as u64);
        guarded(path, || self.read_groups(wanted, &budget, most, progress))
    }

    fn read_groups(
        &self,
        wanted: &[&str],
        budget: &UnpackBudget,
        most: u64,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(Table, bool), DataError> {
        let mut table = Table::default();
        let name = self.path.display().to_string();
        table.places.start_rows(0, name);
        let mut values = Vec::new();
        let mut lists = Vec::new();
        let known = self.columns.iter();
        let known: HashMap<&str, &Found> = known.map(|it| (it.name.as_str(), it)).collect();
        for name in wanted {
            let leaf = known.get(name).and_then(|it| Some((it.leaf?, it.is_list)));
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
        let (before, mut is_cut) = (budget.left(), false);
        for group in 0..self.reader.num_row_groups() {
            if before - budget.left() >= most {
                is_cut = true;
                break;
            }
            let group = self
                .reader
                .get_row_group(group)
                .map_err(|it| broken(self.path, &it))?;
            let count = usize::try_from(group.metadata().num_rows()).unwrap_or_default();
            let open = |leaf, name: &str, is_list| {
                guard::check_pages(&self.file, group.metadata().column(leaf), is_list, budget)
                    .map_err(|it| it.told(self, name))?;
                group
                    .get_column_reader(leaf)
                    .map_err(|it| broken(self.path, &it))
            };
            for (name, leaf, descr, cell, fields) in &mut values {
                let mut text = Vec::new();
                let mut row = rows;
                cell.each(open(*leaf, name, false)?, descr, count, &mut |_, value| {
                    row += 1;
                    text.clear();
                    if let Some(value) = value {
                        cell.write(value, &mut text)
                            .map_err(|why| Trouble::Value(format!("row {row} {why}")))?;
                    }
                    // A page may name a value of its dictionary as often as it likes.
                    budget.spend(text.len() as u64 + 1)?;
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
                cell.each(
                    open(*leaf, name, true)?,
                    descr,
                    count,
                    &mut |level, value| list.add(level == 0, value).map_err(Trouble::Value),
                )
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
        Ok((table, is_cut))
    }

    fn wrong(&self, column: &str, why: &str) -> DataError {
        DataError::wrong(format!("{}: column `{column}`: {why}", self.path.display()))
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
