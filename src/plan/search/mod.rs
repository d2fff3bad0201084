//! The `sweeps` and `promote` blocks: checked with the spec, run later. Knows vars and metrics by name.

mod promote;
mod sweep;

use indexmap::IndexMap;
use pipe_schema::{promote::Promote, reference::Reference, sweep::Sweep};

use super::{
    Stages,
    account::Account,
    draft::{Draft, Link, Want},
    expand::{Places, not_single},
    fit::{decode, fit},
    grammar::{self, Record},
    interpolate::Scope,
    rules,
    wiring::{self, Facts},
};
use crate::spec::{
    Diagnostic, Entry, Node, Span,
    suggest::{lacking, unknown},
};

/// What is known of the stages.
pub struct Known<'a> {
    pub drafts: &'a [Draft],
    pub facts: &'a [Vec<Facts>],
    pub places: &'a [Option<Places>],
    pub vars: &'a IndexMap<String, Node>,
    pub used: &'a Account,
    pub stages: &'a Stages,
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
        sweep::check(&sweep, &block, known, found);
        sweeps.insert(name.clone(), sweep);
    }
    sweeps
}

/// Reads and checks the promotions.
pub fn promotions(
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
        promote::check(&promote, &block, sweeps, known, found);
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
        splice: None,
    };
    let mut errors = Vec::new();
    let mut block = scope.bind(&entry.node, &mut errors);
    let fitted = fit(&mut block, record, name, &mut errors);
    let value = fitted
        .is_sound
        .then(|| decode(&block, &mut errors))
        .flatten();
    found.extend(errors);
    Some((block, value?))
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
    if let Err(error) = wiring::input(block, &link, reference, facts) {
        found.push(error);
        return;
    }
    let measured = facts.outputs.values().find_map(|it| it.measured.as_ref());
    let is_test = measured.is_some_and(|it| it.data.part.as_deref() == Some("test"));
    if let (Some(steers), true) = (steers, is_test) {
        found.push(rules::warn_of_test(steers, span));
    }
}
