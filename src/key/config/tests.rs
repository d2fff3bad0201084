//! What of each kind's block counts: pinned, so that a field that is added makes someone decide.

use indexmap::IndexMap;
use pipe_schema::stage::{ArtifactType, Control, Reuse, Task};
use serde_json::{Value, json};

use super::*;
use crate::plan::{Input, Stage};

fn stage(task: Value) -> Stage {
    Stage {
        id: "it".to_owned(),
        name: "it".to_owned(),
        instance: IndexMap::new(),
        task: serde_json::from_value(task).unwrap(),
        control: Control::default(),
        reuse: Reuse::Exact,
        inputs: Vec::new(),
        files: Vec::new(),
        outputs: IndexMap::new(),
        outs: Vec::new(),
        after: Vec::new(),
    }
}

fn input(role: &str, part: Option<&str>, metric: Option<&str>) -> Input {
    Input {
        role: role.to_owned(),
        stage: "other".to_owned(),
        output: "main".to_owned(),
        r#type: ArtifactType::Dataset,
        part: part.map(str::to_owned),
        metric: metric.map(str::to_owned),
        file: None,
        reads: Vec::new(),
    }
}

#[test]
fn the_form_of_files_counts_and_how_it_is_told_does_not() {
    let config = |source: Value| {
        let block = json!({"preprocess": {"source": source, "target": "y"}});
        config_of(&stage(block)).unwrap()
    };
    let csv = config(json!({"csv": "a.txt"}));
    assert_eq!(
        config(json!({"csv": "a.jsonl", "read": {"form": "csv"}})),
        csv
    );
    let jsonl = config(json!({"jsonl": "a.txt"}));
    assert_eq!(
        config(json!({"from": "other", "read": {"form": "jsonl"}})),
        jsonl
    );
    assert_ne!(csv, jsonl);
    assert_eq!(jsonl["read"]["form"], "jsonl");
}

#[test]
fn a_preprocess_counts_all_but_where_its_rows_come_from() {
    let mut block = json!({"preprocess": {
        "source": {"csv": ["data/a.csv", {"from": "features.table"}], "read": {"na": ["?"]}},
        "target": "label",
        "columns": {"zip": "categorical"},
        "split": {"random": {"train": 0.8, "val": 0.2, "seed": 7}},
        "steps": [{"standardize": {"columns": "numeric"}}],
    }});
    let config = config_of(&stage(block.clone())).unwrap();
    let usual = pipe_schema::stage::preprocess::USUAL_WORDS;
    let words = [&usual[..], &["?"]].concat();
    assert_eq!(
        config,
        json!({
            "read": {"delimiter": ",", "na": {"only": words}, "header": true, "names": []},
            "target": "label",
            "columns": {"zip": "categorical"},
            "split": {"random": {"train": 0.8, "val": 0.2, "test": 0.0, "seed": 7}},
            "steps": [{"standardize": {"columns": "numeric"}}],
        })
    );
    block["preprocess"]["source"]["csv"] = json!("elsewhere/b.csv");
    assert_eq!(config_of(&stage(block.clone())).unwrap(), config);
    block["preprocess"]["split"] = json!({"files": {"train": "a.csv", "test": "b.csv"}});
    assert_eq!(
        config_of(&stage(block)).unwrap()["split"],
        json!({"files": {}})
    );
}

#[test]
fn scaled_target_counts_where_it_is_on() {
    let mut block = json!({"train": {
        "data": "prepare", "model": {"mlp": {"hidden": [4]}}, "loss": "mse", "epochs": 3,
    }});
    let plain = config_of(&stage(block.clone())).unwrap();
    assert!(plain.get("scale_target").is_none());
    block["train"]["scale_target"] = json!(false);
    assert_eq!(config_of(&stage(block.clone())).unwrap(), plain);
    block["train"]["scale_target"] = json!(true);
    assert_eq!(
        config_of(&stage(block.clone())).unwrap()["scale_target"],
        json!(true)
    );
}

#[test]
fn a_training_counts_all_but_its_data_and_where_it_starts() {
    let block = json!({"train": {
        "data": "prepare",
        "model": {"mlp": {"hidden": [64], "activation": "tanh"}},
        "loss": "cross_entropy",
        "optimizer": {"sgd": {"lr": 0.1}},
        "epochs": 3,
        "init_from": "weights.safetensors",
        "early_stopping": {"patience": 2},
        "clip": {"norm": 1.0},
    }});
    assert_eq!(
        config_of(&stage(block)).unwrap(),
        json!({
            "model": {"mlp": {"hidden": [64], "activation": "tanh", "dropout": 0.0}},
            "loss": "cross_entropy",
            "optimizer": {"sgd": {"lr": 0.1, "momentum": 0.0, "weight_decay": 0.0}},
            "lr_scheduler": "constant",
            "epochs": 3,
            "batch_size": 32,
            "shuffle": true,
            "early_stopping": {"metric": "val.loss", "patience": 2, "min_delta": 0.0},
            "clip": {"norm": 1.0},
            "seed": 0,
            "device": "auto",
        })
    );
}

#[test]
fn the_part_that_is_measured_counts_even_where_its_rows_do_not_differ() {
    let block =
        json!({"evaluate": {"model": "fit", "data": "prepare.test", "metrics": ["accuracy"]}});
    let mut stage = stage(block);
    stage.inputs = vec![
        input("model", None, None),
        input("data", Some("test"), None),
    ];
    assert_eq!(
        config_of(&stage).unwrap(),
        json!({
            "metrics": ["accuracy"],
            "batch_size": 1024,
            "device": "auto",
            "reads": {"data": {"part": "test"}},
        })
    );
}

#[test]
fn compress_and_package_count_all_but_their_references() {
    let compress = json!({"compress": {"model": "fit", "data": "prepare", "passes": [
        {"prune": {"sparsity": 0.5}}, {"quantize": {}},
    ]}});
    assert_eq!(
        config_of(&stage(compress)).unwrap(),
        json!({"passes": [{"prune": {"sparsity": 0.5}}, {"quantize": {"bits": 8}}], "seed": 0, "device": "auto"})
    );
    let package = json!({"package": {"model": "small", "report": "score", "name": "digits"}});
    assert_eq!(
        config_of(&stage(package)).unwrap(),
        json!({"formats": ["safetensors", "torchscript"], "name": "digits"})
    );
}

#[test]
fn a_command_counts_its_text_and_the_names_it_sees_but_not_their_order() {
    let block = json!({"command": {
        "cmd": "python a.py ${inputs.rows} ${outputs.report}",
        "inputs": {"rows": {"from": "prepare.test", "as": "csv"}, "model": "fit"},
        "outputs": {"report": {"type": "report"}},
        "deps": ["b.py", "a.py", {"from": "fit"}],
        "outs": ["z", "y"],
        "metrics": ["m.json"],
        "wdir": "work",
        "tools": ["python3"],
    }});
    let mut stage = stage(block);
    stage.inputs = vec![input("inputs/rows", Some("test"), None)];
    stage.inputs.push(Input {
        file: Some("model.pt".to_owned()),
        ..input("inputs/model", None, None)
    });
    assert_eq!(
        config_of(&stage).unwrap(),
        json!({
            "cmd": ["python a.py ${inputs.rows} ${outputs.report}"],
            "inputs": {"rows": {"as": "csv"}, "model": {}},
            "outputs": {"report": {"type": "report"}},
            "deps": ["a.py", "b.py"],
            "outs": ["y", "z"],
            "metrics": ["m.json"],
            "wdir": "work",
            "reads": {"inputs/rows": {"part": "test"}, "inputs/model": {"file": "model.pt"}},
        })
    );
}

#[test]
fn a_choice_counts_what_it_is_made_by() {
    let summarize = json!({"summarize": {"reports": "score", "over": ["fold"]}});
    assert_eq!(
        config_of(&stage(summarize)).unwrap(),
        json!({"over": ["fold"], "stats": ["mean", "std"], "order": []})
    );
    let choose = json!({"choose": {"model": "fit", "by": "score.accuracy", "over": ["lr"], "goal": "maximize"}});
    let mut stage = stage(choose);
    stage.inputs = ["by/lr=0.1", "by/lr=0.01"]
        .map(|role| input(role, None, Some("accuracy")))
        .to_vec();
    let config = config_of(&stage).unwrap();
    assert_eq!(
        config,
        json!({
            "over": ["lr"],
            "goal": "maximize",
            "reads": {"by/lr=0.1": {"metric": "accuracy"}, "by/lr=0.01": {"metric": "accuracy"}},
            "order": ["by/lr=0.1", "by/lr=0.01"],
        })
    );
    stage.inputs.reverse();
    assert_ne!(
        config_of(&stage).unwrap(),
        config,
        "the first of equals is another one"
    );
}

#[test]
fn control_keys_and_the_stage_s_name_do_not_count() {
    let block = json!({"command": {"cmd": "true"}});
    let mut other = stage(block.clone());
    other.id = "renamed@fold=1".to_owned();
    other.control.retries = 3;
    other.control.resources.cpus = 8;
    other.control.secrets = vec!["TOKEN".to_owned()];
    assert_eq!(
        config_of(&other).unwrap(),
        config_of(&stage(block)).unwrap()
    );
}

#[test]
fn slices_count_and_their_absence_leaves_no_trace() {
    let config = |slices: Value| {
        let block = json!({"evaluate": {"model": "fit", "data": "prepare.test", "slices": slices}});
        config_of(&stage(block)).unwrap()
    };
    let without = json!({"evaluate": {"model": "fit", "data": "prepare.test"}});
    assert_eq!(config(json!([])), config_of(&stage(without)).unwrap());
    let short = config(json!(["sex"]));
    assert_eq!(
        short["slices"],
        json!([{"column": "sex", "bins": [], "most": 20, "min_rows": 10}])
    );
    assert_eq!(config(json!([{"column": "sex", "bins": []}])), short);
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let block = json!({"train": {
            "data": "prepare", "model": {"mlp": {"hidden": [1]}}, "loss": "mse",
            "optimizer": {"sgd": {"lr": 0.1}}, "epochs": 1,
        }});
        let mut stage = stage(block);
        let Task::Train(train) = &mut stage.task else {
            unreachable!()
        };
        train.clip = Some(pipe_schema::stage::train::Clip::Norm(bad));
        let error = config_of(&stage).unwrap_err();
        assert_eq!(
            error.to_string(),
            "stage `it`: its `train` block holds a number that is not finite"
        );
    }
}
