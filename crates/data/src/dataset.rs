//! Reads a dataset artifact. Knows its files; not how they came about.

mod classes;

use std::{
    fs,
    path::{Path, PathBuf},
};

use pipe_schema::{
    dataset::{
        Column, DatasetSchema, FILES_FILE, HEAD_FILE, HeadRow, KEPT_FILE, KeptColumn, PART_FILE,
        PARTS, Part as PartSummary, RAW_FOLDER, ROWS_FILE, SCHEMA_FILE, SPARSE_TENSORS, TargetKind,
        raw_file,
    },
    stage::preprocess::ColumnType,
};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::de::DeserializeOwned;

use crate::{
    error::DataError,
    frame::expected,
    grid::Grid,
    infer,
    offsets::check_offsets,
    raw::{self, MOST_WORDS, Raw},
};

/// A dataset's folder, opened.
#[derive(Clone, Debug)]
pub struct Dataset {
    folder: PathBuf,
    schema: DatasetSchema,
    /// Whether the files have numbers for a target that the schema here takes for classes.
    is_of_numbers: bool,
}

/// The rows of one part, as they are trained on.
#[derive(Clone, Debug, PartialEq)]
pub struct Part<F = Features> {
    pub features: F,
    pub target: TargetValues,
    /// Ids of the rows.
    pub rows: Vec<u64>,
}

/// Rows of numbers, one row after another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Features {
    pub rows: usize,
    /// Numbers a row.
    pub width: usize,
    /// `rows * width` numbers.
    pub values: Vec<f32>,
}

/// Rows of which most numbers are zero: SciPy's CSR format.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseRows {
    pub(crate) width: usize,
    /// Where each row ends among the numbers.
    pub(crate) ends: Vec<u64>,
    /// The column of each number, ascending within a row.
    pub(crate) columns: Vec<u32>,
    /// The numbers that are not zero.
    pub(crate) numbers: Vec<f32>,
}

/// Rows of numbers as they are kept.
#[derive(Clone, Debug, PartialEq)]
pub enum FeatureRows {
    Dense(Features),
    Sparse(SparseRows),
}

/// What is to be predicted, by row.
#[derive(Clone, Debug, PartialEq)]
pub enum TargetValues {
    /// Indices into the schema's class names.
    Classes(Vec<i64>),
    Numbers(Vec<f64>),
    /// Numbers of several targets, by row.
    Several(Grid<f64>),
    /// Yes or no of several targets, by row.
    Labels(Grid<bool>),
}

impl TargetValues {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        match self {
            Self::Classes(values) => values.len(),
            Self::Numbers(values) => values.len(),
            Self::Several(values) => values.rows(),
            Self::Labels(values) => values.rows(),
        }
    }
}

impl<F> Part<F> {
    /// How many rows the part has.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl Dataset {
    /// Opens the dataset in `folder`; reads its schema alone.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, DataError> {
        let folder = folder.into();
        let schema = read_json(&folder.join(SCHEMA_FILE))?;
        Ok(Self {
            folder,
            schema,
            is_of_numbers: false,
        })
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The columns, the target and the fitted steps.
    pub fn schema(&self) -> &DatasetSchema {
        &self.schema
    }

    /// The parts that the dataset has, in the order train, val, test.
    pub fn parts(&self) -> Vec<&'static str> {
        PARTS.into_iter().filter(|it| self.has(it)).collect()
    }

    /// Whether the dataset has this part.
    pub fn has(&self, part: &str) -> bool {
        PARTS.contains(&part) && self.folder.join(part).join(ROWS_FILE).is_file()
    }

    /// The rows of a part, with all their numbers.
    pub fn part(&self, part: &str) -> Result<Part, DataError> {
        let part = self.part_as_kept(part)?;
        Ok(Part {
            features: part.features.into_dense(),
            target: part.target,
            rows: part.rows,
        })
    }

    /// The rows of a part; sparse ones stay sparse.
    pub fn part_as_kept(&self, part: &str) -> Result<Part<FeatureRows>, DataError> {
        let path = self.file(part, ROWS_FILE)?;
        let bytes = fs::read(&path).map_err(|it| DataError::io(&path, &it))?;
        self.decode(&bytes)
            .map_err(|why| DataError::wrong(format!("{}: {why}", path.display())))
    }

    /// The names of the files that are the rows of a part; none of another dataset, or of one that was made without them.
    pub fn files(&self, part: &str) -> Result<Vec<String>, DataError> {
        let path = self.file(part, FILES_FILE)?;
        if path.is_file() {
            read_json(&path)
        } else {
            Ok(Vec::new())
        }
    }

    /// The bytes of the rows of a part, as they are kept.
    pub fn bytes(&self, part: &str) -> Result<u64, DataError> {
        let path = self.file(part, ROWS_FILE)?;
        let metadata = fs::metadata(&path).map_err(|error| DataError::io(&path, &error))?;
        Ok(metadata.len())
    }

    /// Counts and ranges of a part's raw columns.
    pub fn summary(&self, part: &str) -> Result<PartSummary, DataError> {
        read_json(&self.file(part, PART_FILE)?)
    }

    /// A raw column of a part, before any step.
    pub fn raw(&self, part: &str, column: &str) -> Result<Raw, DataError> {
        let list = self.folder.join(RAW_FOLDER).join(KEPT_FILE);
        if !list.is_file() {
            return Err(DataError::wrong("the dataset keeps no raw columns")
                .hint("those of a preprocess stage do"));
        }
        let kept: Vec<KeptColumn> = read_json(&list)?;
        let Some(at) = kept.iter().position(|it| it.name == column) else {
            return Err(self.not_kept(column, &kept));
        };
        self.file(part, ROWS_FILE)?;
        let path = self.folder.join(raw_file(part));
        let bytes = fs::read(&path).map_err(|it| DataError::io(&path, &it))?;
        check_offsets(&bytes)
            .and_then(|()| SafeTensors::deserialize(&bytes).map_err(|error| error.to_string()))
            .and_then(|tensors| raw::decode(&tensors, at, &kept[at]))
            .map_err(|why| DataError::wrong(format!("{}: column {at}: {why}", path.display())))
    }

    fn not_kept(&self, column: &str, kept: &[KeptColumn]) -> DataError {
        if self.schema.target.columns().iter().any(|it| it == column) {
            return DataError::wrong(format!("`{column}` is a target, no raw column"));
        }
        let names: Vec<&str> = kept.iter().map(|it| it.name.as_str()).collect();
        match self.schema.columns.iter().find(|it| it.name == column) {
            Some(it) if it.shape.is_some() => DataError::wrong(format!(
                "column `{column}` has many numbers a row, not one value"
            )),
            Some(Column {
                r#type: it @ (ColumnType::Text | ColumnType::Image),
                ..
            }) => DataError::wrong(format!(
                "column `{column}` has {} in each row: none has rows enough for a slice",
                expected(*it)
            )),
            Some(_) => DataError::wrong(format!(
                "column `{column}` has more than {MOST_WORDS} different values in the train part: it is a name rather than a category"
            )),
            None => {
                let error = DataError::wrong(format!("there is no raw column `{column}`"));
                match infer::closest(column, names.iter().copied()) {
                    Some(meant) => error.hint(format!("did you mean `{meant}`?")),
                    None => error.hint(format!("the columns are: {}", infer::listed(&names))),
                }
            }
        }
    }

    /// The first raw rows of a part.
    pub fn head(&self, part: &str) -> Result<Vec<HeadRow>, DataError> {
        let path = self.file(part, HEAD_FILE)?;
        let text = fs::read_to_string(&path).map_err(|it| DataError::io(&path, &it))?;
        text.lines()
            .map(|line| {
                serde_json::from_str(line)
                    .map_err(|it| DataError::wrong(format!("{}: {it}", path.display())))
            })
            .collect()
    }

    fn file(&self, part: &str, file: &str) -> Result<PathBuf, DataError> {
        if self.has(part) {
            return Ok(self.folder.join(part).join(file));
        }
        let parts = self.parts().join(", ");
        Err(
            DataError::wrong(format!("the dataset has no part `{part}`; it has {parts}"))
                .hint("give the part a share in the `split` of the preprocess stage"),
        )
    }

    fn decode(&self, bytes: &[u8]) -> Result<Part<FeatureRows>, String> {
        check_offsets(bytes)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(|it| it.to_string())?;
        let tensor = |name: &str, dtype: Dtype| match tensors.tensor(name) {
            Ok(tensor) if tensor.dtype() == dtype => Ok(tensor),
            Ok(tensor) => Err(format!("`{name}` is {:?}, not {dtype:?}", tensor.dtype())),
            Err(error) => Err(format!("`{name}`: {error}")),
        };
        let features = if tensors.tensor("features").is_ok() {
            dense(&tensor("features", Dtype::F32)?)?
        } else {
            let [indptr, indices, data] = SPARSE_TENSORS;
            let ends = numbers(&tensor(indptr, Dtype::I64)?, u64::from_le_bytes);
            if ends.first() != Some(&0) {
                return Err(format!("`{indptr}` does not begin with 0"));
            }
            FeatureRows::Sparse(SparseRows::new(
                self.schema.features.len(),
                ends[1..].to_vec(),
                numbers(&tensor(indices, Dtype::I32)?, u32::from_le_bytes),
                numbers(&tensor(data, Dtype::F32)?, f32::from_le_bytes),
            )?)
        };
        let (rows, width) = (features.rows(), features.width());
        if width != self.schema.features.len() {
            return Err(format!(
                "`features` has {width} columns, the schema {}",
                self.schema.features.len()
            ));
        }
        let target = match &self.schema.target.kind {
            TargetKind::Classes { names, .. } if self.is_of_numbers => {
                let target = tensor("target", Dtype::F64)?;
                let target = numbers(&target, f64::from_le_bytes);
                TargetValues::Classes(classes::indices(&target, names)?)
            }
            TargetKind::Classes { .. } => {
                TargetValues::Classes(numbers(&tensor("target", Dtype::I64)?, i64::from_le_bytes))
            }
            TargetKind::Number { .. } => {
                TargetValues::Numbers(numbers(&tensor("target", Dtype::F64)?, f64::from_le_bytes))
            }
            TargetKind::Numbers { .. } => {
                let target = tensor("target", Dtype::F64)?;
                let values = numbers(&target, f64::from_le_bytes);
                TargetValues::Several(Grid::new(self.width_of(&target)?, values))
            }
            TargetKind::Labels { .. } => {
                let target = tensor("target", Dtype::U8)?;
                let values = target.data().iter().map(|it| *it != 0).collect();
                TargetValues::Labels(Grid::new(self.width_of(&target)?, values))
            }
        };
        let ids = numbers(&tensor("row", Dtype::I64)?, u64::from_le_bytes);
        if ids.len() != rows || target.rows() != rows {
            return Err("`features`, `target` and `row` differ in their number of rows".to_owned());
        }
        Ok(Part {
            features,
            target,
            rows: ids,
        })
    }

    /// How many targets a row has: as many as the schema names.
    fn width_of(&self, target: &TensorView<'_>) -> Result<usize, String> {
        let names = self.schema.target.columns().len();
        match target.shape() {
            [_, width] if *width == names => Ok(names),
            shape => Err(format!(
                "`target` is of shape {shape:?}, and the schema names {names} targets"
            )),
        }
    }
}

fn dense(features: &TensorView<'_>) -> Result<FeatureRows, String> {
    let &[rows, width] = features.shape() else {
        return Err("`features` has not two dimensions".to_owned());
    };
    Ok(FeatureRows::Dense(Features {
        rows,
        width,
        values: numbers(features, f32::from_le_bytes),
    }))
}

fn numbers<const N: usize, T>(tensor: &TensorView<'_>, from: fn([u8; N]) -> T) -> Vec<T> {
    let (words, _) = tensor.data().as_chunks::<N>();
    words.iter().map(|it| from(*it)).collect()
}

/// Reads a value from a file of JSON.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, DataError> {
    let text = fs::read(path).map_err(|it| DataError::io(path, &it))?;
    serde_json::from_slice(&text)
        .map_err(|it| DataError::wrong(format!("{}: {it}", path.display())))
}
