//! Networks as they are written, and the layers or the words that come of them.

use serde_json::{Value, json};

use super::{Codes, Ends, Row, lower};
use crate::{layer::Layer, slot::parameter_count, stage::train::Loss};

fn ends(row: Row, classes: Option<u32>) -> Ends {
    Ends {
        row,
        codes: Codes::Unknown,
        loss: Loss::CrossEntropy,
        classes,
        targets: None,
    }
}

fn layers_of(network: Value, inputs: u32, classes: u32) -> Result<Vec<Layer>, String> {
    let network = serde_json::from_value(network).unwrap();
    match lower(&network, &ends(Row::flat(inputs), Some(classes))) {
        Ok(sized) => Ok(sized.into_iter().map(|it| it.layer.unwrap()).collect()),
        Err(misfit) => Err(match &misfit.hint {
            Some(hint) => format!("{misfit}\n{hint}"),
            None => misfit.to_string(),
        }),
    }
}

fn layers(specs: &Value, inputs: u32, classes: u32) -> Result<Vec<Layer>, String> {
    layers_of(json!({"layers": specs}), inputs, classes)
}

#[test]
fn mlp_is_linear_layers_with_activations_and_dropout_between() {
    let mlp = json!({"mlp": {"hidden": [64, 32], "activation": "tanh", "dropout": 0.1}});
    let layers = serde_json::to_value(layers_of(mlp, 10, 3).unwrap()).unwrap();
    assert_eq!(
        layers,
        json!([
            {"linear": {"in_features": 10, "out_features": 64, "bias": true}},
            "tanh",
            {"dropout": {"p": 0.1}},
            {"linear": {"in_features": 64, "out_features": 32, "bias": true}},
            "tanh",
            {"dropout": {"p": 0.1}},
            {"linear": {"in_features": 32, "out_features": 3, "bias": true}},
        ])
    );
}

#[test]
fn mlp_without_hidden_layers_is_one_linear_layer() {
    let layers = layers_of(json!({"mlp": {"hidden": []}}), 10, 2).unwrap();
    assert_eq!(layers.len(), 1);
    assert_eq!(parameter_count(&layers), 22);
}

#[test]
fn cnn_is_convolutions_with_pools_and_then_an_mlp() {
    let cnn =
        json!({"cnn": {"shape": [1, 8, 8], "channels": [4, 6], "batch_norm": true, "hidden": [5]}});
    let names: Vec<&str> = layers_of(cnn.clone(), 64, 3)
        .unwrap()
        .iter()
        .map(Layer::name)
        .collect();
    let block = ["conv2d", "batch_norm", "relu", "max_pool2d"];
    let ends = ["flatten", "linear", "relu", "linear"];
    assert_eq!(names, [&["reshape"][..], &block, &block, &ends].concat());
    let of_layers = [4 * 9 + 4, 8, 6 * 4 * 9 + 6, 12, 24 * 5 + 5, 5 * 3 + 3];
    let lowered = layers_of(cnn, 64, 3).unwrap();
    assert_eq!(parameter_count(&lowered), of_layers.iter().sum::<u64>());
    let small = json!({"cnn": {"shape": [1, 4, 4], "channels": [2, 2, 2]}});
    assert_eq!(
        layers_of(small, 16, 3).unwrap_err(),
        "cnn: a window of 2 × 2 does not fit: gets an image of 2 × 1 × 1\n\
         make the window smaller, pad more, or pool less before"
    );
}

#[test]
fn sizes_follow_from_what_comes_before() {
    let specs = json!([
        {"reshape": {"shape": [1, 8, 8]}},
        {"conv2d": {"out_channels": 6, "kernel_size": 3, "padding": 1}},
        {"batch_norm": {}},
        "relu",
        {"max_pool2d": {"kernel_size": 2}},
        {"conv2d": {"out_channels": 4, "kernel_size": 3, "stride": 2, "bias": false}},
        "flatten",
        {"batch_norm": {}},
        {"linear": {"out_features": 10}},
    ]);
    let lowered = layers(&specs, 64, 10).unwrap();
    let linear = Layer::Linear {
        in_features: 4,
        out_features: 10,
        bias: true,
    };
    assert_eq!(lowered.last(), Some(&linear));
    let of_layers = [6 * 9 + 6, 2 * 6, 4 * 6 * 9, 2 * 4, 4 * 10 + 10];
    assert_eq!(parameter_count(&lowered), of_layers.iter().sum::<u64>());
}

#[test]
fn sizes_that_are_not_known_yet_are_known_after_the_next_layer_that_sets_them() {
    let network = json!({"layers": [
        {"batch_norm": {}}, {"linear": {"out_features": 8}}, "relu", {"linear": {"out_features": 3}},
    ]});
    let network = serde_json::from_value(network).unwrap();
    for row in [Row::Flat, Row::Any] {
        let sized = lower(&network, &ends(row.clone(), None)).unwrap();
        let known: Vec<bool> = sized.iter().map(|it| it.layer.is_some()).collect();
        assert_eq!(known, [false, false, true, true], "{row}");
        assert_eq!(sized[0].gives, Row::Flat);
        assert_eq!(sized[3].gives, Row::flat(3));
    }
}

#[test]
fn rows_with_dimensions_need_no_reshape() {
    let network = json!({"layers": [
        {"conv2d": {"out_channels": 2, "kernel_size": 3}}, "flatten", {"linear": {"out_features": 2}},
    ]});
    let network = serde_json::from_value(network).unwrap();
    let shape = vec![1, 4, 4];
    let sized = lower(&network, &ends(Row::Sizes(shape.clone()), Some(2))).unwrap();
    assert_eq!(sized[0].layer, Some(Layer::Reshape { shape }));
    assert_eq!(sized[1].gives, Row::Sizes(vec![2, 2, 2]));
}

#[test]
fn what_does_not_fit_is_said_with_its_place_and_remedy() {
    let cases = [
        (
            json!([{"conv2d": {"out_channels": 6, "kernel_size": 3}}]),
            "layers[0]: `conv2d` takes an image: gets 64 values\n\
             put `reshape: {shape: [1, 8, 8]}` before it: channels, height, width",
        ),
        (
            json!([{"reshape": {"shape": [1, 8, 8]}}, {"linear": {"out_features": 10}}]),
            "layers[1]: `linear` takes a flat row: gets an image of 1 × 8 × 8\n\
             put `flatten` before it",
        ),
        (
            json!([{"reshape": {"shape": [1, 28, 28]}}]),
            "layers[0]: 64 values cannot become 784: gets 64 values\n\
             `reshape` keeps the number of values",
        ),
        (
            json!([{"linear": {"out_features": 20}}, "relu"]),
            "layers[1]: for `cross_entropy` the last layer must give 10 values: gives 20 values\n\
             end with `linear: {out_features: 10}`",
        ),
        (
            json!([
                {"reshape": {"shape": [1, 8, 8]}},
                {"max_pool2d": {"kernel_size": 4}},
                {"conv2d": {"out_channels": 6, "kernel_size": 5}}
            ]),
            "layers[2]: a window of 5 × 5 does not fit: gets an image of 1 × 2 × 2\n\
             make the window smaller, pad more, or pool less before",
        ),
        (
            json!([
                {"reshape": {"shape": [1, 8, 8]}},
                {"max_pool2d": {"kernel_size": 2, "stride": 0}}
            ]),
            "layers[1]: `stride` must be at least 1: found 0",
        ),
        (
            json!([{"dropout": {"p": 1.5}}]),
            "layers[0]: `p` of `dropout` must lie between 0 and 1: found 1.5",
        ),
        (
            json!([]),
            "layers: `layers` must have at least one layer: no layer",
        ),
    ];
    for (specs, expected) in cases {
        assert_eq!(layers(&specs, 64, 10).unwrap_err(), expected);
    }
}

#[test]
fn no_sizes_overflow() {
    let most = u32::MAX;
    for specs in [
        json!([{"reshape": {"shape": [most, most, most]}}]),
        json!([{"reshape": {"shape": [1, 8, 8]}},
               {"conv2d": {"out_channels": most, "kernel_size": 1, "padding": most}}, "flatten"]),
    ] {
        assert!(layers(&specs, 64, 10).is_err());
    }
}
