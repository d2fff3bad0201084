//! Writes the files of a dataset artifact: the same bytes for the same rows. Knows no tables.

use std::{
    borrow::Cow,
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
};

use pipe_schema::dataset::{DatasetSchema, HEAD_FILE, PART_FILE, ROWS_FILE, SCHEMA_FILE};
use safetensors::{Dtype, SafeTensorError, View};
use serde::Serialize;

use crate::{
    dataset::{Features, TargetValues},
    error::DataError,
    summary::Outline,
};

/// Writes the schema into the dataset's folder.
pub fn schema(schema: &DatasetSchema, folder: &Path) -> Result<(), DataError> {
    write_json(&folder.join(SCHEMA_FILE), schema)
}

/// Writes a part's folder: its `rows` of all targets, and their features.
pub fn part(
    folder: &Path,
    features: &Features,
    targets: &TargetValues,
    rows: &[usize],
    outline: &Outline,
) -> Result<(), DataError> {
    fs::create_dir_all(folder).map_err(|it| DataError::io(folder, &it))?;
    write_json(&folder.join(PART_FILE), &outline.part)?;
    write_lines(&folder.join(HEAD_FILE), &outline.head)?;
    let target = match targets {
        TargetValues::Classes(all) => Tensor::of(Dtype::I64, vec![rows.len()], move |out| {
            out.extend(rows.iter().flat_map(|row| all[*row].to_le_bytes()));
        }),
        TargetValues::Numbers(all) => Tensor::of(Dtype::F64, vec![rows.len()], move |out| {
            out.extend(rows.iter().flat_map(|row| all[*row].to_le_bytes()));
        }),
    };
    let ids = Tensor::of(Dtype::I64, vec![rows.len()], |out| {
        out.extend(rows.iter().flat_map(|row| (*row as i64).to_le_bytes()));
    });
    let shape = vec![features.rows, features.width];
    let features = Tensor::of(Dtype::F32, shape, |out| {
        out.extend(features.values.iter().flat_map(|it| it.to_le_bytes()));
    });
    let path = folder.join(ROWS_FILE);
    let tensors = [("features", features), ("row", ids), ("target", target)];
    safetensors::serialize_to_file(tensors, None, &path).map_err(|it| match it {
        SafeTensorError::IoError(error) => DataError::io(&path, &error),
        error => DataError::wrong(format!("{}: {error}", path.display())),
    })?;
    // The library leaves the narrow mode of a temporary file.
    fs::metadata(folder.join(PART_FILE))
        .and_then(|it| fs::set_permissions(&path, it.permissions()))
        .map_err(|it| DataError::io(&path, &it))
}

/// Appends a tensor's bytes.
type Fill<'a> = Box<dyn Fn(&mut Vec<u8>) + 'a>;

/// A tensor whose bytes are made when they are written.
struct Tensor<'a> {
    dtype: Dtype,
    shape: Vec<usize>,
    fill: Fill<'a>,
}

impl<'a> Tensor<'a> {
    fn of(dtype: Dtype, shape: Vec<usize>, fill: impl Fn(&mut Vec<u8>) + 'a) -> Self {
        Self {
            dtype,
            shape,
            fill: Box::new(fill),
        }
    }
}

impl View for Tensor<'_> {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let mut bytes = Vec::with_capacity(self.data_len());
        (self.fill)(&mut bytes);
        Cow::Owned(bytes)
    }

    fn data_len(&self) -> usize {
        self.shape.iter().product::<usize>() * self.dtype.bitsize() / 8
    }
}

fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), DataError> {
    let fail = |it| DataError::io(path, &it);
    let mut text = serde_json::to_vec_pretty(value).map_err(|it| fail(it.into()))?;
    text.push(b'\n');
    fs::write(path, text).map_err(fail)
}

fn write_lines<T: Serialize>(path: &Path, values: &[T]) -> Result<(), DataError> {
    let fail = |it| DataError::io(path, &it);
    let mut file = BufWriter::new(File::create(path).map_err(fail)?);
    for value in values {
        serde_json::to_writer(&mut file, value).map_err(|it| fail(it.into()))?;
        file.write_all(b"\n").map_err(fail)?;
    }
    file.flush().map_err(fail)
}
