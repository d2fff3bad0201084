//! The raw columns that no slice needs and another model may: free text, names, blocks that a step scales. Of windows all
//! columns of all their rows, with the rows at which windows start. Knows no models.

use std::path::Path;

use pipe_schema::{
    dataset::{KeptColumn, RAW_FOLDER, REST_FILE, rest_file},
    stage::preprocess::{ColumnType, Step},
};
use safetensors::{Dtype, SafeTensors};

use super::{Named, Raw, add, decode, kept, numbers_of};
use crate::{
    block::Block,
    error::DataError,
    frame::{Frame, Values},
    offsets::check_offsets,
    split::Parts,
    windows::Series,
    words::Words,
    write::{Tensor, write_json, write_tensors},
};

/// The name of the tensor with the rows at which windows start.
const STARTS: &str = "starts";

/// Writes the columns that `columns.json` lacks into the dataset's folder, before any step.
pub fn write(
    frame: &Frame,
    parts: &Parts,
    series: Option<&[Series]>,
    steps: &[Step],
    folder: &Path,
) -> Result<(), DataError> {
    let Some((_, train)) = parts.first() else {
        return Ok(());
    };
    let scales_blocks = steps.iter().any(scales_blocks);
    let is_kept = |name: &str, values: &Values| match values {
        Values::Pictures(_) | Values::Sparse(_) => false,
        Values::Block(_) => scales_blocks,
        Values::Numbers(_) | Values::Truths(_) | Values::Words(_) => {
            series.is_some() || kept(name, values, train).is_none()
        }
    };
    let columns: Vec<(&String, &Values)> = frame
        .columns
        .iter()
        .filter(|(name, values)| is_kept(name, values))
        .collect();
    if columns.is_empty() && series.is_none() {
        return Ok(());
    }
    let names: Vec<KeptColumn> = columns
        .iter()
        .map(|(name, _)| KeptColumn {
            name: (*name).clone(),
            quartiles: None,
        })
        .collect();
    let list = folder.join(RAW_FOLDER).join(REST_FILE);
    write_json(&list, &names)?;
    for (at, (part, rows)) in parts.iter().enumerate() {
        let series = series.map(|series| &series[at]);
        let rows = series.map_or(rows.as_slice(), Series::rows);
        let mut tensors = Vec::new();
        for (column, (_, values)) in columns.iter().enumerate() {
            match values {
                Values::Block(block) => tensors.push(block_tensor(column, block, rows)),
                values => add(column, values, rows, &mut tensors),
            }
        }
        if let Some(series) = series {
            let starts = series.starts().iter();
            let bytes: Vec<u8> = starts.flat_map(|row| (*row as u64).to_le_bytes()).collect();
            let shape = vec![series.len()];
            tensors.push((STARTS.to_owned(), Tensor::of(Dtype::U64, shape, bytes)));
        }
        write_tensors(tensors, &folder.join(rest_file(part)), &list)?;
    }
    Ok(())
}

/// Whether a step may change the numbers of blocks. Where none does, the features of a block are its raw numbers.
pub fn scales_blocks(step: &Step) -> bool {
    matches!(
        step,
        Step::Standardize(_) | Step::MinMax(_) | Step::Normalize(_)
    )
}

fn block_tensor(at: usize, block: &Block, rows: &[usize]) -> Named {
    let shape = vec![rows.len(), block.width()];
    if let Some(bytes) = block.bytes_of(rows) {
        return (format!("{at}.bytes"), Tensor::of(Dtype::U8, shape, bytes));
    }
    let mut numbers = vec![0.0; rows.len() * block.width()];
    for (row, out) in rows.iter().zip(numbers.chunks_mut(block.width().max(1))) {
        block.write_row(*row, out);
    }
    let bytes: Vec<u8> = numbers.iter().flat_map(|it| it.to_le_bytes()).collect();
    (format!("{at}.floats"), Tensor::of(Dtype::F32, shape, bytes))
}

/// A part's file of raw columns, opened.
pub struct RawFile<'a> {
    tensors: SafeTensors<'a>,
    columns: &'a [KeptColumn],
}

impl<'a> RawFile<'a> {
    /// Opens the bytes of a file whose columns are these.
    pub fn open(bytes: &'a [u8], columns: &'a [KeptColumn]) -> Result<Self, String> {
        check_offsets(bytes)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
        Ok(Self { tensors, columns })
    }

    /// Returns the values of a column that is of this type, and of this shape if it is a block; `None` if the file
    /// does not have it.
    pub fn values(
        &self,
        name: &str,
        r#type: ColumnType,
        shape: Option<&[u32]>,
    ) -> Result<Option<Values>, String> {
        let Some(at) = self.columns.iter().position(|column| column.name == name) else {
            return Ok(None);
        };
        if let Some(shape) = shape {
            return self.block(at, shape).map(Some);
        }
        Ok(Some(match decode(&self.tensors, at, &self.columns[at])? {
            Raw::Numbers { values, .. } => Values::Numbers(values),
            Raw::Words { codes, names } if r#type == ColumnType::Boolean => {
                let truth = |code: &Option<u32>| code.map(|code| names[code as usize] == "true");
                Values::Truths(codes.iter().map(truth).collect())
            }
            Raw::Words { codes, names } => Values::Words(Words::of_codes(r#type, &codes, &names)),
        }))
    }

    fn block(&self, at: usize, shape: &[u32]) -> Result<Values, String> {
        let sizes: Vec<usize> = shape.iter().map(|size| *size as usize).collect();
        let block = if let Ok(tensor) = self.tensors.tensor(&format!("{at}.bytes")) {
            let rows = tensor.shape().first().copied().unwrap_or(0);
            Block::of_bytes(&sizes, rows, tensor.data().to_vec())
        } else {
            let tensor = self.tensors.tensor(&format!("{at}.floats"));
            let tensor = tensor.map_err(|error| error.to_string())?;
            let rows = tensor.shape().first().copied().unwrap_or(0);
            let floats = numbers_of(tensor.data(), f32::from_le_bytes).collect();
            Block::of_floats(&sizes, rows, floats)
        };
        let block = block.ok_or("the numbers do not fill the column's shape")?;
        Ok(Values::Block(block))
    }

    /// Returns the rows at which windows of this length start.
    pub fn starts(&self, rows: usize, length: u32) -> Result<Vec<usize>, String> {
        let tensor = self.tensors.tensor(STARTS);
        let tensor = tensor.map_err(|error| error.to_string())?;
        let last = rows.checked_sub(length as usize);
        let starts = numbers_of(tensor.data(), u64::from_le_bytes);
        starts
            .map(|start| {
                let start = usize::try_from(start).ok();
                start.filter(|start| last.is_some_and(|last| *start <= last))
            })
            .collect::<Option<_>>()
            .ok_or_else(|| "a window starts behind the last row".to_owned())
    }
}
