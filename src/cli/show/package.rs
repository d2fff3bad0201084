//! A package: what it predicts, its metrics and files, and how it is used.

use std::path::Path;

use anyhow::Context as _;
use pipe_package::{ManifestCheck, PackageFiles, ReadOptions};
use pipe_schema::{
    dataset::{DatasetSchema, SCHEMA_FILE},
    package::{PACKAGE_FILE, Package, Several, TORCHSCRIPT_FILE},
    report::{METRICS_FILE, Metrics, REPORT_FILE, Report},
    stage::preprocess::Form,
    text::one_line,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::metrics_table;
use crate::{
    cli::{Context, UserError},
    report::{
        figures,
        style::{DIM, padded, paint},
    },
};

/// The files that are shown, once all of the package was compared with its manifest.
fn open(path: &Path) -> anyhow::Result<PackageFiles> {
    let options = ReadOptions {
        manifest: ManifestCheck::Always,
        wanted: &[PACKAGE_FILE, SCHEMA_FILE, METRICS_FILE, REPORT_FILE],
        memory: None,
    };
    PackageFiles::read(path, &options).map_err(|error| {
        let refusal = UserError::failed(error.message);
        match error.hint {
            Some(hint) => refusal.hint(hint),
            None => refusal,
        }
        .into()
    })
}

/// A JSON file of the package; nothing where it has none.
fn parse<T: DeserializeOwned>(files: &PackageFiles, name: &str) -> anyhow::Result<Option<T>> {
    if !files.has(name) {
        return Ok(None);
    }
    let value = serde_json::from_slice(files.content(name)?)
        .with_context(|| format!("cannot understand {}", files.path_of(name).display()))?;
    Ok(Some(value))
}

/// For programs: front page, metrics and files.
pub fn content(path: &Path) -> anyhow::Result<Value> {
    let package = open(path)?;
    Ok(json!({
        "package": parse::<Value>(&package, PACKAGE_FILE)?,
        "metrics": parse::<Value>(&package, METRICS_FILE)?,
        "files": super::files::content(path)?,
    }))
}

/// For people; `stage` made it, `place` is the path by which it is found.
pub fn render(stage: &str, path: &Path, place: &str, context: &Context) -> anyhow::Result<String> {
    let mut text = String::new();
    let files = open(path)?;
    let mut threshold = None;
    if let Some(package) = parse::<Package>(&files, PACKAGE_FILE)? {
        let classes = match (&package.targets, package.classes.len()) {
            (Some(Several::Labels(names)), _) => format!("yes or no for each of {}", names.len()),
            (Some(Several::Numbers(names)), _) => format!("{} numbers", names.len()),
            (None, 0) => "a number".to_owned(),
            (None, n) => format!("one of {n} classes"),
        };
        text = format!(
            "{}: predicts `{}`, {classes}\n",
            one_line(&package.name),
            one_line(&package.target)
        );
        threshold.clone_from(&package.threshold);
        for line in package.description.iter().flat_map(|it| it.lines()) {
            text.push_str(&format!("  {}\n", one_line(line)));
        }
        text.push('\n');
    }
    let metrics: Metrics = parse(&files, METRICS_FILE)?.unwrap_or_default();
    let report: Option<Report> = parse(&files, REPORT_FILE)?;
    if let Some(threshold) = threshold {
        text.push_str(&format!("{}\n\n", figures::class_threshold(&threshold)));
    }
    let (baseline, positive) = report
        .map(|it| (it.baseline, it.positive))
        .unwrap_or_default();
    if !metrics.is_empty() {
        let table = metrics_table(&metrics, &baseline, positive.as_ref());
        text.push_str(&table.render(context.width));
        text.push('\n');
    }
    text.push_str(&super::files::render(path, context)?);
    text.push('\n');
    let schema: Option<DatasetSchema> = parse(&files, SCHEMA_FILE)?;
    let rows = schema
        .map_or(Form::Csv, |schema| schema.read.form())
        .example();
    let mut uses = vec![("predict", format!("pipe predict {place} {rows}"))];
    if files.has(TORCHSCRIPT_FILE) {
        uses.push((
            "in Python",
            format!("torch.jit.load(\"{place}/{TORCHSCRIPT_FILE}\")(features)"),
        ));
    }
    uses.push(("copy", format!("pipe export {stage} DIR")));
    for (what, how) in uses {
        text.push_str(&format!("{} {how}\n", paint(DIM, padded(what, 9))));
    }
    Ok(text)
}
