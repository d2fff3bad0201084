//! Splits of real files, and rows that are on both sides of one.

use std::fmt::Write;

use pipe_data::Files;
use serde_json::json;

use crate::{Lab, bytes};

/// Rows of three groups and two classes; `id` differs in each.
fn table(rows: std::ops::Range<usize>) -> String {
    let mut text = "id,x,group,y\n".to_owned();
    for row in rows {
        let class = if row % 5 == 0 { "rare" } else { "usual" };
        writeln!(text, "r{row},{},g{},{class}", row % 30, row % 3).unwrap();
    }
    text
}

#[test]
fn a_val_part_is_cut_from_the_train_files() {
    let lab = Lab::new();
    let files = Files {
        train: vec![
            lab.write("a.csv", table(0..50)),
            lab.write("b.csv", table(50..100)),
        ],
        test: vec![lab.write("c.csv", table(100..120))],
        ..Files::default()
    };
    let block = json!({
        "target": "y",
        "split": {"files": {"train": ["a.csv", "b.csv"], "test": "c.csv", "val_share": 0.2, "stratify": "y", "seed": 4}},
        "steps": [{"drop": {"columns": ["id", "group"]}}],
    });
    let (dataset, summary, _) = lab.run_files("out", &files, block).unwrap();
    assert_eq!(summary.rows, [("train", 80), ("val", 20), ("test", 20)]);
    let val = dataset.part("val").unwrap();
    assert!(val.rows.iter().all(|row| *row < 100));
    assert_eq!(val.rows.iter().filter(|row| **row % 5 == 0).count(), 4);
    assert_eq!(
        dataset.part("test").unwrap().rows,
        (100..120).collect::<Vec<u64>>()
    );
}

#[test]
fn rows_on_both_sides_are_counted_and_reported() {
    let lab = Lab::new();
    let files = Files {
        train: vec![lab.write("a.csv", table(0..20))],
        // x and group of rows 15 to 19 come again in rows 45 to 49.
        test: vec![lab.write("b.csv", table(45..55))],
        ..Files::default()
    };
    let split = json!({"files": {"train": "a.csv", "test": "b.csv"}});
    let block = |steps| json!({"target": "y", "split": split, "steps": steps});
    let by_name = block(json!([{"drop": {"columns": "id"}}, {"one_hot": {}}]));
    let (dataset, _, logs) = lab.run_files("out", &files, by_name).unwrap();
    assert_eq!(dataset.summary("test").unwrap().in_train, 5);
    assert_eq!(dataset.summary("train").unwrap().in_train, 0);
    assert_eq!(
        logs,
        ["5 of 10 rows of the test part have the same inputs as a row of the train part"]
    );
}

#[test]
fn what_is_found_in_the_test_part_leaves_the_train_part_as_it_is() {
    let lab = Lab::new();
    let train = lab.write("a.csv", table(0..20));
    let block = json!({
        "target": "y",
        "split": {"files": {"train": "a.csv", "test": "b.csv"}},
        "steps": [{"drop": {"columns": ["id", "group"]}}],
    });
    for (out, rows) in [("none", 20..30), ("all", 0..10)] {
        let files = Files {
            train: vec![train.clone()],
            test: vec![lab.write("b.csv", table(rows))],
            ..Files::default()
        };
        lab.run_files(out, &files, block.clone()).unwrap();
    }
    let same =
        |file: &str| bytes(&lab.path("none").join(file)) == bytes(&lab.path("all").join(file));
    for file in [
        "schema.json",
        "train/part.json",
        "train/rows.safetensors",
        "train/head.jsonl",
    ] {
        assert!(same(file), "{file}");
    }
    assert!(!same("test/part.json"));
}

#[test]
fn folds_of_a_file_make_a_partition() {
    let lab = Lab::new();
    let mut held = Vec::new();
    for fold in 0..3 {
        let block = json!({
            "target": "y",
            "split": {"kfold": {"fold": fold, "folds": 3, "group": "group", "val": 0.4}},
            "steps": [{"drop": {"columns": ["id", "group"]}}],
        });
        let dataset = lab.run(table(0..60), block).unwrap();
        assert_eq!(dataset.parts(), ["train", "val", "test"]);
        held.extend(dataset.part("test").unwrap().rows);
    }
    held.sort_unstable();
    assert_eq!(held, (0..60).collect::<Vec<u64>>());
}

#[test]
fn a_row_without_a_group_is_refused() {
    let lab = Lab::new();
    let block = json!({"target": "y", "split": {"group": {"by": "g", "train": 0.5, "test": 0.5}}});
    let error = lab
        .run("g,x,y\na,1,2.5\n,2,3.5\nb,3,4\n", block)
        .unwrap_err();
    assert_eq!(
        lab.told(&error).0,
        "data.csv:3: column `g` has no value here, so the row is of no group"
    );
}
