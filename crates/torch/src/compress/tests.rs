//! Compression of small trained networks.

use serde_json::{Value, json};

use crate::workshop::Workshop;

fn trained() -> Workshop {
    let workshop = Workshop::with_classes();
    workshop.train(&json!({"mlp": {"hidden": [32, 16]}}), "cross_entropy", 12);
    workshop
}

fn compress(workshop: &Workshop, passes: &Value) -> Result<Value, String> {
    let block = json!({"compress": {"model": "fit", "data": "data", "passes": passes}});
    let inputs = ["model=fit", "data=data"];
    match workshop.stage(&block, &inputs, "small") {
        Ok(_) => Ok(workshop.json("small/compression.json")),
        Err(failed) => Err(failed.message),
    }
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[test]
fn quantized_network_is_smaller_and_as_good() {
    let workshop = trained();
    let found = compress(&workshop, &json!([{"quantize": {"bits": 8}}])).unwrap();
    let after = &found["after"][0];
    assert_eq!(after[0], "quantize");
    assert!(number(&after[1]["bytes"]) < 0.6 * number(&found["before"]["bytes"]));
    assert_eq!(found["part"], "val");
    assert_eq!(found["metric"], "accuracy");
    let lost = number(&found["before"]["metric"]) - number(&after[1]["metric"]);
    assert!(lost.abs() <= 0.05, "{found}");
    let model = workshop.json("small/model.json");
    assert!(model["layers"][0].get("quantized_linear").is_some());
    assert_eq!(
        model["parameters"],
        workshop.json("fit/model.json")["parameters"]
    );
    assert_eq!(
        workshop.read("small/schema.json"),
        workshop.read("fit/schema.json")
    );
    let size = std::fs::metadata(workshop.path("small/weights.safetensors"))
        .unwrap()
        .len();
    assert_eq!(number(&after[1]["bytes"]), size as f64);
}

#[test]
fn pruned_network_has_the_zeros_that_were_asked_for() {
    let workshop = trained();
    let found = compress(&workshop, &json!([{"prune": {"sparsity": 0.5}}])).unwrap();
    assert!(
        (number(&found["after"][0][1]["sparsity"]) - 0.5).abs() < 1e-3,
        "{found}"
    );
    assert!(!workshop.path("small/history.json").exists());
}

#[test]
fn zeros_are_held_while_the_rest_is_trained_further() {
    let workshop = trained();
    let epochs = json!({"epochs": 4, "optimizer": {"adam": {"lr": 0.005}}});
    let cut = compress(&workshop, &json!([{"prune": {"sparsity": 0.9}}])).unwrap();
    let tuned = compress(
        &workshop,
        &json!([{"prune": {"sparsity": 0.9, "finetune": epochs}}]),
    )
    .unwrap();
    let point = |it: &Value| it["after"][0][1].clone();
    assert_eq!(point(&cut)["sparsity"], point(&tuned)["sparsity"]);
    assert!(number(&point(&tuned)["metric"]) >= number(&point(&cut)["metric"]));
    assert_eq!(
        workshop
            .json("small/history.json")
            .as_array()
            .unwrap()
            .len(),
        4
    );
}

#[test]
fn passes_follow_one_another_and_give_the_same_bytes_again() {
    let workshop = trained();
    let passes = json!([
        {"prune": {"sparsity": 0.3, "finetune": {"epochs": 2}}},
        {"quantize": {}},
    ]);
    let first = compress(&workshop, &passes).unwrap();
    let weights = std::fs::read(workshop.path("small/weights.safetensors")).unwrap();
    let names: Vec<&Value> = first["after"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it[0])
        .collect();
    assert_eq!(names, ["prune", "quantize"]);
    let sparsity = |at: usize| number(&first["after"][at][1]["sparsity"]);
    // Small weights round to zero, zeros stay.
    assert!(sparsity(1) >= sparsity(0));
    assert_eq!(compress(&workshop, &passes).unwrap(), first);
    assert_eq!(
        std::fs::read(workshop.path("small/weights.safetensors")).unwrap(),
        weights
    );
}

#[test]
fn latency_is_measured_beside_the_artifact() {
    let workshop = trained();
    let block = json!({"compress": {"model": "fit", "data": "data", "passes": [{"quantize": {}}]}});
    let done = workshop
        .stage(&block, &["model=fit", "data=data"], "small")
        .unwrap();
    for name in [
        "before_batch_1",
        "before_batch_64",
        "after_batch_1",
        "after_batch_64",
    ] {
        assert!(done.measured[&format!("latency_ms_{name}")] > 0.0);
    }
    assert!(!workshop.read("small/compression.json").contains("latency"));
    assert!(done.metrics.contains_key("val.accuracy"));
}

#[test]
fn what_cannot_be_compressed_is_refused() {
    let workshop = trained();
    let refusal = |passes: Value| compress(&workshop, &passes).unwrap_err();
    assert_eq!(refusal(json!([])), "there are no passes");
    assert_eq!(
        refusal(json!([{"quantize": {}}, {"prune": {"sparsity": 0.5}}])),
        "`quantize` must be the last pass"
    );
    assert_eq!(
        refusal(json!([{"quantize": {"bits": 4}}])),
        "quantize: bits: 4: 8 is what there is"
    );
    compress(&workshop, &json!([{"quantize": {}}])).unwrap();
    let block =
        json!({"compress": {"model": "small", "data": "data", "passes": [{"quantize": {}}]}});
    let error = workshop
        .stage(&block, &["model=small", "data=data"], "smaller")
        .unwrap_err();
    assert_eq!(error.message, "the model is quantized already");
}

#[test]
fn a_network_without_linear_layers_cannot_be_quantized() {
    let workshop = Workshop::with_classes();
    let layers = json!({"layers": [
        {"reshape": {"shape": [5, 1, 1]}},
        {"conv2d": {"out_channels": 3, "kernel_size": 1}},
        "flatten",
    ]});
    workshop.train(&layers, "cross_entropy", 1);
    let refusal = compress(&workshop, &json!([{"quantize": {}}])).unwrap_err();
    assert_eq!(refusal, "the model has no linear layers to quantize");
    let found = compress(&workshop, &json!([{"prune": {"sparsity": 0.2}}])).unwrap();
    assert!((number(&found["after"][0][1]["sparsity"]) - 0.2).abs() < 1e-9);
}

#[test]
fn threshold_is_chosen_anew_by_its_rule_and_goes_into_the_package() {
    let workshop = Workshop::with_two_classes();
    let block = json!({"train": {
        "data": "data", "model": {"mlp": {"hidden": [16]}}, "loss": "bce_with_logits", "epochs": 8,
        "batch_size": 16, "optimizer": {"adam": {"lr": 0.01}}, "seed": 5, "threshold": {"recall": 1.0},
    }});
    workshop.stage(&block, &["data=data"], "fit").unwrap();
    let before = workshop.json("fit/model.json")["threshold"].clone();
    let passes = json!([{"prune": {"sparsity": 0.8}}, {"quantize": {"bits": 8}}]);
    compress(&workshop, &passes).unwrap();
    let after = workshop.json("small/model.json")["threshold"].clone();
    assert_eq!(after["rule"], before["rule"]);
    assert_ne!(after["of"]["at"], before["of"]["at"]);
    assert_eq!(after["figures"]["recall"], 1.0);
    assert!(workshop.path("small/plots/threshold.svg").exists());

    let block = json!({"evaluate": {"model": "small", "data": "data.val", "metrics": ["recall"]}});
    let inputs = ["model=small", "data=data.val"];
    workshop.stage(&block, &inputs, "score").unwrap();
    let report = workshop.json("score/report.json");
    assert_eq!(report["metrics"]["recall"], 1.0, "{report}");
    assert_eq!(report["threshold"], after["of"]);
    let block = json!({"package": {"model": "small", "report": "score", "name": "kinds"}});
    let inputs = ["model=small", "report=score", "data=data.val"];
    workshop.stage(&block, &inputs, "bundle").unwrap();
    assert_eq!(
        workshop.json("bundle/package.json")["threshold"],
        after["of"]
    );
    let card = workshop.read("bundle/README.md");
    assert!(card.contains("where its probability is at least"), "{card}");
}
