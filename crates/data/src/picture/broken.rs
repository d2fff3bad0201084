//! Files that hold no picture that can be read: found, told all at once, and left out where that is asked for.

use std::path::{Path, PathBuf};

use pipe_schema::stage::preprocess::{Broken, Read};

use super::{bad, decode, read_file};
use crate::{error::DataError, table::Table};

/// How many are named.
const NAMED: usize = 10;
const REMEDY: &str = "replace them, or leave them out: `read: {broken: skip}` counts and names those that it leaves out; a pattern like `pictures/*/*.png` names the ones that count";

/// A file with why it holds no picture.
type Found<'a> = (&'a Path, String);

/// All of these files that cannot be read to their end.
pub fn find(paths: &[PathBuf]) -> Result<Vec<Found<'_>>, DataError> {
    let mut found = Vec::new();
    for path in paths {
        let bytes = read_file(path)?;
        if let Err(why) = decode::decode::<u8>(&bytes, 3) {
            found.push((path.as_path(), why));
        }
    }
    Ok(found)
}

/// The error for broken files out of `all`.
pub fn error(found: &[Found<'_>], all: usize) -> DataError {
    match found {
        [(path, why)] => bad(path, why),
        several => {
            let count = several.len();
            let listed = listed(several);
            DataError::wrong(format!("{count} of {all} images are broken: {listed}")).hint(REMEDY)
        }
    }
}

/// Leaves the rows of broken images out of a table, where `read.broken` says so; says which.
pub fn leave_out(table: &mut Table, read: &Read) -> Result<Option<String>, DataError> {
    let Some((_, paths)) = &table.pictures else {
        return Ok(None);
    };
    if read.broken != Broken::Skip {
        return Ok(None);
    }
    let found = find(paths)?;
    let (count, all) = (found.len(), paths.len());
    if count == 0 {
        return Ok(None);
    }
    let are = if count == 1 { "is" } else { "are" };
    let note = format!(
        "{count} of {all} images {are} broken and left out: {}",
        listed(&found)
    );
    let is_broken = |row: &usize| found.iter().any(|it| it.0 == paths[*row].as_path());
    let rows: Vec<usize> = (0..all).filter(|row| !is_broken(row)).collect();
    table.keep(&rows);
    Ok(Some(note))
}

fn listed(found: &[Found<'_>]) -> String {
    let named = found.iter().take(NAMED);
    let named: Vec<String> = named
        .map(|(path, why)| format!("{} {why}", path.display()))
        .collect();
    let more = match found.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!("{}{more}", named.join("; "))
}
