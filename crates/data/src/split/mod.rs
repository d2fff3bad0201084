//! Divides rows into parts. Knows texts of columns; no types and no steps.

pub mod leak;
mod files;
mod group;
pub mod kfold;
pub mod label;
mod random;
mod share;
mod shuffle;
pub mod time;

use pipe_schema::stage::preprocess::Split;

use crate::{error::DataError, infer::Missing, table::Table};

/// Rows by part, ascending; parts in the order train, val, test, without those that there are not.
pub type Parts = Vec<(&'static str, Vec<usize>)>;

/// Divides the rows of a table whose files are `files` of train, of val and of test.
pub fn divide(
    split: &Split,
    files: [usize; 3],
    table: &Table,
    missing: &Missing,
) -> Result<Parts, DataError> {
    let strata =
        |column: &Option<String>| column.as_ref().map(|it| label::strata(table, it, missing));
    match split {
        Split::Random(it) => random::divide(table.rows(), it, strata(&it.stratify).as_deref()),
        Split::Group(it) => group::divide(it, &label::groups(table, &it.by, missing)?),
        Split::Time(it) => time::divide(it, table, missing),
        Split::Kfold(it) => {
            let groups = it.group.as_ref();
            let groups = groups
                .map(|it| label::groups(table, it, missing))
                .transpose()?;
            let strata = strata(&it.stratify);
            kfold::divide(it, table.rows(), strata.as_deref(), groups.as_deref())
        }
        Split::Files(it) => files::divide(it, files, table, strata(&it.stratify).as_deref()),
    }
}

/// Parts of rows that are ascending, without the empty ones.
fn kept(parts: [Vec<usize>; 3]) -> Parts {
    let parts = pipe_schema::dataset::PARTS.into_iter().zip(parts);
    parts
        .filter(|(_, rows)| !rows.is_empty())
        .map(|(part, mut rows)| {
            rows.sort_unstable();
            (part, rows)
        })
        .collect()
}
