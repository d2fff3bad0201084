//! Lists of numbers, equally long in all rows, as a block. Knows one column.

use parquet::schema::types::Type;

use super::cell::{Cell, Stored};
use crate::block::Block;

/// The lists of the rows that were read.
pub struct List {
    pub cell: Cell,
    numbers: Vec<f32>,
    /// All numbers are whole and of one byte.
    are_bytes: bool,
    /// Where the last row starts.
    start: usize,
    width: Option<usize>,
    rows: usize,
}

impl List {
    /// No rows yet.
    pub fn new(cell: Cell) -> Self {
        Self {
            cell,
            numbers: Vec::new(),
            are_bytes: cell == Cell::Unsigned,
            start: 0,
            width: None,
            rows: 0,
        }
    }

    /// Adds a number, to a new row or to the last.
    pub fn add(&mut self, is_new: bool, value: Option<Stored<'_>>) -> Result<(), String> {
        if is_new {
            self.close()?;
            self.rows += 1;
        }
        let Some(value) = value else {
            return Err(format!(
                "row {}: the list, or a number in it, is missing",
                self.rows
            ));
        };
        let number = self.cell.number(value);
        let number = number.ok_or("a list of other things than numbers cannot be read")?;
        let short = number as f32;
        if !short.is_finite() {
            return Err(format!(
                "row {}: a number is missing, infinite or too large",
                self.rows
            ));
        }
        self.are_bytes = self.are_bytes && number <= 255.0;
        self.numbers.push(short);
        Ok(())
    }

    /// The block of so many rows; nothing comes of none.
    pub fn finish(mut self, rows: usize) -> Result<Option<Block>, String> {
        self.close()?;
        if rows == 0 {
            return Ok(None);
        }
        if self.rows != rows {
            return Err("is cut off".to_owned());
        }
        let shape = [self.width.unwrap_or_default()];
        Ok(if self.are_bytes {
            let bytes = self.numbers.iter().map(|it| *it as u8).collect();
            Block::of_bytes(&shape, rows, bytes)
        } else {
            Block::of_floats(&shape, rows, self.numbers)
        })
    }

    /// Ends a row.
    fn close(&mut self) -> Result<(), String> {
        if self.rows == 0 {
            return Ok(());
        }
        let length = self.numbers.len() - self.start;
        self.start = self.numbers.len();
        match self.width {
            Some(width) if width != length => Err(format!(
                "row {} has {length} numbers, the rows before have {width}",
                self.rows
            )),
            _ => {
                self.width = Some(length);
                Ok(())
            }
        }
    }
}

/// Whether a list's items are plain values, not lists or records.
pub fn is_list_of_values(root: &Type) -> bool {
    let mut node = root;
    loop {
        match node.get_fields() {
            [one] if one.is_primitive() => return true,
            [one] => node = one,
            _ => return false,
        }
    }
}
