//! From a network as it is written to its layers with all sizes, for data that is known. Pure: no tensors, no files.

use pipe_schema::{
    dataset::DatasetSchema,
    layer::Layer,
    shape::{self, Ends, Row},
    stage::train::{Loss, Network},
};

use crate::{
    answer::class_names,
    error::{Error, Result},
};

/// The layers of `network` for rows of this dataset.
pub fn lower(network: &Network, schema: &DatasetSchema, loss: Loss) -> Result<Vec<Layer>> {
    let inputs = schema.features.len() as u32;
    if inputs == 0 {
        return Err(
            Error::wrong("the dataset has no feature columns to learn from")
                .hint("keep a column in the preprocess stage, or encode words with `one_hot`"),
        );
    }
    let ends = Ends {
        row: Row::flat(inputs),
        loss,
        classes: Some(class_names(schema).len() as u32),
    };
    let sized = shape::lower(network, &ends).map_err(|misfit| {
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
    use pipe_schema::dataset::{Target, TargetKind};
    use serde_json::json;

    use super::*;

    #[test]
    fn dataset_without_features_is_refused() {
        let schema = DatasetSchema {
            columns: Vec::new(),
            target: Target {
                name: "y".to_owned(),
                kind: TargetKind::Number { train_mean: 0.0 },
            },
            steps: Vec::new(),
            features: Vec::new(),
            shape: None,
            read: serde_json::from_value(json!({})).unwrap(),
        };
        let network = serde_json::from_value(json!({"mlp": {"hidden": []}})).unwrap();
        let error = lower(&network, &schema, Loss::Mse).unwrap_err();
        assert!(error.to_string().contains("no feature columns"));
    }
}
