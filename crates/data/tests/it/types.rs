//! Columns of dates and of free text: how they are told, summed up and refused.

use std::fmt::Write;

use pipe_data::Files;
use pipe_schema::stage::preprocess::ColumnType;
use serde_json::{Value, json};

use crate::{Lab, all_train, assert_refusal};

/// A table with one column of these values beside `x` and the target `y`.
fn table(column: &[&str]) -> String {
    let mut text = "x,column,y\n".to_owned();
    for (row, value) in column.iter().enumerate() {
        writeln!(text, "{row}.5,{value},{}", ["a", "b"][row % 2]).unwrap();
    }
    text
}

fn type_of(column: &[&str]) -> ColumnType {
    let lab = Lab::new();
    let block = all_train(json!({"steps": [{"drop": {"columns": ["column"]}}]}));
    let dataset = lab.run(table(column), block).unwrap();
    dataset.schema().columns[1].r#type
}

#[test]
fn a_column_is_datetime_if_all_its_values_are_dates() {
    for (column, expected) in [
        (["2024-01-31", "", "2023/12/01"], ColumnType::Datetime),
        (
            ["2024-01-31T10:00:00Z", "NA", "2024-01-31 10:00"],
            ColumnType::Datetime,
        ),
        (["2024-01-31", "2024-02-30", ""], ColumnType::Categorical),
        (["20240131", "20240201", "20240202"], ColumnType::Numeric),
        (
            ["31.1.2024", "1.2.2024", "2.2.2024"],
            ColumnType::Categorical,
        ),
        (["", "", ""], ColumnType::Numeric),
    ] {
        assert_eq!(type_of(&column), expected, "{column:?}");
    }
}

#[test]
fn a_column_is_text_from_three_words_on_average_and_half_of_the_values_different_on() {
    for (column, expected) in [
        // Three words each; then one word less in all.
        (
            ["one two three", "four five", "a b c d", "e f g"],
            ColumnType::Text,
        ),
        (
            ["one two three", "four five", "a b c d", "e f"],
            ColumnType::Categorical,
        ),
        // Three different values of four, then two of four.
        (["a b c", "a b c", "d e f", "g h i"], ColumnType::Text),
        (
            ["a b c", "a b c", "d e f", "d e f"],
            ColumnType::Categorical,
        ),
        // Missing values do not count, nor do blanks.
        (["a b c", "d e  f", "", ""], ColumnType::Text),
        (["a  b", "c   d", "", ""], ColumnType::Categorical),
    ] {
        assert_eq!(type_of(&column), expected, "{column:?}");
    }
}

#[test]
fn a_type_that_is_named_counts_and_may_choose_columns() {
    let lab = Lab::new();
    let text = table(&["2024-01-31", "2023-05-06", "2023-05-06", "2024-01-31"]);
    let block = all_train(json!({
        "columns": {"column": "categorical"},
        "steps": [{"one_hot": {"columns": "categorical"}}],
    }));
    let dataset = lab.run(&text, block).unwrap();
    let names = ["x", "column=2023-05-06", "column=2024-01-31"];
    assert_eq!(dataset.schema().features, names);

    let block = all_train(json!({"steps": [{"datetime_parts": {"parts": ["year"]}}]}));
    let dataset = lab.run(&text, block).unwrap();
    assert_eq!(dataset.schema().features, ["x", "column_year"]);

    let short = table(&["good", "bad", "good", "bad"]);
    let block = all_train(json!({
        "columns": {"column": "text"},
        "steps": [{"bag_of_words": {"weights": "counts"}}],
    }));
    let dataset = lab.run(short, block).unwrap();
    assert_eq!(
        dataset.schema().features,
        ["x", "column:bad", "column:good"]
    );
}

#[test]
fn a_word_that_is_no_column_s_type_means_the_column_of_its_name() {
    let lab = Lab::new();
    let text = "text,y\ngood,a\nbad,b\ngood,a\nbad,b\n";
    let step = json!({"bag_of_words": {"columns": "text", "weights": "counts"}});
    let dataset = lab.run(text, all_train(json!({"steps": [step]}))).unwrap();
    assert_eq!(dataset.schema().features, ["text:bad", "text:good"]);
}

#[test]
fn dates_and_texts_cannot_be_trained_on_as_they_are() {
    assert_refusal(
        table(&["2024-01-31", "2023-05-06"]),
        json!({}),
        "column `column` is datetime: only numbers can be trained on",
        "`- datetime_parts: {columns: datetime}`",
    );
    assert_refusal(
        table(&["a b c", "d e f"]),
        json!({}),
        "column `column` is text: only numbers can be trained on",
        "`- bag_of_words: {columns: text}`",
    );
    assert_refusal(
        table(&["2024-01-31", "yesterday"]),
        json!({"columns": {"column": "datetime"}}),
        "data.csv:3: column `column`: `yesterday` is not a date",
        "2024-01-31 13:45",
    );
    assert_refusal(
        table(&["2024-01-31", "2023-05-06"]),
        json!({"columns": {"y": "text"}}),
        "the target `y` is declared text: only classes and numbers can be predicted",
        "`categorical`",
    );
}

#[test]
fn a_date_that_is_none_outside_of_the_train_part_is_told_with_its_line() {
    let lab = Lab::new();
    let files = Files {
        train: vec![lab.write("train.csv", table(&["2024-01-31", "2023-05-06"]))],
        test: vec![lab.write("test.csv", table(&["2024-01-31", "soon"]))],
        ..Files::default()
    };
    let block = json!({
        "target": "y",
        "split": {"files": {"train": "train.csv", "test": "test.csv"}},
        "steps": [{"datetime_parts": {}}],
    });
    let error = lab.run_files("out", &files, block).unwrap_err();
    let (message, hint) = lab.told(&error);
    assert_eq!(message, "test.csv:3: column `column`: `soon` is not a date");
    assert!(hint.contains("columns: {column: categorical}"), "{hint}");
}

#[test]
fn a_part_tells_the_first_and_last_date_and_how_many_texts_there_are() {
    let lab = Lab::new();
    let text = "day,note,y\n2024-01-31,a b c,u\n2023/12/01,d e f,v\n,g h i,u\n2024-01-31,a b c,v\n";
    let steps = json!([{"drop": {"columns": ["note"]}}, {"impute": {"columns": ["day"]}}, {"datetime_parts": {}}]);
    lab.run(text, all_train(json!({"steps": steps}))).unwrap();
    let part = std::fs::read(lab.path("out/train/part.json")).unwrap();
    let part: Value = serde_json::from_slice(&part).unwrap();
    let [day, note] = [&part["columns"][0], &part["columns"][1]];
    assert_eq!(day["dates"], json!(["2023/12/01", "2024-01-31"]));
    assert_eq!((&day["distinct"], &day["missing"]), (&json!(2), &json!(1)));
    assert_eq!(
        (&note["distinct"], &note["dates"]),
        (&json!(3), &Value::Null)
    );
}
