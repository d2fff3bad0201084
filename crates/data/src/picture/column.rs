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
        depth: None,
        notation: None,
    });
    let pictures = Pictures::of_paths(&paths)?;
    frame.columns.insert(name, Values::Pictures(pictures));
    Ok(())
}

/// The bits of a level of an image that has more than 8.
const DEEP: u8 = 16;

/// Keeps levels of 16 bits where the train part has images of them. Else they are cut to 8: what is lost so is told.
pub fn keep_depth(frame: &mut Frame, train: &[usize], raw: &mut [Column]) -> Option<String> {
    let mut note = None;
    for column in raw {
        let Some(Values::Pictures(pictures)) = frame.columns.get_mut(&column.name) else {
            continue;
        };
        let all: Vec<usize> = (0..pictures.rows()).collect();
        let count = pictures.deep(&all);
        if pictures.deep(train) > 0 {
            pictures.keep_depth();
            column.depth = Some(DEEP);
        } else if count > 0 {
            note = Some(format!(
                "{count} images of column `{}` have 16 bits a level, those of the train part have 8: the lower 8 bits are lost",
                column.name
            ));
        }
    }
    note
}

/// Says how many of new images lose bits of their levels, as those of the train part had fewer.
pub fn lost_depth(
    schema: &DatasetSchema,
    pictures: Option<&(String, Vec<PathBuf>)>,
) -> Option<String> {
    let (name, paths) = pictures?;
    let column = schema.columns.iter().find(|column| column.name == *name)?;
    if column.depth.is_some() {
        return None;
    }
    let count = paths.iter().filter(|path| super::is_deep(path)).count();
    (count > 0).then(|| {
        let have = if count == 1 {
            "image has"
        } else {
            "images have"
        };
        format!(
            "{count} {have} 16 bits a level, and the model was trained on 8: the lower 8 bits are lost"
        )
    })
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
        if column.depth == Some(DEEP)
            && let Some(Values::Pictures(pictures)) = frame.columns.get_mut(&column.name)
        {
            pictures.keep_depth();
        }
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
