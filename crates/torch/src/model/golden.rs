//! Layers against PyTorch's, from `tests/golden/layers.json`: as written, drawn, run and exported.

use std::{fs, path::Path};

use pipe_schema::{
    layer::Layer,
    shape::{Codes, Ends, Row, lower},
    stage::train::{LayerSpec, Loss, Network},
};
use serde::Deserialize;
use tch::{CModule, Device, Tensor};

use super::Net;
use crate::{compress::quantize, package::torchscript, seeded::seed};

#[derive(Deserialize)]
struct Case {
    name: String,
    seed: i64,
    specs: Vec<LayerSpec>,
    classes: u32,
    weights: indexmap::IndexMap<String, Vec<f32>>,
    rows: Vec<Vec<f32>>,
    outputs: Vec<Vec<f32>>,
}

fn cases() -> Vec<Case> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/golden/layers.json"
    );
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn layers(case: &Case) -> Vec<Layer> {
    let ends = Ends {
        row: Row::flat(case.rows[0].len() as u32),
        codes: Codes::Unknown,
        loss: Loss::CrossEntropy,
        classes: Some(case.classes),
        targets: None,
    };
    let sized = lower(&Network::Layers(case.specs.clone()), &ends).unwrap();
    sized.into_iter().map(|it| it.layer.unwrap()).collect()
}

fn drawn(case: &Case) -> Net {
    let _turn = seed(case.seed);
    Net::new(&layers(case), Device::Cpu).unwrap()
}

fn rows(case: &Case) -> Tensor {
    Tensor::from_slice(&case.rows.concat()).view([case.rows.len() as i64, -1])
}

fn values(tensor: &Tensor) -> Vec<f32> {
    Vec::try_from(tensor.detach().flatten(0, -1)).unwrap()
}

fn furthest(ours: &[f32], theirs: &[f32]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    let off = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs());
    off.fold(0.0, f32::max)
}

#[test]
fn seed_draws_each_layers_weights_as_pytorch_does() {
    for case in cases() {
        let tensors = drawn(&case).tensors();
        assert_eq!(
            tensors.keys().collect::<Vec<_>>(),
            case.weights.keys().collect::<Vec<_>>(),
            "{}",
            case.name
        );
        for (name, first) in &case.weights {
            let ours = values(&tensors[name]);
            assert_eq!(ours[..first.len()], first[..], "{} {name}", case.name);
        }
    }
}

#[test]
fn layers_give_what_pytorchs_give() {
    for case in cases() {
        let ours = values(&drawn(&case).forward(&rows(&case), false).unwrap());
        let off = furthest(&ours, &case.outputs.concat());
        assert!(off <= 1e-6, "{}: off by {off:e}", case.name);
    }
}

#[test]
fn torchscript_of_each_layer_gives_the_same() {
    let folder = tempfile::tempdir().unwrap();
    for case in cases() {
        let path = folder.path().join("model.pt");
        torchscript::write(&drawn(&case), &path).unwrap();
        let script = CModule::load(&path).unwrap();
        let ours = values(&script.forward_ts(&[rows(&case)]).unwrap());
        let off = furthest(&ours, &case.outputs.concat());
        assert!(off <= 1e-6, "{}: off by {off:e}", case.name);
    }
}

#[test]
fn gradients_reach_every_weight() {
    for case in cases() {
        let net = drawn(&case);
        let outputs = net.forward(&rows(&case), true).unwrap();
        (&outputs * &outputs).sum(tch::Kind::Float).backward();
        for (name, parameter) in net.parameters() {
            assert!(parameter.grad().defined(), "{} {name}", case.name);
        }
    }
}

#[test]
fn linear_layers_among_others_may_be_integers() {
    for case in cases() {
        let net = drawn(&case);
        let small = quantize(&net).unwrap();
        let ours = values(&small.forward(&rows(&case), false).unwrap());
        let off = furthest(&ours, &case.outputs.concat());
        assert!(off <= 0.05, "{}: off by {off:e}", case.name);
        write_and_compare(&small, &case, &ours);
    }
}

fn write_and_compare(net: &Net, case: &Case, expected: &[f32]) {
    let folder = tempfile::tempdir().unwrap();
    let path: &Path = &folder.path().join("model.pt");
    torchscript::write(net, path).unwrap();
    let script = CModule::load(path).unwrap();
    let found = values(&script.forward_ts(&[rows(case)]).unwrap());
    let off = furthest(&found, expected);
    assert!(off <= 1e-5, "{}: off by {off:e}", case.name);
}
