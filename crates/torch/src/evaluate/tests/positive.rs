//! The class that figures of one class look for.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::workshop::Workshop;

/// A dataset whose first class is rare; nothing tells the classes apart.
fn rare(target: &Value, names: [&str; 2]) -> Workshop {
    let mut table = "x,y\n".to_owned();
    for row in 0..300u32 {
        let x = f64::from(row * 7919 % 101) / 50.0;
        let class = names[usize::from(row * 31 % 10 != 0)];
        // Writing to a String never fails.
        let _ = writeln!(table, "{x},{class}");
    }
    let workshop = Workshop::with_steps(&table, target, &json!([{"standardize": {}}]));
    workshop.train(&json!({"mlp": {"hidden": [4]}}), "cross_entropy", 1);
    workshop
}

fn report(workshop: &Workshop, positive: &Value, metrics: &Value) -> Result<Value, String> {
    let mut block = json!({"model": "fit", "data": "data.test", "metrics": metrics});
    block["positive"] = positive.clone();
    let block = json!({"evaluate": block});
    match workshop.stage(&block, &["model=fit", "data=data.test"], "score") {
        Ok(_) => Ok(workshop.json("score/report.json")),
        Err(failed) => {
            let hint = failed.hint.unwrap_or_default();
            Err(format!("{}\n{hint}", failed.message))
        }
    }
}

const OF_ONE: [&str; 3] = ["average_precision", "recall", "specificity"];

#[test]
fn positive_class_is_the_rarer_whatever_its_place_in_the_alphabet() {
    for names in [
        ["fraud", "legit"],
        ["zap", "legit"],
        ["1", "0"],
        ["false", "true"],
    ] {
        let workshop = rare(&json!("y"), names);
        let found = report(&workshop, &Value::Null, &json!(OF_ONE)).unwrap();
        let positive = json!({"class": names[0], "why": "rarer"});
        assert_eq!(found["positive"], positive);
        // Noise: about the share of the rare class.
        assert!(
            found["metrics"]["average_precision"].as_f64().unwrap() < 0.5,
            "{found}"
        );
        let curve = workshop.read("score/plots/precision_recall.svg");
        assert!(curve.contains(names[0]), "{curve}");
        let calibration = workshop.read("score/plots/calibration.svg");
        assert!(
            calibration.contains(&format!("of `{}`", names[0])),
            "{calibration}"
        );
    }
}

#[test]
fn positive_of_evaluate_goes_before_that_of_the_target_and_both_before_the_rarer() {
    let plain = rare(&json!("y"), ["fraud", "legit"]);
    let rarer = report(&plain, &Value::Null, &json!(OF_ONE)).unwrap();
    let legit = report(&plain, &json!("legit"), &json!(OF_ONE)).unwrap();
    assert_eq!(legit["positive"], json!({"class": "legit", "why": "named"}));
    assert_eq!(legit["metrics"]["recall"], rarer["metrics"]["specificity"]);
    assert!(legit["metrics"]["average_precision"].as_f64().unwrap() > 0.8);

    let target = json!({"column": "y", "positive": "legit"});
    let named = rare(&target, ["fraud", "legit"]);
    let found = report(&named, &Value::Null, &json!(OF_ONE)).unwrap();
    assert_eq!(found["positive"], legit["positive"]);
    assert_eq!(found["metrics"], legit["metrics"]);
    let found = report(&named, &json!("fraud"), &json!(OF_ONE)).unwrap();
    assert_eq!(found["metrics"], rarer["metrics"]);
}

#[test]
fn positive_class_is_named_by_its_value() {
    for (names, named, class) in [
        (["1", "0"], json!(1.0), "1"),
        (["yes", "no"], json!(true), "yes"),
        (["False", "True"], json!(false), "False"),
    ] {
        let workshop = rare(&json!("y"), names);
        let found = report(&workshop, &named, &json!(["recall"])).unwrap();
        assert_eq!(found["positive"]["class"], class);
    }
}

#[test]
fn positive_class_that_is_not_there_is_refused_with_those_that_are() {
    let workshop = rare(&json!("y"), ["fraud", "legit"]);
    assert_eq!(
        report(&workshop, &json!("frad"), &json!([])).unwrap_err(),
        "positive: the target `y` has no class `frad`\nit has fraud, legit"
    );
    let block = json!({"preprocess": {
        "source": {"csv": "rows.csv"}, "target": {"column": "y", "positive": "frad"},
    }});
    let failed = workshop
        .stage(&block, &["source=rows.csv"], "data")
        .unwrap_err();
    assert_eq!(
        failed.message,
        "target: positive: the target `y` has no class `frad` in the train part"
    );
    assert_eq!(failed.hint.unwrap(), "its classes are `fraud`, `legit`");
    let block = json!({"preprocess": {
        "source": {"csv": "rows.csv"}, "target": {"column": "x", "positive": 1},
    }});
    let failed = workshop
        .stage(&block, &["source=rows.csv"], "data")
        .unwrap_err();
    assert_eq!(
        failed.message,
        "target: positive: the target `x` is a number, it has no class `1`"
    );
}

#[test]
fn positive_class_of_three_is_measured_against_the_others() {
    let workshop = Workshop::with_classes();
    workshop.train(&json!({"mlp": {"hidden": [16]}}), "cross_entropy", 1);
    let refusal = report(&workshop, &Value::Null, &json!(["recall"])).unwrap_err();
    assert!(
        refusal.starts_with(
            "`recall` looks for one class, and none of the target's 3 is the positive one\nname it"
        ),
        "{refusal}"
    );
    let metrics = json!(["precision", "recall", "f1", "average_precision"]);
    let found = report(&workshop, &json!("c"), &metrics).unwrap();
    let line = &found["per_class"][1];
    assert_eq!(line["class"], "c");
    for name in ["precision", "recall", "f1"] {
        assert_eq!(found["metrics"][name], line[name]);
    }
    let mean = report(&workshop, &Value::Null, &json!(["average_precision"])).unwrap();
    assert_eq!(mean.get("positive"), None);
    assert_ne!(
        mean["metrics"]["average_precision"],
        found["metrics"]["average_precision"]
    );
}

#[test]
fn positive_of_numbers_is_refused() {
    let workshop = Workshop::with_numbers();
    workshop.train(&json!({"mlp": {"hidden": [4]}}), "mse", 1);
    assert_eq!(
        report(&workshop, &json!("dear"), &json!([])).unwrap_err(),
        "positive: the target `price` has no class `dear`, it is a number\nleave `positive` out"
    );
}
