//! In the order of a column of times. Knows texts that are numbers or moments.

use pipe_schema::stage::preprocess::TimeSplit;

use super::{Parts, kept, share};
use crate::{
    error::DataError,
    infer::{self, Missing},
    moment::{self, Moment},
    table::Table,
};

/// Divides the rows in the order of their times: the oldest to train, the newest to test.
///
/// Rows of one time stay together, so that nothing is trained on that is as new as what is tested on: a part ends
/// where times change, nearest to its share.
pub fn divide(split: &TimeSplit, table: &Table, missing: &Missing) -> Result<Parts, DataError> {
    let shares = [split.train, split.val, split.test];
    share::check(shares)?;
    let times = times(&split.by, table, missing)?;
    let rows = times.len();
    let mut order: Vec<usize> = (0..rows).collect();
    order.sort_by(|a, b| times[*a].total_cmp(&times[*b]));
    let cut = |share: f64| {
        let cut = (share * rows as f64).round() as usize;
        let is_edge =
            |at: &usize| *at == 0 || *at >= rows || times[order[*at]] > times[order[*at - 1]];
        let before = (0..=cut.min(rows)).rev().find(is_edge).unwrap_or(0);
        let after = (cut..rows).find(is_edge).unwrap_or(rows);
        if cut - before <= after - cut {
            before
        } else {
            after
        }
    };
    let ends = [cut(split.train), cut(split.train + split.val)];
    let (held_in, test) = order.split_at(ends[1].max(ends[0]));
    let (train, val) = held_in.split_at(ends[0]);
    for (part, share, rows) in [
        ("train", split.train, train),
        ("val", split.val, val),
        ("test", split.test, test),
    ] {
        if share > 0.0 && rows.is_empty() {
            return Err(DataError::wrong(format!(
                "the {part} part would have no rows: too many rows share a time of column `{}`",
                split.by
            ))
            .hint(format!(
                "rows of one time stay in one part; give {part} a larger share, or a share of 0 to leave it out"
            )));
        }
    }
    Ok(kept([train, val, test].map(<[usize]>::to_vec)))
}

/// The column as numbers: itself where all its values are, else as moments.
pub fn times(name: &str, table: &Table, missing: &Missing) -> Result<Vec<f64>, DataError> {
    let Some(column) = table.column(name) else {
        return Ok(Vec::new());
    };
    let refuse = |row: usize, what: String| {
        DataError::wrong(format!("{}: column `{name}`: {what}", table.places.of(row)))
    };
    let is_number = |it: &[u8]| missing.has(it) || infer::number(it).is_some();
    let are_numbers = column.fields.iter().all(is_number);
    let mut times = Vec::with_capacity(table.rows());
    for (row, text) in column.fields.iter().enumerate() {
        let time = if are_numbers {
            infer::number(text)
        } else {
            moment::parse(infer::text_of(text)).map(Moment::as_seconds)
        };
        times.push(match time {
            Some(time) => time,
            None if missing.has(text) => {
                return Err(refuse(
                    row,
                    "a row without a time cannot be put in order".to_owned(),
                )
                .hint("give the row a time, or leave it out of the file"));
            }
            None => {
                let text = infer::text_of(text);
                return Err(refuse(row, format!("`{text}` is not a time")).hint(moment::EXPECTED));
            }
        });
    }
    Ok(times)
}

#[cfg(test)]
mod tests;
