//! What a dvc.yaml says beside its stages: what of it has a place in a spec, and notes on the rest.

use std::sync::Arc;

use super::{
    note::Notes,
    scope::{self, Scope},
    survey::Survey,
    template,
};
use crate::spec::{Node, Value};

/// A dvc.yaml that was read.
pub struct Pipeline {
    /// Seen from the spec's folder; empty for that itself.
    pub folder: String,
    pub root: Arc<Node>,
    pub scope: Arc<Scope>,
}

impl Pipeline {
    /// Says what of the top level is not carried over.
    pub fn note_rest(&self, survey: &Survey, notes: &mut Notes) {
        let list = |field: &str| self.root.get(field).map_or(&[][..], Node::items);
        for item in list("metrics") {
            let path = scope::beside(&self.folder, item.as_text().unwrap_or_default());
            if survey.outs.contains(&path) && scope::ending(&path) == "json" {
                continue;
            }
            let (what, remedy) = match survey.holder(&path) {
                Some(out) => (
                    format!(
                        "metrics: `{path}` lies in the out `{out}`, so its numbers are not read"
                    ),
                    "name the folder's files one by one in `outs`, and this one in `metrics`",
                ),
                None => (
                    format!("metrics: `{path}` is no JSON file that is an out of a stage"),
                    "name it in a command's `metrics`, so that `pipe runs` shows its numbers",
                ),
            };
            notes.lost(item.span, what, remedy);
        }
        for item in list("plots") {
            notes.lost(
                item.span,
                "plots: pipe draws no plots of a command's files",
                "keep dvc.yaml for `dvc plots`, or draw them in a stage",
            );
        }
        for item in list("params") {
            notes.changed(
                item.span,
                "params: a list for `dvc params diff` alone",
                "`pipe explain STAGE` says which values changed",
            );
        }
        if let Some(artifacts) = self.root.entry("artifacts") {
            for entry in artifacts.node.entries() {
                notes.lost(
                    entry.key_span,
                    format!("artifacts: `{}` is not registered", entry.key),
                    "pipe registers packages: see `promote` in docs/language.md",
                );
            }
        }
        if let Some(datasets) = self.root.entry("datasets") {
            notes.lost(
                datasets.key_span,
                "datasets: pipe does not fetch them",
                "bring the files into the project, and name them in `deps`",
            );
        }
        let stages = self.root.get("stages");
        for item in list("vars") {
            for entry in item.entries() {
                let is_used = stages.is_some_and(|it| template::mentions(it, &entry.key));
                if !is_used {
                    let what = format!("vars: no stage names `{}`", entry.key);
                    notes.changed(entry.key_span, what, "it is left out");
                }
            }
        }
    }
}

/// The paths that `metrics` at the top names.
pub fn metrics(pipeline: &Pipeline) -> impl Iterator<Item = String> {
    let items = pipeline.root.get("metrics").map_or(&[][..], Node::items);
    items.iter().filter_map(|it| match &it.value {
        Value::Text(path) => Some(scope::beside(&pipeline.folder, path)),
        _ => None,
    })
}
