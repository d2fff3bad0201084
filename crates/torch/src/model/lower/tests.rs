//! Networks as they are written, and the layers or the words that come of them.

use pipe_schema::{
    layer::Layer,
    stage::train::{LayerSpec, Network},
};
use serde_json::{Value, json};

use super::lower;
use crate::model::parameter_count;

fn network(value: Value) -> Network {
    serde_json::from_value(value).unwrap()
}

fn layers(specs: Value, inputs: u32, outputs: u32) -> Result<Vec<Layer>, String> {
    let specs: Vec<LayerSpec> = serde_json::from_value(specs).unwrap();
    lower(&Network::Layers(specs), inputs, outputs).map_err(|error| error.to_string())
}

#[test]
fn mlp_is_linear_layers_with_activations_and_dropout_between() {
    let mlp = network(json!({"mlp": {"hidden": [64, 32], "activation": "tanh", "dropout": 0.1}}));
    let layers = serde_json::to_value(lower(&mlp, 10, 3).unwrap()).unwrap();
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
    let layers = lower(&network(json!({"mlp": {"hidden": []}})), 10, 1).unwrap();
    assert_eq!(layers.len(), 1);
    assert_eq!(parameter_count(&layers), 11);
}

#[test]
fn sizes_follow_from_what_comes_before() {
    let lowered = layers(
        json!([
            {"reshape": {"shape": [1, 8, 8]}},
            {"conv2d": {"out_channels": 6, "kernel_size": 3, "padding": 1}},
            {"batch_norm": {}},
            "relu",
            {"max_pool2d": {"kernel_size": 2}},
            {"conv2d": {"out_channels": 4, "kernel_size": 3, "stride": 2, "bias": false}},
            "flatten",
            {"batch_norm": {}},
            {"linear": {"out_features": 10}},
        ]),
        64,
        10,
    )
    .unwrap();
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
fn what_does_not_fit_is_said_with_its_place_and_remedy() {
    let cases = [
        (
            json!([{"conv2d": {"out_channels": 6, "kernel_size": 3}}]),
            "layers[0]: conv2d gets 64 values a row, it needs (channels, height, width)\n\
             hint: put `reshape: {shape: [1, 8, 8]}` before it",
        ),
        (
            json!([{"reshape": {"shape": [1, 8, 8]}}, {"linear": {"out_features": 10}}]),
            "layers[1]: linear gets (1, 8, 8) a row, it needs a flat row\n\
             hint: put `flatten` before it",
        ),
        (
            json!([{"reshape": {"shape": [1, 28, 28]}}]),
            "layers[0]: reshape: gets 64 values a row, 64 numbers in all; (1, 28, 28) would be 784",
        ),
        (
            json!([{"linear": {"out_features": 20}}, "relu"]),
            "the last layer gives 20 values a row, the target needs 10 values\n\
             hint: end the layers with `linear: {out_features: 10}`",
        ),
        (
            json!([
                {"reshape": {"shape": [1, 8, 8]}},
                {"max_pool2d": {"kernel_size": 4}},
                {"conv2d": {"out_channels": 6, "kernel_size": 5}}
            ]),
            "layers[2]: a window of 5 does not fit into 2 pixels with padding 0\n\
             hint: take a smaller `kernel_size` or more `padding`",
        ),
        (
            json!([
                {"reshape": {"shape": [1, 8, 8]}},
                {"max_pool2d": {"kernel_size": 2, "stride": 0}}
            ]),
            "layers[1]: stride is 0, it must be at least 1",
        ),
        (
            json!([{"dropout": {"p": 1.5}}]),
            "layers[0]: dropout: p is 1.5, it must lie between 0 and 1",
        ),
        (
            json!([]),
            "the last layer gives 64 values a row, the target needs 10 values\n\
             hint: end the layers with `linear: {out_features: 10}`",
        ),
    ];
    for (specs, expected) in cases {
        assert_eq!(layers(specs, 64, 10).unwrap_err(), expected);
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
        assert!(layers(specs, 64, 10).is_err());
    }
}

#[test]
fn dataset_without_features_is_refused() {
    let error = lower(&network(json!({"mlp": {"hidden": []}})), 0, 1).unwrap_err();
    assert!(error.to_string().contains("no feature columns"));
}
