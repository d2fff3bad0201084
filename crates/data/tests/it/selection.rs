//! Columns that are not read: those that `source.columns` leaves out, and dropped ones that no table can hold.

use std::path::PathBuf;

use pipe_data::{DataError, Dataset, Files, read_rows, transform};
use pipe_schema::stage::preprocess::Form;
use serde_json::{Value, json};

use crate::{Lab, all_train};

/// Columns of the golden files that cannot be read.
const PARQUET: [&str; 10] = [
    "record", "uuid", "raw", "binary", "time", "map", "ragged", "records", "words", "endless",
];
const JSONL: [&str; 4] = ["record", "ragged", "late", "records"];
const NPZ: [&str; 7] = [
    "scalar", "objects", "complex", "span", "fields", "long", "endless",
];

fn golden(name: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.join("../../tests/golden/unreadable").join(name)
}

fn forms() -> [(&'static str, &'static str, &'static [&'static str]); 3] {
    [
        ("parquet", "d.parquet", &PARQUET),
        ("jsonl", "d.jsonl", &JSONL),
        ("npz", "d.npz", &NPZ),
    ]
}

fn run(
    lab: &Lab,
    files: &[PathBuf],
    source: Value,
    steps: Value,
) -> Result<(Dataset, Vec<String>), DataError> {
    let files = Files {
        source: files.to_vec(),
        ..Files::default()
    };
    let block = all_train(json!({"source": source, "steps": steps}));
    let (dataset, _, logs) = lab.run_files("out", &files, block)?;
    Ok((dataset, logs))
}

#[test]
fn a_dropped_column_that_cannot_be_read_is_left_out_in_every_form() {
    for (form, file, unreadable) in forms() {
        let source = json!({form: file});
        for steps in [
            json!([{"drop": {"columns": unreadable}}, {"standardize": {}}]),
            json!([{"standardize": {}}, {"drop": {"columns": unreadable}}]),
        ] {
            let lab = Lab::new();
            let (dataset, logs) = run(&lab, &[golden(file)], source.clone(), steps)
                .unwrap_or_else(|error| panic!("{form}: {error:?}"));
            assert_eq!(dataset.schema().features, ["x"], "{form}");
            for name in unreadable {
                let start = format!("column `{name}` is left out: ");
                let told = logs.iter().filter(|line| line.starts_with(&start)).count();
                assert_eq!(told, 1, "{form}: {name}: {logs:?}");
            }
            // The same file is predicted, whatever else is in it.
            let given = Form::ALL.into_iter().find(|it| it.name() == form);
            let rows = read_rows(&golden(file), given, dataset.schema()).unwrap();
            let found = transform(dataset.schema(), &rows).unwrap();
            assert_eq!(found, dataset.part("train").unwrap().features, "{form}");
        }
    }
}

#[test]
fn a_column_that_cannot_be_read_and_is_not_dropped_is_an_error_that_tells_how_to_leave_it_out() {
    for (form, file, unreadable) in forms() {
        for kept in unreadable {
            let others: Vec<&&str> = unreadable.iter().filter(|name| *name != kept).collect();
            let steps = json!([{"drop": {"columns": others}}, {"standardize": {}}]);
            let lab = Lab::new();
            let error = run(&lab, &[golden(file)], json!({form: file}), steps).unwrap_err();
            assert!(error.message.contains(&format!("`{kept}`")), "{error:?}");
            let hint = error.hint.clone().unwrap_or_default();
            let remedy = format!("source: {{columns: {{except: [{kept}]}}}}");
            let is_told = *kept == "long" || *kept == "endless" || hint.contains(&remedy);
            assert!(is_told, "{form}: {kept}: {} {hint}", error.message);
            assert!(!error.message.contains("Type {"), "{error:?}");
        }
    }
}

#[test]
fn source_columns_takes_a_list_or_all_but_a_list_in_every_form() {
    for (form, file, unreadable) in forms() {
        for columns in [json!(["x", "y"]), json!({"except": unreadable})] {
            let lab = Lab::new();
            let source = json!({form: file, "columns": columns});
            let (dataset, logs) = run(&lab, &[golden(file)], source, json!([])).unwrap();
            assert_eq!(dataset.schema().features, ["x"], "{form}");
            assert_eq!(logs, Vec::<String>::new(), "{form}");
        }
    }
}

#[test]
fn source_columns_that_are_not_there_are_named() {
    for (form, file, _) in forms() {
        for columns in [json!(["x", "y", "recrod"]), json!({"except": ["recrod"]})] {
            let lab = Lab::new();
            let steps = json!([{"drop": {"columns": PARQUET.to_vec()}}]);
            let steps = if form == "parquet" { steps } else { json!([]) };
            let source = json!({form: file, "columns": columns});
            let error = run(&lab, &[golden(file)], source, steps).unwrap_err();
            let is_unreadable = error.message.contains("cannot be read")
                || error
                    .hint
                    .clone()
                    .unwrap_or_default()
                    .contains("leave it out");
            let told = "source.columns: there is no column `recrod`";
            assert!(error.message == told || is_unreadable, "{form}: {error:?}");
        }
    }
    let lab = Lab::new();
    let csv = lab.write("data.csv", "x,y\n1,a\n2,b\n");
    for columns in [json!(["x", "y", "z"]), json!({"except": ["z"]})] {
        let source = json!({"columns": columns});
        let error = run(&lab, std::slice::from_ref(&csv), source, json!([])).unwrap_err();
        assert_eq!(error.message, "source.columns: there is no column `z`");
    }
    let source = json!({"columns": ["x"]});
    let error = run(&lab, &[csv], source, json!([])).unwrap_err();
    assert_eq!(error.message, "target: there is no column `y`");
    assert!(
        error
            .hint
            .unwrap()
            .contains("`source.columns` leaves it out")
    );
}

#[test]
fn bytes_of_a_csv_column_that_is_not_read_do_not_matter() {
    let lab = Lab::new();
    let text = b"x,note,other,note,y\n1,caf\xe9,\0,1,a\n2,b,c,2,b\n";
    let path = lab.write("data.csv", text);
    let read = |source: Value, steps: Value| run(&lab, std::slice::from_ref(&path), source, steps);
    let error = read(json!({}), json!([])).unwrap_err();
    assert!(error.message.contains("are both named `note`"), "{error:?}");
    let (dataset, _) = read(json!({"columns": ["x", "y"]}), json!([])).unwrap();
    assert_eq!(dataset.schema().features, ["x"]);
    let rows = read_rows(&path, None, dataset.schema()).unwrap();
    assert_eq!(rows.len(), 2);

    let path = lab.write("data.csv", b"x,note,other,y\n1,caf\xe9,\0,a\n2,b,c,b\n");
    let steps = json!([{"drop": {"columns": ["note", "other"]}}]);
    let (dataset, logs) = run(&lab, &[path], json!({}), steps).unwrap();
    assert_eq!(
        (dataset.schema().features.len(), logs.len()),
        (1, 2),
        "{logs:?}"
    );
}

#[test]
fn a_dropped_column_may_be_of_another_type_in_other_rows_or_files() {
    let lab = Lab::new();
    let files = [
        lab.write("a.csv", "x,id,y\n1,1,a\n2,2,b\n3,3,a\n4,4,b\n"),
        lab.write("b.csv", "y,x,id\na,5,A7\nb,6,B8\n"),
        lab.write("c.csv", "y,x\na,7\nb,8\n"),
        lab.write("d.csv", "y,x,id,extra\na,9,9,1\nb,10,10,1\n"),
    ];
    let drop = json!([{"drop": {"columns": ["id", "extra"]}}]);
    let (dataset, _) = run(&lab, &files, json!({}), drop).unwrap();
    assert_eq!(dataset.schema().features, ["x"]);
    let values = dataset.part("train").unwrap().features.values;
    assert_eq!(values, (1..=10_u8).map(f32::from).collect::<Vec<_>>());
    // What a step means before it is dropped counts.
    let steps = json!([{"impute": {"columns": "id", "strategy": "constant", "value": 0}}, {"drop": {"columns": ["id", "extra"]}}]);
    let error = run(&lab, &files, json!({}), steps).unwrap_err();
    assert!(
        error.message.contains("column `id` is missing"),
        "{error:?}"
    );
}

#[test]
fn a_join_reads_its_keys_and_the_columns_that_it_adds() {
    let lab = Lab::new();
    let right = "{\"id\": 1, \"age\": 30, \"meta\": {\"a\": 1}}\n{\"id\": 2, \"age\": 40, \"meta\": [1, 2]}\n";
    let files = Files {
        source: vec![lab.write("left.csv", "id,y\n1,a\n2,b\n")],
        joins: vec![vec![lab.write("right.jsonl", right)]],
        ..Files::default()
    };
    let join = |more: Value, steps: Value| {
        let mut join = json!({"jsonl": "right.jsonl", "on": "id"});
        join.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let block = all_train(json!({"source": {"join": join}, "steps": steps}));
        lab.run_files("out", &files, block).map(|made| made.0)
    };
    let dataset = join(json!({"columns": ["age"]}), json!([])).unwrap();
    assert_eq!(dataset.schema().features, ["id", "age"]);
    let dataset = join(json!({}), json!([{"drop": {"columns": "meta"}}])).unwrap();
    assert_eq!(dataset.schema().features, ["id", "age"]);
    assert!(join(json!({}), json!([])).is_err());
}

#[test]
fn datetime64_of_numpy_is_read_as_pandas_shows_it() {
    let lab = Lab::new();
    let steps = json!([{"datetime_parts": {"parts": ["year", "month", "day", "hour"]}}]);
    let only = |name: &str| json!({"npz": "moments.npz", "columns": ["x", "y", name]});
    let shown: Value =
        serde_json::from_slice(&std::fs::read(golden("moments.json")).unwrap()).unwrap();
    for name in ["second", "day", "big"] {
        let (dataset, _) = run(&lab, &[golden("moments.npz")], only(name), steps.clone()).unwrap();
        let features = dataset.part("train").unwrap().features;
        for (row, found) in features.values.chunks(features.width).enumerate() {
            let text = shown[name][row.to_string()].as_str().unwrap();
            let part = |range: std::ops::Range<usize>| text[range].parse::<f32>().unwrap();
            let expected = [part(0..4), part(5..7), part(8..10), part(11..13)];
            assert_eq!(found[1..], expected, "{name} {row}");
        }
    }
    let error = run(&lab, &[golden("moments.npz")], only("gaps"), steps).unwrap_err();
    assert!(
        error.message.contains("column `gaps_year` has no value"),
        "NaT is missing: {error:?}"
    );
}

#[test]
fn files_packed_with_bzip2_or_xz_are_refused_by_name() {
    for (file, packing) in [("d.csv.bz2", "bzip2"), ("d.csv.xz", "xz")] {
        let lab = Lab::new();
        let error = run(&lab, &[golden(file)], json!({"csv": file}), json!([])).unwrap_err();
        let told = format!("{file}: is packed with {packing}");
        assert!(error.message.ends_with(&told), "{error:?}");
    }
}

#[test]
fn a_delimiter_at_the_end_of_all_rows_is_named() {
    let lab = Lab::new();
    let path = lab.write("data.csv", "a,b,y\n1,2,p,\n3,4,q,\n");
    let error = run(&lab, &[path], json!({}), json!([])).unwrap_err();
    let (message, hint) = lab.told(&error);
    assert_eq!(
        message,
        "data.csv:2: ends with the delimiter ',', and the header does not: 4 fields where 3 are expected"
    );
    assert!(hint.contains("at the end of the lines"), "{hint}");
    // With one at the end of the header, the column is empty, and left out.
    let path = lab.write("data.csv", "a;b;y;\n1;2;p;\n3;4;q;\n");
    let source = json!({"read": {"delimiter": ";"}});
    let (dataset, logs) = run(&lab, std::slice::from_ref(&path), source, json!([])).unwrap();
    assert_eq!(dataset.schema().features, ["a", "b"]);
    assert_eq!(
        logs,
        [
            "column `unnamed_4` is left out: has neither name nor values: all lines end with the delimiter"
        ]
    );
    let rows = read_rows(&path, None, dataset.schema()).unwrap();
    assert_eq!(
        transform(dataset.schema(), &rows).unwrap().values,
        [1.0, 2.0, 3.0, 4.0]
    );
}
