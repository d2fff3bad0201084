//! A frame's rows as the numbers that are trained on, dense or sparse. Knows no steps and no files.

use crate::{
    dataset::{FeatureRows, Features, SparseRows},
    error::DataError,
    frame::{Frame, Values},
    size::{FeaturesSize, Room},
    sparse::is_sparse,
};

/// The place of a row that is not among those chosen.
const NO_PLACE: u32 = u32::MAX;

impl Frame {
    /// The rows as numbers, after `check_numbers`.
    pub fn features(&self, rows: &[usize]) -> Result<Features, DataError> {
        const AT_A_TIME: usize = 1024;
        let width = self.columns.values().map(Values::width).sum();
        let mut values = vec![0_f32; rows.len() * width];
        for (rows, out) in rows
            .chunks(AT_A_TIME)
            .zip(values.chunks_mut(AT_A_TIME * width))
        {
            let mut at = 0;
            for (name, column) in &self.columns {
                let size = column.width();
                for (row, out) in rows.iter().zip(out.chunks_exact_mut(width)) {
                    let cells = &mut out[at..at + size];
                    match column {
                        Values::Block(block) => block.write_row(*row, cells),
                        column => cells.fill(column.feature(*row)),
                    }
                    if !cells.iter().all(|it| it.is_finite()) {
                        return Err(self.too_large(name, *row));
                    }
                }
                at += size;
            }
        }
        Ok(Features {
            rows: rows.len(),
            width,
            values,
        })
    }

    /// What the rows as numbers will take, after `check_numbers`.
    pub fn features_size(&self, rows: &[usize]) -> Result<FeaturesSize, DataError> {
        let mut size = FeaturesSize {
            rows: rows.len(),
            width: self.columns.values().map(Values::width).sum(),
            counts: None,
        };
        let is_made = |column: &Values| matches!(column, Values::Sparse(_));
        if self.columns.values().any(is_made) {
            let mut counts = vec![0_u64; rows.len()];
            self.each_number(rows, &mut |place, _, _| counts[place] += 1)?;
            if is_sparse(counts.iter().sum(), size.numbers()) {
                size.counts = Some(counts);
            }
        }
        Ok(size)
    }

    /// The rows as numbers, after `check_numbers`: sparse if a step made sparse columns and more than nine in ten of all
    /// numbers are zero.
    pub fn feature_rows(&self, rows: &[usize], room: &Room<'_>) -> Result<FeatureRows, DataError> {
        let size = self.features_size(rows)?;
        size.check(room)?;
        let Some(counts) = size.counts else {
            return self.features(rows).map(FeatureRows::Dense);
        };
        let (mut next, mut ends) = (
            Vec::with_capacity(rows.len()),
            Vec::with_capacity(rows.len()),
        );
        let mut end = 0;
        for count in counts {
            next.push(end as usize);
            end += count;
            ends.push(end);
        }
        let (mut columns, mut numbers) = (vec![0; end as usize], vec![0.0; end as usize]);
        self.each_number(rows, &mut |place, column, number| {
            columns[next[place]] = column as u32;
            numbers[next[place]] = number;
            next[place] += 1;
        })?;
        Ok(FeatureRows::Sparse(SparseRows {
            width: size.width,
            ends,
            columns,
            numbers,
        }))
    }

    /// Tells each number that is not zero: the place of its row, its column and itself, column by column.
    fn each_number(
        &self,
        rows: &[usize],
        tell: &mut dyn FnMut(usize, usize, f32),
    ) -> Result<(), DataError> {
        let mut places = vec![NO_PLACE; self.columns.values().next().map_or(0, Values::rows)];
        for (place, row) in rows.iter().enumerate() {
            places[*row] = place as u32;
        }
        let place = |row: usize| (places[row] != NO_PLACE).then_some(places[row] as usize);
        let mut at = 0;
        for (name, column) in &self.columns {
            let mut take = |row: usize, place: usize, column: usize, number: f32| {
                if !number.is_finite() {
                    return Err(self.too_large(name, row));
                }
                // Also a zero with a sign: it is not the zero that is left out.
                if number.to_bits() != 0 {
                    tell(place, column, number);
                }
                Ok(())
            };
            match column {
                Values::Sparse(sparse) => {
                    for (row, number) in sparse.entries() {
                        if let Some(place) = place(row) {
                            take(row, place, at, number as f32)?;
                        }
                    }
                }
                Values::Block(block) => {
                    let mut cells = vec![0.0; block.width()];
                    for (place, row) in rows.iter().enumerate() {
                        block.write_row(*row, &mut cells);
                        for (offset, number) in cells.iter().enumerate() {
                            take(*row, place, at + offset, *number)?;
                        }
                    }
                }
                column => {
                    for (place, row) in rows.iter().enumerate() {
                        take(*row, place, at, column.feature(*row))?;
                    }
                }
            }
            at += column.width();
        }
        Ok(())
    }

    fn too_large(&self, name: &str, row: usize) -> DataError {
        DataError::wrong(format!(
            "{}: column `{name}`: the number is too large to train on",
            self.places.of(row)
        ))
        .hint(format!("scale it: `- standardize: {{columns: [{name}]}}`"))
    }
}

impl Values {
    /// How many features it gives.
    pub fn width(&self) -> usize {
        match self {
            Self::Block(block) => block.width(),
            _ => 1,
        }
    }

    fn feature(&self, row: usize) -> f32 {
        match self {
            Self::Numbers(values) => values[row] as f32,
            Self::Truths(values) => f32::from(u8::from(values[row] == Some(true))),
            Self::Sparse(column) => column.number(row) as f32,
            Self::Words(_) | Self::Block(_) | Self::Pictures(_) => f32::NAN,
        }
    }
}
