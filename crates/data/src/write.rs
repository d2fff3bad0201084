//! Writes the files of a dataset artifact: the same bytes for the same rows. Knows no tables.

use std::{
    borrow::Cow,
    fmt::Display,
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
};

use pipe_schema::dataset::{
    DatasetSchema, FILES_FILE, HEAD_FILE, PART_FILE, ROWS_FILE, SCHEMA_FILE, SPARSE_TENSORS,
};
use safetensors::{Dtype, SafeTensorError, View};
use serde::Serialize;

use crate::{
    dataset::{FeatureRows, SparseRows, TargetValues},
    error::DataError,
    summary::Outline,
};

/// Writes the schema into the dataset's folder.
pub fn schema(schema: &DatasetSchema, folder: &Path) -> Result<(), DataError> {
    write_json(&folder.join(SCHEMA_FILE), schema)
}

/// Writes the names of the files that are the rows of a part into its folder.
pub fn file_names(folder: &Path, names: &[&String]) -> Result<(), DataError> {
    write_json(&folder.join(FILES_FILE), &names)
}

/// Writes a part's folder: its `rows` of all targets, and their features.
pub fn part(
    folder: &Path,
    features: &FeatureRows,
    targets: &TargetValues,
    rows: &[usize],
    outline: &Outline,
) -> Result<(), DataError> {
    fs::create_dir_all(folder).map_err(|it| DataError::io(folder, &it))?;
    write_json(&folder.join(PART_FILE), &outline.part)?;
    write_lines(&folder.join(HEAD_FILE), &outline.head)?;
    let count = vec![rows.len()];
    let target = match targets {
        TargetValues::Classes(all) => {
            let bytes = rows.iter().flat_map(|row| all[*row].to_le_bytes());
            Tensor::of(Dtype::I64, count.clone(), bytes.collect::<Vec<u8>>())
        }
        TargetValues::Numbers(all) => {
            let bytes = rows.iter().flat_map(|row| all[*row].to_le_bytes());
            Tensor::of(Dtype::F64, count.clone(), bytes.collect::<Vec<u8>>())
        }
        TargetValues::Several(all) => {
            let values = rows.iter().flat_map(|row| all.row(*row));
            let bytes = values.flat_map(|it| it.to_le_bytes());
            let shape = vec![rows.len(), all.width()];
            Tensor::of(Dtype::F64, shape, bytes.collect::<Vec<u8>>())
        }
        TargetValues::Labels(all) => {
            let bytes = rows.iter().flat_map(|row| all.row(*row)).copied();
            let shape = vec![rows.len(), all.width()];
            Tensor::of(Dtype::U8, shape, bytes.map(u8::from).collect::<Vec<u8>>())
        }
    };
    let ids = rows.iter().flat_map(|row| (*row as i64).to_le_bytes());
    let ids = Tensor::of(Dtype::I64, count, ids.collect::<Vec<u8>>());
    let mut tensors = vec![("row", ids), ("target", target)];
    match features {
        FeatureRows::Dense(features) => {
            let shape = vec![features.rows, features.width];
            let values = little_endian(&features.values);
            tensors.push(("features", Tensor::of(Dtype::F32, shape, values)));
        }
        FeatureRows::Sparse(rows) => tensors.extend(sparse(rows)),
    }
    write_tensors(tensors, &folder.join(ROWS_FILE), &folder.join(PART_FILE))
}

/// The tensors of SciPy's CSR format.
fn sparse(rows: &SparseRows) -> impl Iterator<Item = (&'static str, Tensor<'_>)> {
    let count = rows.numbers().len();
    let ends = std::iter::once(&0).chain(rows.ends());
    let indptr: Vec<u8> = ends.flat_map(|end| end.to_le_bytes()).collect();
    let indices = rows
        .columns()
        .iter()
        .flat_map(|column| column.to_le_bytes());
    let tensors = [
        Tensor::of(Dtype::I64, vec![rows.rows() + 1], indptr),
        Tensor::of(Dtype::I32, vec![count], indices.collect::<Vec<u8>>()),
        Tensor::of(Dtype::F32, vec![count], little_endian(rows.numbers())),
    ];
    SPARSE_TENSORS.into_iter().zip(tensors)
}

/// Writes tensors by name; the file gets the mode of `like`, for the library leaves the narrow one of a temporary file.
pub fn write_tensors<'a, N>(
    tensors: impl IntoIterator<Item = (N, Tensor<'a>)>,
    path: &Path,
    like: &Path,
) -> Result<(), DataError>
where
    N: AsRef<str> + Ord + Display,
{
    safetensors::serialize_to_file(tensors, None, path).map_err(|it| match it {
        SafeTensorError::IoError(error) => DataError::io(path, &error),
        error => DataError::wrong(format!("{}: {error}", path.display())),
    })?;
    fs::metadata(like)
        .and_then(|it| fs::set_permissions(path, it.permissions()))
        .map_err(|it| DataError::io(path, &it))
}

/// A tensor over the bytes that are written.
pub struct Tensor<'a> {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Cow<'a, [u8]>,
}

impl<'a> Tensor<'a> {
    pub fn of(dtype: Dtype, shape: Vec<usize>, bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        let bytes = bytes.into();
        Self {
            dtype,
            shape,
            bytes,
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
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// The bytes of numbers as they are written: on most machines those in memory, without a copy.
fn little_endian(values: &[f32]) -> Cow<'_, [u8]> {
    if cfg!(target_endian = "little") {
        return Cow::Borrowed(bytemuck::cast_slice(values));
    }
    Cow::Owned(values.iter().flat_map(|it| it.to_le_bytes()).collect())
}

/// Writes a value as JSON for people's eyes.
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), DataError> {
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
