//! Packages from strangers, whose manifests fit: nobody but the reader stands between their bytes and a model.

use std::{collections::BTreeMap, path::Path, sync::OnceLock};

use pipe_data::{RawRows, transform};
use pipe_package::{ManifestCheck, OpenOptions, Package, PackageFiles, check_weights};
use pipe_schema::model::Model;

use crate::input::{files, seed};

/// What the runner asks for where it may take a gibibyte.
const OPTIONS: OpenOptions = OpenOptions {
    manifest: ManifestCheck::Skipped,
    allow_script: false,
    golden: true,
    memory: Some(1 << 30),
};

/// The files of a package, see `input::files`; its rows are treated as its schema says.
pub fn package(bytes: &[u8]) {
    let contents: BTreeMap<String, Vec<u8>> = files(bytes)
        .into_iter()
        .map(|(name, content)| (name, content.to_vec()))
        .collect();
    let files = PackageFiles::from_contents(Path::new("package"), contents);
    let Ok(package) = Package::parse(files, &OPTIONS) else {
        return;
    };
    let rows: Vec<_> = package.golden.iter().map(|it| it.input.clone()).collect();
    if let Ok(rows) = RawRows::from_json(&rows, &package.schema) {
        let _ = transform(&package.schema, &rows);
    }
}

/// Weights for the layers of a model.
pub fn safetensors(bytes: &[u8]) {
    static MODEL: OnceLock<Model> = OnceLock::new();
    let model = MODEL.get_or_init(|| {
        let good = seed("package/classes");
        let files = files(&good);
        let model = files.iter().find(|it| it.0 == "model.json");
        serde_json::from_slice(model.expect("the seed has a model").1).expect("the model is good")
    });
    let _ = check_weights(bytes, &model.layers);
}
