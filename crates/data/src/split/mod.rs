//! Divides rows into parts. Knows texts of columns; no types and no steps.

pub mod leak;
mod balanced;
mod files;
mod group;
pub mod kfold;
pub mod label;
mod random;
mod share;
mod shuffle;
pub mod time;

use pipe_schema::stage::preprocess::Split;

use self::label::LabelOrder;
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
    let strata = |column: &Option<String>, order| {
        let column = column.as_ref();
        column.map(|name| label::strata(table, name, missing, order))
    };
    match split {
        Split::Random(it) => {
            let strata = strata(&it.stratify, LabelOrder::Text);
            random::divide(table.rows(), it, strata.as_deref())
        }
        Split::Group(it) => {
            let order = order_of(it.stratify.is_some());
            let groups = label::groups(table, &it.by, missing, order)?;
            group::divide(it, &groups, strata(&it.stratify, order).as_deref())
        }
        Split::Time(it) => time::divide(it, table, missing),
        Split::Kfold(it) => {
            let order = order_of(it.group.is_some() && it.stratify.is_some());
            let groups = it.group.as_ref();
            let groups = groups
                .map(|name| label::groups(table, name, missing, order))
                .transpose()?;
            let strata = strata(&it.stratify, order);
            kfold::divide(it, table.rows(), strata.as_deref(), groups.as_deref())
        }
        Split::Files(it) => {
            let strata = strata(&it.stratify, LabelOrder::Text);
            files::divide(it, files, table, strata.as_deref())
        }
    }
}

/// The order in which groups and strata are numbered. Where both are given it is scikit-learn's.
fn order_of(has_both: bool) -> LabelOrder {
    if has_both {
        LabelOrder::Value
    } else {
        LabelOrder::Text
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
