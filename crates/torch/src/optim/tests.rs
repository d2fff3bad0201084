//! Optimizers, bounds and schedules against PyTorch's, from `tests/golden/optimizers.json`.

use std::fs;

use pipe_schema::{
    model::EpochRecord,
    stage::train::{Clip, LrScheduler, Optimizer as Spec},
};
use serde::Deserialize;
use serde_json::Value;
use tch::Tensor;

use super::{Optimizer, Schedule, clip};
use crate::model::Tensors;

#[derive(Deserialize)]
struct Golden {
    optimizers: Vec<OptimizerCase>,
    clipping: Vec<ClippingCase>,
    schedules: Vec<ScheduleCase>,
}

#[derive(Deserialize)]
struct OptimizerCase {
    name: String,
    optimizer: Spec,
    initial: Value,
    gradients: Vec<Value>,
    steps: Vec<Value>,
}

#[derive(Deserialize)]
struct ClippingCase {
    name: String,
    clip: Clip,
    before: Value,
    after: Value,
}

#[derive(Deserialize)]
struct ScheduleCase {
    name: String,
    lr: f64,
    lr_scheduler: LrScheduler,
    epochs: u32,
    steps_per_epoch: Option<u64>,
    rate_by_step: Option<Vec<f64>>,
    rate_by_epoch: Option<Vec<f64>>,
    /// What `plateau` watches.
    metric_by_epoch: Option<Vec<f64>>,
}

fn golden() -> Golden {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/golden/optimizers.json"
    );
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Tensors from nested lists.
fn tensors(value: &Value) -> Tensors {
    let w: Vec<[f32; 2]> = serde_json::from_value(value["w"].clone()).unwrap();
    let b: Vec<f32> = serde_json::from_value(value["b"].clone()).unwrap();
    Tensors::from([
        (
            "w".to_owned(),
            Tensor::from_slice(&w.concat()).reshape([-1, 2]),
        ),
        ("b".to_owned(), Tensor::from_slice(&b)),
    ])
}

/// Sets gradients by the only way there is: as the derivative of a product with them.
fn set_gradients(parameters: &Tensors, gradients: &Tensors) {
    for (name, parameter) in parameters {
        let product = parameter * &gradients[name];
        product.sum(tch::Kind::Float).backward();
    }
}

fn assert_close(ours: &Tensor, theirs: &Tensor, what: &str) {
    let difference = (ours.detach() - theirs).abs().max().double_value(&[]);
    let scale = theirs.abs().max().double_value(&[]).max(1.0);
    assert!(difference <= 1e-6 * scale, "{what}: off by {difference:e}");
}

fn parameters(value: &Value) -> Tensors {
    let with_grad = |(name, tensor): (String, Tensor)| (name, tensor.set_requires_grad(true));
    tensors(value).into_iter().map(with_grad).collect()
}

#[test]
fn optimizers_walk_as_pytorch_does() {
    for case in golden().optimizers {
        let parameters = parameters(&case.initial);
        let mut optimizer = Optimizer::new(&case.optimizer, &parameters).unwrap();
        for (step, (gradients, expected)) in case.gradients.iter().zip(&case.steps).enumerate() {
            optimizer.zero_grad().unwrap();
            set_gradients(&parameters, &tensors(gradients));
            optimizer.step(optimizer.lr()).unwrap();
            for (name, expected) in tensors(expected) {
                let what = format!("{} {name} after step {step}", case.name);
                assert_close(&parameters[&name], &expected, &what);
            }
        }
    }
}

#[test]
fn restored_optimizer_goes_on_to_the_same_bits() {
    for case in golden().optimizers {
        let straight = parameters(&case.initial);
        let mut optimizer = Optimizer::new(&case.optimizer, &straight).unwrap();
        let mut resumed = None;
        for (step, gradients) in case.gradients.iter().enumerate() {
            if step == 6 {
                let copy = |tensors: &Tensors| -> Tensors {
                    let detach =
                        |(name, it): (&String, &Tensor)| (name.clone(), it.detach().copy());
                    tensors.iter().map(detach).collect()
                };
                let again: Tensors = copy(&straight)
                    .into_iter()
                    .map(|(name, tensor)| (name, tensor.set_requires_grad(true)))
                    .collect();
                let mut other = Optimizer::new(&case.optimizer, &again).unwrap();
                other.restore(&copy(optimizer.state())).unwrap();
                resumed = Some((again, other));
            }
            let gradients = tensors(gradients);
            optimizer.zero_grad().unwrap();
            set_gradients(&straight, &gradients);
            optimizer.step(0.01).unwrap();
            if let Some((parameters, optimizer)) = &mut resumed {
                optimizer.zero_grad().unwrap();
                set_gradients(parameters, &gradients);
                optimizer.step(0.01).unwrap();
            }
        }
        let (resumed, _) = resumed.unwrap();
        for (name, tensor) in &straight {
            assert_eq!(tensor, &resumed[name], "{} {name}", case.name);
        }
    }
}

#[test]
fn gradients_are_bounded_as_pytorch_does() {
    for case in golden().clipping {
        let parameters = parameters(&case.before);
        set_gradients(&parameters, &tensors(&case.before));
        clip(&parameters, Some(&case.clip)).unwrap();
        for (name, expected) in tensors(&case.after) {
            assert_close(&parameters[&name].grad(), &expected, &case.name);
        }
    }
}

#[test]
fn learning_rates_go_as_pytorch_schedules_them() {
    for case in golden().schedules {
        let steps_per_epoch = case.steps_per_epoch.unwrap_or(3);
        let mut schedule = Schedule::new(&case.lr_scheduler, case.lr, case.epochs, steps_per_epoch);
        let watched = case.metric_by_epoch.unwrap_or_default();
        let by_step = case.rate_by_step.unwrap_or_else(|| {
            let by_epoch = case.rate_by_epoch.unwrap();
            let thrice = by_epoch.iter().flat_map(|&rate| [rate; 3]);
            thrice.collect()
        });
        assert!(!by_step.is_empty());
        for (step, expected) in by_step.into_iter().enumerate() {
            let epoch = step / steps_per_epoch as usize;
            schedule.follow(&history(&watched[..epoch.min(watched.len())]));
            let ours = schedule.lr(step as u64);
            assert!(
                (ours - expected).abs() <= 1e-12,
                "{} step {step}: {ours} not {expected}",
                case.name
            );
        }
    }
}

fn history(watched: &[f64]) -> Vec<EpochRecord> {
    let record = |(i, value): (usize, &f64)| EpochRecord {
        epoch: i as u32 + 1,
        lr: 0.0,
        metrics: ["val.loss", "val.accuracy"]
            .map(|name| (name.to_owned(), *value))
            .into(),
        kept: false,
    };
    watched.iter().enumerate().map(record).collect()
}

#[test]
fn warmup_over_all_epochs_is_a_rise_alone() {
    let cosine = LrScheduler::Cosine {
        warmup_epochs: 2,
        min_lr: 0.0,
    };
    let schedule = Schedule::new(&cosine, 0.4, 2, 2);
    let rates: Vec<f64> = (0..4).map(|step| schedule.lr(step)).collect();
    assert_eq!(rates, [0.1, 0.2, 0.30000000000000004, 0.4]);
}
