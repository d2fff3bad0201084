//! Each part has files of its own; val may be cut from train. Knows where files begin.

use pipe_schema::stage::preprocess::{FilesSplit, RandomSplit};

use super::{Parts, random};
use crate::{error::DataError, table::Table};

/// The rows of each part's files, of which there are `files`. `strata` gives each row's stratum.
pub fn divide(
    split: &FilesSplit,
    files: [usize; 3],
    table: &Table,
    strata: Option<&[usize]>,
) -> Result<Parts, DataError> {
    let starts: Vec<usize> = table.places.starts().collect();
    let start = |file: usize| starts.get(file).copied().unwrap_or(table.rows());
    let mut file = 0;
    let mut parts: Parts = Vec::new();
    for (part, count) in pipe_schema::dataset::PARTS.into_iter().zip(files) {
        if count > 0 {
            parts.push((part, (start(file)..start(file + count)).collect()));
        }
        file += count;
    }
    let Some(share) = split.val_share else {
        return Ok(parts);
    };
    if files[1] > 0 {
        return Err(
            DataError::wrong("`val` has files, so `val_share` has nothing to cut")
                .hint("leave one of the two out"),
        );
    }
    if !(share > 0.0 && share < 1.0) {
        return Err(DataError::wrong(format!(
            "`val_share` is a share between 0 and 1, not {share}"
        )));
    }
    let Some((_, rows)) = parts.first() else {
        return Ok(parts);
    };
    // Rows of the train files are the first ones.
    let cut = RandomSplit {
        train: 1.0 - share,
        val: share,
        test: 0.0,
        stratify: None,
        seed: split.seed,
    };
    let rows = rows.len();
    let cut = random::divide(rows, &cut, strata.and_then(|it| it.get(..rows)))?;
    parts.splice(..1, cut);
    Ok(parts)
}
