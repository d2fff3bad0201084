//! One instance of a stage: bound, decoded, wired, checked. Knows what is upstream of it, not what is beside it.

use indexmap::{IndexMap, IndexSet};
use pipe_schema::{reference::Reference, stage::Task};

use super::{Built, Decoded, Resolver};
use crate::{
    plan::{
        Input, Stage, StageId, columns,
        draft::{Link, Want, links},
        expand, facts,
        interpolate::{Ports, Scope, has_any_name},
        layers, lineage, rules,
        upstream::Upstream,
        wiring::{self, Facts},
    },
    spec::{Diagnostic, Node, Severity, Span, Value},
};

impl Resolver<'_> {
    /// Builds an instance; `ahead` is what could be told of it beforehand.
    pub(super) fn build_instance(
        &mut self,
        at: usize,
        row: usize,
        is_expanded: bool,
        ahead: Option<Decoded>,
    ) -> (Facts, Built) {
        let draft = &self.drafts[at];
        let Some(places) = &self.places[at] else {
            return (Facts::default(), Built::default());
        };
        let id = places.id(&draft.name, row);
        let instance = places.axes(row);
        let decoded = ahead.or_else(|| {
            let mut found = Vec::new();
            let ports = (draft.kind == "command").then_some(&draft.ports);
            let block = self.bind_axes(&draft.block, &instance, ports, &mut found);
            let control = self.bind_axes(&draft.control, &instance, None, &mut found);
            Decoded::new(draft, block, control, self.levels, found)
        });
        let Some(decoded) = decoded else {
            return (Facts::default(), Built::default());
        };
        let Decoded {
            block,
            pruned,
            files,
            task,
            control,
            found: mut errors,
        } = decoded;
        let (mut inputs, mut sources) = (Vec::new(), Vec::new());
        if is_expanded {
            for link in &links(draft.kind, &block) {
                for (input, source) in self.inputs(at, row, link, &mut errors) {
                    inputs.push(input);
                    sources.push(source);
                }
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
                inputs: &inputs,
                sources: &sources,
            };
            let reads = lineage::raw_reads(task, &inputs, &upstream);
            if let Some(data) = inputs.iter_mut().find(|input| input.role == "data") {
                data.reads.extend(reads);
            }
            let upstream = Upstream {
                facts: &self.facts,
                inputs: &inputs,
                sources: &sources,
            };
            facts::add(&mut facts, task, &inputs, &upstream, self.loader);
            let place = rules::Place {
                block: &block,
                pruned: &pruned,
            };
            rules::check(task, place, &facts, &inputs, &upstream, &mut errors);
            layers::check(task, &block, &upstream, &mut errors);
            columns::check(task, &block, self.loader, &mut errors);
            let mut implicit = lineage::learned_inputs(task, &inputs, &upstream);
            implicit.extend(lineage::chosen_inputs(&id, task, &inputs, &upstream));
            implicit.extend(facts::implicit_data(task, &inputs, &upstream));
            facts::add_raw_columns(task, &mut inputs);
            inputs.extend(implicit);
        }
        let is_sound = !errors.iter().any(|it| it.severity == Severity::Error);
        errors.retain(|it| {
            let place = it.places.first().map(|it| it.0);
            self.said.insert((place, it.title.clone()))
        });
        self.found.extend(errors);
        let stage = match (task, control) {
            (Some(mut task), Some(mut control)) if is_sound => {
                control.matrix = IndexMap::new();
                // The one default that comes from outside of the block.
                if let Task::Package(package) = &mut task {
                    package.name.get_or_insert_with(|| self.project.to_owned());
                }
                Some(Box::new(Stage {
                    name: draft.name.clone(),
                    instance: instance
                        .into_iter()
                        .map(|(axis, value)| (axis, Node::new(Span::default(), value).to_json()))
                        .collect(),
                    reuse: control.reuse.or(self.reuse).unwrap_or_default(),
                    // They are moved here once all is wired.
                    files: Vec::new(),
                    outs: Vec::new(),
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
                }))
            }
            _ => None,
        };
        (facts, Built { stage, files })
    }

    /// A block with its axes bound; of a command with its ports. Most have none.
    fn bind_axes(
        &self,
        node: &Node,
        axes: &IndexMap<String, Value>,
        ports: Option<&Ports>,
        found: &mut Vec<Diagnostic>,
    ) -> Node {
        if !has_any_name(node) {
            return node.clone();
        }
        let scope = Scope {
            vars: self.vars,
            used: self.used,
            axes: Some(axes),
            ports: Some(ports.cloned().unwrap_or_default()),
            splice: None,
        };
        match &node.value {
            Value::Map(entries) if ports.is_some() => scope.bind_block(node, entries, found),
            _ => scope.bind(node, found),
        }
    }

    /// The inputs that a link is: one, or one for each instance that ends here; with the draft and row of each.
    fn inputs(
        &self,
        at: usize,
        row: usize,
        link: &Link,
        errors: &mut Vec<Diagnostic>,
    ) -> Vec<(Input, (usize, usize))> {
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
        self.charge(partners.len());
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
                    inputs.push((input, (*target, partner)));
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

    /// Counts what instances are linked with: axes that cross make it grow fast.
    fn charge(&self, n: usize) {
        self.links_left.set(self.links_left.get().saturating_sub(n));
    }

    /// The instances that `needs` names: those that agree on the axes that both have.
    fn needs(&self, at: usize, row: usize) -> Vec<StageId> {
        let draft = &self.drafts[at];
        let Some(places) = &self.places[at] else {
            return Vec::new();
        };
        let mut ids = IndexSet::new();
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
            let partners = theirs.partners(&places.table, &places.table.rows[row], &reference, &[]);
            self.charge(partners.len());
            for partner in partners {
                ids.insert(theirs.id(&reference.stage, partner));
            }
        }
        ids.into_iter().collect()
    }
}
