//! The JSON Schema of a raw row: what predictions take, by column. Reads nothing.

use pipe_schema::{
    dataset::{Column, DatasetSchema, FittedStep},
    stage::preprocess::{ColumnType, Unknown},
};
use serde_json::{Map, Value, json};

use crate::{block::shape_words, infer, rows::needed};

/// Texts that are numbers.
const NUMBER: &str = r"^\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*$";

/// The JSON Schema of one raw row.
pub fn input_schema(schema: &DatasetSchema) -> Value {
    let needed = needed(schema);
    let mut properties = Map::new();
    for column in schema
        .columns
        .iter()
        .filter(|it| needed.contains(&it.name.as_str()))
    {
        let one = property(column, schema);
        let property = match &schema.windows {
            Some(it) => {
                json!({"type": "array", "items": one, "minItems": it.length, "maxItems": it.length})
            }
            None => one,
        };
        properties.insert(column.name.clone(), property);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("a row to predict `{}` of", schema.target.name),
        "type": "object",
        "properties": properties,
        "required": needed,
        "additionalProperties": true,
    })
}

fn property(column: &Column, schema: &DatasetSchema) -> Value {
    let (name, r#type) = (column.name.as_str(), column.r#type);
    let may_be_missing = schema.steps.iter().any(|it| match it {
        FittedStep::Impute { fill, .. } => fill.contains_key(name),
        _ => false,
    });
    if r#type == ColumnType::Image {
        return json!({"type": "string", "contentEncoding": "base64", "description": "a PNG, JPEG or WebP file"});
    }
    if let Some(shape) = column.shape.as_deref() {
        let numbers = shape_words(shape);
        return json!({"type": "array", "description": format!("{numbers} numbers, in nested lists or one flat list")});
    }
    let (types, mut property): (Vec<&str>, Value) = match r#type {
        ColumnType::Numeric if column.notation.is_some() => (vec!["number", "string"], json!({})),
        ColumnType::Numeric => (vec!["number", "string"], json!({"pattern": NUMBER})),
        ColumnType::Boolean => {
            let mut words = json!([
                true, false, 0, 1, "true", "false", "yes", "no", "t", "f", "0", "1"
            ]);
            if let (true, Value::Array(words)) = (may_be_missing, &mut words) {
                words.push(Value::Null);
            }
            (vec!["boolean", "number", "string"], json!({"enum": words}))
        }
        ColumnType::Categorical => (types_of(categories(name, schema)), json!({})),
        ColumnType::Text => (vec!["string", "number", "boolean"], json!({})),
        ColumnType::Datetime | ColumnType::Image => (vec!["string"], json!({})),
    };
    let null = may_be_missing.then_some("null");
    let types: Vec<&str> = types.into_iter().chain(null).collect();
    property["type"] = match types.as_slice() {
        [one] => json!(one),
        several => json!(several),
    };
    for step in &schema.steps {
        let FittedStep::OneHot {
            categories,
            unknown,
            rare,
        } = step
        else {
            continue;
        };
        let Some(seen) = categories.get(name) else {
            continue;
        };
        let seen = seen.iter().chain(rare.get(name).into_iter().flatten());
        let mut values: Vec<Value> = seen.flat_map(|it| spellings(it)).collect();
        if *unknown == Unknown::Error {
            if may_be_missing {
                values.push(Value::Null);
            }
            property["enum"] = Value::from(values);
        } else {
            property["examples"] = Value::from(values);
        }
    }
    property
}

/// The categories of a column that one column each is made of.
fn categories<'a>(name: &str, schema: &'a DatasetSchema) -> Option<Vec<&'a str>> {
    schema.steps.iter().find_map(|step| match step {
        FittedStep::OneHot {
            categories, rare, ..
        } => {
            let rare = rare.get(name).into_iter().flatten();
            let all = categories.get(name)?.iter().chain(rare);
            Some(all.map(String::as_str).collect())
        }
        _ => None,
    })
}

/// The types of JSON that stand for categories; all that stand for a word, where these are not known.
fn types_of(categories: Option<Vec<&str>>) -> Vec<&'static str> {
    let Some(categories) = categories else {
        return vec!["string", "number", "boolean"];
    };
    let has = |is: fn(&Value) -> bool| {
        let mut all = categories.iter().flat_map(|category| spellings(category));
        all.any(|value| is(&value))
    };
    let others = [
        ("number", has(Value::is_number)),
        ("boolean", has(Value::is_boolean)),
    ];
    let others = others.into_iter().filter(|it| it.1).map(|it| it.0);
    std::iter::once("string").chain(others).collect()
}

/// The values of JSON that mean a category: its text, and where that is what JSON has for a number or a truth value, that.
fn spellings(category: &str) -> Vec<Value> {
    let bare: Option<Value> = serde_json::from_str(category).ok();
    let bare = bare.filter(|value| value.is_boolean() || value.is_number());
    let exact = bare.filter(|value| {
        let text = value.to_string();
        text == category
    });
    let is_finite =
        |value: &Value| !value.is_number() || infer::number(category.as_bytes()).is_some();
    let text = Value::from(category);
    std::iter::once(text)
        .chain(exact.filter(is_finite))
        .collect()
}
