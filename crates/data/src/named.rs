//! The columns that a block names, against those of the table. Knows no values.

use pipe_schema::{
    dataset::Target,
    stage::preprocess::{ColumnType, DeclaredColumn, Form, Preprocess},
};

use crate::{block::shape_words, error::DataError, infer, table::Table};

/// Checks that the columns which the block names are there.
pub fn check(block: &Preprocess, table: &Table) -> Result<(), DataError> {
    let names = table.names();
    for (at, name) in block.target.iter().enumerate() {
        if block.target[..at].contains(name) {
            return Err(DataError::wrong(format!("target: `{name}` is named twice")));
        }
    }
    let targets = block.target.iter().map(|it| ("target", it.as_str()));
    let named = targets
        .chain(block.split.columns())
        .chain(block.columns.keys().map(|it| ("columns", it.as_str())))
        .chain(block.windows.iter().flat_map(|it| it.columns()));
    for (key, name) in named {
        if names.contains(&name) || (key == "columns" && table.unread.contains_key(name)) {
            continue;
        }
        let error = DataError::wrong(format!("{key}: there is no column `{name}`"));
        if table.skips(name) {
            return Err(
                error.hint("`source.columns` leaves it out: it must be among those that are read")
            );
        }
        let only = names.first().filter(|_| names.len() == 1);
        let other = only.and_then(|it| [";", "\t", "|", ","].into_iter().find(|c| it.contains(c)));
        if block.reading().form() == Form::Text && name == "label" {
            return Err(error.hint("all files lie in one folder: there is no label to tell"));
        }
        return Err(match (other, infer::closest(name, names.iter().copied())) {
            (Some(other), _) => error.hint(format!(
                "the file has a single column; is its delimiter {other:?}? set `source: {{read: {{delimiter: {other:?}}}}}`"
            )),
            (None, Some(meant)) => error.hint(format!("did you mean `{meant}`?")),
            (None, None) => error.hint(format!("the columns are: {}", infer::listed(&names))),
        });
    }
    let is_alone = block.windows.as_ref().is_none_or(|it| !it.with_target);
    if is_alone && names.len() <= block.target.len() {
        return Err(DataError::wrong(format!(
            "there is no column beside the target `{}`",
            Target::name_of(&block.target)
        )));
    }
    Ok(())
}

/// Checks that no wide column is where one value a row is meant.
pub fn check_wide(block: &Preprocess, table: &Table) -> Result<(), DataError> {
    for (name, wide) in &table.blocks {
        let is_target = block.target.contains(name);
        if is_target || block.columns.contains_key(name) {
            let key = if is_target { "target" } else { "columns" };
            return Err(DataError::wrong(format!(
                "{key}: column `{name}` has {} numbers a row, not one value",
                shape_words(wide.shape())
            )));
        }
    }
    let Some((name, _)) = &table.pictures else {
        return Ok(());
    };
    let is_given = |it: &DeclaredColumn| it.r#type() != ColumnType::Image;
    let key = if block.target.contains(name) {
        "target"
    } else if block.columns.get(name).is_some_and(is_given) {
        "columns"
    } else {
        return Ok(());
    };
    Err(DataError::wrong(format!(
        "{key}: column `{name}` is of pictures, not of values"
    )))
}
