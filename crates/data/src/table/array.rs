//! Arrays into columns: one size is a column of texts, more are a block. Knows no files' form.

use std::path::Path;

use super::{Fields, NULL, Table, remedy};
use crate::{block::Block, error::DataError, infer};

/// An array as it was read, with its shape; the first size are the rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    pub shape: Vec<usize>,
    pub items: Items,
    /// The file says that its numbers are truth values.
    pub are_truths: bool,
}

/// What an array holds, in the order of its shape with the last size fastest.
#[derive(Clone, Debug, PartialEq)]
pub enum Items {
    Bytes(Vec<u8>),
    Numbers(Vec<f64>),
    Floats(Vec<f32>),
    /// Whole numbers of which some are too large for a float to tell them from others.
    Integers(Vec<i128>),
    Words(Fields),
}

impl Array {
    /// How many rows it gives.
    pub fn rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(0)
    }
}

/// Arrays of the same rows, by name, to be added to a table below its rows. They come from one file, or from one each.
pub fn add(
    table: &mut Table,
    arrays: Vec<(String, Array)>,
    paths: &[&Path],
) -> Result<(), DataError> {
    let place = paths.last().map_or(Path::new(""), |it| it).display();
    let Some((first, rows)) = arrays.first().map(|it| (it.0.clone(), it.1.rows())) else {
        return Err(DataError::wrong(format!("{place}: has no arrays")));
    };
    let of = |at: usize, name: &str| {
        let path = paths.get(at).filter(|_| paths.len() == arrays.len());
        let place = path.map_or_else(|| place.to_string(), |it| it.display().to_string());
        format!("{place}: `{name}`")
    };
    let places: Vec<String> = (arrays.iter().enumerate())
        .map(|(at, it)| of(at, &it.0))
        .collect();
    if let Some(at) = arrays.iter().position(|it| it.1.shape.is_empty()) {
        let message = format!("{}: is a single value, not an array of rows", places[at]);
        let hint = remedy(&arrays[at].0);
        return Err(DataError::wrong(message).hint(format!(
            "save one entry a row; where it is the same in all rows, {hint}"
        )));
    }
    if let Some((other, array)) = arrays.iter().find(|it| it.1.rows() != rows) {
        return Err(DataError::wrong(format!(
            "{place}: `{first}` has {rows} rows, `{other}` has {}",
            array.rows()
        ))
        .hint("all arrays of a source must have the same number of rows: keep those that belong together in a file of their own"));
    }
    if rows == 0 {
        return Err(DataError::wrong(format!("{place}: has no rows")));
    }
    let is_new = table.rows() == 0;
    let known = table.names().len();
    if !is_new && arrays.len() != known {
        let message = format!(
            "{place}: {} arrays, the files before have {known}",
            arrays.len()
        );
        return Err(DataError::wrong(message));
    }
    for ((name, array), its_place) in arrays.into_iter().zip(places) {
        add_narrow(table, &name, &array);
        if array.are_truths {
            table.truths.insert(name.clone());
        }
        let lacking = || {
            DataError::wrong(format!(
                "{place}: `{name}` is not in the files before it, or has another shape there"
            ))
        };
        let column = column(&array).map_err(|mut error| {
            error.message = format!("{its_place}: {}", error.message);
            error
        })?;
        match column {
            Content::Texts(texts) if is_new => table.columns.push(super::Column {
                name,
                fields: texts,
            }),
            Content::Block(block) if is_new => table.blocks.push((name, block)),
            Content::Texts(texts) => {
                let mut columns = table.columns.iter_mut();
                let column = columns.find(|it| it.name == name).ok_or_else(lacking)?;
                column.fields.append(texts);
            }
            Content::Block(block) => {
                let mut blocks = table.blocks.iter_mut();
                let (_, all) = blocks
                    .find(|it| it.0 == name && it.1.shape() == block.shape())
                    .ok_or_else(lacking)?;
                all.append(block);
            }
        }
    }
    table.close_rows(rows);
    Ok(())
}

/// Keeps the exact texts of an array with one number a row beside its block: as a target, it is a column.
fn add_narrow(table: &mut Table, name: &str, array: &Array) {
    let (&[_, 1], Ok(fields)) = (array.shape.as_slice(), texts(&array.items)) else {
        return;
    };
    match table.narrow.iter_mut().find(|it| it.name == name) {
        Some(column) => column.fields.append(fields),
        None => table.narrow.push(super::Column {
            name: name.to_owned(),
            fields,
        }),
    }
}

/// A column of a table.
pub enum Content {
    Texts(Fields),
    Block(Block),
}

/// The column that an array is.
pub fn column(array: &Array) -> Result<Content, DataError> {
    let (rows, inner) = match array.shape.as_slice() {
        [] => (0, &[][..]),
        [rows] => (*rows, &[][..]),
        [rows, inner @ ..] => (*rows, inner),
    };
    // Words have no blocks, but one in each row is a column.
    if inner.is_empty() || (inner == [1] && matches!(array.items, Items::Words(_))) {
        let texts = texts(&array.items).map_err(|why| {
            DataError::wrong(why).hint("save NaN for a missing number: `impute` can fill it")
        });
        return texts.map(Content::Texts);
    }
    let floats = |floats: Vec<f32>| match floats.iter().position(|it| !it.is_finite()) {
        None => Ok(floats),
        Some(at) => {
            let width = (floats.len() / rows.max(1)).max(1);
            Err(DataError::wrong(format!(
                "row {} holds a number that is missing, infinite or too large",
                at / width + 1
            ))
            .hint("a block of numbers has no missing ones: fill them before it is saved, e.g. by np.nan_to_num; or save its columns as arrays of their own, which `impute` can fill"))
        }
    };
    let block = match &array.items {
        Items::Words(_) => {
            return Err(DataError::wrong("holds words, in more than one dimension")
                .hint("save each column of words as an array of its own"));
        }
        Items::Bytes(bytes) => Block::of_bytes(inner, rows, bytes.clone()),
        Items::Floats(numbers) => Block::of_floats(inner, rows, floats(numbers.clone())?),
        Items::Numbers(numbers) => {
            let numbers = numbers.iter().map(|it| *it as f32).collect();
            Block::of_floats(inner, rows, floats(numbers)?)
        }
        Items::Integers(numbers) => {
            let numbers = numbers.iter().map(|it| *it as f32).collect();
            Block::of_floats(inner, rows, numbers)
        }
    };
    block.map(Content::Block).ok_or_else(|| {
        let sizes: Vec<String> = array.shape.iter().map(usize::to_string).collect();
        DataError::wrong(format!("its shape {} holds no numbers", sizes.join(" × ")))
    })
}

/// One number or word a row; a missing number is a null.
fn texts(items: &Items) -> Result<Fields, String> {
    let mut fields = Fields::default();
    let mut push = |row: usize, number: f64| {
        if number.is_infinite() {
            return Err(format!("row {} is infinite", row + 1));
        }
        if number.is_nan() {
            fields.push(NULL);
        } else {
            fields.push(infer::number_text(number).as_bytes());
        }
        Ok(())
    };
    match items {
        Items::Bytes(all) => {
            let mut all = all.iter().enumerate();
            all.try_for_each(|(row, it)| push(row, f64::from(*it)))?;
        }
        Items::Numbers(all) => {
            let mut all = all.iter().enumerate();
            all.try_for_each(|(row, it)| push(row, *it))?;
        }
        Items::Floats(all) => {
            let mut all = all.iter().enumerate();
            all.try_for_each(|(row, it)| push(row, f64::from(*it)))?;
        }
        Items::Integers(all) => {
            let all = all.iter();
            all.for_each(|it| fields.push(it.to_string().as_bytes()));
        }
        Items::Words(all) => return Ok(all.clone()),
    }
    Ok(fields)
}
