//! The raw columns of a dataset: their values before any step, by part. Knows no slices.
//!
//! A part's file has tensors by the column's place in `columns.json`. Of words, `0.codes` (the smallest unsigned type that
//! holds them; the largest code is a missing value), `0.text` (the distinct words one after another) and `0.ends` (where
//! each ends). Of numbers, `0.numbers` (f32 where that is exact, else f64; a missing one is NaN), and where there are few
//! distinct ones `0.codes` into them. Truths are the words `false` and `true`. Blocks, free text and words that differ in
//! so many rows that they are names are kept in files of their own (`rest`), pictures are not.

pub mod rest;

use std::{fs, path::Path};

use hashbrown::HashMap;
use pipe_schema::{
    dataset::{KEPT_FILE, KeptColumn, RAW_FOLDER, raw_file},
    stage::preprocess::ColumnType,
};
use safetensors::{Dtype, SafeTensors};

use crate::{
    error::DataError,
    frame::{Frame, Values},
    steps::quantile,
    words::{NO_WORD, Words},
    write::{Tensor, write_json, write_tensors},
};

/// Distinct words of the train part above which a column is not kept.
pub const MOST_WORDS: usize = 10_000;
/// Distinct numbers of the train part up to which each is a group by itself.
const MOST_NUMBERS: usize = 10;
/// Distinct numbers that a byte can tell apart.
const MOST_CODED: usize = 256;

/// A raw column of one part.
#[derive(Clone, Debug, PartialEq)]
pub enum Raw {
    Words {
        /// By row; nothing where the value is missing.
        codes: Vec<Option<u32>>,
        /// Distinct words by code.
        names: Vec<String>,
    },
    Numbers {
        /// By row; NaN where the value is missing.
        values: Vec<f64>,
        /// See `KeptColumn`.
        quartiles: Option<Vec<f64>>,
    },
}

/// Writes the raw columns of all parts into the dataset's folder; the train part is the first.
pub fn write(
    frame: &Frame,
    parts: &[(&'static str, Vec<usize>)],
    folder: &Path,
) -> Result<(), DataError> {
    let Some((_, train)) = parts.first() else {
        return Ok(());
    };
    let kept: Vec<(KeptColumn, &Values)> = frame
        .columns
        .iter()
        .filter_map(|(name, values)| Some((kept(name, values, train)?, values)))
        .collect();
    let place = folder.join(RAW_FOLDER);
    fs::create_dir_all(&place).map_err(|it| DataError::io(&place, &it))?;
    let list = place.join(KEPT_FILE);
    let columns: Vec<&KeptColumn> = kept.iter().map(|it| &it.0).collect();
    write_json(&list, &columns)?;
    for (part, rows) in parts {
        let mut tensors = Vec::new();
        for (at, (_, values)) in kept.iter().enumerate() {
            add(at, values, rows, &mut tensors);
        }
        write_tensors(tensors, &folder.join(raw_file(part)), &list)?;
    }
    Ok(())
}

/// What is told of a column; nothing where it is not kept.
fn kept(name: &str, values: &Values, train: &[usize]) -> Option<KeptColumn> {
    let quartiles = match values {
        Values::Block(_) | Values::Pictures(_) | Values::Sparse(_) => return None,
        Values::Truths(_) => None,
        Values::Words(words) if matches!(words.r#type, ColumnType::Text | ColumnType::Image) => {
            return None;
        }
        Values::Words(words) => {
            let distinct = words.counts(train).into_iter().filter(|it| *it > 0).count();
            if distinct > MOST_WORDS {
                return None;
            }
            None
        }
        Values::Numbers(numbers) => quartiles(numbers, train),
    };
    Some(KeptColumn {
        name: name.to_owned(),
        quartiles,
    })
}

/// Of more than ten distinct numbers: a quarter, half and three quarters of them lie below, each once.
fn quartiles(numbers: &[f64], train: &[usize]) -> Option<Vec<f64>> {
    let known = train.iter().map(|row| numbers[*row]);
    let mut sorted: Vec<f64> = known.filter(|it| !it.is_nan()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let distinct = sorted.chunk_by(|a, b| a == b).count();
    if distinct <= MOST_NUMBERS {
        return None;
    }
    let mut ends: Vec<f64> = [0.25, 0.5, 0.75]
        .map(|it| quantile::linear(&sorted, it))
        .to_vec();
    ends.dedup();
    Some(ends)
}

type Named = (String, Tensor<'static>);

fn add(at: usize, values: &Values, rows: &[usize], tensors: &mut Vec<Named>) {
    match values {
        Values::Numbers(numbers) => add_numbers(at, numbers, rows, tensors),
        Values::Words(words) => add_words(at, words, rows, tensors),
        Values::Truths(truths) => {
            let code = |row: &usize| truths[*row].map_or(2, u8::from);
            let codes: Vec<u8> = rows.iter().map(code).collect();
            tensors.push((
                format!("{at}.codes"),
                Tensor::of(Dtype::U8, vec![rows.len()], codes),
            ));
            add_names(at, &["false", "true"], tensors);
        }
        Values::Block(_) | Values::Pictures(_) | Values::Sparse(_) => {}
    }
}

fn add_numbers(at: usize, numbers: &[f64], rows: &[usize], tensors: &mut Vec<Named>) {
    // Few distinct numbers are told by a byte a row; where there are many, that is soon seen.
    let mut places: HashMap<u64, u8> = HashMap::new();
    let mut distinct = Vec::new();
    let mut codes = Vec::with_capacity(rows.len());
    for row in rows {
        let value = numbers[*row];
        let code = match places.get(&value.to_bits()) {
            Some(code) => *code,
            None if distinct.len() == MOST_CODED => break,
            None => {
                let code = distinct.len() as u8;
                places.insert(value.to_bits(), code);
                distinct.push(value);
                code
            }
        };
        codes.push(code);
    }
    let values = if codes.len() == rows.len() {
        tensors.push((
            format!("{at}.codes"),
            Tensor::of(Dtype::U8, vec![rows.len()], codes),
        ));
        distinct
    } else {
        rows.iter().map(|row| numbers[*row]).collect()
    };
    let is_exact = |it: &f64| it.is_nan() || f64::from(*it as f32) == *it;
    let shape = vec![values.len()];
    let tensor = if values.iter().all(is_exact) {
        let bytes = values.iter().flat_map(|it| (*it as f32).to_le_bytes());
        Tensor::of(Dtype::F32, shape, bytes.collect::<Vec<u8>>())
    } else {
        let bytes = values.iter().flat_map(|it| it.to_le_bytes());
        Tensor::of(Dtype::F64, shape, bytes.collect::<Vec<u8>>())
    };
    tensors.push((format!("{at}.numbers"), tensor));
}

/// The words of these rows alone, numbered as they come.
fn add_words(at: usize, words: &Words, rows: &[usize], tensors: &mut Vec<Named>) {
    let names: Vec<&str> = words.names().collect();
    let mut places = vec![NO_WORD; names.len()];
    let mut own = Vec::new();
    let mut codes = Vec::with_capacity(rows.len());
    for row in rows {
        let code = words.codes[*row];
        if code == NO_WORD {
            codes.push(NO_WORD);
            continue;
        }
        let place = &mut places[code as usize];
        if *place == NO_WORD {
            *place = own.len() as u32;
            own.push(names[code as usize]);
        }
        codes.push(*place);
    }
    let codes = codes.iter().copied();
    let shape = vec![rows.len()];
    // The largest code is that of a missing value.
    let tensor = match own.len() {
        0..=0xff => {
            let bytes = codes.map(|it| it as u8);
            Tensor::of(Dtype::U8, shape, bytes.collect::<Vec<u8>>())
        }
        0x100..=0xffff => {
            let bytes = codes.flat_map(|it| (it as u16).to_le_bytes());
            Tensor::of(Dtype::U16, shape, bytes.collect::<Vec<u8>>())
        }
        _ => {
            let bytes = codes.flat_map(u32::to_le_bytes);
            Tensor::of(Dtype::U32, shape, bytes.collect::<Vec<u8>>())
        }
    };
    tensors.push((format!("{at}.codes"), tensor));
    add_names(at, &own, tensors);
}

fn add_names(at: usize, names: &[&str], tensors: &mut Vec<Named>) {
    let text = names.concat().into_bytes();
    let mut end = 0;
    let ends = names.iter().flat_map(|it| {
        end += it.len() as u64;
        end.to_le_bytes()
    });
    let ends: Vec<u8> = ends.collect();
    tensors.push((
        format!("{at}.text"),
        Tensor::of(Dtype::U8, vec![text.len()], text),
    ));
    tensors.push((
        format!("{at}.ends"),
        Tensor::of(Dtype::U64, vec![names.len()], ends),
    ));
}

/// A column out of a part's file; says what is wrong with the file.
pub fn decode(tensors: &SafeTensors<'_>, at: usize, column: &KeptColumn) -> Result<Raw, String> {
    let tensor = |name: &str| {
        let found = tensors.tensor(&format!("{at}.{name}"));
        found.map_err(|it| it.to_string())
    };
    let codes = || -> Result<Vec<u32>, String> {
        let tensor = tensor("codes")?;
        let data = tensor.data();
        Ok(match tensor.dtype() {
            Dtype::U8 => data.iter().map(|it| u32::from(*it)).collect(),
            Dtype::U16 => numbers_of(data, u16::from_le_bytes)
                .map(u32::from)
                .collect(),
            _ => numbers_of(data, u32::from_le_bytes).collect(),
        })
    };
    if let Ok(numbers) = tensor("numbers") {
        let numbers: Vec<f64> = match numbers.dtype() {
            Dtype::F32 => numbers_of(numbers.data(), f32::from_le_bytes)
                .map(f64::from)
                .collect(),
            _ => numbers_of(numbers.data(), f64::from_le_bytes).collect(),
        };
        let value = |code: u32| numbers.get(code as usize).copied();
        let values = match codes() {
            Ok(codes) => codes
                .into_iter()
                .map(value)
                .collect::<Option<_>>()
                .ok_or("a code has no number")?,
            Err(_) => numbers,
        };
        return Ok(Raw::Numbers {
            values,
            quartiles: column.quartiles.clone(),
        });
    }
    let text = tensor("text")?;
    let text = std::str::from_utf8(text.data()).map_err(|it| it.to_string())?;
    let mut start = 0;
    let mut names = Vec::new();
    for end in numbers_of(tensor("ends")?.data(), u64::from_le_bytes) {
        let end = end as usize;
        let name = text.get(start..end).ok_or("a word ends outside the text")?;
        names.push(name.to_owned());
        start = end;
    }
    let known = |code: u32| ((code as usize) < names.len()).then_some(code);
    let codes = codes()?.into_iter().map(known).collect();
    Ok(Raw::Words { codes, names })
}

fn numbers_of<const N: usize, T>(data: &[u8], from: fn([u8; N]) -> T) -> impl Iterator<Item = T> {
    let (words, _) = data.as_chunks::<N>();
    words.iter().map(move |it| from(*it))
}
