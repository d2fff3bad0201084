//! Splits of real files, and rows that are on both sides of one.

use std::fmt::Write;

use pipe_data::Files;
use serde::Deserialize;
use serde_json::{Value, json};

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

#[derive(Deserialize)]
struct GoldenFolds {
    name: String,
    folds: u64,
    groups: Vec<String>,
    classes: Vec<String>,
    fold_of: Vec<u64>,
}

#[test]
fn kfold_with_group_and_stratify_has_the_folds_of_stratified_group_kfold() {
    let text = include_str!("../../../../tests/golden/folds.json");
    let cases: Vec<GoldenFolds> = serde_json::from_str(text).unwrap();
    assert!(cases.len() > 5);
    for case in cases {
        let mut table = "group,class,x,y\n".to_owned();
        for (row, (group, class)) in case.groups.iter().zip(&case.classes).enumerate() {
            writeln!(table, "{group},{class},{row},{row}.5").unwrap();
        }
        for fold in 0..case.folds {
            let block = json!({
                "target": "y",
                "split": {"kfold": {"fold": fold, "folds": case.folds, "group": "group", "stratify": "class", "shuffle": false}},
                "steps": [{"drop": {"columns": ["group", "class"]}}],
            });
            let lab = Lab::new();
            let dataset = lab.run(&table, block).unwrap();
            let rows = 0..case.fold_of.len() as u64;
            let expected: Vec<u64> = rows
                .filter(|row| case.fold_of[*row as usize] == fold)
                .collect();
            let found = dataset.part("test").unwrap().rows;
            assert_eq!(found, expected, "{}: fold {fold}", case.name);
        }
    }
}

/// 240 rows in 60 groups; a quarter of the groups is rare.
fn grouped() -> String {
    let mut table = "g,x,y\n".to_owned();
    for row in 0..240 {
        let group = row / 4;
        let class = if group % 4 == 0 { "rare" } else { "usual" };
        writeln!(table, "g{group},{row},{class}").unwrap();
    }
    table
}

/// The rows by part, and how many of each are rare.
fn parts_of(split: &Value) -> Vec<(&'static str, Vec<u64>, usize)> {
    let block = json!({"target": "y", "split": split, "steps": [{"drop": {"columns": ["g"]}}]});
    let lab = Lab::new();
    let dataset = lab.run(grouped(), block).unwrap();
    let part = |name: &'static str| {
        let rows = dataset.part(name).unwrap().rows;
        let rare = rows.iter().filter(|row| **row / 4 % 4 == 0).count();
        (name, rows, rare)
    };
    dataset.parts().into_iter().map(part).collect()
}

#[test]
fn group_split_with_stratify_keeps_groups_whole_and_shares_of_classes() {
    for split in [
        json!({"group": {"by": "g", "stratify": "y", "train": 0.6, "val": 0.2, "test": 0.2, "seed": 9}}),
        json!({"kfold": {"fold": 2, "folds": 5, "group": "g", "stratify": "y", "val": 0.25, "seed": 9}}),
    ] {
        let parts = parts_of(&split);
        let sizes: Vec<_> = parts.iter().map(|it| (it.0, it.1.len(), it.2)).collect();
        assert_eq!(
            sizes,
            [("train", 144, 36), ("val", 48, 12), ("test", 48, 12)],
            "{split}"
        );
        let mut home = vec![None; 60];
        for (part, rows, _) in &parts {
            for row in rows {
                let before = home[*row as usize / 4].replace(*part);
                assert!(before.is_none_or(|it| it == *part));
            }
        }
        assert_eq!(parts, parts_of(&split), "the same seed, the same parts");
    }
}

#[test]
fn kfold_tells_a_class_with_too_few_rows_alike_in_every_fold() {
    let rows = |classes: &[(&str, usize)]| {
        let mut table = "g,x,y\n".to_owned();
        let all = classes
            .iter()
            .flat_map(|it| std::iter::repeat_n(it.0, it.1));
        for (row, class) in all.enumerate() {
            writeln!(table, "g{},{},{class}", row % 7, row * 3 % 11).unwrap();
        }
        table
    };
    let one = rows(&[("a", 20), ("b", 20), ("c", 1)]);
    let many = "the class `c` of the target `y` has 1 row, and the train part of fold";
    let numbers = rows(&[("1", 20), ("2", 20), ("30", 1)]);
    let sorted = rows(&[("b", 5), ("a", 30)]);
    let truths = rows(&[("yes", 1), ("no", 30)]);
    for (table, split, types, message, hint) in [
        (&one, json!({"stratify": "y"}), json!({}), many, "more rows"),
        (&one, json!({}), json!({}), many, "more rows"),
        (&one, json!({"val": 0.2}), json!({}), many, "more rows"),
        (&one, json!({"group": "g"}), json!({}), many, "more groups"),
        (
            &numbers,
            json!({}),
            json!({}),
            "the class `30` of the target `y` has 1 row,",
            "more rows",
        ),
        (
            &truths,
            json!({}),
            json!({"y": "boolean"}),
            "the class `true` of the target `y` has 1 row,",
            "more rows",
        ),
        (
            &sorted,
            json!({"shuffle": false, "folds": 7}),
            json!({}),
            "the class `b` of the target `y` has 5 rows, and the train part of fold 0",
            "`stratify: y`",
        ),
    ] {
        let mut told = Vec::new();
        for fold in 0..5 {
            let mut kfold = split.clone();
            kfold["fold"] = json!(fold);
            let lab = Lab::new();
            let block = json!({
                "target": "y", "split": {"kfold": kfold}, "columns": types,
                "steps": [{"drop": {"columns": ["g"]}}],
            });
            told.push(lab.told(&lab.run(table, block).unwrap_err()));
        }
        assert!(told[0].0.starts_with(message), "{told:?}");
        assert!(told[0].1.contains(hint), "{told:?}");
        assert!(told.iter().all(|it| *it == told[0]), "{told:?}");
    }
}

#[test]
fn kfold_with_stratify_takes_a_class_of_two_rows() {
    let mut table = "x,y\n".to_owned();
    for row in 0..42 {
        let class = if row < 2 { "rare" } else { "usual" };
        writeln!(table, "{},{class}", row % 9).unwrap();
    }
    for fold in 0..5 {
        let block =
            json!({"target": "y", "split": {"kfold": {"fold": fold, "stratify": "y", "val": 0.2}}});
        Lab::new().run(&table, block).unwrap();
    }
}

#[test]
fn kfold_of_a_number_needs_no_rows_of_each_value() {
    let mut table = "x,y\n".to_owned();
    for row in 0..60 {
        writeln!(table, "{},{}", row % 9, row * 17).unwrap();
    }
    for fold in 0..5 {
        let block = json!({"target": "y", "split": {"kfold": {"fold": fold}}});
        Lab::new().run(&table, block).unwrap();
    }
}
