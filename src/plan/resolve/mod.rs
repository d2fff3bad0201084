//! The way from a spec to a plan, step by step; every step goes on with what is sound, so that all errors come at once.
//! Knows the order of the steps; each is a file of its own.

mod decoded;
mod instance;
mod workspace;

use std::{cell::Cell, collections::HashSet, thread};

use foldhash::HashMap;
use indexmap::{IndexMap, IndexSet};
use pipe_schema::{reference::Reference, stage::Reuse};

use self::decoded::Decoded;
use super::{
    Loader, Overrides, Plan, Stage, Stages,
    account::Account,
    draft::{Draft, Link},
    expand::{self, Places},
    files::Files,
    matrix::Table,
    order::order,
    search,
    sections::{self, Sections},
    vars,
    wiring::Facts,
};
use crate::{
    spec::{Diagnostic, Diagnostics, Node, Severity, Span, Spec, suggest::unknown},
    threads::Ahead,
};

/// Nodes that all instances together may have: this, and a multiple of what is written.
const MOST_NODES: usize = 120_000;
const MOST_NODES_A_NODE: usize = 30;
/// From so many stages on, another core looks at each by itself while these are wired.
const MANY: usize = 256;
/// Stages that go from one core to another at once.
const STAGES: usize = 128;
/// Inputs and edges that all instances together may have: this, and so many for each stage that is written.
const MOST_LINKS: usize = 50_000;
const MOST_LINKS_A_STAGE: usize = 50;

/// From a spec to a plan, or all that is wrong with it. With a plan come its warnings.
pub fn resolve(
    spec: Spec,
    overrides: &Overrides,
    loader: &dyn Loader,
) -> Result<(Plan, Diagnostics), Diagnostics> {
    let mut found = Vec::new();
    let levels = if overrides.allow_outside {
        usize::MAX
    } else {
        loader.levels_up()
    };
    let mut sections = sections::gather(spec, loader, levels, &mut found);
    let vars = vars::bind(&mut sections, overrides, &mut found);
    let n_bytes = sections.sources.iter().map(|it| it.text.len()).sum();
    let used = Account::new(n_bytes);
    let mut drafts = Vec::with_capacity(sections.stages.len());
    let mut names = IndexSet::with_capacity(sections.stages.len());
    for (name, entry) in std::mem::take(&mut sections.stages) {
        drafts.extend(Draft::read(&name, entry, &vars, &used, &mut found));
        names.insert(name);
    }
    let mut resolver = Resolver {
        by_name: drafts
            .iter()
            .enumerate()
            .map(|(i, it)| (it.name.clone(), i))
            .collect(),
        places: drafts.iter().map(|_| None).collect(),
        facts: drafts.iter().map(|_| Vec::new()).collect(),
        built: drafts.iter().map(|_| Vec::new()).collect(),
        nodes_left: MOST_NODES + MOST_NODES_A_NODE * drafts.iter().map(|it| it.size).sum::<usize>(),
        said: HashSet::new(),
        links_left: Cell::new(MOST_LINKS + MOST_LINKS_A_STAGE * drafts.len()),
        project: &sections.name,
        names: &names,
        reuse: sections.reuse,
        drafts: &drafts,
        vars: &vars,
        used: &used,
        loader,
        levels,
        found: &mut found,
    };
    resolver.build();
    let stages = resolver.finish();
    let facts = search::Known {
        drafts: &drafts,
        facts: &stages.facts,
        places: &stages.places,
        vars: &vars,
        used: &used,
        stages: &stages.stages,
    };
    let sweeps = search::sweeps(&sections.sweeps, &facts, &mut found);
    let promote = search::promotions(&sections.promote, &sections.sweeps, &facts, &mut found);
    let has_errors = found.iter().any(|it| it.severity == Severity::Error);
    if !has_errors {
        warn_of_unused_vars(&sections, &used, &mut found);
    }
    let is_field = |path: &str| !vars.contains_key(path);
    let plan = Plan {
        name: sections.name.clone(),
        vars: vars
            .iter()
            .map(|(name, node)| (name.clone(), node.to_json()))
            .collect(),
        overrides: words(overrides),
        has_field_overrides: overrides.set.iter().any(|(path, _)| is_field(path)),
        stages: stages.stages,
        sweeps,
        promote,
    };
    let diagnostics = Diagnostics::new(sections.sources, found);
    if has_errors {
        Err(diagnostics)
    } else {
        Ok((plan, diagnostics))
    }
}

/// The overrides as they are given.
fn words(overrides: &Overrides) -> Vec<String> {
    let profiles = overrides
        .profiles
        .iter()
        .map(|it| format!("--profile {it}"));
    let set = overrides
        .set
        .iter()
        .map(|(path, value)| format!("--set {path}={value}"));
    profiles.chain(set).collect()
}

fn warn_of_unused_vars(sections: &Sections, used: &Account, found: &mut Vec<Diagnostic>) {
    // A file that is included may have more than one spec needs.
    for (name, entry) in sections.vars.iter().filter(|it| it.1.key_span.file == 0) {
        if !used.has(name) {
            found.push(
                Diagnostic::warning(format!("the var `{name}` is never used"))
                    .at(entry.key_span, "not used")
                    .hint(format!("use it as `\"${{{name}}}\"`, or remove it")),
            );
        }
    }
}

struct Resolver<'a> {
    /// The spec's name.
    project: &'a str,
    /// All stages of the spec, also those that are wrong.
    names: &'a IndexSet<String>,
    reuse: Option<Reuse>,
    drafts: &'a [Draft],
    by_name: HashMap<String, usize>,
    vars: &'a IndexMap<String, Node>,
    used: &'a Account,
    loader: &'a dyn Loader,
    levels: usize,
    /// By draft, once it is known.
    places: Vec<Option<Places>>,
    /// By draft and row.
    facts: Vec<Vec<Facts>>,
    /// By draft and row; nothing where the block is wrong.
    built: Vec<Vec<Built>>,
    nodes_left: usize,
    links_left: Cell<usize>,
    /// Errors so far, by place and title: instances of a stage often have the same ones.
    said: HashSet<(Option<Span>, String)>,
    found: &'a mut Vec<Diagnostic>,
}

#[derive(Default)]
struct Built {
    stage: Option<Box<Stage>>,
    files: Files,
}

/// All stages with what is known of them.
pub struct Resolved {
    pub stages: Stages,
    pub facts: Vec<Vec<Facts>>,
    pub places: Vec<Option<Places>>,
}

impl Resolver<'_> {
    /// Builds each stage behind those that it reads.
    fn build(&mut self) {
        let edges = self.edges();
        let needs: Vec<Vec<usize>> = edges
            .iter()
            .map(|it| it.iter().map(|edge| edge.0).collect())
            .collect();
        let (ordered, circles) = order(self.drafts.len(), |it| &needs[it]);
        for circle in circles {
            let links = (0..circle.len()).map(|i| {
                let (from, to) = (circle[i], circle[(i + 1) % circle.len()]);
                let span = edges[from]
                    .iter()
                    .find(|it| it.0 == to)
                    .map_or(self.drafts[from].span, |it| it.1);
                (
                    self.drafts[from].name.as_str(),
                    self.drafts[to].name.as_str(),
                    span,
                )
            });
            let error = circle_error(links.collect());
            self.found.push(error);
        }
        let (drafts, levels) = (self.drafts, self.levels);
        let ordered = ordered.as_slice();
        let decoded = move || {
            ordered
                .iter()
                .map(move |at| Decoded::anywhere(&drafts[*at], levels))
        };
        if ordered.len() < MANY {
            self.build_stages(ordered, decoded());
        } else {
            thread::scope(|scope| self.build_stages(ordered, Ahead::spawn(scope, STAGES, decoded)));
        }
    }

    fn build_stages(&mut self, ordered: &[usize], decoded: impl Iterator<Item = Option<Decoded>>) {
        for (at, decoded) in ordered.iter().zip(decoded) {
            self.build_stage(*at, decoded);
        }
    }

    /// By draft, what it reads or needs, and where it says so.
    fn edges(&mut self) -> Vec<Vec<(usize, Span)>> {
        let drafts = self.drafts;
        drafts
            .iter()
            .map(|draft| {
                let mut edges = Vec::new();
                for link in &draft.links {
                    for reference in self.references(draft, link) {
                        edges.extend(
                            self.target(&reference.stage, link.span)
                                .map(|it| (it, link.span)),
                        );
                    }
                }
                for (name, span) in &draft.needs {
                    let name = name.split('@').next().unwrap_or(name);
                    edges.extend(self.target(name, *span).map(|it| (it, *span)));
                }
                edges
            })
            .collect()
    }

    /// What a link names: one stage, or one for each value of an own axis.
    fn references(&mut self, draft: &Draft, link: &Link) -> Vec<Reference> {
        let is_open = link.text.starts_with("${matrix.");
        let own = match draft.matrix.table() {
            Ok(own) if is_open => own,
            _ => Table::single(),
        };
        let mut references: Vec<Reference> = Vec::new();
        for row in &own.rows {
            match expand::bind_axes(&link.text, &own, Some(row)).parse::<Reference>() {
                Ok(reference) if !references.contains(&reference) => references.push(reference),
                Ok(_) => {}
                Err(why) => {
                    self.found
                        .push(not_a_reference(&link.text, &why.0, link.span));
                }
            }
        }
        references
    }

    fn target(&mut self, stage: &str, span: Span) -> Option<usize> {
        if let Some(target) = self.by_name.get(stage) {
            return Some(*target);
        }
        // A stage that is there but wrong has its own error.
        if !self.names.contains(stage) {
            let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
            self.found.push(unknown("stage", stage, &names, span));
        }
        None
    }

    fn build_stage(&mut self, at: usize, mut decoded: Option<Decoded>) {
        let draft = &self.drafts[at];
        let before = self.found.len();
        let table = {
            let (by_name, places) = (&self.by_name, &self.places);
            let targets = |reference: &Reference| {
                let target = by_name.get(&reference.stage)?;
                places[*target].as_ref().map(|it| it.table.clone())
            };
            expand::places(draft, &targets, self.found)
        };
        let is_expanded = self.found.len() == before;
        let n = table.rows.len();
        self.places[at] = Some(Places::new(table));
        let cost = n.saturating_mul(draft.size + 20);
        if n > 1 && cost > self.nodes_left {
            self.found.push(
                Diagnostic::error("the matrices make the plan too large")
                    .at(draft.span, format!("{n} instances of this stage"))
                    .hint("leave places out with `exclude`, or search them with a sweep"),
            );
            return;
        }
        self.nodes_left = self.nodes_left.saturating_sub(cost);
        self.facts[at].reserve_exact(n);
        self.built[at].reserve_exact(n);
        for row in 0..n {
            if self.links_left.get() == 0 {
                self.found.push(
                    Diagnostic::error("the matrices make the plan too large")
                        .at(draft.span, "reads too many instances")
                        .hint("pin axes, or give both stages the same ones: shared axes join"),
                );
                return;
            }
            let (facts, built) = self.build_instance(at, row, is_expanded, decoded.take());
            self.facts[at].push(facts);
            self.built[at].push(built);
        }
    }
}

/// A text that should name a stage, and why it cannot.
fn not_a_reference(text: &str, why: &str, span: Span) -> Diagnostic {
    let why = why.split(": ").nth(1).unwrap_or(why);
    let why = why.split(" (expected").next().unwrap_or(why);
    Diagnostic::error(format!("`{text}` is not a reference"))
        .at(span, why)
        .hint("expected `stage`, `stage.part` or `stage.part@axis=value`")
        .unreadable()
}

/// A circle with all its nodes in order, each with the place that leads on.
fn circle_error(links: Vec<(&str, &str, Span)>) -> Diagnostic {
    let mut names: Vec<String> = links.iter().map(|it| format!("`{}`", it.0)).collect();
    names.extend(names.first().cloned());
    let title = match links.as_slice() {
        [(only, ..)] => format!("`{only}` waits for itself"),
        _ => format!(
            "stages wait for each other in a circle: {}",
            names.join(" → ")
        ),
    };
    let mut error = Diagnostic::error(title);
    let is_alone = links.len() == 1;
    for (from, to, span) in links {
        let label = if is_alone {
            "itself".to_owned()
        } else {
            format!("`{from}` waits for `{to}`")
        };
        error = error.at(span, label);
    }
    if is_alone {
        error
    } else {
        error.hint("one of them must not read the other")
    }
}
