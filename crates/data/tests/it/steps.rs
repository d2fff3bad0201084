//! Steps in a dataset, and the same steps on raw rows that come one at a time.

use std::fmt::Write;

use pipe_data::{RawRows, transform};
use serde_json::json;

use crate::Lab;

#[test]
fn a_raw_row_alone_becomes_what_it_was_in_the_dataset() {
    let mut text = "at,city,size,mail,age,income,change,y\n".to_owned();
    for row in 0..60 {
        let city = ["Oslo", "Bern", "Rome", "Oslo", ""][row % 5];
        let size = ["S", "M", "L"][row % 3];
        let age = if row % 6 == 1 {
            String::new()
        } else {
            (row * 7 % 50).to_string()
        };
        let mail = ["a quick fox", "the lazy dog", "fox and dog"][row * 5 % 3];
        let (income, change) = (row * row % 97, (row % 13) as f64 - 6.5);
        let class = ["no", "yes"][row * 3 % 4 % 2];
        writeln!(
            text,
            "2024-0{}-1{} 0{}:00,{city},{size},{mail},{age},{income},{change},{class}",
            row % 8 + 1,
            row % 9,
            row % 7
        )
        .unwrap();
    }
    let block = json!({
        "target": "y",
        "split": {"random": {"train": 0.7, "test": 0.3, "seed": 5}},
        "steps": [
            {"datetime_parts": {"columns": ["at"], "cyclic": true}},
            {"target_encode": {"columns": ["city"]}},
            {"bag_of_words": {"columns": ["mail"]}},
            {"ordinal": {"columns": ["size"], "order": {"size": ["S", "M", "L"]}}},
            {"impute": {"columns": ["age"], "indicator": true}},
            {"bucketize": {"columns": ["age"], "encode": "one_hot"}},
            {"log": {"columns": ["income"]}},
            {"clip": {"columns": ["change"], "quantiles": [0.05, 0.95]}},
            {"power": {"columns": ["change"]}},
            {"robust": {"columns": ["income"]}},
        ],
    });
    let lab = Lab::new();
    let dataset = lab.run(&text, block).unwrap();
    let schema = dataset.schema();
    let test = dataset.part("test").unwrap();
    let head = dataset.head("test").unwrap();
    assert_eq!(head.len(), 18);
    for (row, features) in head
        .iter()
        .zip(test.features.values.chunks(test.features.width))
    {
        let raw = RawRows::from_json(std::slice::from_ref(&row.input), schema).unwrap();
        assert_eq!(
            transform(schema, &raw).unwrap().values,
            features,
            "{}",
            row.row
        );
    }
}

#[test]
fn a_column_that_was_told_before_it_was_dropped_is_still_needed() {
    let text = "age,x,y\n1,2,0.5\n,3,1.5\n4,5,2.5\n6,1,3.5\n";
    let block = json!({
        "target": "y",
        "split": {"random": {"train": 1.0}},
        "steps": [{"impute": {"columns": ["age"], "indicator": true}}, {"drop": {"columns": ["age"]}}],
    });
    let lab = Lab::new();
    let dataset = lab.run(text, block).unwrap();
    assert_eq!(dataset.schema().features, ["x", "age_missing"]);
    let head = dataset.head("train").unwrap();
    let raw = RawRows::from_json(std::slice::from_ref(&head[1].input), dataset.schema()).unwrap();
    let told = transform(dataset.schema(), &raw).unwrap();
    assert_eq!(told.values, [3.0, 1.0]);
}
