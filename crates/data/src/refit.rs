//! The rows of a dataset as another dataset's fitted steps prepare them: what a model makes of rows that were not made for
//! it. Starts from the raw columns, as predictions do. Knows no model but its dataset's schema.

mod checks;

use std::{fs, path::PathBuf};

use indexmap::IndexMap;
use pipe_schema::{
    dataset::{
        Column, DatasetSchema, FittedStep, KEPT_FILE, KeptColumn, RAW_FOLDER, REST_FILE,
        RowFindings, raw_file, rest_file,
    },
    stage::preprocess::{Read, Windows},
};

use self::checks::{as_type, check_columns, check_windows};
use crate::{
    block::Block,
    dataset::{Dataset, FeatureRows, Part, read_json},
    error::DataError,
    frame::{Frame, Values},
    infer::Missing,
    met::Met,
    raw::rest::RawFile,
    rows::{self, apply_steps},
    table::Places,
    target::adapt::{adapt, misfit},
    windows::Series,
};

const TRAIN: &str = "train";

impl Dataset {
    /// Returns the rows of a part as they are for a model whose dataset has this schema: as they lie in the dataset if its
    /// own steps do the same, else by the model's steps from the raw columns.
    pub fn part_for(
        &self,
        part: &str,
        model: &DatasetSchema,
    ) -> Result<Part<FeatureRows>, DataError> {
        let (prepared, _) = self.prepare_part(part, model, self.has_steps_of(model))?;
        Ok(prepared)
    }

    /// Likewise, but each row as if it were new: the rows of a train part are encoded by their targets as no new row is.
    pub fn new_part_for(
        &self,
        part: &str,
        model: &DatasetSchema,
    ) -> Result<Part<FeatureRows>, DataError> {
        let is_prepared = self.has_new_rows_of(part, model);
        let (prepared, _) = self.prepare_part(part, model, is_prepared)?;
        Ok(prepared)
    }

    /// Likewise, with what the rows have that the model's train part had not.
    pub fn new_part_with_findings(
        &self,
        part: &str,
        model: &DatasetSchema,
    ) -> Result<(Part<FeatureRows>, RowFindings), DataError> {
        let is_prepared = self.has_new_rows_of(part, model);
        let (prepared, met) = self.prepare_part(part, model, is_prepared)?;
        let findings = match met {
            Some(met) => met.findings(prepared.rows.len()),
            None => self.summary(part)?.findings(&model.steps),
        };
        Ok((prepared, findings))
    }

    fn prepare_part(
        &self,
        part: &str,
        model: &DatasetSchema,
        is_prepared: bool,
    ) -> Result<(Part<FeatureRows>, Option<Met>), DataError> {
        let own = self.part_as_kept(part)?;
        let target = adapt(&model.target, &self.schema().target, &own.target)?;
        let (features, met) = if is_prepared {
            (own.features, None)
        } else {
            let (features, met) = RawPart::open(self, part, &own.features)?.prepare(model)?;
            if features.rows() != own.rows.len() {
                return Err(DataError::wrong(format!(
                    "the raw columns of the {part} part have {} rows, the part {}",
                    features.rows(),
                    own.rows.len()
                )));
            }
            (features, Some(met))
        };
        let part = Part {
            features,
            target,
            rows: own.rows,
        };
        Ok((part, met))
    }

    /// Whether the rows of a part lie as the model's steps would make new rows.
    fn has_new_rows_of(&self, part: &str, model: &DatasetSchema) -> bool {
        (part != TRAIN || !encodes_target(model)) && self.has_steps_of(model)
    }

    /// Whether the dataset's own steps make of its rows what the model's would.
    fn has_steps_of(&self, model: &DatasetSchema) -> bool {
        let own = self.schema();
        let is_alike = |column: &Column| {
            let theirs = own.columns.iter().find(|it| it.name == column.name);
            theirs.is_some_and(|it| it.r#type == column.r#type && it.shape == column.shape)
        };
        let needed = rows::needed(model);
        let mut columns = model
            .columns
            .iter()
            .filter(|it| needed.contains(&it.name.as_str()));
        own.steps == model.steps
            && own.features == model.features
            && own.windows == model.windows
            && columns.all(is_alike)
    }
}

/// Whether a step looks at the target, so that rows that are trained on are encoded in another way than new ones.
fn encodes_target(schema: &DatasetSchema) -> bool {
    let is_encoding = |step: &FittedStep| matches!(step, FittedStep::TargetEncode { .. });
    schema.steps.iter().any(is_encoding)
}

/// The raw columns of a part.
struct RawPart<'a> {
    dataset: &'a Dataset,
    part: &'a str,
    /// The part's rows after the dataset's own steps: blocks that no step changes are only here.
    prepared: &'a FeatureRows,
    kept: RawColumns,
    rest: RawColumns,
}

/// A file of raw columns with its list.
#[derive(Default)]
struct RawColumns {
    path: PathBuf,
    columns: Vec<KeptColumn>,
    bytes: Vec<u8>,
}

impl RawColumns {
    /// Reads a file of raw columns; one that the dataset does not have has no columns.
    fn read(dataset: &Dataset, list: &str, file: &str) -> Result<Self, DataError> {
        let list = dataset.folder().join(RAW_FOLDER).join(list);
        if !list.is_file() {
            return Ok(Self::default());
        }
        let path = dataset.folder().join(file);
        let bytes = fs::read(&path).map_err(|error| DataError::io(&path, &error))?;
        Ok(Self {
            columns: read_json(&list)?,
            path,
            bytes,
        })
    }

    fn open(&self) -> Result<Option<RawFile<'_>>, DataError> {
        if self.columns.is_empty() && self.bytes.is_empty() {
            return Ok(None);
        }
        let file = RawFile::open(&self.bytes, &self.columns);
        file.map(Some).map_err(|why| self.damaged(&why))
    }

    fn damaged(&self, why: &str) -> DataError {
        DataError::wrong(format!("{}: {why}", self.path.display()))
    }
}

impl<'a> RawPart<'a> {
    fn open(
        dataset: &'a Dataset,
        part: &'a str,
        prepared: &'a FeatureRows,
    ) -> Result<Self, DataError> {
        Ok(Self {
            kept: RawColumns::read(dataset, KEPT_FILE, &raw_file(part))?,
            rest: RawColumns::read(dataset, REST_FILE, &rest_file(part))?,
            dataset,
            part,
            prepared,
        })
    }

    /// Returns the features that the model's steps make of the raw columns.
    fn prepare(&self, model: &DatasetSchema) -> Result<(FeatureRows, Met), DataError> {
        let own = self.dataset.schema();
        check_windows(model, own)?;
        let needed = rows::needed(model);
        check_columns(&needed, own)?;
        let mut frame = Frame {
            columns: IndexMap::with_capacity(needed.len()),
            places: Places::default(),
            met: Met::default(),
        };
        frame
            .places
            .start_rows(0, format!("the {} part", self.part));
        let missing = Missing::of(&Read {
            form: own.read.form,
            ..model.read.clone()
        });
        for column in model
            .columns
            .iter()
            .filter(|it| needed.contains(&it.name.as_str()))
        {
            let values = self.column(column, own)?;
            let values = as_type(values, column, &missing, &frame.places)?;
            frame.columns.insert(column.name.clone(), values);
        }
        apply_steps(model, &mut frame)?;
        let rows = frame.columns.values().next().map_or(0, Values::rows);
        let room = &|| u64::MAX;
        let features = match &model.windows {
            None => frame.feature_rows(&(0..rows).collect::<Vec<_>>(), room)?,
            Some(windows) => {
                let series = self.series(windows, rows)?;
                FeatureRows::Dense(series.features(&frame, room)?)
            }
        };
        Ok((features, frame.met))
    }

    fn series(&self, windows: &Windows, rows: usize) -> Result<Series, DataError> {
        let Some(file) = self.rest.open()? else {
            return Err(not_kept("the rows of windows"));
        };
        let starts = file.starts(rows, windows.length);
        let starts = starts.map_err(|why| self.rest.damaged(&why))?;
        Ok(Series::starting_at(starts, rows, windows.length))
    }

    /// Returns the values of a column that the model takes, of the type that they have in the dataset.
    fn column(&self, wanted: &Column, own: &DatasetSchema) -> Result<Values, DataError> {
        let name = &wanted.name;
        let column = own.columns.iter().find(|it| it.name == *name);
        let column = column.ok_or_else(|| misfit(format!("it has no column `{name}`")))?;
        // Of windows, `columns.json` is of the rows that are predicted alone.
        let files: &[&RawColumns] = match own.windows {
            Some(_) => &[&self.rest],
            None => &[&self.kept, &self.rest],
        };
        for raw in files {
            let Some(file) = raw.open()? else { continue };
            let values = file.values(name, column.r#type, column.shape.as_deref());
            if let Some(values) = values.map_err(|why| raw.damaged(&why))? {
                return Ok(values);
            }
        }
        if let Some(shape) = column.shape.as_deref()
            && !has_scaled(own, name)
            && let Some(block) = self.block_of_features(name, shape)
        {
            return Ok(Values::Block(block));
        }
        Err(not_kept(&format!("the column `{name}`")))
    }

    /// Returns a block that no step changed: its numbers are among the features.
    fn block_of_features(&self, name: &str, shape: &[u32]) -> Option<Block> {
        let own = self.dataset.schema();
        if own.windows.is_some() {
            return None;
        }
        let sizes: Vec<usize> = shape.iter().map(|size| *size as usize).collect();
        let width: usize = sizes.iter().product();
        let first = own
            .features
            .iter()
            .position(|it| *it == format!("{name}[0]"))?;
        let last = own.features.get(first + width.checked_sub(1)?)?;
        if *last != format!("{name}[{}]", width - 1) {
            return None;
        }
        let mut numbers = Vec::with_capacity(self.prepared.rows() * width);
        for row in 0..self.prepared.rows() {
            numbers.extend_from_slice(&self.prepared.row(row)[first..first + width]);
        }
        Block::of_floats(&sizes, self.prepared.rows(), numbers)
    }
}

fn not_kept(what: &str) -> DataError {
    misfit(format!(
        "its steps are not the model's, and it does not keep {what} as it was read"
    ))
    .hint(
        "a preprocess stage keeps all but pictures: give it the steps of the model's own dataset with the same \
         numbers (`normalize: {mean: […], std: […]}`), or make these rows a part of that dataset: `split: {files: {…}}`",
    )
}

/// Whether a step changed the numbers of a block.
fn has_scaled(schema: &DatasetSchema, name: &str) -> bool {
    schema.steps.iter().any(|step| match step {
        FittedStep::Standardize { columns } => columns.contains_key(name),
        FittedStep::MinMax { columns } => columns.contains_key(name),
        FittedStep::Normalize { columns } => columns.contains_key(name),
        FittedStep::Resize { columns, .. } => columns.contains_key(name),
        _ => false,
    })
}
