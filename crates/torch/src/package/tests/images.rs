//! Images whose shape the dataset tells, from training to the package.

use pipe_schema::stage::preprocess::Form;
use serde_json::{Value, json};

use super::{INPUTS, files, verify_rows};
use crate::workshop::Workshop;

fn cnn(shape: &Value) -> Value {
    json!({"cnn": {"shape": shape, "channels": [4, 6], "batch_norm": true, "hidden": [8]}})
}

fn score_and_pack(workshop: &Workshop, model: &str) -> String {
    let input = format!("model={model}");
    let block = json!({"evaluate": {"model": model, "data": "data.test"}});
    workshop
        .stage(&block, &[&input, "data=data.test"], "score")
        .unwrap();
    let block = json!({"package": {"model": model, "report": "score", "name": "kinds"}});
    let inputs = [input.as_str(), INPUTS[1], INPUTS[2]];
    workshop.stage(&block, &inputs, "bundle").unwrap();
    verify_rows(workshop, Form::Jsonl, "rows.jsonl").unwrap()
}

#[test]
fn shape_of_the_dataset_gives_the_bytes_of_the_same_shape_in_the_spec() {
    let workshop = Workshop::with_images();
    workshop.train(&cnn(&Value::Null), "cross_entropy", 3);
    let told = files(&workshop, "fit");
    workshop.train(&cnn(&json!([1, 6, 5])), "cross_entropy", 3);
    let given = files(&workshop, "fit");
    assert_eq!(told, given);
}

#[test]
fn images_are_packed_compressed_and_predicted_as_rows_are() {
    let workshop = Workshop::with_images();
    let layers = json!({"layers": [
        {"conv2d": {"out_channels": 6, "kernel_size": 3, "padding": 1}},
        "relu",
        {"max_pool2d": {"kernel_size": 2}},
        "flatten",
        {"linear": {"out_features": 3}},
    ]});
    for model in [cnn(&Value::Null), layers] {
        workshop.train(&model, "cross_entropy", 12);
        let predicted = score_and_pack(&workshop, "fit");
        assert_eq!(predicted.lines().count(), 151);
        let accuracy = workshop.json("score/metrics.json")["accuracy"].as_f64();
        assert!(accuracy.unwrap() >= 0.9, "{accuracy:?}");
        let passes = json!([
            {"prune": {"sparsity": 0.3, "finetune": {"epochs": 2}}}, {"quantize": {"bits": 8}},
        ]);
        let block = json!({"compress": {"model": "fit", "data": "data", "passes": passes}});
        workshop
            .stage(&block, &["model=fit", "data=data"], "small")
            .unwrap();
        let predicted = score_and_pack(&workshop, "small");
        assert_eq!(predicted.lines().count(), 151);
    }
}
