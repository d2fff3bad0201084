//! So many values a row, one row after another. Knows no meaning of them.

/// Values by row, then column.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid<T> {
    width: usize,
    values: Vec<T>,
}

impl<T: Copy> Grid<T> {
    /// `width` values make a row; it is 1 at least.
    pub fn new(width: usize, values: Vec<T>) -> Self {
        let width = width.max(1);
        Self { width, values }
    }

    /// From columns of equal length.
    pub fn of_columns(columns: &[Vec<T>]) -> Self {
        let rows = columns.first().map_or(0, Vec::len);
        let row = |at: usize| columns.iter().map(move |it| it[at]);
        Self::new(columns.len(), (0..rows).flat_map(row).collect())
    }

    pub fn width(&self) -> usize {
        self.width
    }

    pub fn rows(&self) -> usize {
        self.values.len() / self.width
    }

    pub fn row(&self, at: usize) -> &[T] {
        &self.values[at * self.width..][..self.width]
    }

    /// A column from top to bottom.
    pub fn column(&self, at: usize) -> impl Iterator<Item = T> {
        self.values.iter().skip(at).step_by(self.width).copied()
    }

    /// All values, one row after another.
    pub fn values(&self) -> &[T] {
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_columns_meet() {
        let grid = Grid::of_columns(&[vec![1, 2, 3], vec![4, 5, 6]]);
        assert_eq!((grid.width(), grid.rows()), (2, 3));
        assert_eq!(grid.row(1), [2, 5]);
        assert_eq!(grid.column(1).collect::<Vec<_>>(), [4, 5, 6]);
        assert_eq!(Grid::<u8>::of_columns(&[vec![], vec![]]).rows(), 0);
    }
}
