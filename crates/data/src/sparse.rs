//! Columns and rows that are mostly zero: only the other values are kept. Knows no steps and no files.

use std::borrow::Cow;

use pipe_schema::stage::preprocess::ColumnType;

use crate::{
    dataset::{FeatureRows, Features, SparseRows},
    frame::Values,
};

/// Values are kept sparse if more than nine in ten of them are zero.
const ZEROS_IN_ALL: u64 = 10;

/// A column of which most rows are zero, or `false`. No row is missing.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseColumn {
    rows: usize,
    /// The other rows, ascending.
    at: Vec<u32>,
    /// Their numbers; of a boolean column nothing.
    numbers: Option<Vec<f64>>,
}

/// The columns that a step makes of one, while they are filled row by row.
pub struct NewColumns {
    rows: usize,
    columns: Vec<SparseColumn>,
}

/// Whether so few of all values are not zero that they are kept sparse.
pub fn is_sparse(others: u64, all: u64) -> bool {
    others.saturating_mul(ZEROS_IN_ALL) < all
}

impl SparseColumn {
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Whether it is boolean; else it is numeric.
    pub fn is_boolean(&self) -> bool {
        self.numbers.is_none()
    }

    pub fn r#type(&self) -> ColumnType {
        if self.is_boolean() {
            ColumnType::Boolean
        } else {
            ColumnType::Numeric
        }
    }

    /// The number of a row; 1 for `true`.
    pub fn number(&self, row: usize) -> f64 {
        let place = u32::try_from(row).ok();
        match place.and_then(|row| self.at.binary_search(&row).ok()) {
            None => 0.0,
            Some(at) => self.numbers.as_ref().map_or(1.0, |numbers| numbers[at]),
        }
    }

    /// The rows that are not zero, with their numbers.
    pub fn entries(&self) -> impl Iterator<Item = (usize, f64)> {
        let number = |at: usize| self.numbers.as_ref().map_or(1.0, |numbers| numbers[at]);
        let rows = self.at.iter().enumerate();
        rows.map(move |(at, row)| (*row as usize, number(at)))
    }

    /// The same values, one for each row.
    pub fn to_dense(&self) -> Values {
        if self.is_boolean() {
            let mut truths = vec![Some(false); self.rows];
            for (row, _) in self.entries() {
                truths[row] = Some(true);
            }
            return Values::Truths(truths);
        }
        let mut numbers = vec![0.0; self.rows];
        for (row, number) in self.entries() {
            numbers[row] = number;
        }
        Values::Numbers(numbers)
    }
}

impl NewColumns {
    /// Columns of so many rows, which are `false` until a row is said to be `true`.
    pub fn booleans(count: usize, rows: usize) -> Self {
        Self::new(count, rows, None)
    }

    /// Likewise of numbers, which are 0.
    pub fn numbers(count: usize, rows: usize) -> Self {
        Self::new(count, rows, Some(Vec::new()))
    }

    fn new(count: usize, rows: usize, numbers: Option<Vec<f64>>) -> Self {
        let column = SparseColumn {
            rows,
            at: Vec::new(),
            numbers,
        };
        Self {
            rows,
            columns: vec![column; count],
        }
    }

    /// Sets a row of a column, in the order of the rows.
    pub fn set(&mut self, column: usize, row: usize, number: f64) {
        let column = &mut self.columns[column];
        column.at.push(row as u32);
        if let Some(numbers) = &mut column.numbers {
            numbers.push(number);
        }
    }

    /// The columns: sparse if more than nine in ten of all their values are zero.
    pub fn finish(self) -> impl Iterator<Item = Values> {
        let set = self.columns.iter().map(|it| it.at.len() as u64).sum();
        let all = (self.rows as u64).saturating_mul(self.columns.len() as u64);
        let is_sparse = is_sparse(set, all) && u32::try_from(self.rows).is_ok();
        self.columns.into_iter().map(move |column| {
            if is_sparse {
                Values::Sparse(column)
            } else {
                column.to_dense()
            }
        })
    }
}

impl SparseRows {
    /// Rows of these shapes: `columns` and `numbers` are those of all rows, one row after another, and row `n` ends before
    /// `ends[n]`. Says what is wrong with them.
    pub fn new(
        width: usize,
        ends: Vec<u64>,
        columns: Vec<u32>,
        numbers: Vec<f32>,
    ) -> Result<Self, String> {
        let count = columns.len();
        if count != numbers.len() {
            return Err(format!("{count} columns have {} numbers", numbers.len()));
        }
        let mut start = 0;
        for end in &ends {
            let row = usize::try_from(*end)
                .ok()
                .and_then(|end| columns.get(start..end));
            let Some(row) = row else {
                return Err("the rows do not follow each other".to_owned());
            };
            let fits = row.last().is_none_or(|last| (*last as usize) < width);
            if !fits || !row.is_sorted_by(|a, b| a < b) {
                return Err("the columns of a row do not rise to the last one".to_owned());
            }
            start += row.len();
        }
        if start != count {
            return Err("numbers are left after the last row".to_owned());
        }
        Ok(Self {
            width,
            ends,
            columns,
            numbers,
        })
    }

    pub fn rows(&self) -> usize {
        self.ends.len()
    }

    /// Numbers a row.
    pub fn width(&self) -> usize {
        self.width
    }

    pub fn ends(&self) -> &[u64] {
        &self.ends
    }

    pub fn columns(&self) -> &[u32] {
        &self.columns
    }

    /// The numbers that are not zero, one row after another.
    pub fn numbers(&self) -> &[f32] {
        &self.numbers
    }

    /// Writes a row; `out` must be zero.
    pub fn write_row(&self, row: usize, out: &mut [f32]) {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        for at in start as usize..self.ends[row] as usize {
            out[self.columns[at] as usize] = self.numbers[at];
        }
    }

    /// All numbers of these rows, one row after another.
    pub fn dense(&self, rows: impl ExactSizeIterator<Item = usize>) -> Vec<f32> {
        let mut values = vec![0.0; rows.len() * self.width];
        if self.width > 0 {
            for (row, out) in rows.zip(values.chunks_exact_mut(self.width)) {
                self.write_row(row, out);
            }
        }
        values
    }
}

impl FeatureRows {
    pub fn rows(&self) -> usize {
        match self {
            Self::Dense(features) => features.rows,
            Self::Sparse(rows) => rows.rows(),
        }
    }

    /// Numbers a row.
    pub fn width(&self) -> usize {
        match self {
            Self::Dense(features) => features.width,
            Self::Sparse(rows) => rows.width(),
        }
    }

    /// All numbers of a row.
    pub fn row(&self, at: usize) -> Cow<'_, [f32]> {
        match self {
            Self::Dense(features) => {
                let start = at * features.width;
                Cow::Borrowed(&features.values[start..start + features.width])
            }
            Self::Sparse(rows) => Cow::Owned(rows.dense(std::iter::once(at))),
        }
    }

    /// All numbers, also those that are zero.
    pub fn into_dense(self) -> Features {
        match self {
            Self::Dense(features) => features,
            Self::Sparse(rows) => Features {
                rows: rows.rows(),
                width: rows.width(),
                values: rows.dense(0..rows.rows()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_columns_are_sparse_where_more_than_nine_in_ten_values_are_zero() {
        let made = |count: usize| {
            let mut columns = NewColumns::booleans(count, 4);
            for row in 0..4 {
                columns.set(row % count, row, 1.0);
            }
            columns.finish().collect::<Vec<Values>>()
        };
        let truths = |column: &Values| matches!(column, Values::Truths(_));
        assert!(made(10).iter().all(truths));
        let sparse = made(11);
        for (at, column) in sparse.iter().enumerate() {
            let Values::Sparse(column) = column else {
                panic!("{column:?}")
            };
            let expected = (0..4).map(|row| Some(row == at)).collect();
            assert_eq!(column.to_dense(), Values::Truths(expected));
            assert!((0..4).all(|row| column.number(row) == f64::from(u8::from(row == at))));
        }
    }

    #[test]
    fn sparse_rows_that_do_not_fit_each_other_are_refused() {
        let rows = |ends: &[u64], columns: &[u32], numbers: usize| {
            SparseRows::new(3, ends.to_vec(), columns.to_vec(), vec![1.0; numbers])
        };
        let fine = rows(&[1, 1, 3], &[2, 0, 2], 3).unwrap();
        assert_eq!(
            fine.dense(0..3),
            [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0]
        );
        for (ends, columns, numbers) in [
            (&[1, 3][..], &[2, 0, 3][..], 3),
            (&[1, 3], &[2, 2, 0], 3),
            (&[1, 3], &[2, 1, 1], 3),
            (&[2, 1], &[0], 1),
            (&[1, u64::MAX], &[0, 1], 2),
            (&[1], &[0, 1], 2),
            (&[2], &[0, 1], 3),
        ] {
            rows(ends, columns, numbers).unwrap_err();
        }
    }
}
