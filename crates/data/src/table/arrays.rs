//! Files of arrays into a table: several arrays a file, or a file for each. Knows names and rows; not what arrays hold.

use std::path::{Path, PathBuf};

use pipe_schema::stage::preprocess::Read;

use super::{
    Selection, Table, Take,
    array::{Array, Content, add, column},
    file::Count,
    missing_columns,
};
use crate::{error::DataError, infer};

/// Reads the arrays of a file that are taken; one that has no name is alone. Notes in the table what is left out.
pub type Open = fn(&Path, &Opening<'_>, &mut Table) -> Result<Vec<Found>, DataError>;

/// How files of arrays are opened.
pub struct Opening<'a> {
    pub read: &'a Read,
    pub selection: &'a Selection<'a>,
    pub count: &'a Count,
}

/// An array with its name, where it has one.
pub type Found = (Option<String>, Array);

/// Reads files one after another: each has arrays by name, or with `read.names` one array, and as many files as there are
/// names are rows of the same table. `progress` is told the bytes read.
pub fn read(
    paths: &[PathBuf],
    (read, open): (&Read, Open),
    selection: &Selection<'_>,
    progress: &mut dyn FnMut(u64),
) -> Result<Table, DataError> {
    let names = &read.names;
    let count = &Count::default();
    let opening = &Opening {
        read,
        selection,
        count,
    };
    let mut table = Table::default();
    if !names.is_empty() && !paths.len().is_multiple_of(names.len()) {
        return Err(DataError::wrong(format!(
            "there are {} files for the columns {}",
            paths.len(),
            infer::listed(names)
        ))
        .hint("each column needs one file: a pattern must match a single one"));
    }
    for group in paths.chunks(names.len().max(1)) {
        let (mut arrays, mut used) = (Vec::new(), Vec::new());
        for (at, path) in group.iter().enumerate() {
            table
                .places
                .start_rows(table.rows, path.display().to_string());
            let Some(name) = names.get(at) else {
                arrays.extend(named(open(path, opening, &mut table)?, path)?);
                used.push(path.as_path());
                continue;
            };
            if !selection.takes(name) {
                table.skipped.insert(name.clone());
                continue;
            }
            match only(open(path, opening, &mut table), name, path) {
                Ok(array) => {
                    arrays.push((name.clone(), array));
                    used.push(path.as_path());
                }
                Err(error) if selection.is_optional(name) => {
                    table.unread.insert(name.clone(), error.message);
                }
                Err(error) => return Err(error),
            }
            progress(count.get());
        }
        progress(count.get());
        leave_out(&mut arrays, selection, &mut table);
        add(&mut table, arrays, &used)?;
    }
    Ok(table)
}

/// The only array of a file that holds one column.
fn only(found: Result<Vec<Found>, DataError>, name: &str, path: &Path) -> Result<Array, DataError> {
    let mut found = found?;
    match (found.pop(), found.len()) {
        (Some((_, array)), 0) => Ok(array),
        (_, others) => {
            let (place, many) = (path.display(), others + 1);
            let message = format!("{place}: has {many} arrays, and column `{name}` needs one");
            Err(DataError::wrong(message))
        }
    }
}

/// Leaves those arrays out that may be left out and are no column of the table's rows.
fn leave_out(arrays: &mut Vec<(String, Array)>, selection: &Selection<'_>, table: &mut Table) {
    let is_needed = |name: &str| !selection.is_optional(name);
    let rows = (arrays.iter().find(|array| is_needed(&array.0)))
        .or_else(|| arrays.iter().find(|array| !array.1.shape.is_empty()))
        .map(|array| array.1.rows());
    let known: Vec<String> = table.names().into_iter().map(str::to_owned).collect();
    let is_first = table.rows() == 0;
    for (name, array) in arrays.iter().filter(|array| !is_needed(&array.0)) {
        let why = if array.shape.is_empty() {
            "is a single value, not an array of rows".to_owned()
        } else if rows.is_some_and(|rows| rows != array.rows()) {
            format!("has {} rows, others have another number", array.rows())
        } else if !is_first && !fits(table, name, array) {
            "is not in the files before it, or has another shape there".to_owned()
        } else if let Err(error) = column(array) {
            error.message
        } else {
            continue;
        };
        table.unread.insert(name.clone(), why);
    }
    let is_lacking = |name: &String| arrays.iter().all(|array| array.0 != *name);
    let lacking = known
        .iter()
        .filter(|name| !is_needed(name) && is_lacking(name));
    for name in lacking {
        table
            .unread
            .insert(name.clone(), "is not in all files".to_owned());
    }
    arrays.retain(|array| !table.unread.contains_key(&array.0));
    table.remove_unread();
}

/// Whether a table has a column of this name that rows of the array can be added to.
fn fits(table: &Table, name: &str, array: &Array) -> bool {
    match column(array) {
        Ok(Content::Texts(_)) => table.column(name).is_some(),
        Ok(Content::Block(block)) => {
            (table.blocks.iter()).any(|known| known.0 == name && known.1.shape() == block.shape())
        }
        Err(_) => true,
    }
}

fn named(found: Vec<Found>, path: &Path) -> Result<Vec<(String, Array)>, DataError> {
    let named = found.into_iter().map(|(name, array)| Some((name?, array)));
    named.collect::<Option<_>>().ok_or_else(|| {
        DataError::wrong(format!(
            "{}: is a single array without a name",
            path.display()
        ))
        .hint("name a file for each column: `source: {npz: {x: x.npy, label: label.npy}}`")
    })
}

/// Reads the columns `wanted` of one file, at most `limit` rows at a time. A single array is the only column that is wanted.
pub fn read_wanted<E: From<DataError>>(
    path: &Path,
    (read, open): (&Read, Open),
    targets: &[String],
    wanted: &[&str],
    limit: usize,
    take: &mut Take<'_, E>,
) -> Result<(), E> {
    let opening = &Opening {
        read,
        selection: &Selection::of_names(wanted),
        count: &Count::default(),
    };
    let mut skipped = Table::default();
    let found = open(path, opening, &mut skipped)?;
    let arrays = match (wanted, found.as_slice()) {
        ([only], [(None, _)]) => {
            let found = found.into_iter();
            found.map(|it| ((*only).to_owned(), it.1)).collect()
        }
        (_, [(None, _)]) => {
            return Err(DataError::wrong(format!(
                "{}: is a single array, and the model takes the columns {}",
                path.display(),
                infer::listed(wanted)
            ))
            .hint("give them by name, in an .npz file or as JSON Lines")
            .into());
        }
        _ => named(found, path)?,
    };
    let taken = arrays.iter().map(|it| it.0.clone());
    let present: Vec<String> = taken.chain(skipped.skipped).collect();
    let missing: Vec<&str> = wanted
        .iter()
        .copied()
        .filter(|it| !present.iter().any(|name| name == it))
        .collect();
    if !missing.is_empty() {
        return Err(missing_columns(path, &missing, &present).into());
    }
    let is_unused = |name: &String| !wanted.contains(&name.as_str()) && !targets.contains(name);
    let unused: Vec<String> = present.into_iter().filter(is_unused).collect();
    let mut used: Vec<_> = (arrays.into_iter())
        .filter(|array| wanted.contains(&array.0.as_str()))
        .collect();
    // The archive's own order does not count.
    used.sort_by_key(|it| wanted.iter().position(|name| *name == it.0));
    let mut table = Table::default();
    table.places.start_rows(0, path.display().to_string());
    add(&mut table, used, &[path])?;
    table.portions(limit, |portion| take(portion, &unused))
}
