//! From a network as it is written to its layers with all sizes, for data that is known. Pure: no tensors, no files.

use pipe_schema::{
    dataset::DatasetSchema,
    layer::Layer,
    shape::{self, Ends},
    stage::train::{Loss, Network},
};

use crate::error::{Error, Result};

/// The layers of `network` for rows of this dataset.
pub fn lower(network: &Network, schema: &DatasetSchema, loss: Loss) -> Result<Vec<Layer>> {
    if schema.features.is_empty() {
        return Err(
            Error::wrong("the dataset has no feature columns to learn from")
                .hint("keep a column in the preprocess stage, or encode words with `one_hot`"),
        );
    }
    let sized = shape::lower(network, &Ends::of(schema, loss)).map_err(|misfit| {
        let error = Error::wrong(misfit.to_string());
        match misfit.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    })?;
    let layers = sized.into_iter().map(|it| it.layer);
    let unknown = || Error::bug("a layer of a known network has no sizes");
    layers.map(|it| it.ok_or_else(unknown)).collect()
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;
    use pipe_schema::dataset::{Target, TargetKind};
    use serde_json::{Value, json};

    use super::*;

    fn schema(features: usize, shape: Option<Vec<u32>>) -> DatasetSchema {
        DatasetSchema {
            columns: Vec::new(),
            target: Target {
                name: "y".to_owned(),
                kind: TargetKind::Number { train_mean: 0.0 },
                positive: None,
            },
            steps: Vec::new(),
            features: (0..features).map(|it| it.to_string()).collect(),
            shape,
            codes: IndexMap::new(),
            windows: None,
            read: serde_json::from_value(json!({})).unwrap(),
        }
    }

    fn lowered(network: Value, schema: &DatasetSchema) -> std::result::Result<Value, String> {
        let network = serde_json::from_value(network).unwrap();
        match lower(&network, schema, Loss::Mse) {
            Ok(layers) => Ok(serde_json::to_value(layers).unwrap()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn images_of_the_dataset_need_no_shape_in_the_spec() {
        let images = schema(64, Some(vec![1, 8, 8]));
        let given = |shape: &Value| json!({"cnn": {"shape": shape, "channels": [4]}});
        let told = lowered(given(&Value::Null), &images).unwrap();
        assert_eq!(told[0], json!({"reshape": {"shape": [1, 8, 8]}}));
        // The same layers, so the same bytes, where the spec has it.
        assert_eq!(lowered(given(&json!([1, 8, 8])), &images).unwrap(), told);
        let table = schema(64, None);
        assert_eq!(lowered(given(&json!([1, 8, 8])), &table).unwrap(), told);
        let other = lowered(given(&json!([1, 4, 16])), &images).unwrap();
        assert_eq!(other[0], json!({"reshape": {"shape": [1, 4, 16]}}));
        let convolution = json!({"conv2d": {"out_channels": 4, "kernel_size": 3}});
        let list =
            json!({"layers": [convolution, "global_avg_pool", {"linear": {"out_features": 1}}]});
        assert_eq!(lowered(list, &images).unwrap()[0], told[0]);
    }

    #[test]
    fn shape_that_is_not_the_datasets_is_refused() {
        let images = schema(64, Some(vec![1, 8, 8]));
        let wrong = json!({"cnn": {"shape": [3, 8, 8], "channels": [4]}});
        assert_eq!(
            lowered(wrong, &images).unwrap_err(),
            "cnn.shape: 64 values cannot become 192: gets an image of 1 × 8 × 8\n\
             hint: leave `shape` out: the dataset tells it"
        );
        let nothing = json!({"cnn": {"channels": [4]}});
        assert_eq!(
            lowered(nothing, &schema(64, None)).unwrap_err(),
            "cnn.shape: `cnn` takes images, and the dataset does not tell their shape: gets 64 values\n\
             hint: set `shape: [1, 28, 28]`: channels, height, width"
        );
    }

    #[test]
    fn images_are_flat_rows_for_what_takes_no_image() {
        let (images, flat) = (schema(64, Some(vec![1, 8, 8])), schema(64, None));
        let linear = json!({"linear": {"out_features": 1}});
        for network in [
            json!({"mlp": {"hidden": [5]}}),
            json!({"layers": [linear]}),
            json!({"layers": [{"batch_norm": {}}, "flatten", linear]}),
            json!({"layers": [{"reshape": {"shape": [4, 16]}}, "flatten", linear]}),
        ] {
            let of_images = lowered(network.clone(), &images).unwrap();
            assert_eq!(of_images, lowered(network, &flat).unwrap());
        }
    }

    #[test]
    fn dataset_without_features_is_refused() {
        let schema = schema(0, None);
        let network = serde_json::from_value(json!({"mlp": {"hidden": []}})).unwrap();
        let error = lower(&network, &schema, Loss::Mse).unwrap_err();
        assert!(error.to_string().contains("no feature columns"));
    }
}
