//! Columns of typed values, from texts to the numbers that are trained on. Knows no files and no steps.

use indexmap::IndexMap;
use pipe_schema::stage::preprocess::ColumnType;
use serde_json::Value;

use crate::{
    dataset::Features,
    error::DataError,
    infer::{self, Missing},
    table::{Fields, Places},
    words::{NO_WORD, Words},
};

/// Columns of equal length by name.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    pub columns: IndexMap<String, Values>,
    /// Where the rows came from.
    pub places: Places,
}

/// The values of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// A missing one is NaN.
    Numbers(Vec<f64>),
    Truths(Vec<Option<bool>>),
    Words(Words),
}

/// A text that is not of its column's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    pub row: usize,
    pub text: String,
}

impl Values {
    /// The texts of a column as values of a type.
    pub fn of(fields: &Fields, r#type: ColumnType, missing: &Missing) -> Result<Self, Misfit> {
        let misfit = |row: usize, text: &[u8]| Misfit {
            row,
            text: infer::text_of(text).to_owned(),
        };
        let texts = fields.iter().enumerate();
        match r#type {
            ColumnType::Numeric => texts
                .map(|(row, text)| match infer::number(text) {
                    Some(value) if !missing.has(text) => Ok(value),
                    _ if missing.has(text) => Ok(f64::NAN),
                    _ => Err(misfit(row, text)),
                })
                .collect::<Result<_, _>>()
                .map(Self::Numbers),
            ColumnType::Boolean => texts
                .map(|(row, text)| match infer::truth_or_digit(text) {
                    _ if missing.has(text) => Ok(None),
                    Some(truth) => Ok(Some(truth)),
                    None => Err(misfit(row, text)),
                })
                .collect::<Result<_, _>>()
                .map(Self::Truths),
            ColumnType::Categorical => Ok(Self::Words(Words::of(fields, missing))),
        }
    }

    /// The type, as messages call it.
    pub fn type_word(&self) -> &'static str {
        match self {
            Self::Numbers(_) => "numeric",
            Self::Truths(_) => "boolean",
            Self::Words(_) => "categorical",
        }
    }

    /// Whether a choice of this type means the column.
    pub fn is(&self, r#type: ColumnType) -> bool {
        match self {
            Self::Numbers(_) => r#type == ColumnType::Numeric,
            Self::Truths(_) => r#type == ColumnType::Boolean,
            Self::Words(_) => r#type == ColumnType::Categorical,
        }
    }

    /// How many rows the column has.
    pub fn rows(&self) -> usize {
        match self {
            Self::Numbers(values) => values.len(),
            Self::Truths(values) => values.len(),
            Self::Words(words) => words.codes.len(),
        }
    }

    /// Whether the value of a row is missing.
    pub fn is_missing(&self, row: usize) -> bool {
        match self {
            Self::Numbers(values) => values[row].is_nan(),
            Self::Truths(values) => values[row].is_none(),
            Self::Words(words) => words.codes[row] == NO_WORD,
        }
    }

    /// The value of a row as JSON; a missing one is null.
    pub fn json(&self, row: usize) -> Value {
        match self {
            Self::Numbers(values) => number_json(values[row]),
            Self::Truths(values) => values[row].map_or(Value::Null, Value::Bool),
            Self::Words(words) => words
                .get(row)
                .map_or(Value::Null, |it| Value::String(it.to_owned())),
        }
    }
}

impl Frame {
    /// Checks that every column holds numbers, none of them missing.
    pub fn check_numbers(&self) -> Result<(), DataError> {
        let words: Vec<&String> = self
            .columns
            .iter()
            .filter(|(_, values)| matches!(values, Values::Words(_)))
            .map(|(name, _)| name)
            .collect();
        if let [name, ..] = words.as_slice() {
            let (noun, verb) = if words.len() == 1 {
                ("column", "is")
            } else {
                ("columns", "are")
            };
            return Err(DataError::wrong(format!(
                "{noun} {} {verb} categorical: only numbers can be trained on",
                infer::listed(&words)
            ))
            .hint(format!(
                "add a step: `- one_hot: {{columns: categorical}}`, or leave it out: `- drop: {{columns: [{name}]}}`"
            )));
        }
        if self.columns.is_empty() {
            return Err(
                DataError::wrong("no column is left to train on").hint("drop fewer columns")
            );
        }
        for (name, values) in &self.columns {
            let rows = values.rows();
            if let Some(first) = (0..rows).find(|row| values.is_missing(*row)) {
                let count = (first..rows).filter(|row| values.is_missing(*row)).count();
                return Err(missing_error(&self.places, name, first, count));
            }
        }
        Ok(())
    }

    /// The rows as numbers, after `check_numbers`.
    pub fn features(&self, rows: &[usize]) -> Result<Features, DataError> {
        const BLOCK: usize = 1024;
        let width = self.columns.len();
        let mut values = vec![0_f32; rows.len() * width];
        for (block, out) in rows.chunks(BLOCK).zip(values.chunks_mut(BLOCK * width)) {
            for (at, (name, column)) in self.columns.iter().enumerate() {
                for (row, cell) in block.iter().zip(out[at..].iter_mut().step_by(width)) {
                    *cell = column.feature(*row);
                    if !cell.is_finite() {
                        return Err(DataError::wrong(format!(
                            "{}: column `{name}`: the number is too large to train on",
                            self.places.of(*row)
                        ))
                        .hint(format!("scale it: `- standardize: {{columns: [{name}]}}`")));
                    }
                }
            }
        }
        Ok(Features {
            rows: rows.len(),
            width,
            values,
        })
    }
}

impl Values {
    fn feature(&self, row: usize) -> f32 {
        match self {
            Self::Numbers(values) => values[row] as f32,
            Self::Truths(values) => f32::from(u8::from(values[row] == Some(true))),
            Self::Words(_) => f32::NAN,
        }
    }
}

/// A number as JSON, an integer without a point.
pub fn number_json(value: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT && !(value == 0.0 && value.is_sign_negative()) {
        Value::from(value as i64)
    } else {
        Value::from(value)
    }
}

/// The error for values that are still missing, with what to do about it.
pub fn missing_error(places: &Places, column: &str, first: usize, count: usize) -> DataError {
    let rows = if count == 1 { "row" } else { "rows" };
    DataError::wrong(format!(
        "{}: column `{column}` has no value here ({count} {rows} in all), and no step fills it",
        places.of(first)
    ))
    .hint(format!(
        "add a step: `- impute: {{columns: [{column}]}}`, or leave the column out: `- drop: {{columns: [{column}]}}`"
    ))
}
