//! `loss: cross_entropy` on whole numbers: they are classes, however many there are.

use std::fmt::Write;

use pipe_schema::protocol::{Predict, RowForm};
use serde_json::json;

use crate::workshop::Workshop;

/// 30 classes, which a preprocess stage takes for numbers.
fn with_thirty_numbers() -> Workshop {
    let mut table = "x,z,y\n".to_owned();
    for row in 0..600u32 {
        let class = i64::from(row % 30);
        writeln!(table, "{class},{},{}", row % 7, class * 3 - 9).unwrap();
    }
    Workshop::with_steps(&table, &json!("y"), &json!([{"standardize": {}}]))
}

fn train(workshop: &Workshop) {
    workshop.train(&json!({"mlp": {"hidden": [16]}}), "cross_entropy", 2);
}

#[test]
fn cross_entropy_takes_any_number_of_whole_numbers_for_classes() {
    let workshop = with_thirty_numbers();
    let kind = &workshop.json("data/schema.json")["target"]["kind"];
    assert!(kind.get("number").is_some(), "{kind}");
    train(&workshop);
    let classes = &workshop.json("fit/schema.json")["target"]["kind"]["classes"];
    let names: Vec<String> = (0..30).map(|it| (it * 3 - 9).to_string()).collect();
    assert_eq!(classes["names"], json!(names));
    let counts: Vec<u64> = serde_json::from_value(classes["train_counts"].clone()).unwrap();
    assert_eq!(counts.iter().sum::<u64>(), 360);

    let passes = json!([{"prune": {"sparsity": 0.1}}, {"quantize": {"bits": 8}}]);
    let small = json!({"compress": {"model": "fit", "data": "data", "passes": passes}});
    workshop
        .stage(&small, &["model=fit", "data=data"], "small")
        .unwrap();
    let score = json!({"evaluate": {"model": "fit", "data": "data.test"}});
    workshop
        .stage(&score, &["model=fit", "data=data.test"], "score")
        .unwrap();
    let report = workshop.json("score/report.json");
    assert_eq!(report["classes"], json!(names));
    let score =
        json!({"evaluate": {"model": "small", "data": "data.test", "metrics": ["accuracy"]}});
    workshop
        .stage(&score, &["model=small", "data=data.test"], "score_small")
        .unwrap();

    let package = json!({"package": {"model": "fit", "report": "score", "name": "numbers"}});
    let inputs = ["model=fit", "report=score", "data=data.test"];
    workshop.stage(&package, &inputs, "bundle").unwrap();
    let work = Predict {
        input: None,
        output: RowForm::Csv,
        probabilities: false,
        verify: true,
        no_verify: false,
        allow_script: false,
        memory: None,
    };
    let text = workshop
        .predict(work, &["package=bundle", "rows=rows.csv"])
        .unwrap();
    let predicted: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(predicted.len(), 600);
    assert!(
        predicted
            .iter()
            .all(|it| names.iter().any(|name| name == it))
    );
}

#[test]
fn cross_entropy_names_a_whole_number_that_the_train_part_lacks() {
    let workshop = with_thirty_numbers();
    train(&workshop);
    let mut schema = workshop.json("fit/schema.json");
    let names = &mut schema["target"]["kind"]["classes"]["names"];
    names[0] = json!("1000");
    std::fs::write(workshop.path("fit/schema.json"), schema.to_string()).unwrap();
    let score = json!({"evaluate": {"model": "fit", "data": "data.test"}});
    let failed = workshop
        .stage(&score, &["model=fit", "data=data.test"], "score")
        .unwrap_err();
    let told =
        "5 of 120 rows are of the class `-9`, and the target `y` of the model has `1000`, `-6`";
    assert!(failed.message.contains(told), "{}", failed.message);
    let hint = failed.hint.unwrap();
    assert!(hint.starts_with("leave these rows out"), "{hint}");
}

#[test]
fn cross_entropy_refuses_whole_numbers_that_target_encode_took_for_numbers() {
    let mut table = "c,x,y\n".to_owned();
    for row in 0..200u32 {
        writeln!(table, "c{},{},{}", row % 4, row % 9, row % 40).unwrap();
    }
    let steps = json!([{"target_encode": {"columns": ["c"]}}]);
    let workshop = Workshop::with_steps(&table, &json!("y"), &steps);
    let block = json!({"train": {
        "data": "data", "model": {"mlp": {"hidden": []}}, "loss": "cross_entropy", "epochs": 1,
    }});
    let failed = workshop.stage(&block, &["data=data"], "fit").unwrap_err();
    assert!(
        failed.message.starts_with("`target_encode` took"),
        "{}",
        failed.message
    );
    assert!(failed.hint.unwrap().contains("columns: {y: categorical}"));
}
