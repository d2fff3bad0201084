//! Rules of sweeps: each parameter is a var with somewhere to search. Draws nothing.

use std::collections::BTreeSet;

use pipe_schema::sweep::{Distribution, EarlyTerminate, Method, Parameter, Sweep};

use super::{Known, Watch, check_metric};
use crate::{
    plan::Stage,
    spec::{
        Diagnostic, Entry, Node, Span,
        suggest::{either, list, unknown},
    },
};

pub fn check(sweep: &Sweep, block: &Node, known: &Known<'_>, found: &mut Vec<Diagnostic>) {
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
    warn_of_idle(sweep, parameters, known, found);
    if let Some(EarlyTerminate::Asha(asha)) = &sweep.early_terminate {
        let metric = block.nearest(["early_terminate", "asha", "metric"]);
        check_metric(&asha.metric, metric.span, Watch::Live, None, known, found);
    }
}

/// Warns of vars on which the metric does not depend: trials would differ in nothing.
fn warn_of_idle(
    sweep: &Sweep,
    parameters: Option<&Node>,
    known: &Known<'_>,
    found: &mut Vec<Diagnostic>,
) {
    let metric = &sweep.metric.name;
    let Some(measured) = known.drafts.iter().find(|it| it.name == metric.stage) else {
        return;
    };
    // What is wrong has its own errors, and its edges are not known.
    let mut names = BTreeSet::from([measured.name.as_str()]);
    let mut open: Vec<&Stage> = known
        .stages
        .values()
        .map(|it| &**it)
        .filter(|it| it.name == measured.name)
        .collect();
    if open.is_empty() {
        return;
    }
    let mut seen: BTreeSet<&str> = open.iter().map(|it| it.id.as_str()).collect();
    while let Some(stage) = open.pop() {
        names.insert(&stage.name);
        for before in stage.predecessors() {
            let Some(before) = known.stages.get(before) else {
                return;
            };
            if seen.insert(&before.id) {
                open.push(before);
            }
        }
    }
    let users = |var: &str, is_meant: &dyn Fn(&str) -> bool| -> Vec<&str> {
        let drafts = known.drafts.iter();
        drafts
            .filter(|it| it.vars.contains(var) && is_meant(&it.name))
            .map(|it| it.name.as_str())
            .collect()
    };
    for entry in parameters.map_or(&[][..], Node::entries) {
        let var = &entry.key;
        if !known.vars.contains_key(var) || !users(var, &|it| names.contains(it)).is_empty() {
            continue;
        }
        let others = users(var, &|_| true);
        let label = if others.is_empty() {
            "used by no stage".to_owned()
        } else {
            format!("used by {} alone", list(others))
        };
        let hint = format!(
            "use it as `\"${{{var}}}\"` in {}, or leave it out",
            either(names.iter().copied())
        );
        found.push(
            Diagnostic::warning(format!(
                "the sweep's metric `{metric}` does not depend on `{var}`"
            ))
            .at(entry.key_span, label)
            .hint(hint),
        );
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
