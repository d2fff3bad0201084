//! Losses against PyTorch's, from `tests/golden/losses.json`.

use std::fs;

use serde::Deserialize;
use serde_json::{Value, json};

use super::*;

#[derive(Deserialize)]
struct Case {
    name: String,
    loss: Loss,
    class_weights: Vec<f64>,
    label_smoothing: Option<f64>,
    outputs: Vec<Vec<f32>>,
    target: Value,
    value: f64,
    gradient: Vec<Vec<f32>>,
}

fn cases() -> Vec<Case> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/golden/losses.json"
    );
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

impl Case {
    fn criterion(&self) -> Criterion {
        let (weights, smoothing) = (&self.class_weights, self.label_smoothing);
        Criterion::new(self.loss, weights, smoothing, Device::Cpu).unwrap()
    }

    fn outputs(&self) -> Tensor {
        let rows = self.outputs.len() as i64;
        let outputs = Tensor::from_slice(&self.outputs.concat()).view([rows, -1]);
        outputs.set_requires_grad(true)
    }

    fn target(&self) -> Tensor {
        if let Ok(classes) = serde_json::from_value::<Vec<i64>>(self.target.clone()) {
            return Tensor::from_slice(&classes);
        }
        let numbers: Vec<Vec<f32>> = serde_json::from_value(self.target.clone()).unwrap();
        Tensor::from_slice(&numbers.concat()).view([-1, numbers[0].len() as i64])
    }
}

#[test]
fn losses_and_their_gradients_are_pytorchs() {
    for case in cases() {
        let outputs = case.outputs();
        let mean = case.criterion().mean(&outputs, &case.target()).unwrap();
        mean.backward();
        let value = mean.double_value(&[]);
        assert!((value - case.value).abs() <= 1e-6, "{}: {value}", case.name);
        let gradient: Vec<f32> = Vec::try_from(outputs.grad().flatten(0, -1)).unwrap();
        for (ours, theirs) in gradient.iter().zip(case.gradient.concat()) {
            assert!((ours - theirs).abs() <= 1e-6, "{}", case.name);
        }
    }
}

#[test]
fn means_of_batches_add_up_to_the_mean_of_all_as_rows_weigh() {
    for case in cases() {
        let (criterion, outputs, target) = (case.criterion(), case.outputs(), case.target());
        let (mut sum, mut weight) = (0.0, 0.0);
        for (start, rows) in [(0, 4), (4, 5)] {
            let target = target.narrow(0, start, rows);
            let mean = criterion.mean(&outputs.narrow(0, start, rows), &target);
            let of_batch = criterion.weight(&target).unwrap();
            sum += mean.unwrap().double_value(&[]) * of_batch;
            weight += of_batch;
        }
        // Smoothing gives the other classes' weights a share of each row, which no row's own weight tells.
        let is_exact = case.class_weights.is_empty() || case.label_smoothing.is_none();
        let allowed = if is_exact { 1e-6 } else { 0.1 };
        let off = (sum / weight - case.value).abs();
        assert!(off <= allowed, "{}: {off:e}", case.name);
    }
}

#[test]
fn balanced_weights_are_scikit_learns() {
    // compute_class_weight("balanced", classes=[0, 1, 2], y=[0] * 10 + [1] * 30 + [2] * 60)
    let target = TargetKind::Classes {
        names: ["a", "b", "c"].map(str::to_owned).to_vec(),
        train_counts: vec![10, 30, 60],
    };
    let weights = class_weights(Some(&ClassWeights::Balanced), &target).unwrap();
    for (ours, theirs) in weights
        .iter()
        .zip([100.0 / 30.0, 100.0 / 90.0, 100.0 / 180.0])
    {
        assert!((ours - theirs).abs() < 1e-12);
    }
    let labels = TargetKind::Labels {
        names: ["x", "y"].map(str::to_owned).to_vec(),
        train_counts: vec![20, 90],
        train_rows: 100,
    };
    let of_labels = class_weights(Some(&ClassWeights::Balanced), &labels).unwrap();
    assert_eq!(of_labels, [80.0 / 20.0, 10.0 / 90.0]);
    let named: ClassWeights = serde_json::from_value(json!({"b": 4.0})).unwrap();
    let weights = class_weights(Some(&named), &target).unwrap();
    assert_eq!(weights, [1.0, 4.0, 1.0]);
}

#[test]
fn pos_weight_is_pytorchs_whichever_class_is_positive() {
    let outputs = Tensor::from_slice(&[1.5_f32, -0.5, 0.25, -2.0]).view([-1, 1]);
    let classes = Tensor::from_slice(&[1_i64, 0, 0, 1]);
    let target = |positive: &str| Target {
        name: "y".to_owned(),
        kind: TargetKind::Classes {
            names: ["a", "b"].map(str::to_owned).to_vec(),
            train_counts: vec![30, 10],
        },
        positive: Some(positive.to_owned()),
    };
    let ours = |given: PosWeight, positive: &str| {
        let weights = pos_weights(Some(given), &target(positive)).unwrap();
        let criterion = Criterion::new(Loss::BceWithLogits, &weights, None, Device::Cpu).unwrap();
        let mean = criterion.mean(&outputs, &classes).unwrap();
        mean.double_value(&[])
    };
    let theirs = |outputs: &Tensor, truth: &Tensor, weight: f32| {
        let truth = truth.to_kind(Kind::Float).view_as(outputs);
        let weight = Tensor::from_slice(&[weight]);
        let mean = outputs.binary_cross_entropy_with_logits(
            &truth,
            None::<&Tensor>,
            Some(&weight),
            Reduction::Mean,
        );
        mean.double_value(&[])
    };
    let second = theirs(&outputs, &classes, 3.0);
    assert!((ours(PosWeight::Times(3.0), "b") - second).abs() < 1e-6);
    assert!((ours(PosWeight::Balanced, "b") - second).abs() < 1e-6);
    // Of the first class all is the other way round.
    let first = theirs(&outputs.neg(), &(1 - &classes), 5.0);
    assert!((ours(PosWeight::Times(5.0), "a") - first).abs() < 1e-6);
    assert!((first - theirs(&outputs, &classes, 5.0)).abs() > 0.1);
}
