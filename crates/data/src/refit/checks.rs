//! Whether a dataset has what a model takes: columns, their types, windows. Says what it lacks; knows no files.

use pipe_schema::{
    dataset::{Column, DatasetSchema},
    stage::preprocess::{ColumnType, Windows},
};

use crate::{
    block::shape_words,
    error::DataError,
    frame::{Values, expected, number_json},
    infer::{self, Missing, listed},
    table::{Fields, Places},
    target::adapt::misfit,
};

/// Refuses a dataset that lacks columns; names all of them.
pub fn check_columns(needed: &[&str], own: &DatasetSchema) -> Result<(), DataError> {
    let has = |name: &str| own.columns.iter().any(|it| it.name == name);
    let lacking: Vec<&str> = needed.iter().copied().filter(|it| !has(it)).collect();
    let Some(first) = lacking.first() else {
        return Ok(());
    };
    let noun = if lacking.len() == 1 {
        "column"
    } else {
        "columns"
    };
    let error = misfit(format!("it has no {noun} {}", listed(&lacking)));
    if let Some(name) = lacking
        .iter()
        .find(|it| own.target.columns().iter().any(|target| target == *it))
    {
        return Err(error.hint(format!(
            "`{name}` is its target, and the model takes it as an input: name another `target` in the preprocess stage"
        )));
    }
    let names: Vec<&str> = own.columns.iter().map(|it| it.name.as_str()).collect();
    Err(match infer::closest(first, names.iter().copied()) {
        Some(meant) => error.hint(format!(
            "`{first}` is perhaps its `{meant}`: give it the name that the model knows"
        )),
        None => error.hint(format!("its columns are {}", listed(&names))),
    })
}

/// Refuses windows that are not those of the model.
pub fn check_windows(model: &DatasetSchema, own: &DatasetSchema) -> Result<(), DataError> {
    let shape = |windows: &Windows| (windows.length, windows.horizon, windows.with_target);
    if model.windows.as_ref().map(shape) == own.windows.as_ref().map(shape) {
        return Ok(());
    }
    let words = |windows: &Option<Windows>| match windows {
        None => "single rows".to_owned(),
        Some(it) => format!(
            "windows of {} rows for the row {} ahead{}",
            it.length,
            it.horizon,
            if it.with_target {
                ", with the target's past"
            } else {
                ""
            }
        ),
    };
    Err(misfit(format!(
        "it has {}, and the model takes {}",
        words(&own.windows),
        words(&model.windows)
    ))
    .hint("give both preprocess stages the same `windows`"))
}

/// Reads values as the model's dataset read such a column. What the dataset took for numbers or for yes and no has no text
/// any more, so that it is no category.
pub fn as_type(
    values: Values,
    column: &Column,
    missing: &Missing,
    places: &Places,
) -> Result<Values, DataError> {
    let (name, r#type) = (&column.name, column.r#type);
    if let Some(shape) = column.shape.as_deref() {
        let found = values.type_word();
        let Values::Block(block) = values else {
            return Err(misfit(format!(
                "its column `{name}` is {found}, and the model takes {} numbers a row",
                shape_words(shape)
            )));
        };
        let found = shape_words(block.shape());
        return block.of_shape(shape).map(Values::Block).ok_or_else(|| {
            misfit(format!(
                "its column `{name}` is {found} numbers, and the model takes {}",
                shape_words(shape)
            ))
        });
    }
    let texts: Vec<Option<String>> = match (&values, r#type) {
        (Values::Numbers(_), ColumnType::Numeric) | (Values::Truths(_), ColumnType::Boolean) => {
            return Ok(values);
        }
        (Values::Words(words), _) => {
            let rows = 0..values.rows();
            rows.map(|row| words.get(row).map(str::to_owned)).collect()
        }
        (Values::Numbers(numbers), ColumnType::Boolean) => {
            let text = |number: &f64| (!number.is_nan()).then(|| number_json(*number).to_string());
            numbers.iter().map(text).collect()
        }
        _ => {
            return Err(misfit(format!(
                "its column `{name}` is {}, and the model takes {}",
                values.type_word(),
                r#type.name()
            ))
            .hint(format!(
                "declare it in the preprocess stage: `columns: {{{name}: {}}}`",
                r#type.name()
            )));
        }
    };
    let mut fields = Fields::default();
    for text in &texts {
        fields.push(text.as_deref().unwrap_or_default().as_bytes());
    }
    Values::of(&fields, r#type, missing).map_err(|it| {
        misfit(format!(
            "{}: column `{name}`: `{}` is not {}",
            places.of(it.row),
            it.text,
            expected(r#type)
        ))
    })
}
