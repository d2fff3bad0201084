//! New rows in files without nulls, for a model that was trained on files with nulls of their own: the usual words for missing
//! values are missing there. Knows texts of one column and the stored schema.

use pipe_schema::{
    dataset::{DatasetSchema, FittedStep},
    stage::preprocess::{ColumnType, Form, MissingWords, Read},
};

use crate::{
    infer::{self, Missing},
    table::Fields,
};

/// The usual words for missing values in files of this form, where the model's own files have none.
pub fn missing(schema: &DatasetSchema, form: Form) -> Option<Missing> {
    let is_foreign = schema.read.form().has_nulls() && !form.has_nulls();
    if !is_foreign || schema.read.is_of_old_schema() {
        return None;
    }
    let MissingWords::Only(words) = MissingWords::default().settled(form) else {
        return None;
    };
    Some(Missing::of(&Read {
        na: MissingWords::Only(words),
        form: Some(form),
        ..schema.read.clone()
    }))
}

/// The texts of a column with nulls for the usual words. A word that may be a value of the column stays: a text, a category of
/// the train part, and any where these are not known.
pub fn without(
    schema: &DatasetSchema,
    name: &str,
    r#type: ColumnType,
    fields: &Fields,
    words: &Missing,
    own: &Missing,
) -> Option<Fields> {
    let known = match r#type {
        ColumnType::Numeric | ColumnType::Boolean | ColumnType::Datetime => Vec::new(),
        ColumnType::Categorical => categories(schema, name)?,
        ColumnType::Text | ColumnType::Image => return None,
    };
    let is_missing =
        |text: &[u8]| words.has(text) && !text.is_empty() && !known.contains(&infer::text_of(text));
    let mut texts = fields.iter();
    texts
        .any(|text| is_missing(text) && !own.has(text))
        .then(|| fields.without(|text| own.has(text) || is_missing(text)))
}

/// The categories of a column as a step learned them.
fn categories<'a>(schema: &'a DatasetSchema, name: &str) -> Option<Vec<&'a str>> {
    schema.steps.iter().find_map(|step| match step {
        FittedStep::OneHot {
            categories, rare, ..
        } => {
            let rare = rare.get(name).into_iter().flatten();
            let all = categories.get(name)?.iter().chain(rare);
            Some(all.map(String::as_str).collect())
        }
        FittedStep::Ordinal { categories, .. } => {
            let all = categories.get(name)?.iter();
            Some(all.map(String::as_str).collect())
        }
        _ => None,
    })
}
