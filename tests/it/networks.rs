//! What `pipe plan` tells of networks: before the data is made, after, and of instances that differ.

use std::fmt::Write as _;

use crate::{project::Project, workers};

const SPEC: &str = "version: 1
name: shapes
stages:
  prepare:
    preprocess: {source: {jsonl: images.jsonl}, target: kind, columns: {kind: categorical}, steps: [min_max]}
  fit:
    train:
      data: prepare
      model: {cnn: {channels: [4], hidden: [8]}}
      loss: cross_entropy
      optimizer: adam
      epochs: 1
      batch_size: 10
  wide:
    matrix: {width: [4, 8]}
    train:
      data: prepare
      model: {mlp: {hidden: [\"${matrix.width}\"]}}
      loss: cross_entropy
      epochs: 1
      batch_size: 10
";

fn project() -> Project {
    workers::real();
    let project = Project::new();
    let mut lines = String::new();
    for row in 0..60u32 {
        let pixels = [[row % 7, row % 5, 1, 2], [3, row % 3, 0, 1]].repeat(2);
        // Writing to a String never fails.
        let _ = writeln!(lines, "{{\"pixel\": {pixels:?}, \"kind\": {}}}", row % 3);
    }
    project.write("images.jsonl", &lines);
    project.write("pipe.yaml", SPEC);
    project
}

#[test]
fn sizes_are_unknown_until_the_data_is_made() {
    let project = project();
    let plan = project.done(&["plan"]).out;
    for expected in [
        "network of fit: ? parameters\n",
        "memory: ?: sizes depend on `prepare`, which is not made yet\n",
        "wide@width=4",
    ] {
        assert!(plan.contains(expected), "{plan}");
    }
    let networks = &project.done(&["plan", "--format", "json"]).json()["networks"];
    assert_eq!(networks["fit"]["parameters"], serde_json::Value::Null);
    assert_eq!(networks["fit"]["waits_for"], "prepare");
}

#[test]
fn layers_parameters_and_memory_are_told_once_the_data_is_made() {
    let project = project();
    project.done(&["run", "prepare"]);
    let plan = project.done(&["plan"]).out;
    let (convolution, hidden, head) = (4 * 9 + 4, 16 * 8 + 8, 8 * 3 + 3);
    let parameters = convolution + hidden + head;
    for expected in [
        &format!("network of fit: {parameters} parameters\n"),
        "conv2d      4 × 4 × 4          40\n",
        "max_pool2d  4 × 2 × 2\n",
        "memory, about: ",
        "activations of 10 rows",
    ] {
        assert!(plan.contains(expected), "{expected}\n{plan}");
    }
    let networks = &project.done(&["plan", "--format", "json"]).json()["networks"];
    let fit = &networks["fit"];
    assert_eq!(fit["parameters"], parameters);
    assert_eq!(fit["layers"][0]["gives"], serde_json::json!([1, 4, 4]));
    let memory = &fit["memory_bytes"];
    assert_eq!(memory["weights"], 4 * parameters);
    assert_eq!(memory["optimizer"], 8 * parameters);
    assert_eq!(memory["batch"], 10);
    // The whole: what is told apart, of which none is counted twice.
    let of = |name: &str| memory[name].as_u64().unwrap();
    let parts = of("weights") + of("gradients") + of("optimizer");
    assert!(of("training") > parts, "{memory}");
    let widths = ["wide@width=4", "wide@width=8"].map(|it| &networks[it]["parameters"]);
    assert_eq!(widths, [16 * 4 + 4 + 15, 16 * 8 + 8 + 27]);
}

#[test]
fn network_that_cannot_take_its_data_is_told_by_the_plan() {
    let project = project();
    project.edit(
        "pipe.yaml",
        "channels: [4]",
        "channels: [4], shape: [1, 3, 3]",
    );
    project.done(&["run", "prepare"]);
    let plan = project.done(&["plan"]).out;
    let expected = "network of fit: does not fit its data: cnn.shape: 16 values cannot become 9";
    assert!(plan.contains(expected), "{plan}");
}
