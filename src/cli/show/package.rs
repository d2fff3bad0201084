//! A package: what it predicts, its metrics and files, and how it is used.

use std::path::Path;

use pipe_schema::{
    package::{PACKAGE_FILE, Package, Several, TORCHSCRIPT_FILE},
    report::{METRICS_FILE, Metrics, REPORT_FILE, Report},
};
use serde_json::{Value, json};

use super::{files, metrics_table, read};
use crate::{
    cli::Context,
    report::style::{DIM, padded, paint},
};

/// For programs: front page, metrics and files.
pub fn content(path: &Path) -> anyhow::Result<Value> {
    Ok(json!({
        "package": read::<Value>(&path.join(PACKAGE_FILE))?,
        "metrics": read::<Value>(&path.join(METRICS_FILE))?,
        "files": files::content(path)?,
    }))
}

/// For people; `stage` made it, `place` is the path by which it is found.
pub fn render(stage: &str, path: &Path, place: &str, context: &Context) -> anyhow::Result<String> {
    let mut text = String::new();
    if let Some(package) = read::<Package>(&path.join(PACKAGE_FILE))? {
        let classes = match (&package.targets, package.classes.len()) {
            (Some(Several::Labels(names)), _) => format!("yes or no for each of {}", names.len()),
            (Some(Several::Numbers(names)), _) => format!("{} numbers", names.len()),
            (None, 0) => "a number".to_owned(),
            (None, n) => format!("one of {n} classes"),
        };
        text = format!(
            "{}: predicts `{}`, {classes}\n",
            package.name, package.target
        );
        if let Some(description) = &package.description {
            text.push_str(&format!("{description}\n"));
        }
        text.push('\n');
    }
    let metrics: Metrics = read(&path.join(METRICS_FILE))?.unwrap_or_default();
    let report: Option<Report> = read(&path.join(REPORT_FILE))?;
    let baseline = report.map(|it| it.baseline).unwrap_or_default();
    if !metrics.is_empty() {
        text.push_str(&metrics_table(&metrics, &baseline).render(context.width));
        text.push('\n');
    }
    text.push_str(&files::render(path, context)?);
    text.push('\n');
    let mut uses = vec![("predict", format!("pipe predict {place} rows.csv"))];
    if path.join(TORCHSCRIPT_FILE).exists() {
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
