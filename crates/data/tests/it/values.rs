//! Columns and values that do not fit: what the message says, and of which line.

use pipe_data::Files;
use pipe_schema::dataset::TargetKind;
use serde_json::{Value, json};

use crate::{Lab, all_train, assert_refusal, features, halves};

#[test]
fn a_name_that_is_not_there_brings_the_nearest() {
    let text = "age,city,label\n1,u,a\n2,v,b\n";
    let block = |more: Value| {
        let mut block = json!({"target": "label"});
        block
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        block
    };
    assert_refusal(
        text,
        block(json!({"target": "lable"})),
        "target: there is no column `lable`",
        "did you mean `label`?",
    );
    assert_refusal(
        text,
        block(json!({"columns": {"agee": "numeric"}})),
        "columns: there is no column `agee`",
        "did you mean `age`?",
    );
    assert_refusal(
        text,
        block(json!({"target": "zzz"})),
        "target: there is no column `zzz`",
        "the columns are: `age`, `city`, `label`",
    );
    assert_refusal(
        text,
        block(json!({"steps": [{"one_hot": {"columns": "cty"}}]})),
        "step 1 (one_hot): there is no column `cty` at this step",
        "did you mean `city`?",
    );
}

#[test]
fn missing_values_must_be_filled_or_left_out() {
    let text = "x,word,y\n1,u,a\n,,b\n3,v,a\n,u,b\n";
    assert_refusal(
        text,
        json!({"steps": [{"drop": {"columns": "word"}}]}),
        "data.csv:3: column `x` has no value here (2 rows in all), and no step fills it",
        "- impute: {columns: [x]}",
    );
    assert_refusal(
        text,
        json!({"steps": [{"impute": {"columns": "x"}}, {"one_hot": {}}]}),
        "step 2 (one_hot): data.csv:3: column `word` has no value here (1 row in all), and no step fills it",
        "- impute: {columns: [word]}",
    );
    assert_refusal(
        text,
        json!({}),
        "column `word` is categorical: only numbers can be trained on",
        "one_hot",
    );
    assert_refusal(
        text,
        json!({"steps": [{"drop": {"columns": ["x", "word"]}}]}),
        "no column is left to train on",
        "",
    );
}

#[test]
fn rows_without_a_target_are_refused() {
    let message = "data.csv:3: no value for the target `y` (2 rows in all)";
    assert_refusal(
        "x,y\n1,a\n2,\n3,b\n4,NA\n",
        json!({}),
        message,
        "leave out rows without a target",
    );
}

#[test]
fn a_value_outside_train_that_does_not_fit_is_named() {
    let lab = Lab::new();
    let files = Files {
        train: vec![lab.write("a.csv", "x,y\n1,a\n2,b\n")],
        test: vec![lab.write("b.csv", "x,y\n3,a\nfour,b\n")],
        ..Files::default()
    };
    let block = json!({"target": "y", "split": {"files": {"train": "a", "test": "b"}}});
    let error = lab.run_files("out", &files, block.clone()).unwrap_err();
    let told = lab.told(&error);
    assert_eq!(told.0, "b.csv:3: column `x`: `four` is not a number");
    assert!(told.1.contains("columns: {x: categorical}"), "{told:?}");
    lab.write("b.csv", "x,y\n3,c\n");
    let error = lab.run_files("out", &files, block).unwrap_err();
    let told = lab.told(&error);
    assert_eq!(
        told.0,
        "b.csv:2: target `y`: the train part has no row of the class `c`"
    );
    assert!(told.1.contains("stratify: y"), "{told:?}");
}

#[test]
fn columns_without_values_or_variance_are_handled() {
    let text = "empty,same,y\n,5,a\n,5,b\n";
    let step = |step: Value| json!({"steps": [step]});
    assert_refusal(
        text,
        step(json!({"impute": {}})),
        "step 1 (impute): column `empty` has no value in the train part",
        "- drop: {columns: [empty]}",
    );
    let more = json!({"steps": [{"drop": {"columns": "empty"}}, {"standardize": {}}]});
    assert_eq!(features(text, more), [0.0, 0.0]);
    let more = json!({"steps": [{"drop": {"columns": "empty"}}, {"min_max": {"range": [2, 3]}}]});
    assert_eq!(features(text, more), [2.0, 2.0]);
    let more =
        json!({"steps": [{"impute": {"columns": "empty", "strategy": "constant", "value": 1.5}}]});
    assert_eq!(features(text, more), [1.5, 5.0, 1.5, 5.0]);
}

#[test]
fn numbers_beyond_bounds_do_not_pass() {
    let more = json!({"columns": {"x": "numeric"}});
    for bad in ["inf", "1e999", "0x10", "1,5", "--1", "NAN", "1_000"] {
        let text = format!("x,y\n\"{bad}\",a\n2,b\n");
        let message = format!("data.csv:2: column `x`: `{bad}` is not a number");
        assert_refusal(text, more.clone(), &message, "");
    }
    let message = "data.csv:2: column `x`: the number is too large to train on";
    assert_refusal("x,y\n1e300,a\n2,b\n", json!({}), message, "standardize");
    assert_eq!(features("x,y\n+1.5e1,a\n-.5,b\n", json!({})), [15.0, -0.5]);
}

#[test]
fn a_wrong_constant_is_refused() {
    let text = "x,word,y\n1,u,a\n,v,b\n";
    let constant = |value: Value, columns: &str| json!({"steps": [{"impute": {"columns": columns, "strategy": "constant", "value": value}}]});
    let message = "step 1 (impute): the value \"none\" cannot fill column `x`, which is numeric";
    assert_refusal(
        text,
        constant(json!("none"), "x"),
        message,
        "columns: numeric",
    );
    assert_refusal(
        text,
        json!({"steps": [{"impute": {"strategy": "constant"}}]}),
        "step 1 (impute): `strategy: constant` has no value",
        "value: 0",
    );
    assert_refusal(
        text,
        json!({"steps": [{"impute": {"strategy": "mean"}}]}),
        "step 1 (impute): impute with mean needs numbers: column `word` is categorical",
        "",
    );
}

#[test]
fn one_class_is_no_target() {
    let message = "the target `y` has a single class in the train part: `a`";
    assert_refusal(
        "x,y\n1,a\n2,a\n",
        json!({}),
        message,
        "is it the right column?",
    );
}

#[test]
fn one_row_cannot_be_split() {
    let lab = Lab::new();
    let error = lab.run("x,y\n1,a\n", halves(json!([]))).unwrap_err();
    assert_eq!(
        error.message,
        "the test part would have no rows: 0.5 of 1 rows"
    );
}

#[test]
fn words_for_yes_and_no_become_numbers() {
    let text = "a,b,c,d,y\nyes,True,t,0,u\nNO,false,F,1,v\n";
    assert_eq!(
        features(text, json!({})),
        [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]
    );
    let more = json!({"columns": {"d": "boolean"}, "steps": [{"standardize": {}}]});
    assert_eq!(
        features(text, more),
        [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]
    );
    let more = json!({"columns": {"x": "boolean"}});
    assert_refusal(
        "x,y\nmaybe,u\nno,v\n",
        more,
        "data.csv:2: column `x`: `maybe` is not a word for yes or no",
        "",
    );
}

#[test]
fn classes_that_one_float_stands_for_stay_apart() {
    let mut text = "x,y\n".to_owned();
    for row in 0..30 {
        text.push_str(&format!("{row},{}\n", 9_007_199_254_740_992_u64 + row % 3));
    }
    let lab = Lab::new();
    let dataset = lab.run(&text, all_train(json!({}))).unwrap();
    let TargetKind::Classes {
        names,
        train_counts,
    } = &dataset.schema().target.kind
    else {
        panic!("{:?}", dataset.schema().target);
    };
    assert_eq!(
        names,
        &["9007199254740992", "9007199254740993", "9007199254740994"]
    );
    assert_eq!(train_counts, &[10, 10, 10]);
}

#[test]
fn words_for_yes_and_no_in_several_spellings_are_two_classes() {
    let lab = Lab::new();
    let classes = |text: &str| {
        let dataset = lab.run(text, all_train(json!({}))).unwrap();
        dataset.schema().target.classes().to_vec()
    };
    let mixed = "x,y\n1,yes\n2,NO\n3,Yes\n4,no\n5,TRUE\n";
    assert_eq!(classes(mixed), ["false", "true"]);
    // Where each is spelled in one way, the words stay.
    assert_eq!(classes("x,y\n1,Yes\n2,No\n3,Yes\n"), ["No", "Yes"]);
    let other = "x,y\n1,yes\n2,No\n3,Yes\n4,maybe\n";
    assert_eq!(classes(other), ["No", "Yes", "maybe", "yes"]);
}
