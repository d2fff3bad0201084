//! How an epoch's rows are divided into steps. Pure: knows numbers of rows.

use pipe_schema::{layer::Layer, scalar::BatchSize};

/// Steps over `rows` rows: so many each, what is left in the last.
#[derive(Clone, Copy, Debug)]
pub struct Batches {
    rows: i64,
    size: i64,
    /// Whether a last row alone joins the step before it.
    joins_last: bool,
}

impl Batches {
    /// A network with `batch_norm` never gets a last step of one row: a single row has no variance to normalize by.
    pub fn new(rows: i64, size: BatchSize, layers: &[Layer]) -> Self {
        let size = match size {
            BatchSize::Full => rows,
            BatchSize::Rows(count) => rows.min(i64::try_from(count).unwrap_or(i64::MAX)),
        };
        let is_norm = |layer: &Layer| matches!(layer, Layer::BatchNorm { .. });
        Self {
            rows,
            size,
            joins_last: size > 1 && rows % size == 1 && layers.iter().any(is_norm),
        }
    }

    /// Steps in an epoch.
    pub fn count(self) -> u64 {
        let steps = self.rows.unsigned_abs().div_ceil(self.size.unsigned_abs());
        steps - u64::from(self.joins_last)
    }

    /// Rows of the step that begins with row `start`.
    pub fn rows_from(self, start: i64) -> i64 {
        let left = self.rows - start;
        if self.joins_last && left == self.size + 1 {
            return left;
        }
        left.min(self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(rows: i64, size: BatchSize, layers: &[Layer]) -> Vec<i64> {
        let batches = Batches::new(rows, size, layers);
        let mut sizes = Vec::new();
        while sizes.iter().sum::<i64>() < rows {
            sizes.push(batches.rows_from(sizes.iter().sum()));
        }
        assert_eq!(batches.count(), sizes.len() as u64);
        sizes
    }

    #[test]
    fn rest_of_the_rows_is_the_last_step() {
        assert_eq!(sizes(10, BatchSize::Rows(4), &[]), [4, 4, 2]);
        assert_eq!(sizes(9, BatchSize::Rows(4), &[]), [4, 4, 1]);
        assert_eq!(sizes(3, BatchSize::Rows(4), &[]), [3]);
        assert_eq!(sizes(9, BatchSize::Full, &[]), [9]);
    }

    #[test]
    fn batch_norm_gets_no_last_step_of_one_row() {
        let norm = [Layer::BatchNorm {
            features: 2,
            spatial: true,
            eps: 1e-5,
            momentum: 0.1,
        }];
        assert_eq!(sizes(9, BatchSize::Rows(4), &norm), [4, 5]);
        assert_eq!(sizes(5, BatchSize::Rows(4), &norm), [5]);
        assert_eq!(sizes(10, BatchSize::Rows(4), &norm), [4, 4, 2]);
        assert_eq!(sizes(2, BatchSize::Rows(1), &norm), [1, 1]);
        assert_eq!(sizes(1, BatchSize::Full, &norm), [1]);
    }
}
