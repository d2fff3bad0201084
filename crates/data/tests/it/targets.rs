//! Several targets: their kinds, their files, and what must not pass for them.

use pipe_data::{TargetValues, convert, read_rows, transform};
use pipe_schema::{dataset::TargetKind, stage::command::InputForm};
use serde_json::{Value, json};

use crate::{Lab, all_train, refusal};

const TABLE: &str = "x,a,b,c,y\n1,0.5,yes,0,2\n2,1.5,no,1,4\n3,-1,TRUE,1,6\n";

fn of(targets: &[&str], more: Value) -> Value {
    let mut block = all_train(more);
    block["target"] = json!(targets);
    block
}

fn kind_of(text: &str, targets: &[&str], more: Value) -> TargetKind {
    let dataset = Lab::new().run(text, of(targets, more)).unwrap();
    dataset.schema().target.kind.clone()
}

#[track_caller]
fn assert_refused(text: &str, targets: &[&str], more: Value, message: &str, hint: &str) {
    let told = refusal(text, of(targets, more));
    assert_eq!(told.0, message);
    assert!(told.1.contains(hint), "{told:?}");
}

fn names(words: &[&str]) -> Vec<String> {
    words.iter().map(|it| (*it).to_owned()).collect()
}

#[test]
fn numeric_columns_are_numbers_in_the_order_they_are_named() {
    let steps = json!({"steps": [{"drop": {"columns": ["b"]}}]});
    let lab = Lab::new();
    let dataset = lab.run(TABLE, of(&["y", "a"], steps)).unwrap();
    let target = &dataset.schema().target;
    assert_eq!(target.name, "y, a");
    let kind = TargetKind::Numbers {
        names: names(&["y", "a"]),
        train_means: vec![4.0, 1.0 / 3.0],
    };
    assert_eq!(target.kind, kind);
    let part = dataset.part("train").unwrap();
    let TargetValues::Several(values) = &part.target else {
        panic!("{part:?}")
    };
    assert_eq!(values.values(), [2.0, 0.5, 4.0, 1.5, 6.0, -1.0]);
    assert_eq!(dataset.schema().features, ["x", "c"]);
    let summary = dataset.summary("train").unwrap();
    assert_eq!(
        (summary.targets[0].min, summary.targets[1].max),
        (Some(2.0), Some(1.5))
    );
    let head = dataset.head("train").unwrap();
    assert_eq!(head[1].target, json!({"y": 4, "a": 1.5}));
    let out = lab.path("part.csv");
    convert(&dataset, "train", InputForm::Csv, &out).unwrap();
    let text = std::fs::read_to_string(out).unwrap();
    assert!(text.starts_with("row,x,c,y,a\n0,1,0,2,0.5\n"), "{text}");
}

#[test]
fn words_of_yes_and_no_and_digits_are_labels() {
    let lab = Lab::new();
    let dataset = lab.run(TABLE, of(&["b", "c"], json!({}))).unwrap();
    let kind = TargetKind::Labels {
        names: names(&["b", "c"]),
        train_counts: vec![2, 2],
        train_rows: 3,
    };
    assert_eq!(dataset.schema().target.kind, kind);
    let part = dataset.part("train").unwrap();
    let TargetValues::Labels(values) = &part.target else {
        panic!("{part:?}")
    };
    assert_eq!(values.values(), [true, false, false, true, true, true]);
    let summary = dataset.summary("train").unwrap();
    assert_eq!(summary.targets[0].counts["true"], 2);
    assert_eq!(
        dataset.head("train").unwrap()[0].target,
        json!({"b": true, "c": false})
    );
}

#[test]
fn zeros_and_ones_beside_other_numbers_are_numbers() {
    let steps = json!({"steps": [{"drop": {"columns": ["b"]}}]});
    let kind = kind_of(TABLE, &["a", "c"], steps);
    assert!(matches!(kind, TargetKind::Numbers { .. }));
    let digits = "x,a,b\n1,0,1\n2,1,0\n";
    assert!(matches!(
        kind_of(digits, &["a", "b"], json!({})),
        TargetKind::Labels { .. }
    ));
    let numeric = json!({"columns": {"a": "numeric"}});
    assert!(matches!(
        kind_of(digits, &["a", "b"], numeric),
        TargetKind::Numbers { .. }
    ));
}

#[test]
fn a_list_of_one_is_the_column_alone() {
    let lab = Lab::new();
    let alone = lab.run_into("alone", TABLE, all_train(json!({}))).unwrap();
    let listed = lab
        .run_into("listed", TABLE, of(&["y"], json!({})))
        .unwrap();
    assert_eq!(alone.schema(), listed.schema());
    for file in ["schema.json", "train/rows.safetensors", "train/part.json"] {
        let read = |folder: &str| std::fs::read(lab.path(folder).join(file)).unwrap();
        assert_eq!(read("alone"), read("listed"), "{file}");
    }
}

#[test]
fn mixed_and_wordy_targets_are_refused() {
    assert_refused(
        TABLE,
        &["a", "b"],
        json!({}),
        "the target `a` has numbers and `b` has yes or no: several targets are all of one kind",
        "another",
    );
    let words = "x,a,b\n1,red,2\n2,blue,3\n3,red,4\n";
    assert_refused(
        words,
        &["a", "b"],
        json!({}),
        "the target `a` has words, such as `red`, and several targets are all numbers or all yes or no",
        "`target: a`",
    );
    assert_refused(
        words,
        &["a", "b"],
        json!({"columns": {"a": "categorical"}}),
        "the target `a` is declared categorical, and several targets are all numeric or all boolean",
        "`target: a`",
    );
    assert_refused(
        "x,a,b\n1,yes,2\n2,3,3\n",
        &["a", "b"],
        json!({}),
        "the target `a` has numbers and words for yes or no, and several targets are all numbers or all yes or no",
        "0 and 1",
    );
}

#[test]
fn values_that_do_not_fit_are_named_with_their_line() {
    assert_refused(
        "x,a,b\n1,1,2\n2,,3\n",
        &["a", "b"],
        json!({}),
        "data.csv:3: no value for the target `a` (1 row in all)",
        "leave out",
    );
    assert_refused(
        "x,a,b\n1,1,yes\n2,0,2\n",
        &["a", "b"],
        json!({"columns": {"a": "boolean", "b": "boolean"}}),
        "data.csv:3: target `b`: `2` is not yes or no",
        "1 or 0",
    );
    assert_refused(
        "x,a,b\n1,1,2\n2,no,2\n",
        &["a", "b"],
        json!({"columns": {"a": "numeric"}}),
        "data.csv:3: target `a`: `no` is not a number",
        "",
    );
    assert_refused(
        "x,a,b\n1,1,no\n2,0,no\n",
        &["a", "b"],
        json!({}),
        "the target `b` is no in all rows of the train part",
        "leave it out",
    );
}

#[test]
fn lists_that_make_no_sense_are_refused() {
    assert_refused(
        TABLE,
        &["a", "a"],
        json!({}),
        "target: `a` is named twice",
        "",
    );
    assert_refused(
        TABLE,
        &["a", "zz"],
        json!({}),
        "target: there is no column `zz`",
        "",
    );
    assert_refused(TABLE, &[], json!({}), "the target was not read", "");
    assert_refused(
        "a,b\n1,2\n3,4\n",
        &["a", "b"],
        json!({}),
        "there is no column beside the target `a, b`",
        "",
    );
}

#[test]
fn rows_are_stratified_by_one_of_the_targets() {
    let rows = (0..40).map(|row| format!("{row},{},{}", u8::from(row % 4 == 0), row % 2));
    let text = format!("x,a,b\n{}\n", rows.collect::<Vec<_>>().join("\n"));
    let split = json!({"random": {"train": 0.5, "test": 0.5, "stratify": "a", "seed": 1}});
    let lab = Lab::new();
    let block = json!({"target": ["a", "b"], "split": split});
    let dataset = lab.run(text, block).unwrap();
    for part in ["train", "test"] {
        assert_eq!(dataset.summary(part).unwrap().targets[0].counts["true"], 5);
    }
}

#[test]
fn each_target_has_its_encoding() {
    let text = "w,a,b\nu,1,10\nu,3,30\nv,5,50\nv,7,70\n";
    let steps = json!({"steps": [{"target_encode": {"columns": ["w"], "smooth": 0, "folds": 2}}]});
    let dataset = Lab::new().run(text, of(&["a", "b"], steps)).unwrap();
    assert_eq!(dataset.schema().features, ["w~a", "w~b"]);
    let lab = Lab::new();
    let path = lab.write("new.csv", "w\nu\nv\n");
    let rows = read_rows(&path, None, dataset.schema()).unwrap();
    let features = transform(dataset.schema(), &rows).unwrap();
    assert_eq!(features.values, [2.0, 20.0, 6.0, 60.0]);
}

#[test]
fn new_rows_may_have_their_targets_or_not() {
    let dataset = Lab::new().run(TABLE, of(&["b", "c"], json!({}))).unwrap();
    let lab = Lab::new();
    for (text, unused) in [
        ("x,a,y\n1,2,3\n", 0),
        ("x,a,b,c,y\n1,2,yes,0,3\n", 0),
        ("x,a,z,y\n1,2,0,3\n", 1),
    ] {
        let path = lab.write("new.csv", text);
        let rows = read_rows(&path, None, dataset.schema()).unwrap();
        assert_eq!(rows.unused().len(), unused, "{text}");
        assert_eq!(
            transform(dataset.schema(), &rows).unwrap().values,
            [1.0, 2.0, 3.0]
        );
    }
}
