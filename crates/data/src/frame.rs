//! Columns of typed values, from texts to the numbers that are trained on. Knows no files and no steps.

use indexmap::IndexMap;
use pipe_schema::stage::preprocess::ColumnType;
use serde_json::Value;

use crate::{
    block::{Block, shape_words},
    error::DataError,
    infer::{self, Missing},
    met::Met,
    moment,
    picture::Pictures,
    sparse::SparseColumn,
    table::{Fields, Places},
    words::{NO_WORD, Words},
};

/// Columns of equal length by name.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    pub columns: IndexMap<String, Values>,
    /// Where the rows came from.
    pub places: Places,
    /// What steps met that the train part had not.
    pub met: Met,
}

/// The values of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// A missing one is NaN.
    Numbers(Vec<f64>),
    Truths(Vec<Option<bool>>),
    Words(Words),
    /// Many numbers a row, none of them missing.
    Block(Block),
    /// Of any size, none of them missing.
    Pictures(Pictures),
    /// Numbers or truths, most of them 0 or `false`, none of them missing.
    Sparse(SparseColumn),
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
            ColumnType::Image => Pictures::of_texts(fields)
                .map(Self::Pictures)
                .map_err(|(row, text)| Misfit { row, text }),
            ColumnType::Categorical | ColumnType::Datetime | ColumnType::Text => {
                let words = Words::of(fields, missing);
                Self::of_words(words, r#type).map_err(|(row, text)| Misfit { row, text })
            }
        }
    }

    /// The texts of a column as values of the type that is told from the rows where `counts` is true.
    pub fn infer(
        fields: &Fields,
        missing: &Missing,
        counts: &[bool],
    ) -> (ColumnType, Result<Self, Misfit>) {
        // Most columns are of numbers: these need no second reading.
        if let Ok(numbers) = Self::of(fields, ColumnType::Numeric, missing) {
            return (ColumnType::Numeric, Ok(numbers));
        }
        let r#type = infer::column_type(fields, missing, counts);
        if r#type != ColumnType::Categorical {
            return (r#type, Self::of(fields, r#type, missing));
        }
        let words = Words::of(fields, missing);
        let rows: Vec<usize> = (0..counts.len()).filter(|row| counts[*row]).collect();
        let known = words.counts(&rows);
        let seen = words.names().zip(&known).filter(|it| *it.1 > 0);
        let r#type = infer::words_type(seen.map(|it| it.0), known.iter().sum());
        let values = Self::of_words(words, r#type).map_err(|(row, text)| Misfit { row, text });
        (r#type, values)
    }

    /// Words of a type; of dates, all must be some.
    fn of_words(mut words: Words, r#type: ColumnType) -> Result<Self, (usize, String)> {
        if r#type == ColumnType::Datetime {
            let code = words.names().position(|it| moment::parse(it).is_none());
            if let Some(code) = code {
                let row = words.codes.iter().position(|it| *it as usize == code);
                let row = row.unwrap_or_default();
                return Err((row, words.get(row).unwrap_or_default().to_owned()));
            }
        }
        words.r#type = r#type;
        Ok(Self::Words(words))
    }

    /// The type, as messages call it.
    pub fn type_word(&self) -> &'static str {
        match self {
            Self::Numbers(_) => "numeric",
            Self::Truths(_) => "boolean",
            Self::Words(words) => words.r#type.name(),
            Self::Block(_) => "a block of numbers",
            Self::Pictures(_) => "a column of pictures",
            Self::Sparse(column) => column.r#type().name(),
        }
    }

    /// Whether a choice of this type means the column.
    pub fn is(&self, r#type: ColumnType) -> bool {
        match self {
            Self::Numbers(_) => r#type == ColumnType::Numeric,
            Self::Block(block) => {
                r#type == ColumnType::Numeric || (r#type == ColumnType::Image && block.is_image())
            }
            Self::Pictures(_) => r#type == ColumnType::Image,
            Self::Truths(_) => r#type == ColumnType::Boolean,
            Self::Words(words) => r#type == words.r#type,
            Self::Sparse(column) => r#type == column.r#type(),
        }
    }

    /// How many rows the column has.
    pub fn rows(&self) -> usize {
        match self {
            Self::Numbers(values) => values.len(),
            Self::Truths(values) => values.len(),
            Self::Words(words) => words.codes.len(),
            Self::Block(block) => block.rows(),
            Self::Pictures(pictures) => pictures.rows(),
            Self::Sparse(column) => column.rows(),
        }
    }

    /// Whether the value of a row is missing.
    pub fn is_missing(&self, row: usize) -> bool {
        match self {
            Self::Numbers(values) => values[row].is_nan(),
            Self::Truths(values) => values[row].is_none(),
            Self::Words(words) => words.codes[row] == NO_WORD,
            Self::Block(_) | Self::Pictures(_) | Self::Sparse(_) => false,
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
            Self::Block(block) => block.json(row),
            Self::Pictures(pictures) => pictures.text(row).map_or(Value::Null, Value::String),
            Self::Sparse(column) if column.is_boolean() => Value::Bool(column.number(row) != 0.0),
            Self::Sparse(column) => number_json(column.number(row)),
        }
    }
}

impl Frame {
    /// Checks that every column holds numbers, none of them missing.
    pub fn check_numbers(&self) -> Result<(), DataError> {
        let words = self.columns.values().find_map(|values| match values {
            Values::Words(words) => Some(words.r#type),
            _ => None,
        });
        let of_type = |it: ColumnType| self.columns.iter().filter(move |(_, values)| values.is(it));
        let words: Option<(ColumnType, Vec<&String>)> =
            words.map(|it| (it, of_type(it).map(|(name, _)| name).collect()));
        if let Some((r#type, words)) = words
            && let [name, ..] = words.as_slice()
        {
            let (noun, verb) = if words.len() == 1 {
                ("column", "is")
            } else {
                ("columns", "are")
            };
            return Err(DataError::wrong(format!(
                "{noun} {} {verb} {}: only numbers can be trained on",
                infer::listed(&words),
                r#type.name()
            ))
            .hint(format!(
                "add a step: {}, or leave it out: `- drop: {{columns: [{name}]}}`",
                step_for(r#type)
            )));
        }
        let are_pictures = |it: &(&String, &Values)| matches!(it.1, Values::Pictures(_));
        if let Some((name, _)) = self.columns.iter().find(are_pictures) {
            return Err(DataError::wrong(format!(
                "column `{name}` is of pictures: only numbers can be trained on"
            ))
            .hint(format!(
                "add a step: `- resize: {{columns: [{name}], size: [64, 64]}}`"
            )));
        }
        if self.columns.is_empty() {
            return Err(
                DataError::wrong("no column is left to train on").hint("drop fewer columns")
            );
        }
        for (name, values) in &self.columns {
            if matches!(values, Values::Sparse(_)) {
                continue;
            }
            let rows = values.rows();
            if let Some(first) = (0..rows).find(|row| values.is_missing(*row)) {
                let count = (first..rows).filter(|row| values.is_missing(*row)).count();
                return Err(missing_error(&self.places, name, first, count));
            }
        }
        Ok(())
    }

    /// Names of the columns of `features`: a block has one for each of its numbers.
    pub fn feature_names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for (name, values) in &self.columns {
            match values {
                Values::Block(block) => {
                    names.extend((0..block.width()).map(|at| format!("{name}[{at}]")));
                }
                _ => names.push(name.clone()),
            }
        }
        names
    }

    /// The shape of a row, where it is one block and nothing else.
    pub fn shape(&self) -> Option<Vec<u32>> {
        match self.columns.values().next() {
            Some(Values::Block(block)) if self.columns.len() == 1 && block.shape().len() > 1 => {
                Some(block.shape().to_vec())
            }
            _ => None,
        }
    }

    /// Adds a wide column; of a known one, its shape must be the one that is expected.
    pub fn add_block(
        &mut self,
        name: &str,
        block: Block,
        expected: Option<&[u32]>,
    ) -> Result<(), DataError> {
        let found = shape_words(block.shape());
        let block = match expected {
            Some(shape) => block.of_shape(shape).ok_or_else(|| {
                let shape = shape_words(shape);
                let place = self.places.of(0);
                DataError::wrong(format!(
                    "{place}: column `{name}` is {found} numbers, and the model takes {shape}"
                ))
            })?,
            None => block,
        };
        self.columns.insert(name.to_owned(), Values::Block(block));
        Ok(())
    }
}

/// What a text of a column of this type should be.
pub fn expected(r#type: ColumnType) -> &'static str {
    match r#type {
        ColumnType::Numeric => "a number",
        ColumnType::Boolean => "a word for yes or no",
        ColumnType::Categorical => "a category",
        ColumnType::Datetime => "a date",
        ColumnType::Text => "a text",
        ColumnType::Image => "a PNG or JPEG file in base64",
    }
}

/// The step that makes numbers of words.
fn step_for(r#type: ColumnType) -> &'static str {
    match r#type {
        ColumnType::Datetime => "`- datetime_parts: {columns: datetime}`",
        ColumnType::Text => "`- bag_of_words: {columns: text}` or `- tokens: {columns: text}`",
        _ => "`- one_hot: {columns: categorical}`",
    }
}

/// A number as JSON, an integer without a point.
pub fn number_json(value: f64) -> Value {
    if value.fract() == 0.0
        && value.abs() < infer::EXACT
        && !(value == 0.0 && value.is_sign_negative())
    {
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
