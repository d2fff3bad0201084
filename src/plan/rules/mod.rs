//! What the types of the blocks cannot say: shares that add up to 1, metrics that fit the loss, passes in order.
//! Knows one stage and what it reads; not axes, not files.

mod command;
mod other_data;
mod evaluate;
mod step;
mod read;
mod join;
mod notation;
mod windows;
mod preprocess;
mod train;

use std::collections::HashSet;

use pipe_schema::stage::{Choose, Compress, Package, Summarize, Task, compress::Pass};

use super::{Input, upstream::Upstream, wiring::Facts};
use crate::spec::{Diagnostic, Node, Span};

/// Checks a task whose block fits its type.
pub fn check(
    task: &Task,
    place: Place<'_>,
    facts: &Facts,
    inputs: &[Input],
    upstream: &Upstream<'_>,
    found: &mut Vec<Diagnostic>,
) {
    let mut rules = Rules { place, found };
    match task {
        Task::Preprocess(it) => preprocess::check(it, &mut rules),
        Task::Train(it) => train::check(it, facts, upstream, &mut rules),
        Task::Evaluate(it) => {
            evaluate::check(it, upstream, &mut rules);
            other_data::check(&it.data, inputs, upstream, &mut rules);
        }
        Task::Compress(it) => {
            compress(it, upstream, &mut rules);
            other_data::check(&it.data, inputs, upstream, &mut rules);
        }
        Task::Package(it) => package(it, inputs, upstream, &mut rules),
        Task::Command(it) => command::check(it, inputs, &mut rules),
        Task::Summarize(it) => summarize(it, &mut rules),
        Task::Choose(it) => choose(it, inputs, upstream, &mut rules),
    }
}

/// A block, and where something of it was left out because it is wrong already.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub block: &'a Node,
    pub pruned: &'a HashSet<Span>,
}

/// Where rules say what is wrong.
pub struct Rules<'a> {
    place: Place<'a>,
    found: &'a mut Vec<Diagnostic>,
}

impl Rules<'_> {
    /// The value at a path of the block, or what is nearest above it.
    pub fn place(&self, path: &[&str]) -> &Node {
        self.place.block.nearest(path.iter().copied())
    }

    /// Whether the block itself lacks something because it is wrong.
    pub fn is_pruned(&self) -> bool {
        self.place.pruned.contains(&self.place.block.span)
    }

    /// Whether something was left out on the way to a value: then it may be right with it.
    fn is_doubtful(&self, path: &[&str]) -> bool {
        (1..=path.len()).any(|n| self.place.pruned.contains(&self.place(&path[..n]).span))
            || (self.is_pruned() && std::ptr::eq(self.place(path), self.place.block))
    }

    /// Says that the value at a path is wrong.
    pub fn say(
        &mut self,
        path: &[&str],
        title: impl Into<String>,
        label: impl Into<String>,
        hint: &str,
    ) {
        if self.is_doubtful(path) {
            return;
        }
        let place = self.place(path);
        let label = label.into();
        let label = if label.is_empty() {
            format!("found {}", place.value.describe())
        } else {
            label
        };
        let mut error = Diagnostic::error(title)
            .at(place.span, label)
            .at_some(place.origin, "set here");
        if !hint.is_empty() {
            error = error.hint(hint);
        }
        self.found.push(error);
    }

    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }

    /// Says where a list has an item twice.
    pub fn say_repeated<T: PartialEq>(&mut self, field: &str, items: &[T]) {
        for (i, item) in items.iter().enumerate() {
            if items[..i].contains(item) {
                self.say(
                    &[field, &i.to_string()],
                    format!("`{field}` has an entry twice"),
                    "given again here",
                    "remove it",
                );
            }
        }
    }

    /// Where the block begins.
    pub fn head(&self) -> Span {
        let block = self.place.block;
        block.entries().first().map_or(block.span, |it| it.key_span)
    }
}

fn compress(block: &Compress, upstream: &Upstream<'_>, rules: &mut Rules<'_>) {
    if block.passes.is_empty() {
        rules.say(
            &["passes"],
            "`passes` must have at least one pass",
            "nothing to do",
            "write `passes: [{quantize: {bits: 8}}]`",
        );
    }
    if upstream.output("model").is_some_and(|it| it.is_quantized) {
        rules.say(
            &["model"],
            "a quantized model cannot be compressed again",
            "it is quantized already",
            "put all passes into one stage, `quantize` last",
        );
    }
    for (i, pass) in block.passes.iter().enumerate() {
        let i_text = i.to_string();
        match pass {
            Pass::Quantize(it) => {
                if it.bits != 8 {
                    rules.say(
                        &["passes", &i_text, "quantize", "bits"],
                        "`bits` must be 8",
                        "",
                        "8-bit integers are what there is",
                    );
                }
                if i + 1 < block.passes.len() {
                    rules.say(
                        &["passes", &i_text],
                        "`quantize` must be the last pass",
                        "more passes follow",
                        "a quantized model cannot be changed further",
                    );
                }
            }
            Pass::Prune(it) => {
                if let Some(finetune) = &it.finetune {
                    train::check_optimizer(
                        &finetune.optimizer,
                        &["passes", &i_text, "prune", "finetune", "optimizer"],
                        rules,
                    );
                }
            }
        }
    }
}

fn package(block: &Package, inputs: &[Input], upstream: &Upstream<'_>, rules: &mut Rules<'_>) {
    rules.say_repeated("formats", &block.formats);
    let model = inputs.iter().find(|it| it.role == "model");
    let measured = upstream
        .output("report")
        .and_then(|it| it.measured.as_ref());
    if let (Some(model), Some(measured)) = (model, measured)
        && (&model.stage, &model.output) != (&measured.model.0, &measured.model.1)
    {
        let (packed, other) = (&model.stage, &measured.model.0);
        let report = block.report.to_string();
        let error = Diagnostic::error("the report is of another model than the package's")
            .at(
                rules.place(&["report"]).span,
                format!("`{report}` measures `{other}`"),
            )
            .at(
                rules.place(&["model"]).span,
                format!("the package holds `{packed}`"),
            )
            .hint(format!(
                "evaluate `{packed}` and name that report, or pack `{other}`"
            ));
        rules.push(error);
    }
}

fn summarize(block: &Summarize, rules: &mut Rules<'_>) {
    rules.say_repeated("stats", &block.stats);
    if block.stats.is_empty() {
        rules.say(
            &["stats"],
            "`stats` must name at least one statistic",
            "nothing to compute",
            "",
        );
    }
}

fn choose(block: &Choose, inputs: &[Input], upstream: &Upstream<'_>, rules: &mut Rules<'_>) {
    let places = |role: &str| -> std::collections::BTreeSet<&str> {
        inputs
            .iter()
            .filter_map(|it| it.role.strip_prefix(role))
            .collect()
    };
    let (models, metrics) = (places("model/"), places("by/"));
    if !models.is_empty() && !metrics.is_empty() && models != metrics {
        let here = |count: usize| match count {
            1 => "1 instance here".to_owned(),
            count => format!("{count} instances here"),
        };
        let error =
            Diagnostic::error("the metric and what is chosen from must have the same instances")
                .at(rules.place(&["by"]).span, here(metrics.len()))
                .at(rules.place(&["model"]).span, here(models.len()))
                .hint("`by` names a metric of a stage that reads each of them");
        rules.push(error);
    }
    let measured = upstream.output("by").and_then(|it| it.measured.as_ref());
    if measured.is_some_and(|it| it.data.part.as_deref() == Some("test")) {
        rules.push(warn_of_test(
            &format!("choosing by `{}`", block.by),
            rules.place(&["by"]).span,
        ));
    }
}

/// The test part must not steer anything, or it no longer tests.
pub fn warn_of_test(what: &str, span: Span) -> Diagnostic {
    Diagnostic::warning(format!("{what} reads the test part"))
        .at(span, "measured on the test part")
        .hint("what steers a choice is no honest test of it: measure on `val` instead")
}
