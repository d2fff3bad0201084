//! Tensors by name in safetensors files: the same tensors give the same bytes. Knows nothing of layers.

use std::{borrow::Cow, collections::HashMap, fs, path::Path};

use indexmap::IndexMap;
use safetensors::{
    Dtype, SafeTensors,
    tensor::{View, serialize},
};
use tch::{Device, Kind, Tensor};

use crate::error::{Error, Result};

/// Tensors by name.
pub type Tensors = IndexMap<String, Tensor>;

/// Writes a file of these tensors.
pub fn write(path: &Path, tensors: &Tensors) -> Result<()> {
    let bytes = encode(tensors, None).map_err(|error| error.at(path.display()))?;
    fs::write(path, bytes).map_err(|error| Error::io(path, &error))
}

/// All tensors of a file, sorted by name.
pub fn read(path: &Path) -> Result<Tensors> {
    let bytes = fs::read(path).map_err(|error| Error::io(path, &error))?;
    decode(&bytes).map_err(|error| error.at(path.display()))
}

/// The bytes of a file. The format sorts by type, then name. `note` is a key and a text for the header: at most one,
/// as the order of several would not be fixed.
pub fn encode(tensors: &Tensors, note: Option<(&str, &str)>) -> Result<Vec<u8>> {
    let stored = |(name, tensor)| Ok((name, Stored::of(tensor)?));
    let views: Vec<(&String, Stored)> = tensors.iter().map(stored).collect::<Result<_>>()?;
    let note = note.map(|(key, text)| HashMap::from([(key.to_owned(), text.to_owned())]));
    serialize(views, note).map_err(|error| Error::bug(error.to_string()))
}

/// The tensors in a file's bytes, sorted by name.
pub fn decode(bytes: &[u8]) -> Result<Tensors> {
    pipe_data::check_offsets(bytes).map_err(Error::wrong)?;
    let not_one = |error| Error::wrong(format!("not a readable safetensors file: {error}"));
    let file = SafeTensors::deserialize(bytes).map_err(not_one)?;
    let mut tensors = Tensors::new();
    for (name, view) in file.tensors() {
        let dtype = view.dtype();
        let kind = kind_of(dtype)
            .ok_or_else(|| Error::wrong(format!("tensor `{name}` is of type {dtype:?}")))?;
        let shape: Vec<i64> = view.shape().iter().map(|&size| size as i64).collect();
        let tensor = Tensor::f_from_data_size(view.data(), &shape, kind)?;
        tensors.insert(name, tensor);
    }
    tensors.sort_unstable_keys();
    Ok(tensors)
}

/// The text that `encode` was given under this key.
pub fn note(bytes: &[u8], key: &str) -> Option<String> {
    let (_, header) = SafeTensors::read_metadata(bytes).ok()?;
    header.metadata().as_ref()?.get(key).cloned()
}

/// A tensor's bytes, taken once.
struct Stored {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Stored {
    fn of(tensor: &Tensor) -> Result<Self> {
        let kind = tensor.f_kind()?;
        let dtype =
            dtype_of(kind).ok_or_else(|| Error::bug(format!("no file type for {kind:?}")))?;
        let tensor = tensor
            .f_detach()?
            .f_to_device(Device::Cpu)?
            .f_contiguous()?;
        let mut bytes = vec![0; tensor.numel() * kind.elt_size_in_bytes()];
        tensor.f_copy_data_u8(&mut bytes, tensor.numel())?;
        let shape = tensor.size().iter().map(|&size| size as usize).collect();
        Ok(Self {
            dtype,
            shape,
            bytes,
        })
    }
}

impl View for Stored {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

const TYPES: [(Kind, Dtype); 7] = [
    (Kind::Float, Dtype::F32),
    (Kind::Double, Dtype::F64),
    (Kind::Half, Dtype::F16),
    (Kind::BFloat16, Dtype::BF16),
    (Kind::Int64, Dtype::I64),
    (Kind::Int8, Dtype::I8),
    (Kind::Uint8, Dtype::U8),
];

fn dtype_of(kind: Kind) -> Option<Dtype> {
    let pair = TYPES.iter().find(|pair| pair.0 == kind)?;
    Some(pair.1)
}

fn kind_of(dtype: Dtype) -> Option<Kind> {
    let pair = TYPES.iter().find(|pair| pair.1 == dtype)?;
    Some(pair.0)
}
