//! A stage as written: its kind, its block and control keys with vars bound, its axes, what it names of other stages.
//! Knows one stage at a time; not whether what it names exists.

use std::collections::HashSet;

use indexmap::IndexMap;
use pipe_schema::stage::{KINDS, preprocess::Form};

use super::{
    account::Account,
    fit::unknown_field,
    grammar,
    interpolate::{Ports, Scope},
    matrix::Matrix,
};
use crate::spec::{
    Diagnostic, Entry, Node, Span, Value,
    suggest::{list, nearest},
};

/// A stage as written.
pub struct Draft {
    pub name: String,
    pub span: Span,
    pub kind: &'static str,
    pub kind_span: Span,
    /// Vars are bound, axes are not.
    pub block: Node,
    /// The control keys, without `matrix`; vars are bound.
    pub control: Node,
    pub matrix: Matrix,
    pub links: Vec<Link>,
    pub needs: Vec<(String, Span)>,
    pub ports: Ports,
    /// The vars that it uses.
    pub vars: HashSet<String>,
    /// The nodes of its block.
    pub size: usize,
}

/// Another stage's output as named in a block.
#[derive(Clone, Debug)]
pub struct Link {
    /// The role of the input that it becomes.
    pub role: String,
    /// As written; axes may be open in it.
    pub text: String,
    pub span: Span,
    pub want: Want,
}

/// What a place in a block takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    Dataset,
    Part,
    Model,
    /// An evaluate stage's report.
    Report,
    /// Any report, to be summarized.
    Reports,
    /// The instances' output, to be chosen from.
    Choices,
    Metric,
    Files,
    Any,
}

impl Draft {
    /// Reads a stage. Nothing comes of one whose kind cannot be told.
    pub fn read(
        name: &str,
        entry: Entry,
        vars: &IndexMap<String, Node>,
        used: &Account,
        found: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        // What a stage that came to nothing used is not this one's.
        used.take_recent();
        let Entry { key_span, node, .. } = entry;
        let Value::Map(fields) = node.value else {
            found.push(
                Diagnostic::error(format!("the stage `{name}` must be a map"))
                    .at(node.span, format!("found {}", node.value.describe()))
                    .hint(format!("give it a kind: {}", list(KINDS))),
            );
            return None;
        };
        let mut kinds: Vec<(&'static str, Entry)> = Vec::new();
        let mut control = Vec::new();
        let mut matrix = None;
        let mut scope = Scope {
            vars,
            used,
            axes: None,
            ports: None,
            splice: None,
        };
        let mut unknown = Vec::new();
        for field in fields {
            if let Some(kind) = KINDS.iter().find(|it| **it == field.key) {
                kinds.push((kind, field));
            } else if field.key == "matrix" {
                matrix = Some(scope.bind(&field.node, found));
            } else if grammar::control().fields.contains_key(&field.key) {
                control.push(scope.bind_own(field, found));
            } else {
                unknown.push(field);
            }
        }
        for field in &unknown {
            found.push(misplaced(name, field, &kinds));
        }
        let (kind, block) = match kinds.as_slice() {
            [_] => kinds.swap_remove(0),
            [] => {
                let is_named = unknown.iter().any(|it| nearest(&it.key, KINDS).is_some());
                if !is_named {
                    found.push(
                        Diagnostic::error(format!("the stage `{name}` has no kind"))
                            .at(key_span, "expected exactly one kind key")
                            .hint(format!("kinds: {}", list(KINDS))),
                    );
                }
                return None;
            }
            [first, second, ..] => {
                found.push(
                    Diagnostic::error(format!("the stage `{name}` has more than one kind"))
                        .at(second.1.key_span, "a second kind")
                        .at(first.1.key_span, "the first kind")
                        .hint("a stage does one thing: make two stages of it"),
                );
                return None;
            }
        };
        let ports = ports(kind, &block.node);
        let splice = scope.splice_of(&block.node);
        let kind_span = block.key_span;
        let block = match block.node.value {
            Value::Map(entries) => {
                let entries = entries
                    .into_iter()
                    .map(|it| {
                        let is_cmd = kind == "command" && it.key == "cmd";
                        scope.ports = is_cmd.then(|| ports.clone());
                        scope.splice = is_cmd.then_some(splice);
                        scope.bind_own(it, found)
                    })
                    .collect();
                Node {
                    value: Value::Map(entries),
                    ..block.node
                }
            }
            _ => scope.bind(&block.node, found),
        };
        let control = Node::new(node.span, Value::Map(control));
        Some(Self {
            name: name.to_owned(),
            span: key_span,
            kind,
            kind_span,
            links: links(kind, &block),
            needs: needs(&control),
            size: block.size(),
            block,
            control,
            matrix: matrix.map_or_else(Matrix::default, |it| Matrix::read(&it, vars, found)),
            ports,
            vars: used.take_recent(),
        })
    }
}

/// A key that a stage does not have; perhaps it belongs into the block.
fn misplaced(name: &str, field: &Entry, kinds: &[(&'static str, Entry)]) -> Diagnostic {
    let known: Vec<String> = KINDS
        .iter()
        .map(|it| (*it).to_owned())
        .chain(grammar::control().fields.keys().cloned())
        .collect();
    let belongs = kinds.iter().find(|(kind, _)| {
        grammar::block(kind).is_some_and(|it| it.fields.contains_key(&field.key))
    });
    match belongs {
        Some((kind, _)) => Diagnostic::error(format!(
            "`{}` stands beside `{kind}`, not inside it",
            field.key
        ))
        .at(field.key_span, format!("belongs into `{kind}`"))
        .hint("indent it two spaces more, below the kind"),
        None => unknown_field(field, name, known.iter()),
    }
}

fn ports(kind: &str, block: &Node) -> Ports {
    if kind != "command" {
        return Ports::default();
    }
    let names = |field: &str| {
        let entries = block.get(field).map_or(&[][..], Node::entries);
        entries.iter().map(|it| it.key.clone()).collect()
    };
    Ports {
        inputs: names("inputs"),
        outputs: names("outputs"),
    }
}

fn needs(control: &Node) -> Vec<(String, Span)> {
    let items = control.get("needs").map_or(&[][..], Node::items);
    items
        .iter()
        .filter_map(|it| Some((it.as_text()?.to_owned(), it.span)))
        .collect()
}

/// What a block names of other stages.
pub fn links(kind: &str, block: &Node) -> Vec<Link> {
    let mut links = Vec::new();
    let mut add = |role: &dyn Fn() -> String, node: Option<&Node>, want: Want| {
        if let Some((node, text)) = node.and_then(|it| Some((it, it.as_text()?))) {
            links.push(Link {
                role: role(),
                text: text.to_owned(),
                span: node.span,
                want,
            });
        }
    };
    let mut field = |name: &str, want: Want| add(&|| name.to_owned(), block.get(name), want);
    match kind {
        "train" => field("data", Want::Dataset),
        "evaluate" => {
            field("model", Want::Model);
            field("data", Want::Part);
        }
        "compress" => {
            field("model", Want::Model);
            field("data", Want::Dataset);
        }
        "package" => {
            field("model", Want::Model);
            field("report", Want::Report);
        }
        "summarize" => field("reports", Want::Reports),
        "choose" => {
            field("model", Want::Choices);
            field("by", Want::Metric);
        }
        _ => {}
    }
    match kind {
        "train" => {
            let from = block.get("init_from").and_then(|it| it.get("from"));
            add(&|| "init_from".to_owned(), from, Want::Model);
        }
        "preprocess" => {
            let source = block.get("source");
            let from = source.and_then(|it| it.get("from"));
            add(&|| "source/0".to_owned(), from, Want::Files);
            for (i, item) in source.map_or_else(Vec::new, forms).iter().enumerate() {
                add(&|| format!("source/{i}"), item.get("from"), Want::Files);
            }
            for (n, join) in joins(block).iter().enumerate() {
                add(&|| format!("join/{n}/0"), join.get("from"), Want::Files);
                for (i, item) in forms(join).iter().enumerate() {
                    add(&|| format!("join/{n}/{i}"), item.get("from"), Want::Files);
                }
            }
            let files = block.get("split").and_then(|it| it.get("files"));
            for part in files.map_or(&[][..], Node::entries) {
                let name = if part.key == "valid" {
                    "val"
                } else {
                    &part.key
                };
                for (i, item) in file_items(Some(&part.node)).into_iter().enumerate() {
                    let from = item.get("from");
                    add(&|| format!("split/{name}/{i}"), from, Want::Files);
                }
            }
        }
        "command" => {
            for input in block.get("inputs").map_or(&[][..], Node::entries) {
                let from = match input.node.value {
                    Value::Map(_) => input.node.get("from"),
                    _ => Some(&input.node),
                };
                add(&|| format!("inputs/{}", input.key), from, Want::Any);
            }
            for (i, item) in block
                .get("deps")
                .map_or(&[][..], Node::items)
                .iter()
                .enumerate()
            {
                add(&|| format!("deps/{i}"), item.get("from"), Want::Any);
            }
        }
        _ => {}
    }
    links
}

/// The files that a source, or a table that is joined to it, names in any form.
pub fn forms(source: &Node) -> Vec<&Node> {
    let forms = Form::ALL.iter();
    forms
        .flat_map(|form| file_items(source.get(form.name())))
        .collect()
}

/// The tables that are joined to the source of a preprocess block.
pub fn joins(block: &Node) -> &[Node] {
    one_or_many(block.get("source").and_then(|it| it.get("join")))
}

/// The files of a list, or of a map from columns in the columns' order, or the one.
pub fn file_items(node: Option<&Node>) -> Vec<&Node> {
    let entries = node.map_or(&[][..], Node::entries);
    let is_one = |it: &Entry| ["from", "url", "sha256", "max_size"].contains(&it.key.as_str());
    if entries.iter().all(is_one) {
        return one_or_many(node).iter().collect();
    }
    let mut entries: Vec<&Entry> = entries.iter().collect();
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    entries.into_iter().map(|it| &it.node).collect()
}

/// The items of a list, or the one value in its stead.
pub fn one_or_many(node: Option<&Node>) -> &[Node] {
    match node {
        None => &[],
        Some(Node {
            value: Value::List(items),
            ..
        }) => items,
        Some(one) => std::slice::from_ref(one),
    }
}
