//! Rows of a dataset for the model of another one: what its fitted steps make of them is what they make of the same rows in a
//! file, whatever steps the dataset itself has.

use std::fmt::Write as _;

use pipe_data::{Dataset, Files, TargetValues, read_rows, transform};
use serde_json::{Value, json};

use crate::Lab;

const SPLIT: &str = r#"{"random": {"train": 0.5, "val": 0.2, "test": 0.3, "seed": 1}}"#;

pub fn block(target: Value, steps: Value, more: Value) -> Value {
    let split: Value = serde_json::from_str(SPLIT).unwrap();
    let mut block = json!({"target": target, "split": split, "steps": steps});
    for (key, value) in more.as_object().unwrap() {
        block[key] = value.clone();
    }
    block
}

/// A table of all types; `shift` moves its numbers, its words and its dates.
pub fn table(rows: u32, shift: u32) -> String {
    let mut text = "size,city,member,day,note,id,y\n".to_owned();
    for row in 0..rows {
        let key = row * 7 + shift;
        let size = match row % 13 {
            0 => String::new(),
            _ => format!("{:.3}", f64::from(key % 29) * 1.7 + f64::from(shift)),
        };
        let city =
            ["Graz", "Linz", "Wien", "Wels", "Bern"][((row + shift) % (3 + shift % 3)) as usize];
        let member = ["yes", "no"][(key % 5 / 3) as usize];
        let day = key % 28 + 1;
        let words = ["red apple pie", "green tea", "sour apple", "cold tea"];
        let note = format!(
            "{} and {} of number {key}",
            words[(key % 4) as usize],
            words[(row % 3) as usize]
        );
        let y = ["a", "b"][(row % 2) as usize];
        let _ = writeln!(
            text,
            "{size},{city},{member},2024-{:02}-{day:02},{note},id-{key}-{row},{y}",
            row % 12 + 1
        );
    }
    text
}

/// Checks that all parts of `other`, made of this file, are for the model what the file's own rows are.
#[track_caller]
fn assert_as_predicted(lab: &Lab, file: &str, model: &Dataset, other: &Dataset) {
    let rows = read_rows(&lab.path(file), None, model.schema()).unwrap();
    let predicted = transform(model.schema(), &rows).unwrap();
    for part in other.parts() {
        let found = other.new_part_for(part, model.schema()).unwrap();
        let features = found.features.clone().into_dense();
        assert_eq!(features.width, predicted.width);
        assert!(!found.is_empty());
        let lines = features.values.chunks_exact(predicted.width);
        for (row, line) in found.rows.iter().zip(lines) {
            let expected = &predicted.values[*row as usize * predicted.width..][..predicted.width];
            assert_eq!(line, expected, "{part}: row {row}");
        }
    }
}

/// A dataset of `NAME.csv` in the folder `NAME`.
pub fn dataset(lab: &Lab, name: &str, text: &str, block: Value) -> Dataset {
    let files = Files {
        source: vec![lab.write(&format!("{name}.csv"), text)],
        ..Files::default()
    };
    lab.run_files(name, &files, block).unwrap().0
}

#[test]
fn part_for_a_model_has_its_steps_whatever_steps_the_dataset_has() {
    let lab = Lab::new();
    let others = [
        json!([{"drop": {"columns": ["day", "note", "id"]}}, {"impute": {}}, {"standardize": {}}, {"one_hot": {}}]),
        json!([{"drop": {"columns": ["size", "day", "note", "id"]}}, {"ordinal": {}}]),
    ];
    let steps = [
        json!([{"drop": {"columns": ["note", "id"]}}, {"impute": {"indicator": true}}, {"standardize": {"columns": "numeric"}}, {"datetime_parts": {"columns": "datetime"}}, {"one_hot": {}}]),
        json!([{"drop": {"columns": ["day", "id"]}}, {"impute": {}}, {"min_max": {"columns": ["size"]}}, {"bag_of_words": {"columns": ["note"], "weights": "tf_idf"}}, {"one_hot": {"min_count": 2}}]),
        json!([{"drop": {"columns": ["day", "note"]}}, {"impute": {}}, {"power": {"columns": ["size"]}}, {"hash": {"columns": ["id"], "buckets": 16}}, {"ordinal": {"unknown": "own"}}]),
        json!([{"drop": {"columns": ["day", "size", "member"]}}, {"tokens": {"columns": ["note"], "length": 5}}, {"target_encode": {"columns": ["city", "id"]}}]),
        json!([{"drop": {"columns": ["day", "note", "id"]}}, {"impute": {}}, {"bucketize": {"columns": ["size"], "bins": 3}}, {"target_encode": {"columns": ["city"]}}]),
    ];
    let text = table(90, 11);
    lab.write("other.csv", &text);
    for (at, steps) in steps.iter().enumerate() {
        let more = json!({"columns": {"id": "categorical", "note": "text"}});
        let model = dataset(
            &lab,
            &format!("model{at}"),
            &table(120, 0),
            block(json!("y"), steps.clone(), more),
        );
        for (n, own) in others.iter().enumerate() {
            let name = format!("other{at}{n}");
            let more = json!({"columns": {"id": "categorical", "note": "text"}});
            let other = dataset(&lab, &name, &text, block(json!("y"), own.clone(), more));
            assert_as_predicted(&lab, "other.csv", &model, &other);
            // Of its own dataset too, the train part included: there each row is new.
            assert_as_predicted(&lab, &format!("model{at}.csv"), &model, &model);
        }
    }
}

#[test]
fn part_for_its_own_model_is_the_part_itself() {
    let lab = Lab::new();
    let steps = json!([{"drop": {"columns": ["day", "note", "id"]}}, {"impute": {}}, {"target_encode": {"columns": ["city"]}}, {"ordinal": {}}]);
    let own = dataset(
        &lab,
        "own",
        &table(120, 0),
        block(json!("y"), steps, json!({})),
    );
    for part in own.parts() {
        assert_eq!(
            own.part_for(part, own.schema()).unwrap(),
            own.part_as_kept(part).unwrap()
        );
    }
    // A training learns from encodings that a row's own target is not in; a new row never has these.
    let new = own.new_part_for("train", own.schema()).unwrap();
    assert_ne!(new.features, own.part_as_kept("train").unwrap().features);
}

#[test]
fn part_for_a_model_takes_columns_in_any_order_and_of_types_that_were_inferred_otherwise() {
    let lab = Lab::new();
    let steps = json!([{"standardize": {}}, {"one_hot": {}}]);
    let text =
        "a,b,c,d,y\n1,x,yes,3,p\n2,y,no,4,q\n3,x,no,5,p\n4,z,yes,6,q\n5,x,yes,7,p\n6,y,no,9,q\n";
    let more = json!({"split": {"random": {"train": 1.0}}, "columns": {"d": "boolean"}});
    let text = text
        .replace(",3,p", ",1,p")
        .replace(",4,q", ",0,q")
        .replace(",5,p", ",1,p")
        .replace(",6,q", ",0,q")
        .replace(",7,p", ",1,p")
        .replace(",9,q", ",1,q");
    let model = dataset(&lab, "model", &text, block(json!("y"), steps, more));
    // Here `a` is of categories, `d` of numbers; there is a column more.
    let other = "y,d,more,c,b,a\np,0,7,no,w,2\nq,1,8,yes,x,3.5\np,1,9,no,y,-1e2\nq,0,8,yes,z,4\n";
    let more =
        json!({"split": {"random": {"train": 0.5, "test": 0.5}}, "columns": {"a": "categorical"}});
    let other = dataset(
        &lab,
        "other",
        other,
        block(json!("y"), json!([{"one_hot": {}}]), more),
    );
    assert_as_predicted(&lab, "other.csv", &model, &other);
}

#[test]
fn windows_for_a_model_have_its_steps() {
    let lab = Lab::new();
    let series = |rows: u32, shift: u32| {
        let mut text = "hour,x,kind,y\n".to_owned();
        for row in 0..rows {
            let kind = ["a", "b", "c"][(row * 5 % 7 % 3) as usize];
            let _ = writeln!(
                text,
                "{row},{},{kind},{}",
                row * 31 % 17 + shift,
                row * 3 % 11
            );
        }
        text
    };
    let block = |steps: Value, horizon: u32, length: u32| {
        json!({
            "target": "y",
            "columns": {"y": "numeric"},
            "split": {"time": {"by": "hour", "train": 0.5, "val": 0.0, "test": 0.5}},
            "steps": steps,
            "windows": {"length": length, "horizon": horizon, "order": "hour", "with_target": true},
        })
    };
    let scaled = json!([{"drop": {"columns": ["hour"]}}, {"standardize": {}}, {"one_hot": {}}]);
    let plain = json!([{"drop": {"columns": ["kind"]}}]);
    let model = dataset(&lab, "model", &series(60, 0), block(scaled.clone(), 0, 3));
    let (text, other) = (series(40, 9), "other");
    let other = dataset(&lab, other, &text, block(plain.clone(), 0, 3));
    let rows = read_rows(&lab.path("other.csv"), None, model.schema()).unwrap();
    let predicted = transform(model.schema(), &rows).unwrap();
    // The file's windows end at its rows from the third on; those of the test part are the last ones.
    let found = other.part_for("test", model.schema()).unwrap();
    assert_eq!(found.rows, (22..40).collect::<Vec<u64>>());
    let from = (found.rows[0] as usize - 2) * predicted.width;
    assert_eq!(
        found.features.clone().into_dense().values,
        predicted.values[from..]
    );
    let TargetValues::Numbers(targets) = found.target else {
        panic!("numbers are predicted");
    };
    assert_eq!(targets[0], f64::from(22 * 3 % 11));

    for (name, horizon, length) in [("later", 1, 3), ("longer", 0, 4)] {
        let other = dataset(&lab, name, &text, block(plain.clone(), horizon, length));
        let told = lab.told(&other.part_for("test", model.schema()).unwrap_err());
        assert!(
            told.0
                .contains("and the model takes windows of 3 rows for the row 0 ahead"),
            "{told:?}"
        );
        assert!(told.1.contains("the same `windows`"), "{told:?}");
    }
    let single = json!({"target": "y", "columns": {"y": "numeric"}, "split": {"random": {"train": 0.5, "test": 0.5}}, "steps": plain});
    let single = dataset(&lab, "single", &text, single);
    let told = lab.told(&single.part_for("test", model.schema()).unwrap_err());
    assert!(told.0.contains("it has single rows"), "{told:?}");
}

fn images(rows: u32, shift: u32, deep: bool) -> String {
    let mut lines = String::new();
    for row in 0..rows {
        let value = |at: u32| {
            let byte = (row * 31 + at * 79 + shift) % 200;
            if deep {
                f64::from(byte) * 1.25
            } else {
                f64::from(byte)
            }
        };
        let pixels: Vec<Vec<f64>> = (0..3)
            .map(|y| (0..2).map(|x| value(y * 2 + x)).collect())
            .collect();
        let _ = writeln!(
            lines,
            "{}",
            json!({"pixel": pixels, "x": row % 7 + shift, "y": row % 2})
        );
    }
    lines
}

#[test]
fn blocks_for_a_model_have_its_steps() {
    let lab = Lab::new();
    let block = |steps: Value| {
        let more = json!({"source": {"jsonl": "rows"}, "columns": {"y": "categorical"}});
        block(json!("y"), steps, more)
    };
    let run = |name: &str, text: &str, steps: Value| {
        let files = Files {
            source: vec![lab.write(name, text)],
            ..Files::default()
        };
        let out = lab.path(&format!("{name}-out"));
        if out.exists() {
            std::fs::remove_dir_all(out).unwrap();
        }
        lab.run_files(&format!("{name}-out"), &files, block(steps))
            .unwrap()
            .0
    };
    for deep in [false, true] {
        let model = run("model", &images(60, 0, deep), json!([{"standardize": {}}]));
        let steps = [
            json!([]),
            json!([{"min_max": {}}]),
            json!([{"normalize": {"columns": ["pixel"]}}]),
        ];
        for steps in steps {
            let other = run("other", &images(40, 55, deep), steps);
            assert_as_predicted(&lab, "other", &model, &other);
        }
    }
}
