//! New rows for a model that is trained.

use pipe_data::{DataError, Dataset, RawRows, input_schema, read_rows, transform};
use pipe_schema::stage::preprocess::Form;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::Lab;

const TRAIN: &str =
    "id,age,city,member,y\n1,10,Bern,yes,a\n2,20,Oslo,no,b\n3,30,Bern,no,a\n4,,Oslo,yes,b\n";

/// A dataset of two cities, with ages filled and scaled, and the id dropped.
fn dataset(lab: &Lab, unknown: &str) -> Dataset {
    let block = json!({
        "target": "y",
        "split": {"random": {"train": 1.0}},
        "columns": {"id": "categorical"},
        "steps": [
            {"drop": {"columns": "id"}},
            {"impute": {"columns": "age"}},
            {"min_max": {"columns": "age"}},
            {"one_hot": {"unknown": unknown}},
        ],
    });
    lab.run(TRAIN, block).unwrap()
}

fn read(lab: &Lab, form: Form, text: &str) -> Result<(RawRows, Vec<f32>), DataError> {
    read_with(lab, &dataset(lab, "ignore"), form, text)
}

fn read_with(
    lab: &Lab,
    dataset: &Dataset,
    form: Form,
    text: &str,
) -> Result<(RawRows, Vec<f32>), DataError> {
    let path = lab.write("rows", text);
    let rows = read_rows(&path, Some(form), dataset.schema())?;
    let features = transform(dataset.schema(), &rows)?;
    Ok((rows, features.values))
}

#[test]
fn rows_in_csv_and_json_become_the_same_features() {
    let lab = Lab::new();
    let csv = "city,age,member,extra,y\nBern,20,yes,1,?\nLima,,no,2,?\n";
    let jsonl = "{\"age\": 20, \"city\": \"Bern\", \"member\": true, \"extra\": [1]}\n\n{\"city\": \"Lima\", \"age\": null, \"member\": \"no\"}\n";
    let expected = [0.5, 1.0, 0.0, 1.0, 0.5, 0.0, 0.0, 0.0];
    for (form, text) in [(Form::Csv, csv), (Form::Jsonl, jsonl)] {
        let (rows, features) = read(&lab, form, text).unwrap();
        assert_eq!(features, expected);
        assert_eq!(rows.unused(), ["extra"]);
        assert_eq!(rows.len(), 2);
    }
}

#[track_caller]
fn assert_refusal(form: Form, text: &str, message: &str, hint: &str) {
    let lab = Lab::new();
    let told = lab.told(&read(&lab, form, text).unwrap_err());
    assert_eq!(told.0, message);
    assert!(told.1.contains(hint), "{told:?}");
}

#[test]
fn a_row_that_cannot_be_used_is_named() {
    use Form::{Csv, Jsonl};
    assert_refusal(
        Csv,
        "city,member\nBern,no\n",
        "rows: column `age` is missing",
        "the file's columns are: `city`, `member`",
    );
    assert_refusal(
        Jsonl,
        "{\"city\": \"Bern\"}\n",
        "rows: columns `age`, `member` are missing",
        "",
    );
    assert_refusal(
        Csv,
        "city,age,member\nBern,1,no\nBern,old,no\n",
        "rows:3: column `age`: `old` is not a number",
        "",
    );
    assert_refusal(
        Jsonl,
        "{\"city\": \"Bern\", \"age\": [1], \"member\": true}\n",
        "rows:1: column `age`: a list is no value",
        "null",
    );
    assert_refusal(
        Csv,
        "city,age,member\nBern,1,no\n,2,no\n",
        "rows:3: column `city` has no value here (1 row in all), and no step fills it",
        "trained without missing values",
    );
    assert_refusal(
        Csv,
        "city,age,member\nBern,1,\n",
        "rows:2: column `member` has no value here (1 row in all), and no step fills it",
        "",
    );
    let lab = Lab::new();
    let error = read(
        &lab,
        Jsonl,
        "{\"city\": \"Bern\", \"age\": 1, \"member\": true}\n{oops\n",
    )
    .unwrap_err();
    assert!(lab.told(&error).0.starts_with("rows:2:2: "), "{error}");
}

#[test]
fn an_unseen_category_is_an_error_where_that_was_asked_for() {
    let lab = Lab::new();
    let strict = dataset(&lab, "error");
    let error = read_with(
        &lab,
        &strict,
        Form::Csv,
        "city,age,member\nBern,1,no\nLima,2,no\n",
    )
    .unwrap_err();
    let told = lab.told(&error);
    assert_eq!(
        told.0,
        "rows:3: column `city`: the train part has no `Lima`"
    );
    assert!(told.1.contains("it has `Bern`, `Oslo`"), "{told:?}");
}

#[test]
fn a_file_without_a_header_may_lack_the_target() {
    let lab = Lab::new();
    let block = json!({
        "target": "y",
        "source": {"read": {"header": false, "names": ["y", "u", "v"]}},
        "split": {"random": {"train": 1.0}},
    });
    let dataset = lab.run("a,1,2\nb,3,4\n", block).unwrap();
    let (_, with) = read_with(&lab, &dataset, Form::Csv, "a,5,6\n").unwrap();
    let (_, without) = read_with(&lab, &dataset, Form::Csv, "5,6\n").unwrap();
    assert_eq!(
        (with.as_slice(), without.as_slice()),
        (&[5.0, 6.0][..], &[5.0, 6.0][..])
    );
    let error = read_with(&lab, &dataset, Form::Csv, "5\n").unwrap_err();
    assert_eq!(
        lab.told(&error).0,
        "rows: 1 columns where 3 are expected: y, u, v"
    );
}

#[test]
fn no_rows_give_no_features() {
    let lab = Lab::new();
    for (form, text) in [(Form::Csv, "city,age,member\n"), (Form::Jsonl, "")] {
        let (rows, features) = read(&lab, form, text).unwrap();
        assert!(rows.is_empty() && features.is_empty());
    }
}

#[test]
fn the_schema_of_a_row_says_what_may_be_given() {
    let lab = Lab::new();
    let schema = input_schema(dataset(&lab, "error").schema());
    assert_eq!(schema["required"], json!(["age", "city", "member"]));
    assert_eq!(
        schema["properties"],
        json!({
            "age": {
                "type": ["number", "string", "null"],
                "pattern": r"^\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*$",
            },
            "city": {"type": "string", "enum": ["Bern", "Oslo"]},
            "member": {
                "type": ["boolean", "number", "string"],
                "enum": [true, false, 0, 1, "true", "false", "yes", "no", "t", "f", "0", "1"],
            },
        })
    );
}

fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z ,\"\n;é]{0,12}",
        "-?[0-9]{1,9}(\\.[0-9]{1,6})?(e-?[0-9])?",
        Just(String::new())
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn what_a_writer_quotes_is_read_back(cells in prop::collection::vec((cell(), cell()), 1..20), crlf: bool) {
        let lab = Lab::new();
        let terminator = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new().terminator(terminator).quote_style(csv::QuoteStyle::Always).from_writer(Vec::new());
        writer.write_record(["a", "b"]).unwrap();
        for (a, b) in &cells {
            writer.write_record([a, b]).unwrap();
        }
        let path = lab.write("rows", writer.into_inner().unwrap());
        let read = pipe_schema::stage::preprocess::Read::default();
        let table = pipe_data::table::read(&[path], &read, &mut |_| {}).unwrap();
        prop_assert_eq!(table.rows(), cells.len());
        for (at, column) in table.columns.iter().enumerate() {
            let texts: Vec<&str> = column.fields.iter().map(pipe_data::infer::text_of).collect();
            let written: Vec<&str> = cells.iter().map(|it| (if at == 0 { &it.0 } else { &it.1 }).trim_ascii()).collect();
            prop_assert_eq!(texts, written);
        }
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), delimiter in prop_oneof![Just(','), Just(';')]) {
        let lab = Lab::new();
        let path = lab.write("rows", bytes);
        let read = pipe_schema::stage::preprocess::Read { delimiter, ..Default::default() };
        let _ = pipe_data::table::read(&[path], &read, &mut |_| {});
    }

    #[test]
    fn numbers_in_json_are_those_in_csv(value in any::<f64>().prop_filter("finite", |it| it.is_finite() && it.abs() < 1e30)) {
        let lab = Lab::new();
        let schema = dataset(&lab, "ignore");
        let row = json!({"age": value, "city": "Bern", "member": true});
        let Value::Object(row) = row else { unreachable!() };
        let from_json = transform(schema.schema(), &RawRows::from_json(&[row], schema.schema()).unwrap()).unwrap();
        let text = format!("age,city,member\n{value},Bern,true\n");
        let (_, from_csv) = read_with(&lab, &schema, Form::Csv, &text).unwrap();
        prop_assert_eq!(from_json.values, from_csv);
    }
}
