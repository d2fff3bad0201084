//! JSON Lines as a source: what counts as a column, as missing, as an error.

use pipe_data::{DataError, Dataset, Files};
use serde_json::{Value, json};

use crate::{Lab, all_train};

fn run(lab: &Lab, text: impl AsRef<[u8]>, more: Value) -> Result<Dataset, (String, String)> {
    let files = Files {
        source: vec![lab.write("rows.jsonl", text)],
        ..Files::default()
    };
    let mut block = all_train(more);
    block["source"] = json!({"jsonl": "rows.jsonl"});
    let told = |it: DataError| lab.told(&it);
    let (dataset, ..) = lab.run_files("out", &files, block).map_err(told)?;
    Ok(dataset)
}

#[test]
fn an_object_a_line_is_a_row() {
    let text =
        "{\"a\": 1, \"y\": \"no\", \"b\": true}\r\n\n{\"b\": false, \"a\": 2.5, \"y\": \"yes\"}";
    let lab = Lab::new();
    let dataset = run(&lab, text, json!({})).unwrap();
    let names: Vec<&str> = dataset
        .schema()
        .columns
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(names, ["a", "b"]);
    let part = dataset.part("train").unwrap();
    assert_eq!(part.features.values, [1.0, 1.0, 2.5, 0.0]);
}

#[test]
fn a_name_that_a_row_lacks_is_a_missing_value() {
    let text =
        "{\"y\": 0.5, \"a\": 4}\n{\"y\": 1.5, \"b\": 2}\n{\"y\": 2.5, \"a\": null, \"b\": 3}\n";
    let steps = json!({"steps": [{"impute": {"strategy": "constant", "value": -1}}]});
    let lab = Lab::new();
    let dataset = run(&lab, text, steps).unwrap();
    let part = dataset.part("train").unwrap();
    assert_eq!(part.features.values, [4.0, -1.0, -1.0, 2.0, -1.0, 3.0]);
    assert_eq!(dataset.summary("train").unwrap().columns[0].missing, 2);
}

#[test]
fn what_is_no_row_is_told_with_its_line() {
    for (text, message, hint) in [
        ("", "rows.jsonl: has no rows", ""),
        ("\n\n", "rows.jsonl: has no rows", ""),
        (
            "{\"y\": 1}\n{\"y\": 2",
            "rows.jsonl:2:7: EOF while parsing an object",
            "one JSON object",
        ),
        (
            "{\"y\": 1}\n\n[1, 2]\n",
            "rows.jsonl:3:1: invalid type: sequence, expected an object",
            "jq -c",
        ),
        (
            "{\"y\": 1, \"a\": 2, \"y\": 3}",
            "rows.jsonl:1:20: `y` is given twice",
            "",
        ),
        (
            "{\"y\": 1, \"a\": {}}",
            "rows.jsonl:1: column `a`: an object is no value",
            "",
        ),
        (
            "{\"y\": \"\u{e9}\"}\n{\"y\": }",
            "rows.jsonl:2:7: expected value",
            "",
        ),
        ("{\"a\": 1}\n", "target: there is no column `y`", ""),
    ] {
        let told = run(&Lab::new(), text, json!({})).unwrap_err();
        assert_eq!(told.0, message, "{text}");
        assert!(told.1.contains(hint), "{told:?}");
    }
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let lab = Lab::new();
    let files = Files {
        source: vec![lab.write("rows.jsonl", b"{\"y\": \"\xe9\"}\n")],
        ..Files::default()
    };
    let block = all_train(json!({"source": {"jsonl": "rows.jsonl"}}));
    let error = lab.run_files("out", &files, block).unwrap_err();
    assert!(lab.told(&error).0.starts_with("rows.jsonl:1:"), "{error:?}");
}

#[test]
fn the_form_is_told_by_the_source_the_reading_or_the_name() {
    let lab = Lab::new();
    let path = lab.write(
        "rows.jsonl",
        "{\"a\": 1, \"y\": 0.5}\n{\"a\": 2, \"y\": 1.5}\n",
    );
    for (source, split, files) in [
        (
            json!({"read": {"form": "jsonl"}, "from": "other"}),
            json!({"random": {"train": 1.0}}),
            Files {
                source: vec![path.clone()],
                ..Files::default()
            },
        ),
        (
            json!({}),
            json!({"files": {"train": "rows.ndjson"}}),
            Files {
                train: vec![path.clone()],
                ..Files::default()
            },
        ),
        (
            json!({"jsonl": []}),
            json!({"files": {"train": {"from": "other"}}}),
            Files {
                train: vec![path.clone()],
                ..Files::default()
            },
        ),
    ] {
        let block = json!({"target": "y", "source": source, "split": split});
        let (dataset, ..) = lab.run_files("out", &files, block).unwrap();
        assert_eq!(dataset.part("train").unwrap().features.values, [1.0, 2.0]);
    }
}

#[test]
fn lists_with_a_gap_are_told_where_they_come_again() {
    let row = |x: &str, y: &str| format!("{{\"x\": {x}, \"y\": {y}}}\n");
    let rows = [
        row("[1, 2]", "0.5"),
        row("null", "1.5"),
        row("[3, 4]", "2.5"),
    ];
    for (rows, message) in [
        (
            &rows[..],
            "rows.jsonl:3: column `x`: a list, which a row before it has not",
        ),
        (
            &rows[1..],
            "rows.jsonl:2: column `x`: a list, which a row before it has not",
        ),
        (
            &rows[..2],
            "rows.jsonl:2: column `x`: no list, which the rows before it have",
        ),
    ] {
        let told = run(&Lab::new(), rows.concat(), json!({})).unwrap_err();
        assert_eq!(told.0, message);
    }
}

#[test]
fn what_python_writes_that_is_no_json_is_named() {
    for (line, message, hint) in [
        (
            &b"{\"x\": NaN, \"y\": 1}\n"[..],
            "rows.jsonl:1:7: `NaN` is no value of JSON",
            "write null",
        ),
        (
            b"{\"x\": 1, \"y\": True}\n",
            "rows.jsonl:1:15: `True` is no value of JSON",
            "true or false",
        ),
        (
            b"{\"x\": -Infinity, \"y\": 1}\n",
            "`Infinity` is no value of JSON",
            "write null",
        ),
        (
            b"{\"x\": \"caf\xe9\", \"y\": 1}\n",
            "rows.jsonl:1:11: is not UTF-8 text",
            "iconv",
        ),
    ] {
        let told = run(&Lab::new(), line, json!({})).unwrap_err();
        assert!(told.0.contains(message), "{told:?}");
        assert!(told.1.contains(hint), "{told:?}");
    }
}
