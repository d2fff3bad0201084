//! One table as pandas, pyarrow, polars and DuckDB write it gives the same features, whichever file a model was trained on
//! and whichever it is applied to. `tests/golden/make_writers.py` wrote the files, and pandas computed the features.

use std::path::PathBuf;

use indexmap::IndexMap;
use pipe_data::{Dataset, Files, read_rows, transform};
use pipe_schema::stage::preprocess::{ColumnType, Form};
use serde_json::json;

use crate::{Lab, all_train};

const FILES: [&str; 11] = [
    "pandas.csv",
    "pandas_nullable.csv",
    "pandas.jsonl",
    "pandas.parquet",
    "pyarrow.csv",
    "pyarrow.parquet",
    "polars.csv",
    "polars.jsonl",
    "polars.parquet",
    "duckdb.csv",
    "duckdb.jsonl",
];

fn golden(file: &str) -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/writers");
    PathBuf::from(folder).join(file)
}

/// Features by row, as pandas computed them.
fn expected() -> Vec<Vec<f64>> {
    let text = std::fs::read(golden("expected.json")).unwrap();
    let columns: IndexMap<String, Vec<f64>> = serde_json::from_slice(&text).unwrap();
    let rows = columns[0].len();
    (0..rows)
        .map(|row| columns.values().map(|column| column[row]).collect())
        .collect()
}

fn dataset(lab: &Lab, file: &str) -> Dataset {
    let form = Form::of_name(file).unwrap();
    let block = all_train(json!({
        "source": {form.name(): file},
        "columns": {"flag": "categorical", "code": "categorical", "level": "categorical"},
        "steps": [
            {"impute": {"columns": "all"}},
            {"one_hot": {}},
            {"datetime_parts": {"parts": ["year", "month", "day", "hour", "minute"]}},
        ],
    }));
    let files = Files {
        source: vec![golden(file)],
        ..Files::default()
    };
    let out = format!("out_{file}");
    lab.run_files(&out, &files, block).unwrap().0
}

fn check(found: &[f32], expected: &[Vec<f64>], what: &str) {
    let width = expected[0].len();
    assert_eq!(found.len(), width * expected.len(), "{what}");
    for (row, (found, expected)) in found.chunks(width).zip(expected).enumerate() {
        for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
            let difference = (f64::from(*found) - expected).abs();
            assert!(
                difference <= 1e-6 * expected.abs().max(1.0),
                "{what}: row {row}, feature {at}: {found} and {expected}"
            );
        }
    }
}

#[test]
fn one_table_of_all_writers_gives_the_features_of_pandas() {
    let (lab, expected) = (Lab::new(), expected());
    for file in FILES {
        let dataset = dataset(&lab, file);
        let part = dataset.part("train").unwrap();
        let in_order: Vec<u64> = (0..expected.len() as u64).collect();
        assert_eq!(part.rows, in_order);
        check(&part.features.values, &expected, file);
    }
}

#[test]
fn a_model_of_one_writer_reads_the_rows_of_all_others() {
    let (lab, expected) = (Lab::new(), expected());
    for trained in FILES {
        let dataset = dataset(&lab, trained);
        for file in FILES {
            let form = Form::of_name(file);
            let path = golden(file);
            let rows = read_rows(&path, form, dataset.schema()).unwrap();
            let features = transform(dataset.schema(), &rows).unwrap();
            check(
                &features.values,
                &expected,
                &format!("{trained} and {file}"),
            );
        }
    }
}

#[test]
fn one_table_of_all_writers_has_the_same_types() {
    let lab = Lab::new();
    let types = |file: &str| -> Vec<ColumnType> {
        let dataset = dataset(&lab, file);
        let columns = dataset.schema().columns.iter();
        columns.map(|column| column.r#type).collect()
    };
    let first = types(FILES[0]);
    for file in FILES {
        assert_eq!(types(file), first, "{file}");
    }
}
