//! Rows of a table chosen by number, and the columns of one table put beside those of another. Knows no keys.

use super::{Column, Fields, Table};

impl Table {
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
    /// The texts of these rows; the empty text where there is none.
    fn gather(&self, rows: impl Iterator<Item = Option<usize>>) -> Self {
        let texts: Vec<&[u8]> = self.iter().collect();
        let mut fields = Self::default();
        rows.for_each(|row| fields.push(row.map_or(&[], |it| texts[it])));
        fields
    }

    /// The same texts, but empty where one stands for a missing value.
    #[must_use]
    pub fn without(&self, is_missing: impl Fn(&[u8]) -> bool) -> Self {
        let mut fields = Self::default();
        for text in self.iter() {
            fields.push(if is_missing(text) { &[] } else { text });
        }
        fields
    }
}
