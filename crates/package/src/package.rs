//! A package as it is used: all of its files checked against each other, before any of them is believed.

use std::path::Path;

use pipe_schema::{
    dataset::{DatasetSchema, SCHEMA_FILE, Target, TargetKind},
    model::{ClassThreshold, MODEL_FILE, Model, WEIGHTS_FILE},
    package::{
        GOLDEN_FILE, GoldenRow, PACKAGE_FILE, PACKAGE_VERSION, Package as FrontPage, Several,
        TORCHSCRIPT_FILE,
    },
};
use serde_json::Value;

use crate::{
    error::{PackageError, Result},
    files::{ManifestCheck, PackageFiles, ReadOptions},
    golden::parse_golden,
    network::{NetworkSize, check_network},
    schema::check_schema,
    weights::check_weights,
};

/// How a package is opened.
#[derive(Clone, Copy, Debug)]
pub struct OpenOptions {
    pub manifest: ManifestCheck,
    /// Whether its TorchScript may be loaded: a program, which runs as it is loaded.
    pub allow_script: bool,
    /// Whether golden rows are wanted.
    pub golden: bool,
    /// Bytes of memory that may be taken, where that is bounded.
    pub memory: Option<u64>,
}

/// A package that was checked.
#[derive(Clone, Debug)]
pub struct Package {
    pub front: FrontPage,
    pub schema: DatasetSchema,
    /// The network as layers and weights. One that has none has a script.
    pub layers: Option<LayerNetwork>,
    /// The bytes of its TorchScript, where it is allowed: if there are no layers, or golden rows are to be checked with it.
    pub script: Option<Vec<u8>>,
    /// Where they are asked for.
    pub golden: Vec<GoldenRow>,
}

/// Layers and weights that fit each other.
#[derive(Clone, Debug)]
pub struct LayerNetwork {
    pub model: Model,
    /// A safetensors file that holds what the layers need, and nothing else.
    pub weights: Vec<u8>,
    pub size: NetworkSize,
}

impl Package {
    /// Opens a package's folder.
    pub fn open(path: &Path, options: &OpenOptions) -> Result<Self> {
        let mut wanted = vec![PACKAGE_FILE, SCHEMA_FILE, MODEL_FILE, WEIGHTS_FILE];
        if options.allow_script {
            wanted.push(TORCHSCRIPT_FILE);
        }
        if options.golden {
            wanted.push(GOLDEN_FILE);
        }
        let read = ReadOptions {
            manifest: options.manifest,
            wanted: &wanted,
            memory: options.memory,
        };
        Self::parse(PackageFiles::read(path, &read)?, options)
    }

    /// Takes a package's files apart.
    pub fn parse(mut files: PackageFiles, options: &OpenOptions) -> Result<Self> {
        let front = parse_front(&files)?;
        let path = files.path_of(SCHEMA_FILE);
        let bytes = files.content(SCHEMA_FILE)?;
        let schema: DatasetSchema = serde_json::from_slice(bytes)
            .map_err(|error| PackageError::unreadable(&path, error))?;
        check_schema(&schema, bytes.len() as u64)
            .map_err(|why| PackageError::unreadable(&path, why))?;
        check_front(&front, &schema.target)
            .map_err(|why| PackageError::unreadable(&files.path_of(PACKAGE_FILE), why))?;
        let layers = parse_layers(&mut files, &schema, options)?;
        if let Some(LayerNetwork { model, .. }) = &layers
            && model.threshold.as_ref().map(|it| &it.of) != front.threshold.as_ref()
        {
            let path = files.path_of(MODEL_FILE);
            let why = "its threshold is another than that of package.json";
            return Err(PackageError::unreadable(&path, why));
        }
        let has_script = files.has(TORCHSCRIPT_FILE);
        if layers.is_none() && !options.allow_script {
            return Err(without_layers(&files, has_script));
        }
        let is_script_wanted = layers.is_none() || (has_script && options.golden);
        let script = (options.allow_script && is_script_wanted)
            .then(|| files.take(TORCHSCRIPT_FILE))
            .transpose()?;
        let golden = if options.golden {
            let rows = parse_golden(files.content(GOLDEN_FILE)?, &schema.target);
            rows.map_err(|why| PackageError::unreadable(&files.path_of(GOLDEN_FILE), why))?
        } else {
            Vec::new()
        };
        Ok(Self {
            front,
            schema,
            layers,
            script,
            golden,
        })
    }
}

/// Looks at the version before the rest, which another version may have changed.
fn parse_front(files: &PackageFiles) -> Result<FrontPage> {
    let path = files.path_of(PACKAGE_FILE);
    let unreadable = |error: serde_json::Error| PackageError::unreadable(&path, error);
    let bytes = files.content(PACKAGE_FILE)?;
    let front: Value = serde_json::from_slice(bytes).map_err(unreadable)?;
    let version = front.get("version").and_then(Value::as_u64);
    if version != Some(u64::from(PACKAGE_VERSION)) {
        let version = version.map_or("without a version".to_owned(), |version| {
            format!("of version {version}")
        });
        return Err(PackageError::wrong(format!(
            "{}: a package {version}; this pipe reads version {PACKAGE_VERSION}",
            path.display()
        )));
    }
    serde_json::from_value(front).map_err(unreadable)
}

/// Checks that the front page tells of the schema's target.
fn check_front(front: &FrontPage, target: &Target) -> Result<(), String> {
    let targets = match &target.kind {
        TargetKind::Classes { .. } | TargetKind::Number { .. } => None,
        TargetKind::Labels { names, .. } => Some(Several::Labels(names.clone())),
        TargetKind::Numbers { names, .. } => Some(Several::Numbers(names.clone())),
    };
    let is_of_target = front.target == target.name
        && front.classes == target.classes()
        && front.targets == targets;
    if !is_of_target {
        return Err("it tells of another target than the schema".to_owned());
    }
    if let Some(ClassThreshold { class, at }) = &front.threshold
        && !(target.classes().len() == 2 && target.classes().contains(class) && at.is_finite())
    {
        return Err(format!("a threshold of {at} for the class `{class}`"));
    }
    if !front.tolerance.is_finite() || front.tolerance < 0.0 {
        return Err(format!("a tolerance of {}", front.tolerance));
    }
    Ok(())
}

/// The layers and their weights; nothing where the package has neither.
fn parse_layers(
    files: &mut PackageFiles,
    schema: &DatasetSchema,
    options: &OpenOptions,
) -> Result<Option<LayerNetwork>> {
    if !files.has(MODEL_FILE) && !files.has(WEIGHTS_FILE) {
        return Ok(None);
    }
    let path = files.path_of(MODEL_FILE);
    let model: Model = serde_json::from_slice(files.content(MODEL_FILE)?)
        .map_err(|error| PackageError::unreadable(&path, error))?;
    let size = check_network(&model, schema.features.len())
        .and_then(|size| check_outputs(&model, &schema.target).map(|()| size))
        .map_err(|why| PackageError::unreadable(&path, why))?;
    // The bytes of the file, and the tensors that are made of them.
    let needed = size
        .weights
        .saturating_mul(2)
        .saturating_add(size.bytes_a_row);
    if options.memory.is_some_and(|memory| needed > memory) {
        return Err(PackageError::unreadable(
            &path,
            format!("the network takes {needed} bytes of memory to answer for one row"),
        )
        .hint("`--max-memory` allows more"));
    }
    let weights = files.take(WEIGHTS_FILE)?;
    check_weights(&weights, &model.layers)
        .map_err(|why| PackageError::unreadable(&files.path_of(WEIGHTS_FILE), why))?;
    Ok(Some(LayerNetwork {
        model,
        weights,
        size,
    }))
}

/// Checks that the network gives a value for each class or target; of two classes, one is enough.
fn check_outputs(model: &Model, target: &Target) -> Result<(), String> {
    let wanted = match &target.kind {
        TargetKind::Classes { names, .. } => names.len(),
        _ => target.columns().len(),
    };
    let given = usize::try_from(model.outputs).unwrap_or(usize::MAX);
    let is_of_two = wanted == 2 && given == 1 && !target.classes().is_empty();
    if given == wanted || is_of_two {
        return Ok(());
    }
    Err(format!(
        "it gives {given} values, the target needs {wanted}"
    ))
}

/// The refusal of a package that has no layers.
fn without_layers(files: &PackageFiles, has_script: bool) -> PackageError {
    if !has_script {
        return PackageError::damaged(&files.path_of(MODEL_FILE), "is missing");
    }
    PackageError::wrong(format!(
        "{} holds nothing but a program, {TORCHSCRIPT_FILE}: TorchScript runs code as it is loaded, with all rights of \
         the process that loads it",
        files.path().display()
    ))
    .hint(
        "if you trust who made it, `pipe predict --allow-script` runs it, held to reading the package and the rows, \
         without network, in bounded memory and time",
    )
}
