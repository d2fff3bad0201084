//! The `sweeps` and `promote` blocks: checked with the spec, run later. Knows vars and metrics by name.

use std::{cell::RefCell, collections::HashSet};

use indexmap::IndexMap;
use pipe_schema::{
    promote::{Gate, Promote},
    reference::Reference,
    sweep::{Distribution, EarlyTerminate, Method, Parameter, Sweep},
};

use super::{
    draft::{Draft, Link, Want},
    expand::{Places, not_single},
    fit::{decode, fit},
    grammar::{self, Grammar, Record},
    interpolate::Scope,
    name, rules,
    wiring::{self, Facts},
};
use crate::spec::{
    Diagnostic, Entry, Node, Span,
    suggest::{either, lacking, unknown},
};

/// What is known of the stages.
pub struct Known<'a> {
    pub drafts: &'a [Draft],
    pub facts: &'a [Vec<Facts>],
    pub places: &'a [Option<Places>],
    pub vars: &'a IndexMap<String, Node>,
    pub used: &'a RefCell<HashSet<String>>,
}

/// Reads and checks the sweeps.
pub fn sweeps(
    entries: &IndexMap<String, Entry>,
    known: &Known<'_>,
    found: &mut Vec<Diagnostic>,
) -> IndexMap<String, Sweep> {
    let mut sweeps = IndexMap::new();
    for (name, entry) in entries {
        let Some((block, sweep)) = read::<Sweep>(entry, grammar::sweep(), name, known, found)
        else {
            continue;
        };
        check_sweep(&sweep, &block, known, found);
        sweeps.insert(name.clone(), sweep);
    }
    sweeps
}

/// Reads and checks the promotions.
pub fn promote(
    entries: &IndexMap<String, Entry>,
    sweeps: &IndexMap<String, Entry>,
    known: &Known<'_>,
    found: &mut Vec<Diagnostic>,
) -> IndexMap<String, Promote> {
    let mut promotions = IndexMap::new();
    for (name, entry) in entries {
        let Some((block, promote)) = read::<Promote>(entry, grammar::promote(), name, known, found)
        else {
            continue;
        };
        check_promote(&promote, &block, sweeps, known, found);
        promotions.insert(name.clone(), promote);
    }
    promotions
}

/// A block with its vars bound, as its type.
fn read<T: serde::de::DeserializeOwned>(
    entry: &Entry,
    record: &Record,
    name: &str,
    known: &Known<'_>,
    found: &mut Vec<Diagnostic>,
) -> Option<(Node, T)> {
    let scope = Scope {
        vars: known.vars,
        used: known.used,
        axes: Some(&IndexMap::new()),
        ports: None,
    };
    let mut errors = Vec::new();
    let mut block = scope.bind(&entry.node, &mut errors);
    let fitted = fit(
        &mut block,
        &Grammar::Record(record.clone()),
        name,
        &mut errors,
    );
    let value = fitted
        .is_sound
        .then(|| decode(&block, &mut errors))
        .flatten();
    found.extend(errors);
    Some((block, value?))
}

fn check_sweep(sweep: &Sweep, block: &Node, known: &Known<'_>, found: &mut Vec<Diagnostic>) {
    let parameters = block.get("parameters");
    for entry in parameters.map_or(&[][..], Node::entries) {
        if !known.vars.contains_key(&entry.key) {
            let vars: Vec<&str> = known.vars.keys().map(String::as_str).collect();
            found.push(
                unknown("var", &entry.key, &vars, entry.key_span)
                    .hint("a sweep searches vars: `vars` declares them, `\"${x}\"` uses them"),
            );
        }
        if let Some(parameter) = sweep.parameters.get(&entry.key) {
            check_parameter(parameter, sweep.method, entry, found);
        }
    }
    if let (Some(node), true) = (parameters, sweep.parameters.is_empty()) {
        found.push(
            Diagnostic::error("`parameters` must name at least one var")
                .at(node.span, "nothing to search"),
        );
    }
    if sweep.method != Method::Grid && sweep.trials.is_none() {
        let span = block.entry("method").map_or(block.span, |it| it.key_span);
        found.push(
            Diagnostic::error("the sweep lacks `trials`")
                .at(span, "this method has no end of its own")
                .hint("write how many assignments are tried: `trials: 32`"),
        );
    }
    let metric = block.nearest(["metric", "name"]);
    let steers = format!("the sweep's metric `{}`", sweep.metric.name);
    check_metric(
        &sweep.metric.name,
        metric.span,
        Watch::Any,
        Some(&steers),
        known,
        found,
    );
    if let Some(EarlyTerminate::Asha(asha)) = &sweep.early_terminate {
        let metric = block.nearest(["early_terminate", "asha", "metric"]);
        check_metric(&asha.metric, metric.span, Watch::Live, None, known, found);
    }
}

fn check_parameter(
    parameter: &Parameter,
    method: Method,
    entry: &Entry,
    found: &mut Vec<Diagnostic>,
) {
    let name = &entry.key;
    let head = entry
        .node
        .entries()
        .first()
        .map_or(entry.key_span, |it| it.key_span);
    let span = |field: &str| entry.node.entry(field).map_or(head, |it| it.key_span);
    let mut say = |at: Span, title: String, label: &str, hint: &str| {
        let error = Diagnostic::error(title).at(at, label);
        found.push(if hint.is_empty() {
            error
        } else {
            error.hint(hint)
        });
    };
    let forms = [
        ("value", parameter.value.is_some()),
        ("values", parameter.values.is_some()),
        ("distribution", parameter.distribution.is_some()),
    ];
    let given: Vec<&str> = forms.iter().filter(|it| it.1).map(|it| it.0).collect();
    match given.as_slice() {
        [_] => {}
        [] => {
            return say(
                head,
                format!("`{name}` says not what is searched"),
                "expected one of `value`, `values` and `distribution`",
                "write `{values: [1, 2]}` or `{distribution: uniform, min: 0, max: 1}`",
            );
        }
        [_, second, ..] => {
            return say(
                span(second),
                format!(
                    "`{name}` takes exactly one of {}",
                    either(["value", "values", "distribution"])
                ),
                "a second one",
                "",
            );
        }
    }
    if parameter.values.as_ref().is_some_and(Vec::is_empty) {
        say(
            span("values"),
            format!("`{name}` has no values"),
            "an empty list",
            "",
        );
    }
    let Some(distribution) = parameter.distribution else {
        for field in ["min", "max", "q"] {
            if entry.node.get(field).is_some() {
                say(
                    span(field),
                    format!("`{field}` belongs to a distribution"),
                    "not expected here",
                    "write `distribution: uniform` beside it",
                );
            }
        }
        return;
    };
    if method == Method::Grid && distribution != Distribution::IntUniform {
        say(
            span("distribution"),
            format!("a grid cannot try all values of `{name}`"),
            "a continuous range",
            "write `values: […]`, or use `method: random`",
        );
    }
    let (Some(min), Some(max)) = (parameter.min, parameter.max) else {
        let missing = if parameter.min.is_none() {
            "min"
        } else {
            "max"
        };
        return say(
            span("distribution"),
            format!("the distribution of `{name}` lacks `{missing}`"),
            "needs `min` and `max`",
            "",
        );
    };
    if min >= max {
        say(
            span("min"),
            format!("`min` of `{name}` must be below `max`"),
            &format!("{min} is not below {max}"),
            "",
        );
    }
    let is_log = matches!(
        distribution,
        Distribution::LogUniformValues | Distribution::QLogUniformValues
    );
    if is_log && min <= 0.0 {
        say(
            span("min"),
            format!("`min` of `{name}` must be above 0"),
            "a logarithm is taken",
            "`min` and `max` are the values themselves, not exponents",
        );
    }
    if distribution == Distribution::IntUniform && (min.fract() != 0.0 || max.fract() != 0.0) {
        say(
            span("distribution"),
            format!("`min` and `max` of `{name}` must be whole numbers"),
            "draws whole numbers",
            "",
        );
    }
    let is_stepped = matches!(
        distribution,
        Distribution::QUniform | Distribution::QLogUniformValues
    );
    match parameter.q {
        None if is_stepped => say(
            span("distribution"),
            format!("the distribution of `{name}` lacks `q`"),
            "needs the step `q`",
            "",
        ),
        Some(q) if q <= 0.0 => say(
            span("q"),
            format!("`q` of `{name}` must be above 0"),
            "the step",
            "",
        ),
        Some(_) if !is_stepped => say(
            span("q"),
            "`q` belongs to a `q_` distribution".to_owned(),
            "not expected here",
            "",
        ),
        _ => {}
    }
}

fn check_promote(
    promote: &Promote,
    block: &Node,
    sweeps: &IndexMap<String, Entry>,
    known: &Known<'_>,
    found: &mut Vec<Diagnostic>,
) {
    let package = block.nearest(["package"]);
    let link = link(&promote.package, package.span);
    if let Some((draft, _)) = find_instance(&promote.package, &link, known, found)
        && known.drafts[draft].kind != "package"
    {
        found.push(Diagnostic::error("a promotion takes a package").at(
            package.span,
            format!(
                "`{}` is {}",
                promote.package.stage,
                kind_of_stage(known.drafts[draft].kind)
            ),
        ));
    }
    let check_alias = |alias: &str, node: &Node, found: &mut Vec<Diagnostic>| {
        if !name::is_legal(alias) {
            found.push(
                Diagnostic::error(format!("`{alias}` is no name for an alias"))
                    .at(node.span, name::explain(alias))
                    .hint(name::RULE),
            );
        }
    };
    check_alias(&promote.alias, block.nearest(["alias"]), found);
    if let Some(from) = &promote.from
        && !sweeps.contains_key(&from.sweep)
    {
        let names: Vec<&str> = sweeps.keys().map(String::as_str).collect();
        found.push(unknown(
            "sweep",
            &from.sweep,
            &names,
            block.nearest(["from", "sweep"]).span,
        ));
    }
    for (i, gate) in promote.gates.iter().enumerate() {
        let node = block.nearest(["gates", i.to_string().as_str()]);
        match gate {
            Gate::Threshold(gate) => {
                let head = node.entries().first().map_or(node.span, |it| it.key_span);
                match (gate.min, gate.max) {
                    (None, None) => found.push(
                        Diagnostic::error("a threshold needs `min` or `max`")
                            .at(head, "no bound given")
                            .hint("write `{threshold: {metric: score.accuracy, min: 0.95}}`"),
                    ),
                    (Some(min), Some(max)) if min > max => found.push(
                        Diagnostic::error("nothing can pass this threshold")
                            .at(head, format!("`min` {min} is above `max` {max}")),
                    ),
                    _ => {}
                }
                let metric = node.nearest(["threshold", "metric"]);
                check_metric(&gate.metric, metric.span, Watch::Report, None, known, found);
            }
            Gate::Against(gate) => {
                check_alias(&gate.alias, node.nearest(["against", "alias"]), found);
                let metric = node.nearest(["against", "metric"]);
                check_metric(&gate.metric, metric.span, Watch::Report, None, known, found);
            }
        }
    }
}

fn kind_of_stage(kind: &str) -> String {
    match kind {
        "evaluate" => "an evaluate stage".to_owned(),
        _ => format!("a {kind} stage"),
    }
}

/// Where a metric may come from.
#[derive(Clone, Copy, PartialEq)]
enum Watch {
    /// What training reports each epoch.
    Live,
    Report,
    Any,
}

fn link(reference: &Reference, span: Span) -> Link {
    Link {
        role: "metric".to_owned(),
        text: reference.to_string(),
        span,
        want: Want::Metric,
    }
}

/// The one instance that a reference means: its draft and row.
fn find_instance(
    reference: &Reference,
    link: &Link,
    known: &Known<'_>,
    found: &mut Vec<Diagnostic>,
) -> Option<(usize, usize)> {
    let Some(draft) = known
        .drafts
        .iter()
        .position(|it| it.name == reference.stage)
    else {
        let names: Vec<&str> = known.drafts.iter().map(|it| it.name.as_str()).collect();
        found.push(unknown("stage", &reference.stage, &names, link.span));
        return None;
    };
    let places = known.places[draft]
        .as_ref()
        .filter(|it| !it.table.rows.is_empty())?;
    let mut is_sound = true;
    for (axis, _) in &reference.selectors {
        if places.table.column(axis).is_none() {
            let axes: Vec<&str> = places.table.axes.iter().map(String::as_str).collect();
            found.push(lacking(&reference.stage, "axis", axis, &axes, link.span));
            is_sound = false;
        }
    }
    let selected = places.table.select(&reference.selectors);
    if let (Some(axis), true) = (selected.axes.first(), is_sound) {
        let stage = format!("`{}`", reference.stage);
        found.push(not_single(&stage, link, &selected, axis));
        return None;
    }
    let reader = super::matrix::Table::single();
    let partners = places.partners(&reader, &[], reference, &[]);
    match partners.as_slice() {
        [row] => Some((draft, *row)),
        [] if is_sound => {
            found.push(
                Diagnostic::error(format!("`{}` has no such instance", reference.stage))
                    .at(link.span, "no such value"),
            );
            None
        }
        _ => None,
    }
}

fn check_metric(
    reference: &Reference,
    span: Span,
    watch: Watch,
    steers: Option<&str>,
    known: &Known<'_>,
    found: &mut Vec<Diagnostic>,
) {
    let link = link(reference, span);
    let Some((draft, row)) = find_instance(reference, &link, known, found) else {
        return;
    };
    let Some(facts) = known.facts[draft].get(row) else {
        return;
    };
    let metric = reference.path.join(".").replace("valid.", "val.");
    if !facts.live_metrics.is_empty() && watch != Watch::Report {
        if !facts.live_metrics.contains(&metric) {
            let live: Vec<&str> = facts.live_metrics.iter().map(String::as_str).collect();
            found.push(lacking(&reference.stage, "metric", &metric, &live, span));
        }
        return;
    }
    if watch == Watch::Live {
        if facts.outputs.is_empty() {
            return;
        }
        found.push(
            Diagnostic::error("early termination watches a metric of training")
                .at(
                    span,
                    format!("`{}` is {}", reference.stage, kind_of_stage(facts.kind)),
                )
                .hint("name what a train stage reports each epoch, such as `fit.val.loss`"),
        );
        return;
    }
    let block = if watch == Watch::Report {
        "gate"
    } else {
        "sweep"
    };
    match wiring::input(block, &link, reference, facts) {
        Err(error) => found.push(error),
        Ok(_) => {
            let measured = facts.outputs.values().find_map(|it| it.measured.as_ref());
            let is_test = measured.is_some_and(|it| it.data.part.as_deref() == Some("test"));
            if let (Some(steers), true) = (steers, is_test) {
                found.push(rules::warn_of_test(steers, span));
            }
        }
    }
}
