//! What a stage of DVC writes: outs, metrics and plots with their options. Knows paths, not commands.

use indexmap::IndexMap;

use super::{
    place::Place,
    scope,
    stage::{Writer, items},
};
use crate::spec::{Node, Span, Value};

impl Writer<'_, '_> {
    /// Outs, and those of them that hold metrics.
    pub fn outs(&mut self) -> (Vec<String>, Vec<String>) {
        let (mut outs, mut metrics) = (Vec::new(), Vec::new());
        for (field, path, options) in paths_written(&self.job.template) {
            if self.is_outside(&path) {
                self.runs_always = true;
                let what = format!(
                    "out `{}`: pipe keeps files of the project only",
                    path.value.canonical()
                );
                let remedy = "the stage runs every time (`cache: false`); \
                              write into the project, and copy it from there";
                self.hand.notes.lost(path.span, what, remedy);
                continue;
            }
            self.note_options(field, &path, &options);
            let written = self.write(&path);
            let is_named = self.job.instances.iter().any(|instance| {
                let place = Place {
                    bindings: &instance.bindings,
                    ..self.place
                };
                let path = place.read(&path, &mut Vec::new());
                let metrics = &self.hand.survey.metrics;
                metrics.contains(&scope::beside(&instance.wdir, &path))
            });
            let is_json = scope::ending(&written) == "json";
            if field == "metrics" && !is_json {
                self.hand.notes.lost(
                    path.span,
                    format!("metrics: `{written}` is kept as an out; pipe reads numbers from JSON"),
                    "let the command write JSON, and move the path to `metrics`",
                );
            }
            if is_json && (field == "metrics" || is_named) {
                metrics.push(written);
            } else {
                outs.push(written);
            }
        }
        (outs, metrics)
    }

    fn note_options(&mut self, field: &str, path: &Node, options: &[&Node]) {
        let shown = path.value.canonical();
        let mut drawing: Option<Span> = None;
        let mut words: Vec<&str> = Vec::new();
        let mut words_at = path.span;
        for entry in options.iter().flat_map(|it| it.entries()) {
            let (key, span) = (entry.key.as_str(), entry.key_span);
            let is_on = entry.node.value == Value::Bool(true);
            let notes = &mut self.hand.notes;
            match key {
                "cache" if !is_on => {
                    let (_, n) = self.hand.uncached.get_or_insert((span, 0));
                    *n += 1;
                }
                "persist" if is_on => notes.lost(
                    span,
                    format!("`{shown}`: persist; pipe clears outs before a command runs"),
                    "a command that builds on its last result must keep that in a file that is no out",
                ),
                "checkpoint" if is_on => notes.lost(
                    span,
                    format!("`{shown}`: checkpoint"),
                    "pipe keeps checkpoints of its own `train` stages only",
                ),
                "push" | "remote" if key == "remote" || !is_on => notes.lost(
                    span,
                    format!("`{shown}`: {key}; pipe has no remotes"),
                    "nothing to do: results stay in the local store",
                ),
                "cache" | "persist" | "checkpoint" | "push" => {}
                "desc" | "type" | "labels" | "meta" => {
                    if words.is_empty() {
                        words_at = span;
                    }
                    words.push(key);
                }
                _ => drawing = drawing.or(Some(span)),
            }
        }
        if !words.is_empty() {
            let what = format!("`{shown}`: {}; outs of a spec have none", words.join(", "));
            self.hand
                .notes
                .lost(words_at, what, "write it as a comment");
        }
        if field == "plots" {
            self.hand.notes.lost(
                drawing.unwrap_or(path.span),
                format!("`{shown}`: kept as an out; pipe draws no plots of a command's files"),
                "keep dvc.yaml for `dvc plots`, or draw it in a stage",
            );
        }
    }
}

/// The paths that a stage writes: with the field, and with their options.
pub fn paths_written(template: &Node) -> Vec<(&'static str, Node, Vec<&Node>)> {
    let mut found: IndexMap<String, (&'static str, Node, Vec<&Node>)> = IndexMap::new();
    for field in ["outs", "metrics", "plots"] {
        for item in items(template, field) {
            if let Some(path) = item.as_text() {
                let known = found.entry(path.to_owned());
                known.or_insert_with(|| (field, item.clone(), Vec::new()));
            }
            for entry in item.entries() {
                let path = Node::new(entry.key_span, Value::Text(entry.key.clone()));
                let known = found.entry(entry.key.clone());
                let (_, _, options) = known.or_insert_with(|| (field, path, Vec::new()));
                match &entry.node.value {
                    Value::List(items) => options.extend(items),
                    _ => options.push(&entry.node),
                }
            }
        }
    }
    found.into_values().collect()
}
