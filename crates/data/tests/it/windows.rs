//! Windows over rows in order, beside numpy's; and new windows for a model that is trained.

use pipe_data::{DataError, Dataset, RawRows, TargetValues, input_schema, read_rows, transform};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{Lab, assert_refusal};

#[derive(Deserialize)]
struct Golden {
    table: String,
    length: u32,
    horizon: u32,
    windows: Vec<Window>,
}

#[derive(Deserialize)]
struct Window {
    row: u64,
    target: f64,
    numbers: Vec<f32>,
}

fn golden() -> Golden {
    let text = include_str!("../../../../tests/golden/windows.json");
    serde_json::from_str(text).unwrap()
}

fn block(length: u32, horizon: u32, more: Value) -> Value {
    let mut block = json!({
        "target": "y",
        "split": {"time": {"by": "hour", "train": 1.0, "val": 0.0, "test": 0.0}},
        "steps": [{"drop": {"columns": ["station", "hour"]}}],
        "windows": {"length": length, "horizon": horizon, "order": "hour", "group": "station", "with_target": true},
    });
    for (key, value) in more.as_object().unwrap() {
        block[key] = value.clone();
    }
    block
}

fn numbers(dataset: &Dataset, part: &str) -> (Vec<u64>, Vec<f64>, Vec<f32>) {
    let rows = dataset.part(part).unwrap();
    let TargetValues::Numbers(targets) = rows.target else {
        panic!("numbers are predicted");
    };
    (rows.rows, targets, rows.features.values)
}

#[test]
fn windows_are_those_of_numpy() {
    let (lab, golden) = (Lab::new(), golden());
    let block = block(golden.length, golden.horizon, json!({}));
    let dataset = lab.run(&golden.table, block).unwrap();
    let schema = dataset.schema();
    assert_eq!(schema.shape.as_deref(), Some(&[2, golden.length][..]));
    assert_eq!(schema.features[..2], ["x[0]", "x[1]"]);
    assert_eq!(schema.features[4], "y[0]");
    let (rows, targets, found) = numbers(&dataset, "train");
    let theirs = golden.windows.iter();
    assert_eq!(rows, theirs.clone().map(|it| it.row).collect::<Vec<_>>());
    let expected: Vec<f64> = theirs.clone().map(|it| it.target).collect();
    assert_eq!(targets, expected);
    let expected: Vec<f32> = theirs.flat_map(|it| it.numbers.clone()).collect();
    assert_eq!(found, expected);
}

#[test]
fn windows_stay_in_their_part_and_steps_learn_from_all_rows_of_train() {
    let lab = Lab::new();
    let mut text = "hour,x,y\n".to_owned();
    for hour in 0..20 {
        text += &format!("{hour},{},{}\n", hour * 2, hour * 10);
    }
    lab.write("data.csv", &text);
    let files = pipe_data::Files {
        source: vec![lab.path("data.csv")],
        ..pipe_data::Files::default()
    };
    let block = json!({
        "target": "y",
        "split": {"time": {"by": "hour", "train": 0.5, "val": 0.0, "test": 0.5}},
        "steps": [{"drop": {"columns": ["hour"]}}, {"min_max": {}}],
        "windows": {"length": 3, "order": "hour"},
    });
    let (dataset, summary, logs) = lab.run_files("out", &files, block).unwrap();
    assert_eq!(summary.rows, [("train", 7), ("test", 7)]);
    let told = "test: 7 windows of 3 rows; 3 of its 10 rows come too early to be predicted";
    assert!(logs.iter().any(|it| it == told), "{logs:?}");
    let (rows, targets, found) = numbers(&dataset, "test");
    assert_eq!(rows, (13..20).collect::<Vec<_>>());
    assert_eq!(targets[0], 130.0);
    // The largest x of train is 18, that of a row which is in no window.
    let expected = [20.0 / 18.0, 22.0 / 18.0, 24.0 / 18.0_f32];
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-6);
    }
}

#[test]
fn series_and_windows_of_json_give_the_numbers_of_the_dataset() {
    let (lab, golden) = (Lab::new(), golden());
    let steps = json!([{"drop": {"columns": ["station", "hour"]}}, {"standardize": {}}]);
    let block = block(
        3,
        0,
        json!({"steps": steps, "windows": {"length": 3, "horizon": 0, "order": "hour", "group": "station"}}),
    );
    let dataset = lab.run(&golden.table, block).unwrap();
    let schema = dataset.schema();
    let (_, _, known) = numbers(&dataset, "train");
    // As golden rows of a package are.
    let rows = dataset.head("train").unwrap();
    let rows: Vec<Map<String, Value>> = rows.into_iter().map(|it| it.input).collect();
    assert_eq!(rows[0]["x"].as_array().unwrap().len(), 3);
    let raw = RawRows::from_json(&rows, schema).unwrap();
    assert_eq!(transform(schema, &raw).unwrap().values, known);
    let lines: Vec<String> = rows.iter().map(|it| json!(it).to_string()).collect();
    let path = lab.write("windows.jsonl", lines.join("\n"));
    let form = Some(pipe_schema::stage::preprocess::Form::Jsonl);
    let raw = read_rows(&path, form, schema).unwrap();
    assert_eq!(transform(schema, &raw).unwrap().values, known);
    // With a horizon of 0 the series itself has the same windows, in the order of their last rows.
    let raw = read_rows(&lab.path("data.csv"), None, schema).unwrap();
    assert_eq!(transform(schema, &raw).unwrap().values, known);
    let described = &input_schema(schema)["properties"]["x"];
    assert_eq!(described["minItems"], 3);
    assert_eq!(described["items"]["type"], json!(["number", "string"]));
}

#[test]
fn the_past_of_the_target_is_asked_of_new_rows() {
    let (lab, golden) = (Lab::new(), golden());
    let dataset = lab
        .run(
            &golden.table,
            block(golden.length, golden.horizon, json!({})),
        )
        .unwrap();
    let schema = dataset.schema();
    let short = lab.write("short.csv", "station,hour,x\nnorth,1,2\n");
    let error = read_rows(&short, None, schema).unwrap_err();
    assert!(error.message.contains("column `y` is missing"), "{error}");
    let short = lab.write("short.csv", "station,hour,x,y\nnorth,1,2,3\nsouth,2,2,3\n");
    let raw = read_rows(&short, None, schema).unwrap();
    let error = transform(schema, &raw).unwrap_err();
    let told = "short.csv:2: 2 rows from here on, and no 4 of them make a window";
    assert_eq!(lab.told(&error).0, told);
    let row = json!({"x": [1, 2, 3], "y": [1, 2, 3, 4]});
    let Value::Object(row) = row else { return };
    let error: DataError = RawRows::from_json(&[row], schema).unwrap_err();
    let told = "row 1: column `x` needs a list of 4 values, those of a window in order";
    assert_eq!(error.message, told);
}

#[test]
fn a_part_without_a_window_is_refused() {
    let windows = json!({"length": 3, "order": "hour", "group": "station"});
    let steps = json!([{"drop": {"columns": ["station", "hour"]}}]);
    assert_refusal(
        "station,hour,x,y\na,1,1,1\na,2,2,2\nb,1,3,3\na,3,5,8\n",
        json!({
            "split": {"time": {"by": "hour", "train": 1.0, "val": 0.0, "test": 0.0}},
            "steps": steps, "windows": windows,
        }),
        "the train part has no window: at most 3 of its rows follow each other, and a window with its target takes 4",
        "take a smaller `length` or `horizon`, or give the part a larger share",
    );
    assert_refusal(
        "station,hour,x,y\na,1,1,1\na,,2,2\n",
        json!({"split": {"random": {"train": 1.0}}, "steps": steps, "windows": windows}),
        "data.csv:3: column `hour`: a row without a time cannot be put in order",
        "give the row a time, or leave it out of the file",
    );
}
