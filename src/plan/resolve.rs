//! The way from a spec to a plan, step by step; every step goes on with what is sound, so that all errors come at once.
//! Knows the order of the steps; each is a file of its own.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
};

use indexmap::IndexMap;
use pipe_schema::{
    reference::Reference,
    stage::{Control, Task},
};

use super::{
    Input, Loader, Overrides, Plan, Stage, StageId, columns,
    draft::{Draft, Link, Want},
    expand::{self, Places},
    facts,
    files::{self, Files, Producers},
    fit::{decode, fit},
    grammar::{self, Grammar},
    interpolate::{Ports, Scope, has_names},
    layers,
    matrix::Table,
    order::order,
    rules, search,
    sections::{self, Sections},
    vars,
    wiring::{self, Facts},
};
use crate::spec::{Diagnostic, Diagnostics, Node, Severity, Span, Spec, Value, suggest::unknown};

/// Nodes that all instances together may have: this, and a multiple of what is written.
const MOST_NODES: usize = 200_000;
const MOST_NODES_A_NODE: usize = 30;

/// From a spec to a plan, or all that is wrong with it. With a plan come its warnings.
pub fn resolve(
    spec: &Spec,
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
    let used = RefCell::default();
    let mut drafts = Vec::new();
    for (name, entry) in &sections.stages {
        drafts.extend(Draft::read(name, entry, &vars, &used, &mut found));
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
        nodes_left: MOST_NODES
            + MOST_NODES_A_NODE * drafts.iter().map(|it| it.block.size()).sum::<usize>(),
        sections: &sections,
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
    };
    let sweeps = search::sweeps(&sections.sweeps, &facts, &mut found);
    let promote = search::promote(&sections.promote, &sections.sweeps, &facts, &mut found);
    let has_errors = found.iter().any(|it| it.severity == Severity::Error);
    if !has_errors {
        warn_of_unused_vars(&sections, &used.borrow(), &mut found);
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

fn warn_of_unused_vars(sections: &Sections, used: &HashSet<String>, found: &mut Vec<Diagnostic>) {
    // A file that is included may have more than one spec needs.
    for (name, entry) in sections.vars.iter().filter(|it| it.1.key_span.file == 0) {
        if !used.contains(name) {
            found.push(
                Diagnostic::warning(format!("the var `{name}` is never used"))
                    .at(entry.key_span, "not used")
                    .hint(format!("use it as `\"${{{name}}}\"`, or remove it")),
            );
        }
    }
}

struct Resolver<'a> {
    sections: &'a Sections,
    drafts: &'a [Draft],
    by_name: HashMap<String, usize>,
    vars: &'a IndexMap<String, Node>,
    used: &'a RefCell<HashSet<String>>,
    loader: &'a dyn Loader,
    levels: usize,
    /// By draft, once it is known.
    places: Vec<Option<Places>>,
    /// By draft and row.
    facts: Vec<Vec<Facts>>,
    /// By draft and row; nothing where the block is wrong.
    built: Vec<Vec<Built>>,
    nodes_left: usize,
    found: &'a mut Vec<Diagnostic>,
}

#[derive(Default)]
struct Built {
    stage: Option<Stage>,
    files: Files,
}

/// All stages with what is known of them.
pub struct Resolved {
    pub stages: IndexMap<StageId, Stage>,
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
        for draft in ordered {
            self.build_stage(draft);
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
        if !self.sections.stages.contains_key(stage) {
            let names: Vec<&str> = self.sections.stages.keys().map(String::as_str).collect();
            self.found.push(unknown("stage", stage, &names, span));
        }
        None
    }

    fn build_stage(&mut self, at: usize) {
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
        let cost = n.saturating_mul(draft.block.size() + 20);
        if n > 1 && cost > self.nodes_left {
            self.found.push(
                Diagnostic::error("the matrices make the plan too large")
                    .at(draft.span, format!("{n} instances of this stage"))
                    .hint("leave places out with `exclude`, or search them with a sweep"),
            );
            return;
        }
        self.nodes_left = self.nodes_left.saturating_sub(cost);
        for row in 0..n {
            let (facts, built) = self.build_instance(at, row, is_expanded);
            self.facts[at].push(facts);
            self.built[at].push(built);
        }
    }

    fn build_instance(&mut self, at: usize, row: usize, is_expanded: bool) -> (Facts, Built) {
        let draft = &self.drafts[at];
        let Some(places) = &self.places[at] else {
            return (Facts::default(), Built::default());
        };
        let id = places.id(&draft.name, row);
        let instance = places.axes(row);
        let mut errors = Vec::new();
        let mut block = self.bind_axes(&draft.block, &instance, &draft.ports, &mut errors);
        let mut control = self.bind_axes(&draft.control, &instance, &Ports::default(), &mut errors);
        let Some(record) = grammar::block(draft.kind) else {
            return (Facts::default(), Built::default());
        };
        if block.value == Value::Null {
            block = Node::new(draft.kind_span, Value::Map(Vec::new()));
        }
        let record = Grammar::Record(record.clone());
        let fitted = fit(&mut block, &record, draft.kind, &mut errors);
        let is_controlled = fit(&mut control, control_grammar(), &draft.name, &mut errors).is_sound;
        let files = Files::of(draft.kind, &block, self.levels, &mut errors);
        let task: Option<Task> = fitted
            .is_sound
            .then(|| decode_task(draft.kind, &block, &mut errors))
            .flatten();
        let control: Option<Control> = is_controlled
            .then(|| decode(&control, &mut errors))
            .flatten();
        let mut inputs = Vec::new();
        if is_expanded {
            for link in &super::draft::links(draft.kind, &block) {
                inputs.extend(self.inputs(at, row, link, &mut errors));
            }
        }
        let mut facts = Facts {
            id: id.clone(),
            kind: draft.kind,
            ..Facts::default()
        };
        if let Some(task) = &task {
            let upstream = Upstream {
                facts: &self.facts,
                by_name: &self.by_name,
                inputs: &inputs,
            };
            facts::add(&mut facts, task, &inputs, &upstream);
            let place = rules::Place {
                block: &block,
                pruned: &fitted.pruned,
            };
            rules::check(task, place, &facts, &inputs, &upstream, &mut errors);
            layers::check(task, &block, &mut errors);
            columns::check(task, &block, self.loader, &mut errors);
            if let Some(data) = facts::implicit_data(task, &inputs, &upstream) {
                inputs.push(data);
            }
        }
        let is_sound = !errors.iter().any(|it| it.severity == Severity::Error);
        self.found.extend(errors);
        let stage = match (task, control) {
            (Some(task), Some(mut control)) if is_sound => {
                control.matrix = IndexMap::new();
                Some(Stage {
                    name: draft.name.clone(),
                    instance: instance
                        .into_iter()
                        .map(|(axis, value)| (axis, Node::new(Span::default(), value).to_json()))
                        .collect(),
                    reuse: control.reuse.or(self.sections.reuse).unwrap_or_default(),
                    files: files.reads.iter().map(|it| it.0.clone()).collect(),
                    outs: files.writes.iter().map(|it| it.0.clone()).collect(),
                    outputs: facts
                        .outputs
                        .iter()
                        .map(|(name, it)| (name.clone(), it.r#type))
                        .collect(),
                    after: self.needs(at, row),
                    id,
                    task,
                    control,
                    inputs,
                })
            }
            _ => None,
        };
        (facts, Built { stage, files })
    }

    /// A block with its axes bound. Most have none.
    fn bind_axes(
        &self,
        node: &Node,
        axes: &IndexMap<String, Value>,
        ports: &Ports,
        found: &mut Vec<Diagnostic>,
    ) -> Node {
        if !has_any_name(node) {
            return node.clone();
        }
        let scope = Scope {
            vars: self.vars,
            used: self.used,
            axes: Some(axes),
            ports: Some(ports.clone()),
        };
        scope.bind(node, found)
    }

    /// The inputs that a link is: one, or one for each instance that ends here.
    fn inputs(
        &self,
        at: usize,
        row: usize,
        link: &Link,
        errors: &mut Vec<Diagnostic>,
    ) -> Vec<Input> {
        let draft = &self.drafts[at];
        let (Some(places), Ok(reference)) = (&self.places[at], link.text.parse::<Reference>())
        else {
            return Vec::new();
        };
        let Some(target) = self.by_name.get(&reference.stage) else {
            return Vec::new();
        };
        let Some(theirs) = &self.places[*target] else {
            return Vec::new();
        };
        let over = match link.want {
            Want::Reports | Want::Choices | Want::Metric => expand::over(draft),
            _ => Vec::new(),
        };
        let partners = theirs.partners(&places.table, &places.table.rows[row], &reference, &over);
        if partners.is_empty() {
            errors.push(
                Diagnostic::error(format!("`{}` has no such instance", reference.stage)).at(
                    link.span,
                    format!("wanted by `{}`", places.id(&draft.name, row)),
                ),
            );
        }
        let mut inputs = Vec::new();
        for partner in partners {
            let Some(facts) = self.facts[*target].get(partner) else {
                continue;
            };
            match wiring::input(draft.kind, link, &reference, facts) {
                Ok(Some(mut input)) => {
                    if !over.is_empty() {
                        input.role = format!("{}/{}", link.role, theirs.place_on(&over, partner));
                    }
                    inputs.push(input);
                }
                Ok(None) => {}
                Err(error) => {
                    errors.push(error);
                    break;
                }
            }
        }
        inputs
    }

    /// The instances that `needs` names: those that agree on the axes that both have.
    fn needs(&self, at: usize, row: usize) -> Vec<StageId> {
        let draft = &self.drafts[at];
        let Some(places) = &self.places[at] else {
            return Vec::new();
        };
        let mut ids = Vec::new();
        for (name, _) in &draft.needs {
            let Ok(reference) = name.parse::<Reference>() else {
                continue;
            };
            let Some(target) = self.by_name.get(&reference.stage) else {
                continue;
            };
            let Some(theirs) = &self.places[*target] else {
                continue;
            };
            for partner in theirs.partners(&places.table, &places.table.rows[row], &reference, &[])
            {
                let id = theirs.id(&reference.stage, partner);
                if !ids.contains(&id) {
                    ids.push(id);
                }
            }
        }
        ids
    }

    /// Wires the paths, and puts the stages in the order of the spec.
    fn finish(mut self) -> Resolved {
        let built: Vec<Built> = std::mem::take(&mut self.built)
            .into_iter()
            .flatten()
            .collect();
        let ids: Vec<StageId> = self
            .facts
            .iter()
            .flatten()
            .map(|it| it.id.clone())
            .collect();
        let by_id: HashMap<&str, usize> = ids
            .iter()
            .enumerate()
            .map(|(i, it)| (it.as_str(), i))
            .collect();
        let (stages, files): (Vec<_>, Vec<_>) =
            built.into_iter().map(|it| (it.stage, it.files)).unzip();
        let all: Vec<(String, Files)> = ids.iter().cloned().zip(files).collect();
        let producers = Producers::new(&all, self.found);
        let mut afters: Vec<Vec<(usize, Span)>> = vec![Vec::new(); all.len()];
        for (i, (id, files)) in all.iter().enumerate() {
            for (input, span) in &files.reads {
                let writers = producers.of(&input.path);
                if writers.contains(&i) {
                    self.found.push(
                        Diagnostic::error(format!("`{id}` reads what it writes")).at(
                            *span,
                            format!("`{}` is an out of the same stage", input.path),
                        ),
                    );
                } else if writers.is_empty() {
                    files::check_exists(input, *span, self.loader, self.found);
                }
                afters[i].extend(
                    writers
                        .into_iter()
                        .filter(|it| *it != i)
                        .map(|it| (it, *span)),
                );
            }
        }
        let mut resolved: IndexMap<StageId, Stage> = IndexMap::with_capacity(stages.len());
        let mut needs: Vec<Vec<usize>> = vec![Vec::new(); ids.len()];
        for (i, stage) in stages.into_iter().enumerate() {
            let Some(mut stage) = stage else { continue };
            for (writer, _) in &afters[i] {
                if !stage.after.contains(&ids[*writer]) {
                    stage.after.push(ids[*writer].clone());
                }
            }
            needs[i] = stage
                .predecessors()
                .filter_map(|it| by_id.get(it.as_str()).copied())
                .collect();
            resolved.insert(ids[i].clone(), stage);
        }
        let has_paths = afters.iter().any(|it| !it.is_empty());
        let (_, circles) = if has_paths {
            order(ids.len(), |it| &needs[it])
        } else {
            (Vec::new(), Vec::new())
        };
        for circle in circles {
            let links = (0..circle.len()).filter_map(|i| {
                let (from, to) = (circle[i], circle[(i + 1) % circle.len()]);
                let by_path = afters[from].iter().find(|it| it.0 == to).map(|it| it.1);
                let span = by_path.or_else(|| self.span_of(&ids[from]))?;
                Some((ids[from].as_str(), ids[to].as_str(), span))
            });
            // Circles of references alone are known already.
            let is_by_path = (0..circle.len()).any(|i| {
                let to = circle[(i + 1) % circle.len()];
                afters[circle[i]].iter().any(|it| it.0 == to)
            });
            if is_by_path {
                let error = circle_error(links.collect());
                self.found.push(error);
            }
        }
        Resolved {
            stages: resolved,
            facts: self.facts,
            places: self.places,
        }
    }

    fn span_of(&self, id: &str) -> Option<Span> {
        let name = id.split('@').next()?;
        self.by_name.get(name).map(|it| self.drafts[*it].span)
    }
}

/// What the instances upstream are, for checks that look further than one stage.
pub struct Upstream<'a> {
    facts: &'a [Vec<Facts>],
    by_name: &'a HashMap<String, usize>,
    inputs: &'a [Input],
}

impl Upstream<'_> {
    /// The output behind an input of the stage at hand.
    pub fn output(&self, role: &str) -> Option<&wiring::Output> {
        let input = self
            .inputs
            .iter()
            .find(|it| it.role == role || it.role.starts_with(&format!("{role}/")))?;
        let name = input.stage.split('@').next()?;
        let facts = self.facts[*self.by_name.get(name)?]
            .iter()
            .find(|it| it.id == input.stage)?;
        facts.outputs.get(&input.output)
    }
}

fn control_grammar() -> &'static Grammar {
    static CONTROL: std::sync::OnceLock<Grammar> = std::sync::OnceLock::new();
    CONTROL.get_or_init(|| Grammar::Record(grammar::control().clone()))
}

fn decode_task(kind: &str, block: &Node, found: &mut Vec<Diagnostic>) -> Option<Task> {
    Some(match kind {
        "preprocess" => Task::Preprocess(decode(block, found)?),
        "train" => Task::Train(decode(block, found)?),
        "evaluate" => Task::Evaluate(decode(block, found)?),
        "compress" => Task::Compress(decode(block, found)?),
        "package" => Task::Package(decode(block, found)?),
        "command" => Task::Command(decode(block, found)?),
        "summarize" => Task::Summarize(decode(block, found)?),
        _ => Task::Choose(decode(block, found)?),
    })
}

fn has_any_name(node: &Node) -> bool {
    match &node.value {
        Value::Text(text) => has_names(text),
        Value::List(items) => items.iter().any(has_any_name),
        Value::Map(entries) => entries.iter().any(|it| has_any_name(&it.node)),
        _ => false,
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
