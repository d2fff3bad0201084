//! New raw rows, and the stored preprocessing applied to them. Knows no model.

use std::{collections::HashSet, path::Path};

use indexmap::IndexMap;
use pipe_schema::{
    dataset::{Column, DatasetSchema, FittedStep, RowFindings},
    stage::preprocess::{ColumnType, Form, Read, Windows},
};
use serde_json::{Map, Value};

use crate::{
    block::{Block, shape_words},
    dataset::{FeatureRows, Features},
    error::DataError,
    foreign,
    frame::{Frame, Values, expected},
    infer::Missing,
    met::Met,
    moment,
    picture::{broken, column},
    sniff::form_of_rows,
    steps,
    table::{self, Table, jsonl},
    windows::{self, Order, Series},
    written::Notation,
};

/// Raw rows as they came, with the columns that the schema asks for.
#[derive(Clone, Debug)]
pub struct RawRows {
    /// Columns beside those that were asked for.
    unused: Vec<String>,
    /// What was lost of these rows.
    pub losses: Vec<String>,
    table: Table,
    /// Whether each so many rows are a window by themselves.
    are_apart: bool,
    /// The form of their file, where they are of one.
    form: Option<Form>,
}

impl RawRows {
    /// Rows that are at hand as JSON, like the golden rows of a package.
    pub fn from_json(
        rows: &[Map<String, Value>],
        schema: &DatasetSchema,
    ) -> Result<Self, DataError> {
        let wanted = needed(schema);
        let spread = match &schema.windows {
            Some(spec) => Some(spread(rows, &wanted, spec.length as usize)?),
            None => None,
        };
        let are_apart = spread.is_some();
        let rows = spread.as_deref().unwrap_or(rows);
        let (table, unused) = jsonl::take_wanted(rows, schema.target.columns(), &wanted)?;
        Ok(Self {
            are_apart,
            ..Self::of(table, &unused)
        })
    }

    /// Names of the columns beside those that were asked for.
    pub fn unused(&self) -> &[String] {
        &self.unused
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.table.rows()
    }

    /// The path of the file that is the row.
    pub fn file(&self, row: usize) -> Option<&str> {
        self.table.places.file_of(row)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn of(table: Table, unused: &[String]) -> Self {
        Self {
            unused: unused.to_vec(),
            losses: Vec::new(),
            table,
            are_apart: false,
            form: None,
        }
    }
}

/// Reads raw rows from a file, plain or gzip; without a form, in the one that its content shows. Columns may be in
/// any order; more than the schema's are left out.
pub fn read_rows(
    path: &Path,
    form: Option<Form>,
    schema: &DatasetSchema,
) -> Result<RawRows, DataError> {
    let mut all = None;
    read_rows_by(usize::MAX, path, form, schema, &mut |rows| {
        all = Some(rows);
        Ok::<(), DataError>(())
    })?;
    all.ok_or_else(|| DataError::wrong(format!("{}: has no rows", path.display())))
}

/// Likewise, but at most `limit` rows at a time, for files that are larger than memory. `take` is called once at least.
/// Where the schema makes windows, the rows of a file are a series, read at once; or each line of JSON is a window.
pub fn read_rows_by<E: From<DataError>>(
    limit: usize,
    path: &Path,
    form: Option<Form>,
    schema: &DatasetSchema,
    take: &mut dyn FnMut(RawRows) -> Result<(), E>,
) -> Result<(), E> {
    let mut wanted = needed(schema);
    let targets = schema.target.columns();
    let of_windows = schema.windows.iter().flat_map(Windows::columns);
    let of_windows: Vec<&str> = of_windows.map(|it| it.1).collect();
    let form = form.map_or_else(|| form_of_rows(path, schema), Ok)?;
    let read = &schema.reading(Some(form));
    if schema.windows.is_some()
        && read.form() == Form::Jsonl
        && jsonl::first(path, read)?.is_some_and(|row| {
            let has_list = |it: &&str| row.get(*it).is_some_and(Value::is_array);
            wanted.iter().any(has_list)
        })
    {
        return jsonl::objects(path, read, limit, &mut |rows| {
            take(RawRows::from_json(&written(rows, read)?, schema)?)
        });
    }
    for name in of_windows {
        if !wanted.contains(&name) {
            wanted.push(name);
        }
    }
    let limit = match &schema.windows {
        Some(_) => usize::MAX,
        None => limit,
    };
    let mut take = |mut table: Table, unused: &[String]| {
        let left_out = broken::leave_out(&mut table, read)?;
        let lost = column::lost_depth(schema, table.pictures.as_ref());
        take(RawRows {
            losses: left_out.into_iter().chain(lost).collect(),
            form: Some(form),
            ..RawRows::of(table, unused)
        })
    };
    table::read_wanted(path, read, targets, &wanted, limit, &mut take)
}

/// Does to new rows what was done to the train part, and gives all their numbers.
pub fn transform(schema: &DatasetSchema, rows: &RawRows) -> Result<Features, DataError> {
    transform_rows(schema, rows).map(FeatureRows::into_dense)
}

/// Does to new rows what was done to the train part; sparse rows stay sparse.
pub fn transform_rows(schema: &DatasetSchema, rows: &RawRows) -> Result<FeatureRows, DataError> {
    transform_and_count(schema, rows).map(|(features, _)| features)
}

/// Likewise, and counts what the rows have that the train part had not.
pub fn transform_and_count(
    schema: &DatasetSchema,
    rows: &RawRows,
) -> Result<(FeatureRows, RowFindings), DataError> {
    let (features, met) = transform_noting(schema, rows)?;
    let is_unknown = |name: &&String| schema.columns.iter().all(|column| column.name != **name);
    let findings = RowFindings {
        unused: rows.unused.iter().filter(is_unknown).cloned().collect(),
        ..met.findings(rows.len())
    };
    Ok((features, findings))
}

fn transform_noting(
    schema: &DatasetSchema,
    rows: &RawRows,
) -> Result<(FeatureRows, Met), DataError> {
    let missing = Missing::of(&schema.read);
    let foreign = rows.form.and_then(|form| foreign::missing(schema, form));
    let mut frame = Frame {
        columns: IndexMap::new(),
        places: rows.table.places.clone(),
        met: Met::default(),
    };
    let types: IndexMap<&str, ColumnType> = schema
        .columns
        .iter()
        .map(|it| (it.name.as_str(), it.r#type))
        .collect();
    for column in &rows.table.columns {
        let name = &column.name;
        let r#type = types.get(name.as_str()).copied();
        let r#type = r#type.unwrap_or(ColumnType::Categorical);
        let without = foreign.as_ref().and_then(|words| {
            foreign::without(schema, name, r#type, &column.fields, words, &missing)
        });
        let fields = without.as_ref().unwrap_or(&column.fields);
        let values = Values::of(fields, r#type, &missing).map_err(|it| {
            let error = DataError::wrong(format!(
                "{}: column `{name}`: `{}` is not {}",
                frame.places.of(it.row),
                it.text,
                expected(r#type)
            ));
            match r#type {
                ColumnType::Datetime => error.hint(moment::EXPECTED),
                _ => error,
            }
        })?;
        frame.columns.insert(name.clone(), values);
    }
    for (name, block) in &rows.table.blocks {
        let is_block = |it: &&Column| it.name == *name && it.r#type != ColumnType::Image;
        let column = schema.columns.iter().find(is_block);
        let Some(shape) = column.and_then(|it| it.shape.as_deref()) else {
            return Err(DataError::wrong(format!(
                "{}: column `{name}`: a list is no value",
                frame.places.of(0)
            ))
            .hint("give a number, a text, true, false or null"));
        };
        frame.add_block(name, block.clone(), Some(shape))?;
    }
    for wide in schema.columns.iter().filter(|it| it.shape.is_some()) {
        if !matches!(frame.columns.get(&wide.name), Some(Values::Numbers(_))) {
            continue;
        }
        let shape = wide.shape.as_deref().unwrap_or_default();
        let sizes: Vec<usize> = shape.iter().map(|it| *it as usize).collect();
        // Without rows, no list tells that the column is one.
        if let Some(none) = Block::of_floats(&sizes, 0, Vec::new()).filter(|_| rows.is_empty()) {
            frame.add_block(&wide.name, none, Some(shape))?;
            continue;
        }
        return Err(DataError::wrong(format!(
            "{}: column `{}` needs a list of {} numbers",
            frame.places.of(0),
            wide.name,
            shape_words(shape)
        )));
    }
    column::follow(schema, rows.table.pictures.as_ref(), &mut frame)?;
    apply_steps(schema, &mut frame)?;
    let all: Vec<usize> = (0..rows.len()).collect();
    let Some(spec) = &schema.windows else {
        return Ok((frame.feature_rows(&all, &|| u64::MAX)?, frame.met));
    };
    let series = if rows.are_apart {
        Series::apart(rows.len(), spec.length)
    } else {
        let order = Order::of(spec, &rows.table, &missing)?;
        Series::among(&order, &all, spec.length, 0)
    };
    if series.len() == 0 && !rows.is_empty() {
        let length = spec.length;
        return Err(DataError::wrong(format!(
            "{}: {} rows from here on, and no {length} of them make a window",
            frame.places.of(0),
            rows.len()
        ))
        .hint(format!(
            "the model takes {length} rows that follow each other"
        )));
    }
    let features = series.features(&frame, &|| u64::MAX)?;
    Ok((FeatureRows::Dense(features), frame.met))
}

/// The rows of a file with their values as they are usually written; those of a window are lists.
fn written(
    mut rows: Vec<Map<String, Value>>,
    read: &Read,
) -> Result<Vec<Map<String, Value>>, DataError> {
    for (name, column) in &read.notations {
        let Some(notation) = Notation::of(read, column) else {
            continue;
        };
        for (at, row) in rows.iter_mut().enumerate() {
            let values = match row.get_mut(name) {
                Some(Value::Array(values)) => values.as_mut_slice(),
                Some(value) => std::slice::from_mut(value),
                None => continue,
            };
            for value in values {
                let plain = notation
                    .read_json(value)
                    .map_err(|why| notation.misfit(&format!("row {}", at + 1), name, &why))?;
                *value = plain.into_owned();
            }
        }
    }
    Ok(rows)
}

/// Does to raw columns what was done to the train part, and checks that the features of the schema come of it.
pub fn apply_steps(schema: &DatasetSchema, frame: &mut Frame) -> Result<(), DataError> {
    for step in &schema.steps {
        steps::apply(step, frame).map_err(without_steps)?;
    }
    frame.check_numbers().map_err(without_steps)?;
    let mut features = frame.feature_names();
    let unlike = || DataError::wrong("the steps do not give the features that the schema names");
    if let Some(spec) = &schema.windows {
        // Before as many names are made: a broken schema may ask for too many.
        let count = features.len().checked_mul(spec.length as usize);
        if spec.length == 0 || count != Some(schema.features.len()) {
            return Err(unlike());
        }
        features = windows::names(&features, spec.length);
    }
    if features != schema.features {
        return Err(unlike());
    }
    Ok(())
}

/// The rows of windows whose columns are lists, one window after another.
fn spread(
    windows: &[Map<String, Value>],
    wanted: &[&str],
    length: usize,
) -> Result<Vec<Map<String, Value>>, DataError> {
    let mut rows = Vec::new();
    for (number, window) in windows.iter().enumerate() {
        let lists = wanted.iter().filter_map(|it| window.get_key_value(*it));
        let lists: Vec<(&String, &Vec<Value>)> = lists
            .map(|(name, value)| match value {
                Value::Array(list) if list.len() == length => Ok((name, list)),
                _ => Err(DataError::wrong(format!(
                    "row {}: column `{name}` needs a list of {length} values, those of a window in order",
                    number + 1
                ))),
            })
            .collect::<Result<_, _>>()?;
        for at in 0..length {
            let row = lists.iter();
            rows.push(
                row.map(|(name, list)| ((*name).clone(), list[at].clone()))
                    .collect(),
            );
        }
    }
    Ok(rows)
}

/// Steps cannot be added to what is trained: the remedy is another row.
fn without_steps(mut error: DataError) -> DataError {
    if error.hint.as_ref().is_some_and(|it| it.contains("step: ")) {
        error.hint = Some("the model was trained without missing values in this column".to_owned());
    }
    error
}

/// The raw columns that new rows must have: all but those that are dropped before anything is made of them.
pub(crate) fn needed(schema: &DatasetSchema) -> Vec<&str> {
    let told: HashSet<&str> = schema
        .steps
        .iter()
        .filter_map(|it| match it {
            FittedStep::Impute { indicators, .. } => Some(indicators),
            _ => None,
        })
        .flatten()
        .map(String::as_str)
        .collect();
    let dropped: HashSet<&str> = schema
        .steps
        .iter()
        .filter_map(|it| match it {
            FittedStep::Drop { columns } => Some(columns),
            _ => None,
        })
        .flatten()
        .map(String::as_str)
        .collect();
    let names = schema.columns.iter().map(|it| it.name.as_str());
    names
        .filter(|it| told.contains(it) || !dropped.contains(it))
        .collect()
}
