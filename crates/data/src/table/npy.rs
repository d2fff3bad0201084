//! numpy's files: one array (.npy) or several by name (.npz). Knows numbers and words; no pickled objects.

use std::{
    io::{Cursor, Read as _},
    path::Path,
};

use npyz::{DType, Endianness, NpyHeader, Order, TypeChar, TypeStr};
use zip::ZipArchive;

use super::{
    array::{Array, Found, Items},
    file::{self, Count},
    idx::broken,
};
use crate::{error::DataError, infer};

const NPY: &[u8] = b"\x93NUMPY";
const ZIP: &[u8] = b"PK";

/// Reads the arrays of a file: one without a name, or all of an archive in its order.
pub fn read(path: &Path, count: &Count) -> Result<Vec<Found>, DataError> {
    let mut bytes = Vec::new();
    let mut file = file::open_bytes(path, count)?;
    let read = file.read_to_end(&mut bytes);
    read.map_err(|it| broken(path, bytes.len(), &it))?;
    let wrong = |why: String| DataError::wrong(format!("{}: {why}", path.display()));
    if bytes.starts_with(NPY) {
        let array = array(bytes).map_err(wrong)?;
        return Ok(vec![(None, array)]);
    }
    if !bytes.starts_with(ZIP) {
        let what = if bytes.is_empty() {
            "is empty"
        } else {
            "is neither an .npy nor an .npz file"
        };
        return Err(
            wrong(what.to_owned()).hint("numpy writes them: np.savez(FILE, x=x, label=label)")
        );
    }
    let size = bytes.len();
    let mut archive = ZipArchive::new(Cursor::new(bytes))
        .map_err(|it| wrong(format!("is no .npz file: {it}")))?;
    let mut arrays: Vec<Found> = Vec::new();
    for at in 0..archive.len() {
        let mut entry = archive
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
        let mut bytes = Vec::new();
        // A header may lie about an entry's size; deflate packs a thousandfold at best.
        let most = (size as u64).saturating_mul(1100);
        let read = entry.by_ref().take(most).read_to_end(&mut bytes);
        read.map_err(|it| wrong(format!("`{name}`: {it}")))?;
        let array = array(bytes).map_err(|why| wrong(format!("`{name}`: {why}")))?;
        arrays.push((Some(name), array));
    }
    if arrays.is_empty() {
        return Err(wrong("has no arrays".to_owned()));
    }
    Ok(arrays)
}

/// An array from the bytes of an .npy file.
fn array(mut bytes: Vec<u8>) -> Result<Array, String> {
    // Versions but the first have four bytes for the length of the header, which the library believes.
    let length = bytes.get(8..12).and_then(|it| it.try_into().ok());
    let length = length.map_or(0, |it| u32::from_le_bytes(it) as usize);
    if bytes.get(6).is_some_and(|it| *it > 1) && length > bytes.len() {
        return Err("its header is cut off".to_owned());
    }
    let mut rest = bytes.as_slice();
    if !has_countable_numbers(rest.split(|it| *it == b'\n').next().unwrap_or_default()) {
        return Err("its header names more numbers than fit".to_owned());
    }
    let header = NpyHeader::from_reader(&mut rest).map_err(|it| format!("its header: {it}"))?;
    let start = bytes.len() - rest.len();
    let DType::Plain(kind) = header.dtype() else {
        return Err(
            "holds records of several fields; save each field as an array of its own".to_owned(),
        );
    };
    let sizes = header.shape().iter().map(|it| usize::try_from(*it));
    let shape: Vec<usize> = sizes
        .collect::<Result<_, _>>()
        .map_err(|it| it.to_string())?;
    if kind.uses_pickled_array() {
        return Err(
            "holds Python objects; save it as numbers, or as words with astype(str)".to_owned(),
        );
    }
    let size = kind.num_bytes().filter(|it| *it > 0);
    let size = size.ok_or_else(|| format!("its type `{kind}` has no size"))?;
    let items = shape
        .iter()
        .try_fold(1_usize, |all, it| all.checked_mul(*it));
    let whole = items.and_then(|it| it.checked_mul(size));
    let whole = whole.ok_or("its header names more numbers than fit")?;
    if rest.len() != whole {
        return Err(format!(
            "has {} bytes of numbers, its header promises {whole}",
            rest.len()
        ));
    }
    bytes.drain(..start);
    if header.order() == Order::Fortran && shape.len() > 1 {
        bytes = turned(&bytes, &shape, size);
    }
    let items = items_of(bytes, &kind, size)?;
    Ok(Array { shape, items })
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
    let words = bytes.chunks_exact(size).enumerate().map(|(row, it)| {
        let word = from(it).ok_or_else(|| format!("row {} is no text", row + 1))?;
        Ok(word.trim_end_matches('\0').to_owned())
    });
    words.collect::<Result<_, String>>().map(Items::Words)
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

/// Whether the numbers of a header can be multiplied: the library that takes it apart does so without looking.
fn has_countable_numbers(header: &[u8]) -> bool {
    let numbers = header.split(|it| !it.is_ascii_digit());
    let number = |it: &[u8]| str::from_utf8(it).ok()?.parse::<usize>().ok();
    let mut numbers = numbers.filter(|it| !it.is_empty());
    let product = numbers.try_fold(1_usize, |all, it| all.checked_mul(number(it)?.max(1)));
    product.is_some()
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
