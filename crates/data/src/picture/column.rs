//! Columns of pictures in a frame: those of files, and blocks of those that have one size anyway. Knows no splits.

use std::path::PathBuf;

use pipe_schema::{
    dataset::{Column, DatasetSchema},
    stage::preprocess::{ColumnType, Step},
};

use super::Pictures;
use crate::{
    error::DataError,
    frame::{Frame, Values},
};

/// Adds a column of files, as a table has it, to the frame and to the raw columns.
pub fn add(
    pictures: Option<(String, Vec<PathBuf>)>,
    frame: &mut Frame,
    raw: &mut Vec<Column>,
) -> Result<(), DataError> {
    let Some((name, paths)) = pictures else {
        return Ok(());
    };
    raw.push(Column {
        name: name.clone(),
        r#type: ColumnType::Image,
        shape: None,
    });
    let pictures = Pictures::of_paths(&paths)?;
    frame.columns.insert(name, Values::Pictures(pictures));
    Ok(())
}

/// Where no step scales pictures, all must have the size of the train part's first; they become blocks.
pub fn settle(
    steps: &[Step],
    frame: &mut Frame,
    train: &[usize],
    raw: &mut [Column],
) -> Result<(), DataError> {
    if steps.iter().any(|it| matches!(it, Step::Resize(_))) {
        return Ok(());
    }
    for column in raw {
        let Some(values) = frame.columns.get_mut(&column.name) else {
            continue;
        };
        let Values::Pictures(pictures) = values else {
            continue;
        };
        let Some(size) = pictures.size(train) else {
            continue;
        };
        let why = "the first of the train part";
        pictures.check_size(size, why).map_err(|it| {
            it.hint("give all one size with a first step: `- resize: {size: [64, 64]}`")
        })?;
        let block = pictures.block(size, pictures.channels(train))?;
        column.shape = Some(block.shape().to_vec());
        *values = Values::Block(block);
    }
    Ok(())
}

/// Treats new rows as the train part was treated: adds the files, and makes blocks where it did.
pub fn follow(
    schema: &DatasetSchema,
    pictures: Option<&(String, Vec<PathBuf>)>,
    frame: &mut Frame,
) -> Result<(), DataError> {
    let is_image = |it: &&Column| it.r#type == ColumnType::Image;
    if let Some((name, paths)) = pictures {
        if !schema
            .columns
            .iter()
            .filter(is_image)
            .any(|it| it.name == *name)
        {
            return Err(DataError::wrong(format!(
                "{}: is a picture, and the model takes none",
                frame.places.of(0)
            )));
        }
        let pictures = Pictures::of_paths(paths)?;
        frame
            .columns
            .insert(name.clone(), Values::Pictures(pictures));
    }
    for column in schema.columns.iter().filter(is_image) {
        let Some([channels, height, width]) = column.shape.as_deref() else {
            continue;
        };
        if let Some(values) = frame.columns.get_mut(&column.name)
            && let Values::Pictures(pictures) = values
        {
            let size = [*height, *width];
            pictures.check_size(size, "the model takes")?;
            *values = Values::Block(pictures.block(size, *channels)?);
        }
    }
    Ok(())
}
