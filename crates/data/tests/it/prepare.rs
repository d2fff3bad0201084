//! Splits, steps, and what a dataset holds.

use std::{collections::BTreeMap, fmt::Write, fs};

use pipe_data::{DataError, Dataset, Files, TargetValues};
use pipe_schema::{
    dataset::{FittedStep, TargetKind},
    protocol::InputPath,
    stage::{command::InputForm, preprocess::ColumnType},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{Lab, bytes, halves};

/// 40 rows of every type, with missing values.
fn table() -> String {
    let mut text = "id,age,city,member,y\n".to_owned();
    for row in 0..40 {
        let age = if row % 7 == 3 {
            String::new()
        } else {
            format!("{}.5", row * 13 % 50)
        };
        let city = ["Bern", "Oslo", "", "Rome"][row % 4];
        let member = ["yes", "no"][row * 7 % 3 % 2];
        writeln!(text, "r{row},{age},{city},{member},{}", ["a", "b"][row % 2]).unwrap();
    }
    text
}

fn steps() -> Value {
    json!([
        {"drop": {"columns": "id"}},
        {"impute": {}},
        {"one_hot": {}},
        {"standardize": {}},
    ])
}

#[test]
fn a_dataset_holds_what_its_schema_says() {
    let lab = Lab::new();
    let dataset = lab.run(table(), halves(steps())).unwrap();
    let schema = dataset.schema();
    let types: Vec<_> = schema
        .columns
        .iter()
        .map(|it| (it.name.as_str(), it.r#type))
        .collect();
    assert_eq!(
        types,
        [
            ("id", ColumnType::Categorical),
            ("age", ColumnType::Numeric),
            ("city", ColumnType::Categorical),
            ("member", ColumnType::Boolean),
        ]
    );
    assert_eq!(
        schema.features,
        ["age", "city=Bern", "city=Oslo", "city=Rome", "member"]
    );
    assert_eq!(dataset.parts(), ["train", "test"]);
    let train = dataset.part("train").unwrap();
    assert_eq!(
        (train.len(), train.features.rows, train.features.width),
        (20, 20, 5)
    );
    assert!(train.rows.is_sorted());
    let TargetKind::Classes {
        names,
        train_counts,
    } = &schema.target.kind
    else {
        panic!("{schema:?}");
    };
    assert_eq!(names, &["a", "b"]);
    assert_eq!(train_counts.iter().sum::<u64>(), 20);
    let TargetValues::Classes(codes) = &train.target else {
        panic!()
    };
    let even = train.rows.iter().map(|row| (*row % 2) as i64);
    assert!(even.eq(codes.iter().copied()));
    let summary = dataset.summary("train").unwrap();
    assert_eq!(summary.rows, 20);
    assert_eq!(
        summary.columns[1].missing,
        train.rows.iter().filter(|it| **it % 7 == 3).count() as u64
    );
    let head = dataset.head("test").unwrap();
    assert_eq!(head.len(), 20);
    let test = dataset.part("test").unwrap();
    assert_eq!(head[0].row, test.rows[0]);
    assert_eq!(head[0].input["id"], format!("r{}", head[0].row));
}

#[test]
fn two_runs_give_the_same_bytes() {
    let lab = Lab::new();
    lab.run_into("a", table(), halves(steps())).unwrap();
    lab.run_into("b", table(), halves(steps())).unwrap();
    let files = [
        "schema.json",
        "train/rows.safetensors",
        "train/part.json",
        "train/head.jsonl",
        "test/rows.safetensors",
    ];
    for file in files {
        assert_eq!(
            bytes(&lab.path("a").join(file)),
            bytes(&lab.path("b").join(file)),
            "{file}"
        );
    }
}

/// Changes every value of the test rows, within its type.
fn with_other_test_rows(text: &str, test: &[u64]) -> String {
    let change = |(at, line): (usize, &str)| {
        if at == 0 || !test.contains(&(at as u64 - 1)) {
            return line.to_owned();
        }
        let fields: Vec<&str> = line.split(',').collect();
        let city = if fields[2].is_empty() { "Lima" } else { "" };
        let member = if fields[3] == "yes" { "no" } else { "yes" };
        format!(
            "other{at},{at}99.25,{city},{member},{}",
            if fields[4] == "a" { "b" } else { "a" }
        )
    };
    text.lines()
        .enumerate()
        .map(change)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn each_step_is_fitted_on_the_train_part_alone() {
    let all = [
        json!([{"drop": {"columns": ["id", "city"]}}, {"impute": {"strategy": "mean", "columns": "numeric"}}]),
        json!([{"drop": {"columns": ["id", "city"]}}, {"impute": {"strategy": "median", "columns": "numeric"}}]),
        json!([{"drop": {"columns": ["id"]}}, {"impute": {"strategy": "most_frequent"}}, {"one_hot": {}}]),
        json!([{"drop": {"columns": ["id", "city"]}}, {"standardize": {}}, {"impute": {}}]),
        json!([{"drop": {"columns": ["id", "city"]}}, {"min_max": {}}, {"impute": {}}]),
        json!([{"drop": {"columns": "categorical"}}, {"impute": {}}]),
        steps(),
    ];
    for steps in all {
        let lab = Lab::new();
        let before = lab
            .run_into("before", table(), halves(steps.clone()))
            .unwrap();
        let test = before.part("test").unwrap();
        let other = with_other_test_rows(&table(), &test.rows);
        let after = lab.run_into("after", other, halves(steps.clone())).unwrap();
        for file in [
            "schema.json",
            "train/rows.safetensors",
            "train/part.json",
            "train/head.jsonl",
        ] {
            let (before, after) = (lab.path("before").join(file), lab.path("after").join(file));
            assert_eq!(bytes(&before), bytes(&after), "{file} {steps}");
        }
        assert_ne!(test, after.part("test").unwrap(), "{steps}");
    }
}

#[test]
fn split_by_files_numbers_rows_on() {
    let lab = Lab::new();
    let files = Files {
        train: vec![
            lab.write("a.csv", "x,y\n1,a\n2,b\n"),
            lab.write("b.csv", "y,x\na,3\n"),
        ],
        test: vec![lab.write("c.csv", "x,y\n4,b\n")],
        ..Files::default()
    };
    let block = json!({"target": "y", "split": {"files": {"train": "a", "test": "b"}}});
    let (dataset, summary, _) = lab.run_files("out", &files, block).unwrap();
    assert_eq!(summary.rows, [("train", 3), ("test", 1)]);
    let train = dataset.part("train").unwrap();
    assert_eq!(
        (train.rows, train.features.values),
        (vec![0, 1, 2], vec![1.0, 2.0, 3.0])
    );
    assert_eq!(dataset.part("test").unwrap().rows, [3]);
}

#[test]
fn roles_of_a_job_come_in_numeric_order() {
    let lab = Lab::new();
    let mut inputs = BTreeMap::new();
    for number in [0, 1, 2, 10, 11] {
        let path = lab
            .write(&format!("{number}.csv"), "")
            .display()
            .to_string();
        inputs.insert(format!("source/{number}"), InputPath { path, part: None });
    }
    fs::create_dir(lab.path("folder")).unwrap();
    lab.write("folder/b.csv", "");
    lab.write("folder/a.csv", "");
    let path = lab.path("folder").display().to_string();
    inputs.insert("split/test/0".to_owned(), InputPath { path, part: None });
    let files = Files::from_inputs(&inputs).unwrap();
    let names: Vec<_> = files
        .source
        .iter()
        .map(|it| it.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(names, ["0.csv", "1.csv", "2.csv", "10.csv", "11.csv"]);
    assert_eq!(
        files.test,
        [lab.path("folder/a.csv"), lab.path("folder/b.csv")]
    );
}

fn target_of(values: &[&str], columns: Value) -> Result<TargetKind, DataError> {
    let lab = Lab::new();
    let mut text = "x,y\n".to_owned();
    for value in values {
        writeln!(text, "1,{value}").unwrap();
    }
    let split = json!({"random": {"train": 1.0}});
    let dataset = lab.run(
        text,
        json!({"target": "y", "split": split, "columns": columns}),
    )?;
    Ok(dataset.schema().target.kind.clone())
}

fn classes_of(values: &[&str], columns: Value) -> Option<Vec<String>> {
    match target_of(values, columns).unwrap() {
        TargetKind::Classes { names, .. } => Some(names),
        _ => None,
    }
}

#[test]
fn the_kind_of_a_target_follows_its_values() {
    let free = json!({});
    let some = |names: &[&str]| Some(names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>());
    assert_eq!(
        classes_of(&["b", "a", "b"], free.clone()),
        some(&["a", "b"])
    );
    assert_eq!(
        classes_of(&["10", "9", "10", "9.0", "9"], free.clone()),
        some(&["9", "10"])
    );
    assert_eq!(classes_of(&["1.5", "2", "1.5", "2"], free.clone()), None);
    assert_eq!(classes_of(&["1", "2", "3"], free.clone()), None);
    assert_eq!(
        classes_of(&["1", "2", "3"], json!({"y": "categorical"})),
        some(&["1", "2", "3"])
    );
    assert_eq!(
        classes_of(&["1", "2", "1", "2"], json!({"y": "numeric"})),
        None
    );
    assert_eq!(
        classes_of(&["yes", "0", "no", "1"], json!({"y": "boolean"})),
        some(&["false", "true"])
    );
    let many: Vec<String> = (0..42).map(|it| (it % 21).to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(classes_of(&many, free.clone()), None);
    assert_eq!(classes_of(&many[..40], free), None);
}

#[test]
fn a_numeric_target_knows_its_mean() {
    assert_eq!(
        target_of(&["1.5", "2.5"], json!({})).unwrap(),
        TargetKind::Number { train_mean: 2.0 }
    );
}

#[test]
fn a_column_of_names_is_warned_of() {
    let lab = Lab::new();
    let files = Files {
        source: vec![lab.write("data.csv", table())],
        ..Files::default()
    };
    let block = halves(json!([{"impute": {}}, {"one_hot": {}}]));
    let (_, _, logs) = lab.run_files("out", &files, block).unwrap();
    assert_eq!(logs.len(), 1);
    assert!(
        logs[0].starts_with("column `id` has another value in every row"),
        "{logs:?}"
    );
}

#[test]
fn converted_rows_read_like_any_table() {
    let lab = Lab::new();
    let block = json!({"target": "y", "split": {"random": {"train": 1.0}}});
    let text = "a b,y\n1.25,\"u,v\"\n-3,w\n1e-7,w\n4,\"u,v\"\n";
    let dataset = lab.run(text, block).unwrap();
    let out = lab.path("train.csv");
    pipe_data::convert(&dataset, "train", InputForm::Csv, &out).unwrap();
    let text = fs::read_to_string(&out).unwrap();
    assert_eq!(
        text,
        "row,a b,y\n0,1.25,\"u,v\"\n1,-3,w\n2,0.0000001,w\n3,4,\"u,v\"\n"
    );
}

#[test]
fn a_part_that_is_not_there_is_named_with_those_that_are() {
    let lab = Lab::new();
    let dataset = lab.run(table(), halves(steps())).unwrap();
    let error = dataset.part("val").unwrap_err();
    assert_eq!(
        error.message,
        "the dataset has no part `val`; it has train, test"
    );
}

#[test]
fn a_cut_off_file_of_rows_is_an_error() {
    let lab = Lab::new();
    let dataset = lab.run(table(), halves(steps())).unwrap();
    let path = lab.path("out/train/rows.safetensors");
    let whole = bytes(&path);
    for length in [0, 7, 40, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(
            Dataset::open(lab.path("out"))
                .unwrap()
                .part("train")
                .is_err(),
            "{length}"
        );
    }
    assert!(dataset.part("test").is_ok());
}

#[test]
fn a_fitted_step_reads_back_to_the_bit() {
    let lab = Lab::new();
    let text: String = (0..50).fold("x,y\n".to_owned(), |text, row| {
        format!("{text}{},{}\n", f64::from(row).sin() / 3.0, row % 2)
    });
    let dataset = lab
        .run(&text, halves(json!([{"standardize": {}}])))
        .unwrap();
    let train = dataset.part("train").unwrap();
    let values: Vec<f64> = train
        .rows
        .iter()
        .map(|row| (*row as f64).sin() / 3.0)
        .collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let FittedStep::Standardize { columns } = &dataset.schema().steps[0] else {
        panic!()
    };
    assert_eq!(columns["x"].mean, mean);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn new_rows_become_what_the_stored_rows_are(
        rows in prop::collection::vec((prop::option::of(-1e6_f64..1e6), prop::option::of("[a-c]{1,2}"), prop::option::of(any::<bool>())), 12..40),
    ) {
        let lab = Lab::new();
        let mut text = "num,word,truth,y\n".to_owned();
        for (at, (number, word, truth)) in rows.iter().enumerate() {
            let number = number.map_or(String::new(), |it| it.to_string());
            let word = word.clone().unwrap_or_default();
            let truth = truth.map_or(String::new(), |it| it.to_string());
            writeln!(text, "{number},{word},{truth},{}", at % 2).unwrap();
        }
        let steps = json!([{"impute": {}}, {"one_hot": {}}, {"standardize": {}}]);
        let Ok(dataset) = lab.run(&text, halves(steps)) else { return Ok(()) };
        for part in ["train", "test"] {
            let stored = dataset.part(part).unwrap();
            let inputs: Vec<_> = dataset.head(part).unwrap().into_iter().map(|it| it.input).collect();
            let rows = pipe_data::RawRows::from_json(&inputs, dataset.schema()).unwrap();
            let again = pipe_data::transform(dataset.schema(), &rows).unwrap();
            let bits = |values: &[f32]| values.iter().map(|it| it.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&again.values), bits(&stored.features.values[..again.values.len()]));
        }
    }
}
