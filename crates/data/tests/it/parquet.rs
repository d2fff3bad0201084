//! Parquet files as pyarrow wrote them, and files that are none or hold what a table cannot.

use std::{fs, path::PathBuf};

use pipe_data::{Files, RawRows, read_rows, table, transform};
use pipe_schema::stage::preprocess::{Form, Read};
use serde_json::{Value, json};

use crate::{Lab, all_train};

fn golden(name: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.join("../../tests/golden/parquet").join(name)
}

fn expected() -> Value {
    serde_json::from_slice(&fs::read(golden("expected.json")).unwrap()).unwrap()
}

fn read() -> Read {
    Read {
        form: Some(Form::Parquet),
        ..Read::default()
    }
}

/// Texts that are equal, or the same number; of single precision, the same one of that.
fn agree(found: &str, wanted: &str, is_single: bool) -> bool {
    let number = |it: &str| it.parse::<f64>().ok();
    let single = |it: &str| number(it).map(|it| it as f32).filter(|_| is_single);
    found == wanted
        || (number(found).is_some() && number(found) == number(wanted))
        || (single(found).is_some() && single(found) == single(wanted))
}

fn assert_columns(file: &str, rows: usize) {
    let expected = expected();
    let table = table::read(&[golden(file)], &read(), &mut |_| {}).unwrap();
    assert_eq!(table.rows(), rows, "{file}");
    assert!(!table.columns.is_empty());
    for column in &table.columns {
        let wanted = expected[&column.name].as_array().unwrap();
        let found = column.fields.iter().map(pipe_data::infer::text_of);
        for (row, (found, wanted)) in found.zip(wanted).enumerate() {
            let wanted = wanted.as_str().unwrap();
            assert!(
                agree(found, wanted, column.name == "single"),
                "{file}: {}: row {row}: {found:?}, not {wanted:?}",
                column.name
            );
        }
        assert_eq!(
            column.fields.iter().count(),
            rows,
            "{file}: {}",
            column.name
        );
    }
}

#[test]
fn every_type_and_packing_is_read_as_it_was_written() {
    for packing in ["none", "snappy", "gzip", "zstd", "lz4", "second_version"] {
        assert_columns(&format!("{packing}.parquet"), 40);
        let table = table::columns(&golden(&format!("{packing}.parquet")), &read()).unwrap();
        assert_eq!(table.len(), 17);
    }
    assert_columns("old_dates.parquet", 40);
}

#[test]
fn lists_of_one_length_are_blocks() {
    let lab = Lab::new();
    let files = Files {
        source: vec![golden("lists.parquet"); 2],
        ..Files::default()
    };
    let block = all_train(json!({"target": "label", "source": {"parquet": "lists.parquet"}}));
    let dataset = lab.run_files("out", &files, block).unwrap().0;
    let features = dataset.part("train").unwrap().features;
    assert_eq!((features.rows, features.width), (80, 9));
    let expected = expected();
    for (row, cells) in features.values.chunks_exact(9).enumerate() {
        let wanted = ["pixels", "waves"].map(|it| expected[it][row % 40].as_array().unwrap());
        let wanted = wanted.into_iter().flatten();
        let wanted: Vec<f32> = wanted.map(|it| it.as_f64().unwrap() as f32).collect();
        assert_eq!(cells, wanted, "{row}");
    }
    let shapes = dataset.schema().columns.iter().map(|it| it.shape.clone());
    assert_eq!(shapes.collect::<Vec<_>>(), [Some(vec![6]), Some(vec![3])]);
}

#[test]
fn new_rows_come_from_parquet_in_any_form_the_model_knows() {
    let lab = Lab::new();
    let files = Files {
        source: vec![golden("zstd.parquet")],
        ..Files::default()
    };
    let block = all_train(json!({
        "target": "coded",
        "source": {"parquet": "zstd.parquet"},
        "steps": [
            {"drop": {"columns": ["large", "second", "micro", "zoned", "empty"]}},
            {"impute": {"columns": "all"}},
            {"datetime_parts": {"parts": ["year", "day"]}},
            {"one_hot": {}},
        ],
    }));
    let dataset = lab.run_files("out", &files, block).unwrap().0;
    let all = dataset.part("train").unwrap().features.values;
    let rows: RawRows = read_rows(&golden("gzip.parquet"), None, dataset.schema()).unwrap();
    assert_eq!(transform(dataset.schema(), &rows).unwrap().values, all);
    assert_eq!(rows.unused().len(), 5, "{:?}", rows.unused());

    let lists = read_rows(&golden("lists.parquet"), None, dataset.schema()).unwrap_err();
    assert!(
        lists.message.contains("columns `small`, `whole`"),
        "{lists:?}"
    );
}

#[test]
fn what_a_table_cannot_hold_is_told_with_its_column() {
    for (file, message) in [
        (
            "record",
            "column `place`: is a group (a struct) of the fields `lat`, `lon`, and a column has one value a row",
        ),
        ("deep", "column `x`: is a LIST of other things than values"),
        (
            "ragged",
            "column `x`: row 2 has 1 numbers, the rows before have 2",
        ),
        (
            "gap",
            "column `x`: row 2: the list, or a number in it, is missing",
        ),
        (
            "words",
            "column `x`: a list of other things than numbers cannot be read",
        ),
        ("bytes", "column `x`: row 1 is not UTF-8 text"),
        ("no_rows", "has no rows"),
    ] {
        let path = golden(&format!("{file}.parquet"));
        let error = table::read(&[path], &read(), &mut |_| {}).unwrap_err();
        assert!(
            error
                .message
                .ends_with(&format!("{file}.parquet: {message}")),
            "{error:?}"
        );
    }
    let time = table::read(&[golden("time.parquet")], &read(), &mut |_| {}).unwrap_err();
    assert!(
        time.message
            .ends_with("column `x`: values of the type TIME(MICROS) cannot be read"),
        "{time:?}"
    );
    let brotli = table::read(&[golden("brotli.parquet")], &read(), &mut |_| {}).unwrap_err();
    let hint = brotli.hint.unwrap_or_default();
    assert!(
        hint.contains("snappy, gzip, zstd or lz4"),
        "{} {hint}",
        brotli.message
    );
}

#[test]
fn a_file_that_is_cut_off_or_none_is_refused() {
    let lab = Lab::new();
    let whole = fs::read(golden("snappy.parquet")).unwrap();
    for (name, bytes) in [
        ("none.parquet", &b"x,y\n1,2\n"[..]),
        ("empty.parquet", &b""[..]),
        ("cut.parquet", &whole[..whole.len() / 2]),
    ] {
        let path = lab.write(name, bytes);
        let error = table::read(&[path], &read(), &mut |_| {}).unwrap_err();
        let told = lab.told(&error).0;
        assert!(
            told.starts_with(&format!("{name}: is no parquet file, or a broken one")),
            "{told}"
        );
    }
    // Bytes that are changed may give other values, but never a crash.
    for at in (4..whole.len()).step_by(97) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        let path = lab.write("changed.parquet", &bytes);
        let _ = table::read(&[path], &read(), &mut |_| {});
    }
}

#[test]
fn files_of_other_columns_name_both() {
    let files = ["brotli.parquet", "old_dates.parquet"].map(golden);
    let error = table::read(&files, &read(), &mut |_| {}).unwrap_err();
    assert!(error.message.contains("brotli.parquet"), "{error:?}");
    let files = ["old_dates.parquet", "snappy.parquet"].map(golden);
    let error = table::read(&files, &read(), &mut |_| {}).unwrap_err();
    assert!(
        error
            .message
            .contains("snappy.parquet: column `small` is not in ")
            && error.message.ends_with("old_dates.parquet"),
        "{error:?}"
    );
}
