//! numpy's files: one array (.npy) or several by name (.npz). Knows numbers and words; no pickled objects.

use std::{
    io::{self, BufRead as _, Cursor, Read as _},
    path::Path,
};

use npyz::{DType, Endianness, NpyHeader, Order, TypeChar, TypeStr};
use zip::ZipArchive;

use super::{
    Table,
    array::{Array, Items},
    arrays::{Found, Opening},
    datetime64, file,
    idx::broken,
};
use crate::{
    error::DataError,
    infer,
    limits::{Budgeted, TooLarge},
    table::{Fields, remedy},
};

const NPY: &[u8] = b"\x93NUMPY";
const ZIP: &[u8] = b"PK";
/// Bytes of a header; numpy itself reads none of more than 10,000.
const MOST_HEADER: usize = 64 << 10;
const MORE_THAN_FIT: &str = "its header names more numbers than fit";
/// Brackets within brackets in a header. Each level multiplies the time of the library's parser; numpy writes four at most
/// for arrays without nested records.
const MOST_DEPTH: usize = 6;

/// Reads the arrays of a file: one without a name, or those of an archive that are taken, in its order.
pub fn read(
    path: &Path,
    opening: &Opening<'_>,
    table: &mut Table,
) -> Result<Vec<Found>, DataError> {
    let (mut file, budget) = file::open_bytes(path, opening.read, opening.count)?;
    let wrong = |why: String| DataError::wrong(format!("{}: {why}", path.display()));
    let start = file.fill_buf().map_err(|it| DataError::io(path, &it))?;
    if start.starts_with(NPY) {
        let array = array(&mut file).map_err(|it| it.told(path, None))?;
        return Ok(vec![(None, array)]);
    }
    if !start.starts_with(ZIP) {
        let what = if start.is_empty() {
            "is empty"
        } else {
            "is neither an .npy nor an .npz file"
        };
        return Err(
            wrong(what.to_owned()).hint("numpy writes them: np.savez(FILE, x=x, label=label)")
        );
    }
    let mut bytes = Vec::new();
    let read = file.read_to_end(&mut bytes);
    read.map_err(|it| broken(path, bytes.len(), &it))?;
    let mut archive = ZipArchive::new(Cursor::new(bytes))
        .map_err(|it| wrong(format!("is no .npz file: {it}")))?;
    let mut arrays: Vec<Found> = Vec::new();
    for at in 0..archive.len() {
        let entry = archive
            .by_index(at)
            .map_err(|it| wrong(format!("its entry {}: {it}", at + 1)))?;
        let name = entry
            .name()
            .map_err(|it| wrong(format!("its entry {}: {it}", at + 1)))?;
        let Some(name) = npyz::npz::array_name_from_file_name(&name).map(str::to_owned) else {
            continue;
        };
        if arrays.iter().any(|it| it.0.as_deref() == Some(&name)) {
            return Err(wrong(format!("two arrays are named `{name}`")));
        }
        if !opening.selection.takes(&name) {
            table.skipped.insert(name);
            continue;
        }
        // A header may lie about an entry's size, and entries may share their bytes.
        let mut entry = Budgeted::new(entry, budget.clone());
        match array(&mut entry) {
            Ok(array) => arrays.push((Some(name), array)),
            Err(Trouble::Wrong(why)) if opening.selection.is_optional(&name) => {
                table.unread.insert(name, why);
            }
            Err(trouble) => return Err(trouble.told(path, Some(&name))),
        }
    }
    if arrays.is_empty() && table.skipped.is_empty() && table.unread.is_empty() {
        return Err(wrong("has no arrays".to_owned()));
    }
    Ok(arrays)
}

/// What is wrong with an array.
enum Trouble {
    Wrong(String),
    Io(io::Error),
}

impl From<String> for Trouble {
    fn from(why: String) -> Self {
        Self::Wrong(why)
    }
}

impl Trouble {
    fn told(self, path: &Path, name: Option<&str>) -> DataError {
        let mut error = match self {
            Self::Wrong(why) => {
                let error = DataError::wrong(format!("{}: {why}", path.display()));
                match name {
                    Some(name) => error.hint(remedy(name)),
                    None => error,
                }
            }
            Self::Io(error) => DataError::io(path, &error),
        };
        if let Some(name) = name
            && error.hint.as_deref() != Some(TooLarge::HINT)
        {
            let place = format!("{}: ", path.display());
            let why = error.message.strip_prefix(&place).unwrap_or_default();
            error.message = format!("{place}`{name}`: {why}");
        }
        error
    }
}

/// Reads an array in the form of an .npy file.
fn array(file: &mut dyn io::Read) -> Result<Array, Trouble> {
    let header = header(file)?;
    let DType::Plain(kind) = header.dtype() else {
        return Err(
            "holds records of several fields: each field must be an array of its own"
                .to_owned()
                .into(),
        );
    };
    let sizes = header.shape().iter().map(|it| usize::try_from(*it));
    let shape: Vec<usize> = sizes
        .collect::<Result<_, _>>()
        .map_err(|it| it.to_string())?;
    if kind.uses_pickled_array() {
        return Err(
            "holds Python objects; save it as numbers, or as words with astype(str)"
                .to_owned()
                .into(),
        );
    }
    let size = kind.num_bytes().filter(|it| *it > 0);
    let size = size.ok_or_else(|| format!("its type `{kind}` has no size"))?;
    let items = shape
        .iter()
        .try_fold(1_usize, |all, it| all.checked_mul(*it));
    let whole = items.and_then(|it| it.checked_mul(size));
    let whole = whole.ok_or_else(|| MORE_THAN_FIT.to_owned())?;
    let mut bytes = Vec::new();
    let most = (whole as u64).saturating_add(1);
    let read = file.take(most).read_to_end(&mut bytes);
    read.map_err(Trouble::Io)?;
    if bytes.len() != whole {
        let why = if bytes.len() > whole {
            format!("has more bytes than the {whole} that its header promises")
        } else {
            let found = bytes.len();
            format!("has {found} bytes of numbers, its header promises {whole}")
        };
        return Err(why.into());
    }
    if header.order() == Order::Fortran && shape.len() > 1 {
        bytes = turned(&bytes, &shape, size);
    }
    let items = items_of(bytes, &kind, size)?;
    Ok(Array {
        shape,
        items,
        are_truths: kind.type_char() == TypeChar::Bool,
    })
}

/// Reads an array's header. Its length and its nesting are checked before the library takes it apart.
fn header(file: &mut dyn io::Read) -> Result<NpyHeader, Trouble> {
    let cut = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Trouble::Wrong("its header is cut off".to_owned()),
        _ => Trouble::Io(error),
    };
    let mut start = vec![0; NPY.len() + 2];
    file.read_exact(&mut start).map_err(cut)?;
    if !start.starts_with(NPY) {
        return Err("is no array: it does not start as an .npy file does"
            .to_owned()
            .into());
    }
    // The first version has two bytes for the length of its header, those after it four.
    let mut length = [0; 4];
    let width = if start[NPY.len()] == 1 { 2 } else { 4 };
    file.read_exact(&mut length[..width]).map_err(cut)?;
    let size = u32::from_le_bytes(length) as usize;
    if size > MOST_HEADER {
        return Err(format!("its header has {size} bytes, more than {MOST_HEADER}").into());
    }
    start.extend_from_slice(&length[..width]);
    let text = start.len();
    start.resize(text + size, 0);
    file.read_exact(&mut start[text..]).map_err(cut)?;
    let mut depth = 0_usize;
    for byte in &start[text..] {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MOST_DEPTH {
            return Err(format!("its header nests deeper than {MOST_DEPTH} levels").into());
        }
    }
    if !start[text..].split(|it| b"([{".contains(it)).all(fits) {
        return Err(MORE_THAN_FIT.to_owned().into());
    }
    let header = NpyHeader::from_reader(&mut start.as_slice());
    header.map_err(|it| Trouble::Wrong(format!("its header: {it}")))
}

/// Whether the product of the numbers in a part of a header fits, zeros aside: the library multiplies without a look.
fn fits(part: &[u8]) -> bool {
    let digits = part.split(|it| !it.is_ascii_digit());
    let mut numbers = digits.filter(|it| it.iter().any(|digit| *digit != b'0'));
    let product = numbers.try_fold(1_u64, |all, digits| {
        let number: u64 = infer::text_of(digits).parse().ok()?;
        all.checked_mul(number)
    });
    product.is_some()
}

fn items_of(bytes: Vec<u8>, kind: &TypeStr, size: usize) -> Result<Items, String> {
    let is_big = kind.endianness() == Endianness::Big;
    /// Numbers of a type, from bytes in either order.
    macro_rules! numbers {
        ($type:ident) => {
            numbers(&bytes, is_big, |it| $type::from_le_bytes(it) as f64)
        };
    }
    Ok(match (kind.type_char(), size) {
        (TypeChar::Bool | TypeChar::Uint, 1) => Items::Bytes(bytes),
        (TypeChar::Int, 1) => numbers!(i8),
        (TypeChar::Int, 2) => numbers!(i16),
        (TypeChar::Int, 4) => numbers!(i32),
        (TypeChar::Int, 8) => integers(decode(&bytes, is_big, i64::from_le_bytes)),
        (TypeChar::Uint, 2) => numbers!(u16),
        (TypeChar::Uint, 4) => numbers!(u32),
        (TypeChar::Uint, 8) => integers(decode(&bytes, is_big, u64::from_le_bytes)),
        (TypeChar::Float, 2) => numbers(&bytes, is_big, |it| half(u16::from_le_bytes(it))),
        (TypeChar::Float, 4) => Items::Floats(decode(&bytes, is_big, f32::from_le_bytes)),
        (TypeChar::Float, 8) => numbers!(f64),
        (TypeChar::ByteStr, _) => words(&bytes, size, |it| String::from_utf8(it.to_vec()).ok())?,
        (TypeChar::UnicodeStr, _) => words(&bytes, size, |it| {
            let letters = it.as_chunks::<4>().0.iter().map(|it| {
                let code = if is_big {
                    u32::from_be_bytes(*it)
                } else {
                    u32::from_le_bytes(*it)
                };
                char::from_u32(code)
            });
            letters.collect()
        })?,
        (TypeChar::DateTime, 8) => {
            let units = kind.time_units();
            Items::Words(datetime64::texts(
                decode(&bytes, is_big, i64::from_le_bytes),
                units,
            )?)
        }
        (TypeChar::TimeDelta, _) => {
            return Err("holds spans of time (timedelta64), which are neither numbers nor dates: save them as numbers".to_owned());
        }
        (TypeChar::Complex, _) => return Err("holds complex numbers".to_owned()),
        _ => return Err(format!("its type `{kind}` is no number and no word")),
    })
}

fn numbers<const N: usize>(bytes: &[u8], is_big: bool, from: impl Fn([u8; N]) -> f64) -> Items {
    Items::Numbers(decode(bytes, is_big, from))
}

/// Whole numbers, as floats where each of them has one of its own.
fn integers<T: Copy + Into<i128>>(numbers: Vec<T>) -> Items {
    let is_exact = |it: &T| (*it).into().unsigned_abs() < infer::EXACT as u128;
    let are_exact = numbers.iter().all(is_exact);
    let numbers = numbers.into_iter().map(Into::into);
    if are_exact {
        Items::Numbers(numbers.map(|it: i128| it as f64).collect())
    } else {
        Items::Integers(numbers.collect())
    }
}

fn decode<const N: usize, T>(bytes: &[u8], is_big: bool, from: impl Fn([u8; N]) -> T) -> Vec<T> {
    let words = bytes.as_chunks::<N>().0.iter();
    words
        .map(|it| {
            let mut word = *it;
            if is_big {
                word.reverse();
            }
            from(word)
        })
        .collect()
}

/// Words of one size, filled up with zeros.
fn words(
    bytes: &[u8],
    size: usize,
    from: impl Fn(&[u8]) -> Option<String>,
) -> Result<Items, String> {
    let mut words = Fields::default();
    for (row, bytes) in bytes.chunks_exact(size).enumerate() {
        let word = from(bytes).ok_or_else(|| format!("row {} is no text", row + 1))?;
        words.push(word.trim_end_matches('\0').as_bytes());
    }
    Ok(Items::Words(words))
}

/// A number of half precision.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (
        i32::from(bits >> 10 & 0x1f),
        f64::from(bits & 0x3ff) / 1024.0,
    );
    sign * match exponent {
        0 => fraction * (-14_f64).exp2(),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction) * f64::from(exponent - 15).exp2(),
    }
}

/// The items of an array whose first size is fastest, with the last one fastest.
fn turned(bytes: &[u8], shape: &[usize], size: usize) -> Vec<u8> {
    let mut strides = Vec::with_capacity(shape.len());
    let mut stride = 1;
    for length in shape {
        strides.push(stride);
        stride *= length;
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut place = vec![0; shape.len()];
    for _ in 0..bytes.len() / size {
        let at: usize = place
            .iter()
            .zip(&strides)
            .map(|(at, stride)| at * stride)
            .sum();
        out.extend_from_slice(&bytes[at * size..(at + 1) * size]);
        for (at, length) in place.iter_mut().zip(shape).rev() {
            *at += 1;
            if *at < *length {
                break;
            }
            *at = 0;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_is_read_as_it_is_defined() {
        for (bits, number) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_953_125),
            (0x0001, 5.960_464_477_539_063e-8),
            (0x7bff, 65504.0),
            (0xfc00, f64::NEG_INFINITY),
        ] {
            assert_eq!(half(bits).to_bits(), f64::to_bits(number), "{bits:x}");
        }
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn columns_first_become_rows_first() {
        let bytes = [0, 3, 1, 4, 2, 5];
        assert_eq!(turned(&bytes, &[2, 3], 1), [0, 1, 2, 3, 4, 5]);
    }
}
