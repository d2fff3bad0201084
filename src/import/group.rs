//! `foreach` and `matrix`: which stages and axes they become. Knows values, not what a stage does.
//! Values of an axis are scalars; where DVC has maps or lists, each becomes a stage of its own.

use std::collections::HashSet;

use indexmap::IndexMap;

use super::{
    place::{Bindings, Bound, Place},
    template,
    vars::legal_name,
};
use crate::spec::{Diagnostic, Entry, Node, Value};

/// More instances are refused.
const MOST: usize = 10_000;

/// One stage of the spec.
#[derive(Clone, Debug)]
pub struct Variant {
    /// What its name ends with, where a group becomes several stages.
    pub suffix: Option<String>,
    pub bindings: Bindings,
    pub axes: Vec<Axis>,
}

/// An axis of the spec.
#[derive(Clone, Debug)]
pub struct Axis {
    pub name: String,
    /// What stands for it in DVC: `item`, `key`, `item.lr`.
    pub binding: String,
    /// Scalars, each once.
    pub values: Vec<Node>,
    /// Where the whole list stands among the vars.
    pub path: Option<String>,
}

/// The names of all axes that a stage may get, so that no var takes them.
pub fn axis_names(stage: &Node) -> Vec<String> {
    let mut names = vec!["item".to_owned(), "key".to_owned()];
    let matrix = stage.get("matrix").map_or(&[][..], Node::entries);
    names.extend(matrix.iter().map(|it| axis_name(&it.key)));
    names
}

/// What the stage of an entry becomes.
pub fn variants(stage: &Entry, place: Place<'_>, errors: &mut Vec<Diagnostic>) -> Vec<Variant> {
    let node = &stage.node;
    let mut variants = if let Some(matrix) = node.get("matrix") {
        of_matrix(matrix, place, errors)
    } else if let (Some(items), Some(template)) = (node.get("foreach"), node.get("do")) {
        of_foreach(items, template, place, errors)
    } else {
        vec![Variant {
            suffix: None,
            bindings: Vec::new(),
            axes: Vec::new(),
        }]
    };
    variants.retain(|it| it.axes.iter().all(|axis| !axis.values.is_empty()));
    variants
}

impl Variant {
    /// What the names stand for in each instance.
    pub fn instances(&self) -> Vec<Bindings> {
        let mut rows = vec![self.bindings.clone()];
        for axis in &self.axes {
            let with = |row: &Bindings, value: &Node| {
                let mut row = row.clone();
                for bound in row.iter_mut().filter(|it| it.0 == axis.binding) {
                    bound.1 = Bound::Value(value.clone(), None);
                }
                row
            };
            rows = rows
                .iter()
                .flat_map(|row| axis.values.iter().map(move |it| with(row, it)))
                .take(MOST)
                .collect();
        }
        rows
    }
}

fn of_foreach(
    items: &Node,
    template: &Node,
    place: Place<'_>,
    errors: &mut Vec<Diagnostic>,
) -> Vec<Variant> {
    let (data, path) = place.value(items, errors);
    let below = |key: &str| path.as_ref().map(|it| format!("{it}.{key}"));
    let entries: Vec<(String, Node)> = match &data.value {
        Value::List(items) if items.iter().all(is_scalar) => {
            let axis = Axis {
                name: "item".to_owned(),
                binding: "item".to_owned(),
                values: distinct(items),
                path,
            };
            return vec![axis.alone()];
        }
        Value::List(items) => {
            let numbered = items.iter().enumerate();
            numbered
                .map(|(i, it)| (i.to_string(), it.clone()))
                .collect()
        }
        Value::Map(entries) => {
            if !template::mentions(template, "item") {
                let key = |it: &Entry| Node::new(it.key_span, Value::Text(it.key.clone()));
                let axis = Axis {
                    name: "key".to_owned(),
                    binding: "key".to_owned(),
                    values: entries.iter().map(key).collect(),
                    path: None,
                };
                return vec![axis.alone()];
            }
            entries
                .iter()
                .map(|it| (it.key.clone(), it.node.clone()))
                .collect()
        }
        other => {
            errors.push(
                Diagnostic::error("`foreach` takes a list or a map")
                    .at(items.span, format!("found {}", other.describe())),
            );
            return Vec::new();
        }
    };
    let has_keys = matches!(data.value, Value::Map(_));
    let variant = |(key, node): (String, Node)| {
        let path = below(&key);
        let mut bindings = vec![("item".to_owned(), Bound::Value(node, path))];
        if has_keys {
            let key = Node::new(items.span, Value::Text(key.clone()));
            bindings.push(("key".to_owned(), Bound::Value(key, None)));
        }
        Variant {
            suffix: Some(legal_suffix(&key)),
            bindings,
            axes: Vec::new(),
        }
    };
    unique(entries.into_iter().map(variant).collect())
}

impl Axis {
    fn alone(self) -> Variant {
        Variant {
            suffix: None,
            bindings: vec![(self.binding.clone(), Bound::Axis(self.name.clone()))],
            axes: vec![self],
        }
    }
}

fn of_matrix(matrix: &Node, place: Place<'_>, errors: &mut Vec<Diagnostic>) -> Vec<Variant> {
    let mut axes: Vec<Axis> = Vec::new();
    let mut spread: IndexMap<String, (Vec<Node>, Option<String>)> = IndexMap::new();
    for entry in matrix.entries() {
        let (data, path) = place.value(&entry.node, errors);
        let Value::List(items) = &data.value else {
            errors.push(
                Diagnostic::error(format!("the axis `{}` must be a list", entry.key))
                    .at(entry.node.span, format!("found {}", data.value.describe())),
            );
            continue;
        };
        if items.iter().all(is_scalar) {
            let mut name = axis_name(&entry.key);
            while axes.iter().any(|it| it.name == name) {
                name.push('_');
            }
            axes.push(Axis {
                name,
                binding: format!("item.{}", entry.key),
                values: distinct(items),
                path,
            });
        } else {
            spread.insert(entry.key.clone(), (items.clone(), path));
        }
    }
    let n: usize = spread.values().map(|it| it.0.len()).product();
    if n > MOST {
        errors.push(
            Diagnostic::error(format!("the matrix has more than {MOST} combinations"))
                .at(matrix.span, "too many"),
        );
        return Vec::new();
    }
    let mut variants = vec![Variant {
        suffix: None,
        bindings: axes
            .iter()
            .map(|it| (it.binding.clone(), Bound::Axis(it.name.clone())))
            .collect(),
        axes,
    }];
    for (axis, (items, path)) in &spread {
        let with = |variant: &Variant, (i, item): (usize, &Node)| {
            let mut variant = variant.clone();
            let fragment = match &item.value {
                Value::List(_) | Value::Map(_) => format!("{axis}{i}"),
                scalar => template::text_of(scalar),
            };
            let word = legal_suffix(&fragment);
            variant.suffix = Some(match variant.suffix {
                Some(before) => format!("{before}_{word}"),
                None => word,
            });
            let path = path.as_ref().map(|it| format!("{it}.{i}"));
            let bound = Bound::Value(item.clone(), path);
            variant.bindings.push((format!("item.{axis}"), bound));
            let fragment = Node::new(item.span, Value::Text(fragment));
            let bound = Bound::Value(fragment, None);
            variant.bindings.push((key_fragment(axis), bound));
            variant
        };
        variants = variants
            .iter()
            .flat_map(|variant| items.iter().enumerate().map(move |it| with(variant, it)))
            .collect();
    }
    // As DVC puts the axes together where it names a combination.
    let place = |binding: &(String, Bound)| {
        let axis = binding.0.strip_prefix("item.");
        matrix
            .entries()
            .iter()
            .position(|it| Some(it.key.as_str()) == axis)
    };
    for variant in &mut variants {
        variant.bindings.sort_by_key(place);
    }
    unique(variants)
}

/// The binding of what a value of an axis adds to `${key}`: `model0` for a map or a list.
pub fn key_fragment(axis: &str) -> String {
    format!("key of {axis}")
}

/// Suffixes that became equal are told apart.
fn unique(mut variants: Vec<Variant>) -> Vec<Variant> {
    let mut seen = HashSet::new();
    for variant in &mut variants {
        let Some(suffix) = &mut variant.suffix else {
            continue;
        };
        while !seen.insert(suffix.clone()) {
            suffix.push('_');
        }
    }
    variants
}

fn axis_name(key: &str) -> String {
    match legal_name(key) {
        // A word of the spec's `matrix`.
        name if name == "exclude" => "exclude_".to_owned(),
        name => name,
    }
}

fn legal_suffix(key: &str) -> String {
    legal_name(&format!("_{key}"))[1..].to_owned()
}

fn is_scalar(node: &Node) -> bool {
    !matches!(node.value, Value::List(_) | Value::Map(_))
}

/// Values whose texts differ.
fn distinct(items: &[Node]) -> Vec<Node> {
    let mut seen = HashSet::new();
    items
        .iter()
        .filter(|it| seen.insert(template::text_of(&it.value)))
        .cloned()
        .collect()
}
