//! idx files, the form of MNIST: one array a file, plain or gzip. Knows numbers; not what they show.

use std::{
    io::{BufRead, Read as _},
    path::Path,
};

use super::{
    Table,
    array::{Array, Items},
    arrays::{Found, Opening},
    file,
};
use crate::error::DataError;

/// Sizes that a header may name.
const MOST_SIZES: usize = 8;

/// Reads a file's array.
pub fn read(path: &Path, opening: &Opening<'_>, _: &mut Table) -> Result<Vec<Found>, DataError> {
    let (mut bytes, _) = file::open_bytes(path, opening.read, opening.count)?;
    let wrong = |why: String| DataError::wrong(format!("{}: {why}", path.display()));
    let mut take = |size: usize, what: &str| {
        let mut word = [0; 4];
        bytes.read_exact(&mut word[..size]).map_err(|it| {
            if it.kind() == std::io::ErrorKind::UnexpectedEof {
                wrong(format!("ends within {what}")).hint("the file is cut off, or no idx file")
            } else {
                DataError::io(path, &it)
            }
        })?;
        Ok::<_, DataError>(word)
    };
    let [zero, null, code, sizes] = take(4, "its header")?;
    let size = match (zero, null, code) {
        (0, 0, 0x08 | 0x09) => 1,
        (0, 0, 0x0b) => 2,
        (0, 0, 0x0c | 0x0d) => 4,
        (0, 0, 0x0e) => 8,
        _ => {
            return Err(wrong(
                "is no idx file: it does not start with one of the headers of that form".to_owned(),
            )
            .hint("an idx file starts with two zeros, a type and a number of dimensions"));
        }
    };
    let sizes = usize::from(sizes);
    if sizes == 0 || sizes > MOST_SIZES {
        return Err(wrong(format!(
            "its header names {sizes} dimensions, not 1 to {MOST_SIZES}"
        )));
    }
    let mut shape = Vec::with_capacity(sizes);
    for _ in 0..sizes {
        shape.push(u32::from_be_bytes(take(4, "its header")?) as usize);
    }
    let items = shape
        .iter()
        .try_fold(1_usize, |all, it| all.checked_mul(*it));
    let whole = items.and_then(|it| it.checked_mul(size));
    let whole = whole.ok_or_else(|| wrong("its header names more numbers than fit".to_owned()))?;
    let mut data = Vec::new();
    let read = bytes.by_ref().take(whole as u64).read_to_end(&mut data);
    read.map_err(|it| broken(path, 4 + 4 * sizes + data.len(), &it))?;
    if data.len() < whole {
        return Err(wrong(format!(
            "ends after {} bytes of numbers, its header promises {whole}",
            data.len()
        ))
        .hint("the file is cut off"));
    }
    let rest = bytes.fill_buf().map_err(|it| DataError::io(path, &it))?;
    if !rest.is_empty() {
        return Err(wrong(format!(
            "has more bytes than the {whole} that its header promises"
        )));
    }
    let items = match code {
        0x08 => Items::Bytes(data),
        0x09 => Items::Numbers(data.iter().map(|it| f64::from(it.cast_signed())).collect()),
        0x0b => Items::Numbers(words(&data, |it| f64::from(i16::from_be_bytes(it)))),
        0x0c => Items::Numbers(words(&data, |it| f64::from(i32::from_be_bytes(it)))),
        0x0d => Items::Floats(words(&data, f32::from_be_bytes)),
        _ => Items::Numbers(words(&data, f64::from_be_bytes)),
    };
    let array = Array {
        shape,
        items,
        are_truths: false,
    };
    Ok(vec![(None, array)])
}

/// The error for bytes that could not be read, with how many could.
pub fn broken(path: &Path, offset: usize, error: &std::io::Error) -> DataError {
    let mut told = DataError::io(path, error);
    told.message = format!("{}: after {offset} bytes: {error}", path.display());
    told
}

fn words<const N: usize, T>(data: &[u8], from: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (words, _) = data.as_chunks::<N>();
    words.iter().map(|it| from(*it)).collect()
}
