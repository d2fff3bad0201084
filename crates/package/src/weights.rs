//! `weights.safetensors` before it is used: the header against the layers. Reads no number.

use std::collections::HashMap;

use pipe_data::check_offsets;
use pipe_schema::{
    layer::Layer,
    slot::{SlotKind, slots},
};
use safetensors::{Dtype, SafeTensors};

/// PyTorch counts batches under this name; nothing reads it.
const IGNORED: &str = ".num_batches_tracked";

/// Checks that the file holds the tensors of these layers, each of its type and shape, and no others.
pub fn check_weights(bytes: &[u8], layers: &[Layer]) -> Result<(), String> {
    check_offsets(bytes)?;
    let file = SafeTensors::deserialize(bytes).map_err(unreadable)?;
    let tensors = file.tensors();
    let mut found: HashMap<&str, (Dtype, &[usize])> = tensors
        .iter()
        .filter(|(name, _)| !name.ends_with(IGNORED))
        .map(|(name, tensor)| (name.as_str(), (tensor.dtype(), tensor.shape())))
        .collect();
    for (index, layer) in layers.iter().enumerate() {
        for slot in slots(layer) {
            let name = format!("{index}.{}", slot.name);
            let Some((dtype, shape)) = found.remove(name.as_str()) else {
                return Err(format!("there is no tensor `{name}`"));
            };
            let wanted = match slot.kind {
                SlotKind::Parameter | SlotKind::Buffer => Dtype::F32,
                SlotKind::Quantized => Dtype::I8,
                SlotKind::Scale => Dtype::F64,
            };
            let is_same = slot.shape.len() == shape.len()
                && (slot.shape.iter().zip(shape)).all(|(a, b)| usize::try_from(*a) == Ok(*b));
            if dtype != wanted || !is_same {
                return Err(format!(
                    "tensor `{name}` is {dtype:?} {shape:?}, the layers need {wanted:?} {:?}",
                    slot.shape
                ));
            }
        }
    }
    match found.keys().min() {
        Some(name) => Err(format!("the layers have no tensor `{name}`")),
        None => Ok(()),
    }
}

fn unreadable(why: impl std::fmt::Display) -> String {
    format!("not a readable safetensors file: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        [
            &(header.len() as u64).to_le_bytes(),
            header.as_bytes(),
            data,
        ]
        .concat()
    }

    fn layers() -> Vec<Layer> {
        vec![Layer::Linear {
            in_features: 1,
            out_features: 1,
            bias: false,
        }]
    }

    #[test]
    fn check_weights_takes_the_layers_tensors_alone() {
        let tensor = |name: &str, r#type: &str, shape: &str, bytes: usize| {
            let header = format!(
                r#"{{"{name}":{{"dtype":"{type}","shape":{shape},"data_offsets":[0,{bytes}]}}}}"#
            );
            check_weights(&file(&header, &vec![0; bytes]), &layers())
        };
        assert_eq!(tensor("0.weight", "F32", "[1,1]", 4), Ok(()));
        for (name, r#type, shape, bytes, complaint) in [
            (
                "0.other",
                "F32",
                "[1,1]",
                4,
                "there is no tensor `0.weight`",
            ),
            (
                "0.weight",
                "F64",
                "[1,1]",
                8,
                "tensor `0.weight` is F64 [1, 1], the layers need",
            ),
            ("0.weight", "F32", "[1]", 4, "tensor `0.weight` is F32 [1]"),
            (
                "0.weight",
                "F32",
                "[1,2]",
                8,
                "tensor `0.weight` is F32 [1, 2]",
            ),
        ] {
            let error = tensor(name, r#type, shape, bytes).unwrap_err();
            assert!(error.starts_with(complaint), "{error}");
        }
        let both = r#"{"0.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},"1.bias":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#;
        let error = check_weights(&file(both, &[0; 8]), &layers()).unwrap_err();
        assert_eq!(error, "the layers have no tensor `1.bias`");
    }

    #[test]
    fn check_weights_survives_offsets_that_cannot_be_added() {
        let huge = u64::MAX;
        let half = huge / 2;
        for header in [
            format!(r#"{{"0.weight":{{"dtype":"U8","shape":[{huge}],"data_offsets":[0,{huge}]}}}}"#),
            format!(
                r#"{{"a":{{"dtype":"U8","shape":[{half}],"data_offsets":[0,{half}]}},"b":{{"dtype":"U8","shape":[{half}],"data_offsets":[{half},{}]}}}}"#,
                half * 2
            ),
            r#"{"0.weight":{"dtype":"F32","shape":[0,4294967295,4294967295,4294967295],"data_offsets":[0,0]}}"#.to_owned(),
        ] {
            assert!(check_weights(&file(&header, &[0; 4]), &layers()).is_err(), "{header}");
        }
        for bytes in [
            &b""[..],
            &[1, 2, 3],
            &u64::MAX.to_le_bytes(),
            &file("[]", &[]),
        ] {
            assert!(check_weights(bytes, &layers()).is_err());
        }
    }
}
