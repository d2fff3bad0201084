//! How a value is read: words for missing values, categories by value, stray words, notations; in training and prediction.

use pipe_data::{DataError, Dataset, Files, read_rows, transform_and_count};
use pipe_schema::{
    dataset::RowFindings,
    stage::preprocess::{ColumnType, Form},
};
use serde_json::{Value, json};

use crate::{Lab, all_train, assert_refusal, features};

/// A dataset of a file of this form, with what was told.
fn run(lab: &Lab, form: Form, text: &str, more: Value) -> (Dataset, Vec<String>) {
    let name = format!("data.{}", form.name());
    let mut block = all_train(more);
    if block["source"].is_null() {
        block["source"] = json!({form.name(): name});
    }
    let files = Files {
        source: vec![lab.write(&name, text)],
        ..Files::default()
    };
    let (dataset, _, told) = lab.run_files("out", &files, block).unwrap();
    let folder = lab.path("").display().to_string();
    let told = told.iter().map(|line| line.replace(&folder, "")).collect();
    (dataset, told)
}

fn predict(
    lab: &Lab,
    dataset: &Dataset,
    form: Form,
    text: &str,
) -> Result<(Vec<f32>, RowFindings), DataError> {
    let path = lab.write(&format!("new.{}", form.name()), text);
    let rows = read_rows(&path, Some(form), dataset.schema())?;
    let (features, findings) = transform_and_count(dataset.schema(), &rows)?;
    let features = features.into_dense();
    Ok((features.values, findings))
}

fn types(dataset: &Dataset) -> Vec<ColumnType> {
    let columns = dataset.schema().columns.iter();
    columns.map(|column| column.r#type).collect()
}

fn one_hot() -> Value {
    json!({"steps": [{"one_hot": {}}], "columns": {"c": "categorical"}})
}

#[test]
fn a_category_is_told_by_its_number_whatever_its_spelling() {
    let lab = Lab::new();
    let (dataset, _) = run(&lab, Form::Csv, "c,y\n1,a\n2,b\n3,a\n", one_hot());
    for (form, text) in [
        (Form::Csv, "c\n1.0\n2.00\n3e0\n"),
        (Form::Csv, "c\n01\n+2\n3.\n"),
        (Form::Jsonl, "{\"c\": 1}\n{\"c\": 2.0}\n{\"c\": \"3.0\"}\n"),
    ] {
        let (values, findings) = predict(&lab, &dataset, form, text).unwrap();
        assert_eq!(values, [1., 0., 0., 0., 1., 0., 0., 0., 1.], "{text}");
        assert!(findings.is_empty(), "{text}");
    }
}

#[test]
fn spellings_of_a_number_in_the_train_part_are_one_category() {
    let text = "c,y\n1,a\n1.0,b\n2,a\n";
    assert_eq!(features(text, one_hot()), [1., 0., 1., 0., 0., 1.]);
    let beside_words = "c,y\n1,a\n1.0,b\nA,a\n";
    assert_eq!(features(beside_words, one_hot()), [1., 0., 1., 0., 0., 1.]);
    let versions = "c,y\n1.1,a\n1.10,b\nA,a\n";
    let three = [1., 0., 0., 0., 1., 0., 0., 0., 1.];
    assert_eq!(features(versions, one_hot()), three);
}

#[test]
fn every_step_for_categories_finds_them_by_value() {
    let lab = Lab::new();
    for step in [
        json!({"one_hot": {}}),
        json!({"ordinal": {"unknown": "own"}}),
        json!({"ordinal": {"order": {"c": ["3", "2", "1"]}}}),
        json!({"target_encode": {"folds": 2, "smooth": 1.0}}),
        json!({"hash": {"columns": "c", "buckets": 16}}),
    ] {
        let more = json!({"steps": [step], "columns": {"c": "categorical"}});
        let text = "c,y\n1,a\n2,b\n3,a\n1,b\n2,a\n3,b\n";
        let (dataset, _) = run(&lab, Form::Csv, text, more);
        let plain = predict(&lab, &dataset, Form::Csv, "c\n1\n2\n3\n").unwrap();
        let floats = predict(&lab, &dataset, Form::Csv, "c\n1.0\n2.0\n3.0\n").unwrap();
        assert_eq!(floats, plain, "{step}");
    }
}

#[test]
fn a_constant_that_fills_a_category_is_told_by_value() {
    let lab = Lab::new();
    let more = json!({
        "steps": [{"impute": {"columns": "c", "strategy": "constant", "value": 1}}, {"one_hot": {}}],
        "columns": {"c": "categorical"},
    });
    let (dataset, _) = run(&lab, Form::Csv, "c,y\n1.0,a\n2.0,b\n,a\n", more);
    assert_eq!(dataset.schema().features.len(), 2);
    let (values, _) = predict(&lab, &dataset, Form::Jsonl, "{\"c\": 1}\n{\"c\": null}\n").unwrap();
    assert_eq!(values, [1., 0., 1., 0.]);
}

#[test]
fn unseen_categories_filled_values_and_unused_columns_are_counted() {
    let lab = Lab::new();
    let more = json!({
        "steps": [{"impute": {"columns": "all"}}, {"one_hot": {}}],
        "columns": {"c": "categorical"},
    });
    let (dataset, _) = run(&lab, Form::Csv, "c,x,y\n1,5,a\n2,6,b\n2,,a\n", more);
    let text = "id,c,x\n1,9,1\n2,1,\n3,8,\n4,,3\n";
    let (_, findings) = predict(&lab, &dataset, Form::Csv, text).unwrap();
    assert_eq!(
        findings.line().unwrap(),
        "column `c`: 2 of 4 rows have a category that the train part does not have; \
         column `c`: 1 of 4 values are missing and were filled; \
         column `x`: 2 of 4 values are missing and were filled; column `id` is not used"
    );
}

#[test]
fn unseen_categories_of_a_part_are_counted_in_the_dataset() {
    let lab = Lab::new();
    let files = Files {
        train: vec![lab.write("train.csv", "c,y\nu,a\nv,b\n")],
        test: vec![lab.write("test.csv", "c,y\nw,a\nv,b\nw,a\n")],
        ..Files::default()
    };
    let block = json!({
        "target": "y",
        "split": {"files": {"train": "train.csv", "test": "test.csv"}},
        "steps": [{"one_hot": {}}],
    });
    let (dataset, ..) = lab.run_files("out", &files, block).unwrap();
    let findings = dataset
        .summary("test")
        .unwrap()
        .findings(&dataset.schema().steps);
    assert_eq!(findings.unseen["c"], 2);
    let findings = dataset
        .summary("train")
        .unwrap()
        .findings(&dataset.schema().steps);
    assert!(findings.is_empty());
}

#[test]
fn the_missing_words_of_pandas_are_missing_in_csv() {
    for word in pipe_schema::stage::preprocess::USUAL_WORDS {
        let text = format!("x,y\n1,a\n{word},b\n3,a\n");
        let more = json!({"steps": [{"impute": {"columns": "all"}}]});
        assert_eq!(features(text, more), [1., 2., 3.], "{word}");
    }
}

#[test]
fn na_adds_to_the_usual_words_and_only_replaces_them() {
    let lab = Lab::new();
    let text = "x,y\n1,a\n?,b\nNaN,b\n3,a\n-999.0,b\n";
    let na = |na: Value| {
        json!({
            "source": {"csv": "data.csv", "read": {"na": na}},
            "steps": [{"impute": {"columns": "all"}}, {"one_hot": {}}],
        })
    };
    let (dataset, told) = run(&lab, Form::Csv, text, na(json!(["?", -999])));
    assert_eq!(
        dataset.part("train").unwrap().features.values,
        [1., 2., 2., 3., 2.]
    );
    assert_eq!(told, [""; 0]);
    let (dataset, told) = run(&lab, Form::Csv, text, na(json!({"only": ["?"]})));
    assert_eq!(types(&dataset), [ColumnType::Categorical]);
    assert!(told[0].contains("`NaN` is no finite number"), "{told:?}");
}

#[test]
fn files_with_nulls_of_their_own_take_text_as_text() {
    let lab = Lab::new();
    let text = "{\"c\": \"NA\", \"y\": \"a\"}\n{\"c\": \"\", \"y\": \"b\"}\n{\"c\": \"u\", \"y\": \"a\"}\n";
    let (dataset, _) = run(&lab, Form::Jsonl, text, one_hot());
    assert_eq!(dataset.schema().features, ["c=", "c=NA", "c=u"]);
    let (values, _) = predict(&lab, &dataset, Form::Csv, "c\nNA\n").unwrap();
    assert_eq!(values, [0., 1., 0.]);
    let more = json!({
        "source": {"jsonl": "data.jsonl", "read": {"na": ["NA", ""]}},
        "steps": [{"impute": {"columns": "all"}}, {"one_hot": {}}],
    });
    let (dataset, _) = run(&lab, Form::Jsonl, text, more);
    assert_eq!(dataset.schema().features, ["c=u"]);
}

#[test]
fn an_empty_field_of_csv_is_missing_for_a_model_of_json_lines() {
    let lab = Lab::new();
    let text = "{\"x\": 1, \"y\": \"a\"}\n{\"x\": null, \"y\": \"b\"}\n{\"x\": 3, \"y\": \"a\"}\n";
    let more = json!({"steps": [{"impute": {"columns": "all"}}]});
    let (dataset, _) = run(&lab, Form::Jsonl, text, more);
    let (values, findings) = predict(&lab, &dataset, Form::Csv, "x,z\n,1\n").unwrap();
    assert_eq!((values, findings.filled["x"]), (vec![2.], 1));
}

#[test]
fn usual_words_of_csv_are_missing_for_a_model_of_json_lines_where_they_cannot_be_values() {
    let lab = Lab::new();
    let text = "{\"x\": 1, \"c\": \"NA\", \"y\": \"a\"}\n{\"x\": 3, \"c\": \"u\", \"y\": \"b\"}\n{\"x\": 2, \"c\": \"u\", \"y\": \"a\"}\n";
    let more = json!({
        "steps": [{"impute": {"columns": "all"}}, {"one_hot": {}}],
        "columns": {"c": "categorical"},
    });
    let (dataset, _) = run(&lab, Form::Jsonl, text, more);
    let rows = "x,c\nNA,NA\n<NA>,<NA>\n5,u\n";
    let (values, findings) = predict(&lab, &dataset, Form::Csv, rows).unwrap();
    assert_eq!(values, [2., 1., 0., 2., 0., 1., 5., 0., 1.]);
    assert_eq!((findings.filled["x"], findings.filled["c"]), (2, 1));
}

#[test]
fn a_single_stray_word_is_told_at_any_share() {
    let lab = Lab::new();
    let text = "x,y\n1,a\nunknown,b\n2.5,a\nunknown,b\n3,a\n";
    let (dataset, told) = run(&lab, Form::Csv, text, one_hot_x());
    assert_eq!(types(&dataset), [ColumnType::Categorical]);
    assert_eq!(
        told[..2],
        [
            "data.csv:3: column `x`: `unknown` is no finite number, 3 of 5 values are: taken for words (`unknown` in 2 rows)",
            "if `unknown` is a missing value, add it to `read.na`; if words are meant, set `columns: {x: categorical}`",
        ]
    );
    let (_, told) = run(&lab, Form::Csv, "x,y\n2024-01-31,a\nnever,b\n", one_hot_x());
    assert!(
        told[0].contains("`never` is no date, 1 of 2 values are"),
        "{told:?}"
    );
}

fn one_hot_x() -> Value {
    json!({"steps": [{"one_hot": {}}]})
}

#[test]
fn a_stray_word_in_a_target_of_numbers_is_told() {
    let lab = Lab::new();
    let text = "x,y\n1,10.5\n2,20.5\n3,?\n4,10.5\n";
    let (_, told) = run(&lab, Form::Csv, text, json!({}));
    assert!(
        told[0].contains("column `y`: `?` is no finite number, 3 of 4 values are"),
        "{told:?}"
    );
}

fn parts(columns: Value) -> Value {
    json!({
        "columns": columns,
        "steps": [{"datetime_parts": {"parts": ["year", "month", "day", "hour"]}}],
    })
}

#[test]
fn datetime_format_reads_dates_in_training_and_prediction() {
    let lab = Lab::new();
    let format = json!({"d": {"datetime": {"format": "%d.%m.%Y %H:%M", "na": ["nie"]}}});
    let mut block = parts(format);
    block["steps"]
        .as_array_mut()
        .unwrap()
        .push(json!({"impute": {"columns": "all"}}));
    let text = "d,y\n31.12.2024 13:45,a\n1.2.2023 0:05,b\nnie,a\n";
    let (dataset, _) = run(&lab, Form::Csv, text, block);
    let values = dataset.part("train").unwrap().features.values;
    assert_eq!(values[..8], [2024., 12., 31., 13., 2023., 2., 1., 0.]);
    for (form, text) in [
        (Form::Csv, "d\n2.3.2025 04:00\n"),
        (Form::Jsonl, "{\"d\": \"02.03.2025 04:00\"}\n"),
    ] {
        let (values, _) = predict(&lab, &dataset, form, text).unwrap();
        assert_eq!(values, [2025., 3., 2., 4.], "{text}");
    }
    let error = predict(&lab, &dataset, Form::Csv, "d\n12/31/2024\n").unwrap_err();
    assert!(
        error.message.ends_with(
            "new.csv:2: column `d`: `12/31/2024` is not a date like `format: \"%d.%m.%Y %H:%M\"`"
        ),
        "{}",
        error.message
    );
}

#[test]
fn dates_and_numbers_in_other_notations_are_told() {
    let lab = Lab::new();
    let text = "d;p;y\n31.12.2024;1.234,5;a\n30.12.2024;7,25;b\n29.12.2024;3,5;a\n";
    let more = json!({
        "source": {"csv": "data.csv", "read": {"delimiter": ";"}},
        "steps": [{"one_hot": {}}],
    });
    let (_, told) = run(&lab, Form::Csv, text, more);
    for line in [
        "column `d`: the values look like dates written as `29.12.2024`: taken for words",
        "to read them so, set `columns: {d: {datetime: {format: \"%d.%m.%Y\"}}}`",
        "column `p`: the values look like numbers written as `1.234,5`: taken for words",
        "to read them so, set `columns: {p: {numeric: {decimal: \",\", thousands: \".\"}}}`",
    ] {
        assert!(told.iter().any(|it| it == line), "{line}: {told:?}");
    }
}

#[test]
fn numeric_notations_are_read_in_training_and_prediction() {
    let lab = Lab::new();
    let text = "p;q;y\n1.234,5 €;12 %;a\n7,25 €;3,5 %;b\n";
    let more = json!({
        "source": {"csv": "data.csv", "read": {"delimiter": ";"}},
        "columns": {
            "p": {"numeric": {"decimal": ",", "thousands": ".", "unit": "€"}},
            "q": {"numeric": {"decimal": ",", "unit": "%"}},
        },
    });
    let (dataset, _) = run(&lab, Form::Csv, text, more);
    let values = dataset.part("train").unwrap().features.values;
    assert_eq!(values, [1234.5, 12., 7.25, 3.5]);
    let json = "{\"p\": \"1.000,5 €\", \"q\": 2.5}\n";
    let (values, _) = predict(&lab, &dataset, Form::Jsonl, json).unwrap();
    assert_eq!(values, [1000.5, 2.5]);
    let error = predict(&lab, &dataset, Form::Csv, "p;q\n1.5 €;1\n").unwrap_err();
    assert!(
        error
            .message
            .contains("new.csv:2: column `p`: `1.5 €` is not a number"),
        "{error:?}"
    );
}

#[test]
fn datetime_parts_without_a_column_of_dates_is_an_error() {
    assert_refusal(
        "x,y\n1,a\n2,b\n",
        parts(json!({})),
        "step 1 (datetime_parts): there is no column of dates to take parts of",
        "columns: {NAME: {datetime: {format:",
    );
}
