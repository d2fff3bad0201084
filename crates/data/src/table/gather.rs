//! Rows of a table chosen by number, and the rows or columns of another put below or beside them. Knows no keys.

use std::path::Path;

use pipe_schema::stage::preprocess::{DeclaredColumn, Read};

use super::{Column, Fields, NULL, Selection, Table, other_shape};
use crate::{error::DataError, written::Notation};

impl Table {
    /// Adds the rows of a table of the same columns in the same order. Columns that may be left out are, where they differ.
    pub(super) fn append(
        &mut self,
        mut other: Self,
        selection: &Selection<'_>,
        path: &Path,
    ) -> Result<(), DataError> {
        if let Some(name) = self.unlike(&other, selection, true) {
            return Err(other_shape(&name, path));
        }
        let why = || "has another shape in later files".to_owned();
        while let Some(name) = self.unlike(&other, selection, false) {
            self.unread.insert(name.clone(), why());
            self.remove(&name);
            other.remove(&name);
        }
        let gone = other.unread.clone();
        self.unread.extend(gone);
        self.remove_unread();
        self.skipped.extend(other.skipped);
        for (column, more) in self.columns.iter_mut().zip(other.columns) {
            column.fields.append(more.fields);
        }
        for ((_, block), (_, more)) in self.blocks.iter_mut().zip(other.blocks) {
            block.append(more);
        }
        let before = self.rows;
        self.places.start_rows(before, path.display().to_string());
        self.close_rows(other.rows);
        Ok(())
    }

    /// A column that the two tables have in another shape; one that is needed, or one that may be left out.
    fn unlike(&self, other: &Self, selection: &Selection<'_>, is_needed: bool) -> Option<String> {
        let shape = |table: &Self, name: &str| {
            let block = table.blocks.iter().find(|block| block.0 == name);
            block.map(|block| block.1.shape().to_vec())
        };
        let mut names = self.names().into_iter();
        let name = names.find(|name| {
            selection.is_optional(name) != is_needed
                && !other.unread.contains_key(*name)
                && shape(self, name) != shape(other, name)
        })?;
        Some(name.to_owned())
    }

    /// Leaves all rows but these out; they are in order.
    pub fn keep(&mut self, rows: &[usize]) {
        for column in self.columns.iter_mut().chain(&mut self.narrow) {
            column.fields = column.fields.gather(rows.iter().map(|it| Some(*it)));
        }
        for (_, block) in &mut self.blocks {
            *block = block.gather(rows);
        }
        if let Some((_, paths)) = &mut self.pictures {
            *paths = rows.iter().map(|row| paths[*row].clone()).collect();
        }
        self.places = self.places.gather(rows);
        self.rows = rows.len();
    }

    /// Makes a block with one number a row the column that it is, by its exact texts.
    pub fn flatten(&mut self, name: &str) {
        if let Some(at) = self.narrow.iter().position(|it| it.name == name) {
            self.columns.push(self.narrow.swap_remove(at));
            self.blocks.retain(|it| it.0 != name);
        }
    }

    /// Puts columns of another table beside: in each row the values of that of its rows which is told, or missing ones.
    /// A block has no missing values, so all of its rows must be told.
    pub fn put_beside(
        &mut self,
        other: &Self,
        rows: &[Option<usize>],
        takes: impl Fn(&str) -> bool,
    ) {
        let columns = other.columns.iter().filter(|it| takes(&it.name));
        self.columns.extend(columns.map(|it| Column {
            name: it.name.clone(),
            fields: it.fields.gather(rows.iter().copied()),
        }));
        let blocks = other.blocks.iter().filter(|it| takes(&it.0));
        let all: Vec<usize> = rows.iter().flatten().copied().collect();
        let blocks = blocks.map(|(name, block)| (name.clone(), block.gather(&all)));
        self.blocks.extend(blocks);
    }
}

impl Fields {
    /// The texts of these rows; nulls where there is none.
    fn gather(&self, rows: impl Iterator<Item = Option<usize>>) -> Self {
        let texts: Vec<&[u8]> = self.iter().collect();
        let mut fields = Self::default();
        rows.for_each(|row| fields.push(row.map_or(NULL, |it| texts[it])));
        fields
    }

    /// The texts of a column in its notation as they are usually written; nothing comes of one that is not in it.
    pub fn rewritten(&self, read: &Read, column: &DeclaredColumn) -> Option<Self> {
        let notation = Notation::of(read, column)?;
        let mut fields = Self::default();
        for text in self.iter() {
            fields.push(&notation.read(text).ok()?);
        }
        Some(fields)
    }

    /// The same texts, but nulls where one stands for a missing value.
    #[must_use]
    pub fn without(&self, is_missing: impl Fn(&[u8]) -> bool) -> Self {
        let mut fields = Self::default();
        for text in self.iter() {
            fields.push(if is_missing(text) { NULL } else { text });
        }
        fields
    }
}
