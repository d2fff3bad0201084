//! What crosses into C++ and comes back, failures included.

use tch::{Device, Kind, Tensor};

use super::{Argument, Fused, Operator, Script, Value, rng_state, set_rng_state};
use crate::{error::Error, seeded::seed};

const OPTIONS: (Kind, Device) = (Kind::Float, Device::Cpu);

fn message<T>(result: Result<T, Error>) -> String {
    match result {
        Ok(_) => panic!("no error"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn operators_take_defaults_for_what_is_left_out() {
    let x = Tensor::from_slice(&[1.0f32, -2.0]);
    let relu = Operator::find("aten::leaky_relu").unwrap();
    let values: Vec<f32> = Vec::try_from(
        relu.call(&[Argument::Tensor(&x)])
            .unwrap()
            .tensor()
            .unwrap(),
    )
    .unwrap();
    assert_eq!(values, [1.0, -0.02]);
}

#[test]
fn misuse_of_operators_is_an_error_without_a_trace() {
    let unknown = message(Operator::find("quantized::nothing"));
    assert!(unknown.contains("quantized::nothing"), "{unknown}");
    let linear = Operator::find("aten::linear").unwrap();
    let x = Tensor::zeros([2, 3], OPTIONS);
    let (x, narrow) = (Argument::Tensor(&x), Tensor::zeros([2, 2], OPTIONS));
    for (arguments, words) in [
        (vec![x], "needs a value for weight"),
        (vec![x; 4], "takes 3 arguments, not 4"),
        (vec![x, Argument::Double(1.0)], "Tensor"),
        (vec![x, Argument::Tensor(&narrow)], "cannot be multiplied"),
    ] {
        let text = message(linear.call(&arguments));
        assert!(text.contains(words), "{text}");
        assert!(!text.contains("Exception raised from"), "{text}");
        assert!(!text.contains("frame #"), "{text}");
    }
}

#[test]
fn generator_goes_on_from_a_saved_state() {
    let _turn = seed(5);
    let state = rng_state(Device::Cpu).unwrap();
    let draw = || Vec::<f32>::try_from(Tensor::randn([5], OPTIONS)).unwrap();
    let first = draw();
    assert_ne!(draw(), first);
    set_rng_state(Device::Cpu, &state).unwrap();
    assert_eq!(draw(), first);
    assert!(set_rng_state(Device::Cpu, &Tensor::zeros([3], OPTIONS)).is_err());
}

#[test]
fn optimizer_without_gradients_says_so() {
    let parameter = Tensor::zeros([2], OPTIONS).set_requires_grad(true);
    let mut fused = Fused::sgd(&[parameter], &[]).unwrap();
    let text = message(fused.step_sgd(0.1, 0.0, 0.0, false));
    assert_eq!(text, "libtorch: a parameter has no gradient");
}

#[test]
fn scripts_run_what_their_source_says() {
    let mut script = Script::new("Twice").unwrap();
    let factor = Tensor::from_slice(&[2.0f32]);
    script.attribute("factor", &Value::of(&factor)).unwrap();
    let source =
        "def forward(self, x: Tensor) -> Tensor:\n    return ops.aten.mul(x, self.factor)\n";
    script.define(source).unwrap();
    let x = Tensor::from_slice(&[1.5f32, -4.0]);
    let twice: Vec<f32> = Vec::try_from(script.forward(&x).unwrap()).unwrap();
    assert_eq!(twice, [3.0, -8.0]);
    let broken = message(script.define("def other(self): return nothing\n"));
    assert!(broken.contains("nothing"), "{broken}");
}
