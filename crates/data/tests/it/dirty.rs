//! Tables as people have them: what is taken, and what the message says of the rest.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use pipe_data::Files;
use serde_json::json;

use crate::{Lab, all_train, assert_refusal, features, refusal};

fn gzip(text: &str) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap()
}

#[test]
fn line_ends_blank_lines_and_marks_do_not_matter() {
    for text in [
        "x,y\n1,a\n2,b\n",
        "x,y\r\n1,a\r\n2,b\r\n",
        "x,y\r1,a\r2,b",
        "\u{feff}x,y\n1,a\r\n2,b",
        "\n\nx,y\n\n1,a\n\r\n2,b\n\n",
        " x , y\n 1 ,a\n2, b \n",
        "\"x\",\"y\"\n\"1\",\"a\"\n2,b\n",
        "\u{feff}\"x\",y\n1,a\n2,b\n",
    ] {
        assert_eq!(features(text, json!({})), [1.0, 2.0], "{text:?}");
    }
}

#[test]
fn gzip_is_told_by_its_first_bytes_and_may_have_members() {
    let mut packed = gzip("x,y\n1,a\n");
    packed.extend(gzip("2,b\n"));
    assert_eq!(features(&packed, json!({})), [1.0, 2.0]);
    let cut = refusal(&packed[..packed.len() - 12], json!({}));
    assert!(cut.0.starts_with("data.csv:"), "{cut:?}");
}

#[test]
fn quotes_keep_delimiters_and_lines_together() {
    let text = "x,word,y\n1,\"u,\"\"v\"\"\n w\",a\n2,z,b\n";
    let more = json!({"steps": [{"one_hot": {}}]});
    let lab = Lab::new();
    let dataset = lab.run(text, all_train(more)).unwrap();
    assert_eq!(
        dataset.schema().features,
        ["x", "word=u,\"v\"\n w", "word=z"]
    );
}

#[test]
fn lines_are_those_of_an_editor() {
    for (text, line) in [
        ("x,y\n1,a\n2\n", 3),
        ("x,y\r\n1,a\r\n\r\n2\r\n", 4),
        ("x,y\r1,a\r2\r", 3),
        ("\n\nx,y\n\"1\n\n\",a\n2", 7),
        ("x,y\r\n\"1\r\n\",a\r\n2", 4),
    ] {
        let message = format!("data.csv:{line}: 1 fields where 2 are expected");
        assert_eq!(refusal(text, json!({})).0, message, "{text:?}");
    }
}

#[test]
fn a_bad_value_in_a_later_row_has_its_line() {
    let text = "x,y\n\"1\n\",a\n\n2,b\noops,a\n";
    let more = json!({"columns": {"x": "numeric"}});
    assert_refusal(
        text,
        more,
        "data.csv:6: column `x`: `oops` is not a number",
        "na: […]",
    );
}

#[test]
fn what_is_no_table_is_said_to_be_none() {
    let none = || json!({});
    assert_refusal("", none(), "data.csv: is empty", "");
    assert_refusal("\n\n", none(), "data.csv: is empty", "");
    assert_refusal("x,y\n", none(), "data.csv: has no rows, only a header", "");
    assert_refusal("\u{feff}", none(), "data.csv: is empty", "");
    assert_refusal(
        b"\xff\xfex\0",
        none(),
        "data.csv: is UTF-16, not UTF-8",
        "encoding",
    );
    assert_refusal(
        b"PK\x03\x04rest",
        none(),
        "data.csv: is a zip archive or an Excel sheet, not text",
        "export",
    );
    assert_refusal(
        "y\na\nb\n",
        none(),
        "there is no column beside the target `y`",
        "",
    );
}

#[test]
fn text_that_is_not_utf8_is_named() {
    let text = b"x,word,y\n1,caf\xe9,a\n2,b,b\n";
    assert_refusal(
        text,
        json!({}),
        "data.csv:2: column `word`: is not UTF-8 text",
        "`read: {encoding: windows-1252}`",
    );
    // Halves of a character that meet across a field's end are no character.
    assert_refusal(
        b"x,w,y\n\xc3,\xa9,a\n",
        json!({}),
        "data.csv:2: column `x`: is not UTF-8 text",
        "encoding",
    );
}

#[test]
fn names_are_unique_and_given_where_they_lack() {
    assert_refusal(
        "x,x,y\n1,2,a\n",
        json!({}),
        "data.csv: columns 1 and 2 are both named `x`",
        "names",
    );
    let lab = Lab::new();
    let dataset = lab
        .run(",x,y\n0,1,a\n1,2,b\n", all_train(json!({})))
        .unwrap();
    assert_eq!(dataset.schema().features, ["unnamed_1", "x"]);
}

#[test]
fn an_open_quote_is_found() {
    assert_refusal(
        "x,y\n1,a\n2,\"b\n3,c\n4,d\n",
        json!({}),
        "data.csv:3: a quote is opened in this row and not closed up to the end of the file",
        "",
    );
}

#[test]
fn huge_fields_are_read() {
    let long = "w".repeat(300_000);
    let text = format!("x,word,y\n1,{long},a\n2,z,b\n");
    assert_eq!(
        features(text, json!({"steps": [{"drop": {"columns": "word"}}]})),
        [1.0, 2.0]
    );
}

#[test]
fn read_options_are_followed() {
    let read = json!({"source": {"read": {"delimiter": ";", "na": ["?"], "header": false, "names": ["x", "y"]}}});
    let mut more = read.clone();
    more["steps"] = json!([{"impute": {"strategy": "constant", "value": 7}}]);
    assert_eq!(features("1;a\n?;b\n", more), [1.0, 7.0]);
    let named = json!({"source": {"read": {"names": ["x", "y"]}}});
    assert_eq!(features("old,older\n1,a\n2,b\n", named), [1.0, 2.0]);
    let few = json!({"source": {"read": {"names": ["x"]}}});
    assert_refusal(
        "a,y\n1,a\n",
        few,
        "data.csv:1: 2 columns, but `read.names` gives 1 names",
        "",
    );
    let nameless = json!({"source": {"read": {"header": false}}});
    assert_refusal(
        "1,a\n",
        nameless,
        "`header: false` leaves the columns without names",
        "names: [a, b, c]",
    );
    assert_refusal(
        "x;y\n1;a\n",
        json!({}),
        "target: there is no column `y`",
        "read: {delimiter: \";\"}",
    );
    let wide = json!({"source": {"read": {"delimiter": "→"}}});
    assert_refusal("x,y\n", wide, "`→` cannot be the delimiter", "ASCII");
}

#[test]
fn several_files_are_joined_by_name() {
    let lab = Lab::new();
    let a = lab.write("a.csv", "x,z,y\n1,2,a\n");
    let source = |text: &str| Files {
        source: vec![a.clone(), lab.write("b.csv", text)],
        ..Files::default()
    };
    let (dataset, ..) = lab
        .run_files("out", &source("y,z,x\nb,4,3\n"), all_train(json!({})))
        .unwrap();
    assert_eq!(
        dataset.part("train").unwrap().features.values,
        [1.0, 2.0, 3.0, 4.0]
    );
    let error = lab
        .run_files("out", &source("y,x\nb,3\n"), all_train(json!({})))
        .unwrap_err();
    assert_eq!(
        lab.told(&error).0,
        "b.csv: column `z` is missing, which a.csv has"
    );
    let error = lab
        .run_files("out", &source("y,z,x,w\nb,4,3,5\n"), all_train(json!({})))
        .unwrap_err();
    assert_eq!(lab.told(&error).0, "b.csv: column `w` is not in a.csv");
    let error = lab
        .run_files("out", &source("y,z,x\nb,4,3\nb,4\n"), all_train(json!({})))
        .unwrap_err();
    assert_eq!(lab.told(&error).0, "b.csv:3: 2 fields where 3 are expected");
}

#[test]
fn a_word_among_numbers_is_told_with_its_place() {
    let mut text = "age,y\n".to_owned();
    for row in 0..40 {
        let age = if row == 7 {
            "?".to_owned()
        } else {
            row.to_string()
        };
        text.push_str(&format!("{age},{row}.5\n"));
    }
    let lab = Lab::new();
    let files = Files {
        source: vec![lab.write("data.csv", &text)],
        ..Files::default()
    };
    let steps = json!({"steps": [{"one_hot": {}}]});
    let (.., logs) = lab.run_files("out", &files, all_train(steps)).unwrap();
    let told = "data.csv:9: column `age`: `?` is no finite number, 39 of 40 values are: taken for words (`?` in 1 row)";
    assert!(logs[0].ends_with(told), "{logs:?}");
    assert!(logs[1].contains("`read.na`"), "{logs:?}");
    let given = json!({"steps": [{"one_hot": {}}], "columns": {"age": "categorical"}});
    let (.., logs) = lab.run_files("meant", &files, all_train(given)).unwrap();
    assert!(
        !logs.iter().any(|it| it.contains("no finite number")),
        "{logs:?}"
    );
}
