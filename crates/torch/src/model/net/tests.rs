//! Networks against PyTorch's layers, done by hand.

use pipe_schema::layer::Layer;
use tch::{Device, Kind, Tensor};

use super::{Net, Tensors};
use crate::{seeded::seed, workshop::image_layers};

const CPU: Device = Device::Cpu;

fn linear(in_features: u32, out_features: u32) -> Layer {
    Layer::Linear {
        in_features,
        out_features,
        bias: true,
    }
}

fn values(tensor: &Tensor) -> Vec<f32> {
    Vec::try_from(tensor.detach().flatten(0, -1)).unwrap()
}

#[test]
fn seed_gives_the_weights_that_pytorch_draws() {
    // torch.manual_seed(19); torch.nn.Sequential(Linear(10, 20), ReLU(), Linear(20, 1))
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../examples/regression/initial.safetensors"
    );
    let layers = [linear(10, 20), Layer::Relu, linear(20, 1)];
    let theirs = Net::load(&layers, path.as_ref(), CPU).unwrap();
    let _turn = seed(19);
    let ours = Net::new(&layers, CPU).unwrap();
    for (name, tensor) in ours.tensors() {
        assert_eq!(
            values(&tensor),
            values(&theirs.tensors()[&name]),
            "{name} differs"
        );
    }
}

#[test]
fn weights_survive_a_file() {
    let _turn = seed(1);
    let layers = [
        linear(3, 4),
        Layer::BatchNorm {
            features: 4,
            spatial: false,
            eps: 1e-5,
            momentum: 0.1,
        },
        Layer::Tanh,
        linear(4, 2),
    ];
    let net = Net::new(&layers, CPU).unwrap();
    let rows = Tensor::randn([8, 3], (Kind::Float, CPU));
    let _ = net.forward(&rows, true).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    net.save(&path).unwrap();
    let names: Vec<String> = net.tensors().into_keys().collect();
    assert_eq!(
        names,
        [
            "0.weight",
            "0.bias",
            "1.weight",
            "1.bias",
            "1.running_mean",
            "1.running_var",
            "3.weight",
            "3.bias"
        ]
    );
    let again = Net::load(&layers, &path, CPU).unwrap();
    assert_eq!(
        values(&net.forward(&rows, false).unwrap()),
        values(&again.forward(&rows, false).unwrap())
    );
    let other = folder.path().join("other.safetensors");
    again.save(&other).unwrap();
    assert_eq!(std::fs::read(path).unwrap(), std::fs::read(other).unwrap());
}

#[test]
fn weights_of_another_network_are_refused_by_name() {
    let _turn = seed(1);
    let net = Net::new(&[linear(3, 4)], CPU).unwrap();
    let refusal = |layers: &[Layer], tensors: Tensors| match Net::from_tensors(layers, tensors, CPU)
    {
        Ok(_) => panic!("taken"),
        Err(error) => error.to_string(),
    };
    let hint = "hint: the weights must be those of a network with the same layers";
    assert_eq!(
        refusal(&[linear(3, 5)], net.tensors()),
        format!("tensor `0.weight` is Float [4, 3], the network needs Float [5, 3]\n{hint}")
    );
    assert_eq!(
        refusal(&[Layer::Relu, linear(3, 4)], net.tensors()),
        format!("there is no tensor `1.weight`\n{hint}")
    );
    let too_many = refusal(&[], net.tensors());
    assert!(
        too_many.starts_with("the network has no tensor `0."),
        "{too_many}"
    );
}

#[test]
fn images_go_through_convolution_and_pooling() {
    let _turn = seed(1);
    let mut layers = image_layers(true).to_vec();
    layers.extend([
        Layer::Gelu,
        Layer::MaxPool2d {
            kernel_size: 2,
            stride: 2,
            padding: 0,
        },
        Layer::Flatten,
        Layer::Sigmoid,
        linear(8, 3),
    ]);
    let net = Net::new(&layers, CPU).unwrap();
    let rows = Tensor::randn([5, 16], (Kind::Float, CPU));
    assert_eq!(net.forward(&rows, true).unwrap().size(), [5, 3]);
}

#[test]
fn dropout_acts_while_training_alone() {
    let _turn = seed(1);
    let net = Net::new(&[Layer::Dropout { p: 0.5 }], CPU).unwrap();
    let rows = Tensor::ones([1, 64], (Kind::Float, CPU));
    assert_eq!(values(&net.forward(&rows, false).unwrap()), values(&rows));
    let kept = values(&net.forward(&rows, true).unwrap());
    assert!(kept.iter().all(|&value| value == 0.0 || value == 2.0));
    assert!(kept.contains(&0.0) && kept.contains(&2.0));
}

#[test]
fn quantized_layer_is_close_to_the_layer_it_came_from() {
    let _turn = seed(1);
    let exact = Net::new(&[linear(32, 8)], CPU).unwrap();
    let tensors = exact.tensors();
    let weight = tensors["0.weight"].detach();
    let scale = weight.abs().max().double_value(&[]) / 127.0;
    let quantized = Layer::QuantizedLinear {
        in_features: 32,
        out_features: 8,
        bias: true,
    };
    let found = Tensors::from([
        (
            "0.weight".to_owned(),
            (weight / scale).round().to_kind(Kind::Int8),
        ),
        (
            "0.scale".to_owned(),
            Tensor::from(scale).to_kind(Kind::Double),
        ),
        ("0.bias".to_owned(), tensors["0.bias"].detach()),
    ]);
    let small = Net::from_tensors(&[quantized], found, CPU).unwrap();
    let rows = Tensor::randn([16, 32], (Kind::Float, CPU));
    let (ours, exact) = (
        small.forward(&rows, false).unwrap(),
        exact.forward(&rows, false).unwrap().detach(),
    );
    let error = ((ours - &exact).norm() / exact.norm()).double_value(&[]);
    assert!(error > 0.0 && error < 0.03, "{error}");
}
