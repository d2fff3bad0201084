//! Text files as a source: rows by file and by line, labels, new texts, and files that are none.

use std::fs;

use pipe_data::{DataError, Dataset, Files, read_rows, read_rows_by, transform};
use serde_json::{Value, json};

use crate::{Lab, all_train};

fn texts(lab: &Lab, places: &[(&str, &[u8])]) -> Files {
    let mut files = Files::default();
    for (place, bytes) in places {
        let path = lab.path(place);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        files.source.push(path);
    }
    files
}

fn run(lab: &Lab, files: &Files, read: Value) -> Result<Dataset, DataError> {
    let block = all_train(json!({
        "target": "label",
        "source": {"text": "*/*", "read": read},
        "steps": [{"bag_of_words": {}}],
    }));
    Ok(lab.run_files("out", files, block)?.0)
}

fn classes(dataset: &Dataset) -> Value {
    json!(dataset.schema().target.kind)["classes"]["names"].clone()
}

/// What the rows were read as.
fn inputs(dataset: &Dataset) -> Vec<Value> {
    let head = dataset.head("train").unwrap();
    head.iter().map(|it| it.input["text"].clone()).collect()
}

const MAILS: [(&str, &[u8]); 4] = [
    ("a b/été 1 .txt", b"\xef\xbb\xbfBuy now\r\nor never\n"),
    ("NA/2", b"See you\n\n"),
    ("NA/empty.txt", b""),
    ("7/3", b"12"),
];

#[test]
fn folders_are_labels_and_a_file_is_a_text_whatever_it_holds() {
    let lab = Lab::new();
    let files = texts(&lab, &MAILS);
    let dataset = run(&lab, &files, json!({})).unwrap();
    assert_eq!(classes(&dataset), json!(["7", "NA", "a b"]));
    let schema = dataset.schema();
    assert_eq!(json!(schema.columns[0].r#type), "text");
    let names = ["12", "buy", "never", "now", "or", "see", "you"];
    assert_eq!(schema.features, names.map(|it| format!("text:{it}")));
    let expected = [
        json!("Buy now\r\nor never"),
        json!("See you"),
        Value::Null,
        json!("12"),
    ];
    assert_eq!(inputs(&dataset), expected);
    let features = dataset.part("train").unwrap().features;
    // An empty text has no words.
    assert!(features.values[14..21].iter().all(|it| *it == 0.0));
}

#[test]
fn new_files_and_folders_give_the_same_numbers() {
    let lab = Lab::new();
    let files = texts(&lab, &MAILS);
    let dataset = run(&lab, &files, json!({})).unwrap();
    let known = dataset.part("train").unwrap().features.values;
    let width = dataset.schema().features.len();
    for (at, path) in files.source.iter().enumerate() {
        let rows = read_rows(path, None, dataset.schema()).unwrap();
        let found = transform(dataset.schema(), &rows).unwrap().values;
        assert_eq!(found, known[at * width..(at + 1) * width]);
    }
    lab.write("NA/.DS_Store", "no text");
    for limit in [1, 2, usize::MAX] {
        let mut found = Vec::new();
        let folder = lab.path("NA");
        read_rows_by(limit, &folder, None, dataset.schema(), &mut |rows| {
            assert!(rows.len() <= limit);
            found.extend(transform(dataset.schema(), &rows)?.values);
            Ok::<(), DataError>(())
        })
        .unwrap();
        assert_eq!(found, known[width..3 * width], "{limit}");
    }
}

#[test]
fn lines_may_be_rows() {
    let lab = Lab::new();
    let good: &[u8] = b"fine work\r\n\n  \nso so\nfine";
    let files = texts(&lab, &[("good/1.txt", good), ("bad/1.txt", b"N/A\n")]);
    let dataset = run(&lab, &files, json!({"rows": "line"})).unwrap();
    let expected = ["fine work", "so so", "fine", "N/A"];
    assert_eq!(inputs(&dataset), expected.map(Value::from));
    assert_eq!(classes(&dataset), json!(["bad", "good"]));
    let known = dataset.part("train").unwrap().features.values;
    for limit in [1, 3, usize::MAX] {
        let mut found = Vec::new();
        read_rows_by(limit, &files.source[0], None, dataset.schema(), &mut |it| {
            found.extend(transform(dataset.schema(), &it)?.values);
            Ok::<(), DataError>(())
        })
        .unwrap();
        let width = dataset.schema().features.len();
        assert_eq!(found, known[..3 * width], "{limit}");
    }
}

#[test]
fn files_of_one_folder_have_no_labels() {
    let lab = Lab::new();
    let files = texts(&lab, &[("a/1", b"red"), ("a/2", b"blue")]);
    let error = run(&lab, &files, json!({})).unwrap_err();
    let (message, hint) = lab.told(&error);
    assert_eq!(message, "target: there is no column `label`");
    assert_eq!(
        hint,
        "all files lie in one folder: there is no label to tell"
    );
}

#[test]
fn other_encodings_are_texts_where_they_are_named() {
    let lab = Lab::new();
    let files = texts(&lab, &[("a/1", b"caf\xe9"), ("b/2", b"th\xe9")]);
    let error = run(&lab, &files, json!({})).unwrap_err();
    let (message, hint) = lab.told(&error);
    assert_eq!(message, "a/1: byte 4 is not UTF-8 text");
    assert!(hint.contains("encoding: latin-1"), "{hint}");
    let dataset = run(&lab, &files, json!({"encoding": "latin-1"})).unwrap();
    assert_eq!(inputs(&dataset), ["café", "thé"].map(Value::from));
}

#[test]
fn what_is_no_text_is_named() {
    let lab = Lab::new();
    let huge = lab.path("huge");
    let file = fs::File::create(&huge).unwrap();
    file.set_len((64 << 20) + 1).unwrap();
    for (read, bytes, told) in [
        (
            json!({}),
            &b"ab\0c"[..],
            "x/1: byte 3 is 0, which no text has",
        ),
        (
            json!({"rows": "line"}),
            b"a\nb\xff",
            "x/1:2: byte 4 is not UTF-8 text",
        ),
        (
            json!({"rows": "line"}),
            b"a\n\nb\0",
            "x/1:3: byte 5 is 0, which no text has",
        ),
        (json!({"rows": "line"}), b"\n \n", "x/1: has no lines"),
        (
            json!({"encoding": "shift-jis"}),
            b"ab\x81",
            "x/1: byte 3 is not shift-jis text",
        ),
        (
            json!({}),
            b"PK\x03\x04",
            "x/1: is a zip archive or an Excel sheet, not text",
        ),
    ] {
        let files = texts(&lab, &[("x/1", bytes), ("y/1", b"fine")]);
        let error = run(&lab, &files, read).unwrap_err();
        assert_eq!(lab.told(&error).0, told);
    }
    let mut files = texts(&lab, &[("y/1", b"fine")]);
    files.source.push(huge);
    let error = run(&lab, &files, json!({})).unwrap_err();
    let (message, hint) = lab.told(&error);
    assert_eq!(message, "huge: is larger than a row may be, 64 MiB");
    assert!(hint.contains("rows: line"), "{hint}");
}
