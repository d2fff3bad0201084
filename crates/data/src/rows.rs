//! New raw rows, and the stored preprocessing applied to them. Knows no model.

use std::path::Path;

use pipe_schema::{dataset::DatasetSchema, protocol::RowForm};
use serde_json::{Map, Value};

use crate::{dataset::Features, error::DataError};

/// Raw rows as they came, with the columns that the schema asks for.
#[derive(Clone, Debug)]
pub struct RawRows {
    /// What is worth telling: columns that were not used.
    pub notes: Vec<String>,
    count: usize,
}

impl RawRows {
    /// Rows that are at hand as JSON, like the golden rows of a package.
    pub fn from_json(
        rows: &[Map<String, Value>],
        _schema: &DatasetSchema,
    ) -> Result<Self, DataError> {
        Ok(Self {
            notes: Vec::new(),
            count: rows.len(),
        })
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// Reads raw rows from a file, plain or gzip. Columns may be in any order; more than the schema's are left out.
pub fn read_rows(path: &Path, form: RowForm, schema: &DatasetSchema) -> Result<RawRows, DataError> {
    let _ = (path, form, schema);
    Err(DataError::wrong("rows are not read yet"))
}

/// Does to new rows what was done to the train part.
pub fn transform(schema: &DatasetSchema, rows: &RawRows) -> Result<Features, DataError> {
    let _ = (schema, rows);
    Err(DataError::wrong("rows are not transformed yet"))
}
