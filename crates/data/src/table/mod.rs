//! A table as it was read: texts and blocks of numbers, column by column, and the place of each row. Knows no types.

mod decode;
mod file;
mod notation;
mod records;
mod array;
mod arrays;
mod datetime64;
mod images;
mod text;
mod folders;
mod idx;
mod npy;
mod parquet;
mod places;
mod gather;
pub mod csv;
mod lines;
pub mod jsonl;
mod misfit;
mod selection;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io::BufRead,
    path::{Path, PathBuf},
};

use pipe_schema::stage::preprocess::{Form, Read};

use self::misfit::{extra_column, lacking_columns, other_shape};
pub use self::{
    folders::count,
    misfit::missing_columns,
    places::Places,
    selection::{Selection, remedy},
};
use crate::{block::Block, error::DataError, limits};

/// Gets a table at a time, with the names of the columns that were left out of it.
pub type Take<'a, E> = dyn FnMut(Table, &[String]) -> Result<(), E> + 'a;

/// Columns of equal length.
#[derive(Clone, Debug, Default)]
pub struct Table {
    pub columns: Vec<Column>,
    /// The wide columns by name; they come after the others.
    pub blocks: Vec<(String, Block)>,
    /// Exact texts of those blocks that have one number a row.
    pub narrow: Vec<Column>,
    /// A column of files that hold pictures, with its name; it comes last.
    pub pictures: Option<(String, Vec<PathBuf>)>,
    pub places: Places,
    /// Columns that cannot be read and may be left out, each with the reason.
    pub unread: BTreeMap<String, String>,
    /// Columns of 0 and 1 that the file calls truth values.
    pub truths: BTreeSet<String>,
    /// Columns that the selection does not take.
    skipped: BTreeSet<String>,
    rows: usize,
}

/// A named column.
#[derive(Clone, Debug, Default)]
pub struct Column {
    pub name: String,
    pub fields: Fields,
}

/// What a column has in place of a text where its file has a null: bytes that are no text.
pub const NULL: &[u8] = b"\xff";

/// The texts of a column one after another, each behind its length: hardly larger than the file they came from.
/// All are UTF-8, without surrounding blanks, or `NULL`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields {
    bytes: Vec<u8>,
}

/// How much of a table is read.
#[derive(Clone, Copy, Debug)]
pub struct Portion {
    rows: usize,
    /// Of what is read; the row that passes it is the last one.
    bytes: usize,
}

impl Portion {
    /// All rows.
    pub const ALL: Self = Self {
        rows: usize::MAX,
        bytes: usize::MAX,
    };
    /// As much as a first look takes in.
    pub const GLANCE: Self = Self {
        bytes: limits::GLANCE,
        ..Self::ALL
    };

    /// At most this number of rows, and of large rows fewer; or all.
    pub fn of_rows(rows: usize) -> Self {
        match rows {
            usize::MAX => Self::ALL,
            rows => Self {
                rows,
                bytes: limits::PORTION,
            },
        }
    }

    /// Whether these rows of this many bytes are enough.
    pub fn is_full(self, rows: usize, bytes: usize) -> bool {
        rows >= self.rows || bytes >= self.bytes
    }
}

/// Reads as many rows of a file as a first look takes in, and says whether there are more. Only of forms that are tables by
/// themselves; of others, all is read. Columns that cannot be read are left out.
pub fn glance(path: &Path, read: &Read) -> Result<(Table, bool), DataError> {
    let paths = [path.to_owned()];
    // Bytes of CSV that are no text mean another encoding.
    let selection = match read.form() {
        Form::Csv => &Selection::ALL,
        _ => &Selection::READABLE,
    };
    read_portion(&paths, read, selection, Portion::GLANCE, &mut |_| {})
}

/// Reads files of one form, one after another, into one table. `progress` is told the bytes read.
pub fn read(
    paths: &[PathBuf],
    read: &Read,
    progress: &mut dyn FnMut(u64),
) -> Result<Table, DataError> {
    read_selected(paths, read, &Selection::ALL, progress)
}

/// Reads the columns of a selection, likewise.
pub fn read_selected(
    paths: &[PathBuf],
    read: &Read,
    selection: &Selection<'_>,
    progress: &mut dyn FnMut(u64),
) -> Result<Table, DataError> {
    let (table, _) = read_portion(paths, read, selection, Portion::ALL, progress)?;
    Ok(table)
}

fn read_portion(
    paths: &[PathBuf],
    read: &Read,
    selection: &Selection<'_>,
    portion: Portion,
    progress: &mut dyn FnMut(u64),
) -> Result<(Table, bool), DataError> {
    let whole = |table| (table, false);
    let (mut table, is_more) = match read.form() {
        Form::Csv => csv::read(paths, read, selection, portion, progress)?,
        Form::Jsonl => jsonl::read(paths, read, selection, portion, progress)?,
        Form::Parquet => parquet::read(paths, read, selection, portion, progress)?,
        Form::Npz => arrays::read(paths, (read, npy::read), selection, progress).map(whole)?,
        Form::Idx => arrays::read(paths, (read, idx::read), selection, progress).map(whole)?,
        Form::Images => images::read(paths, progress).map(whole)?,
        Form::Text => text::read(paths, read, progress).map(whole)?,
    };
    table.remove_unread();
    selection.retain(&mut table);
    selection.check(&table)?;
    Ok((table, is_more))
}

/// Opens a file, plain or gzip.
pub fn open_bytes(path: &Path, read: &Read) -> Result<Box<dyn BufRead>, DataError> {
    file::open_bytes(path, read, &file::Count::default()).map(|opened| opened.0)
}

/// Names of the columns of a file, where they can be told without reading all of it.
pub fn columns(path: &Path, read: &Read) -> Option<Vec<String>> {
    match read.form() {
        Form::Csv => csv::columns(path, read).ok(),
        Form::Parquet => parquet::columns(path).ok(),
        Form::Npz | Form::Idx if !read.names.is_empty() => Some(read.names.clone()),
        Form::Images => Some(images::columns()),
        Form::Text => Some(text::columns()),
        Form::Jsonl | Form::Npz | Form::Idx => None,
    }
}

/// Reads the columns `wanted` of one file, at most `limit` rows at a time; `take` gets them with the names of the columns
/// that were left out, once at least. The file may lack `targets`.
pub fn read_wanted<E: From<DataError>>(
    path: &Path,
    read: &Read,
    targets: &[String],
    wanted: &[&str],
    limit: usize,
    take: &mut Take<'_, E>,
) -> Result<(), E> {
    match read.form() {
        Form::Csv => csv::read_wanted(path, read, targets, wanted, limit, take),
        Form::Jsonl => jsonl::read_wanted(path, read, targets, wanted, limit, take),
        Form::Npz => arrays::read_wanted(path, (read, npy::read), targets, wanted, limit, take),
        Form::Idx => arrays::read_wanted(path, (read, idx::read), targets, wanted, limit, take),
        Form::Parquet => parquet::read_wanted(path, read, targets, wanted, limit, take),
        Form::Images => images::read_wanted(path, wanted, limit, take),
        Form::Text => text::read_wanted(path, read, wanted, limit, take),
    }
}

impl Table {
    /// A table of these columns and no rows.
    pub fn of(names: Vec<String>) -> Self {
        let columns = names
            .into_iter()
            .map(|name| Column {
                name,
                fields: Fields::default(),
            })
            .collect();
        Self {
            columns,
            ..Self::default()
        }
    }

    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The columns' names, in order.
    pub fn names(&self) -> Vec<&str> {
        let texts = self.columns.iter().map(|it| it.name.as_str());
        texts
            .chain(self.blocks.iter().map(|it| it.0.as_str()))
            .chain(self.pictures.iter().map(|it| it.0.as_str()))
            .collect()
    }

    /// Where each column is.
    pub fn positions(&self) -> HashMap<&str, usize> {
        let names = self.columns.iter().enumerate();
        names.map(|(at, it)| (it.name.as_str(), at)).collect()
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|it| it.name == name)
    }

    /// Gives all rows away in order, at most `limit` at a time. Texts are gone through once, however small the portions are.
    fn portions<E>(
        &self,
        limit: usize,
        mut take: impl FnMut(Self) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut texts: Vec<_> = self.columns.iter().map(|it| it.fields.iter()).collect();
        for from in (0..self.rows).step_by(limit.max(1)) {
            let to = from.saturating_add(limit.max(1)).min(self.rows);
            let mut places = self.places.clone();
            places.start_at(from);
            let columns = self.columns.iter().zip(&mut texts);
            take(Self {
                columns: columns
                    .map(|(column, texts)| {
                        let mut fields = Fields::default();
                        texts.take(to - from).for_each(|text| fields.push(text));
                        Column {
                            name: column.name.clone(),
                            fields,
                        }
                    })
                    .collect(),
                blocks: self
                    .blocks
                    .iter()
                    .map(|(name, block)| (name.clone(), block.slice(from, to)))
                    .collect(),
                pictures: self
                    .pictures
                    .as_ref()
                    .map(|(name, paths)| (name.clone(), paths[from..to].to_vec())),
                places,
                rows: to - from,
                ..Self::default()
            })?;
        }
        Ok(())
    }

    /// The columns' names, also of those that the selection does not take.
    pub fn all_names(&self) -> Vec<&str> {
        let skipped = self.skipped.iter().map(String::as_str);
        self.names().into_iter().chain(skipped).collect()
    }

    /// Whether the selection leaves this column out.
    pub fn skips(&self, name: &str) -> bool {
        self.skipped.contains(name)
    }

    /// Leaves a column out.
    fn remove(&mut self, name: &str) {
        self.columns.retain(|column| column.name != name);
        self.narrow.retain(|column| column.name != name);
        self.blocks.retain(|block| block.0 != name);
        self.pictures.take_if(|pictures| pictures.0 == name);
    }

    /// Leaves the columns out that cannot be read, as far as they were.
    fn remove_unread(&mut self) {
        for name in self.unread.keys().cloned().collect::<Vec<_>>() {
            self.remove(&name);
        }
    }

    /// Counts rows that were added to all columns; they are told by their number in the file.
    fn close_rows(&mut self, count: usize) {
        self.places.push(self.rows, 1);
        self.rows += count;
    }

    /// Bytes of its texts.
    fn bytes(&self) -> usize {
        let columns = self.columns.iter();
        columns.map(|it| it.fields.bytes.len()).sum()
    }

    /// Counts a row whose fields were pushed, one to each column.
    pub(crate) fn close_row(&mut self, line: u64) {
        self.places.push(self.rows, line);
        self.rows += 1;
    }
}

impl Fields {
    /// Nulls.
    fn nulls(count: usize) -> Self {
        let mut fields = Self::default();
        (0..count).for_each(|_| fields.push(NULL));
        fields
    }

    /// Adds a text; blanks around it do not count.
    #[inline]
    pub fn push(&mut self, text: &[u8]) {
        let text = trim(text);
        self.bytes.reserve(text.len() + 5);
        let mut length = text.len();
        while length >= 0x80 {
            self.bytes.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        self.bytes.push(length as u8);
        self.bytes.extend_from_slice(text);
    }

    /// Adds the texts of another column.
    fn append(&mut self, other: Self) {
        self.bytes.extend(other.bytes);
    }

    /// The texts in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || {
            let mut length = 0;
            let mut shift = 0;
            loop {
                let (&byte, tail) = rest.split_first()?;
                rest = tail;
                length |= usize::from(byte & 0x7f) << shift;
                shift += 7;
                if byte < 0x80 {
                    break;
                }
            }
            let (text, tail) = rest.split_at_checked(length)?;
            rest = tail;
            Some(text)
        })
    }
}

/// `trim_ascii`, with the usual case first.
#[inline]
fn trim(text: &[u8]) -> &[u8] {
    match text {
        [first, .., last] if *first > b' ' && *last > b' ' => text,
        _ => text.trim_ascii(),
    }
}

fn positions(names: &[String]) -> HashMap<&str, usize> {
    let names = names.iter().enumerate();
    names.map(|(at, it)| (it.as_str(), at)).collect()
}
