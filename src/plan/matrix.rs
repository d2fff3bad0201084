//! Axes and their tables: joined by name, filtered, projected. Knows rows of values; not which stage they are of.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use indexmap::IndexMap;

use super::name;
use crate::spec::{
    Diagnostic, Entry, Node, Span, Value,
    suggest::{lacking, unknown},
    yaml,
};

/// A stage with more instances is refused.
pub const MOST_INSTANCES: usize = 10_000;

/// A value of an axis with its canonical text.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    pub text: Arc<str>,
    pub value: Value,
}

pub type Row = Vec<Cell>;

/// Places in a matrix: for each row, a value of each axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    pub axes: Vec<String>,
    pub rows: Vec<Row>,
}

/// A stage's own `matrix`.
#[derive(Clone, Debug, Default)]
pub struct Matrix {
    pub axes: IndexMap<String, (Span, Row)>,
    pub excludes: Vec<Node>,
}

impl Matrix {
    /// Reads a `matrix` whose vars are bound.
    pub fn read(node: &Node, vars: &IndexMap<String, Node>, found: &mut Vec<Diagnostic>) -> Self {
        let mut matrix = Self::default();
        if !matches!(node.value, Value::Map(_)) {
            found.push(
                Diagnostic::error("`matrix` must be a map from axes to lists")
                    .at(node.span, format!("found {}", node.value.describe()))
                    .hint("write `matrix: {fold: [0, 1, 2]}`"),
            );
        }
        for entry in node.entries() {
            if entry.key == "exclude" {
                matrix.excludes(&entry.node, found);
            } else {
                matrix.axis(entry, vars, found);
            }
        }
        matrix
    }

    fn excludes(&mut self, node: &Node, found: &mut Vec<Diagnostic>) {
        let is_legal = matches!(node.value, Value::List(_))
            && node.items().iter().all(|it| !it.entries().is_empty());
        if is_legal {
            self.excludes = node.items().to_vec();
        } else {
            found.push(
                Diagnostic::error("`exclude` must be a list of maps")
                    .at(node.span, format!("found {}", node.value.describe()))
                    .hint("write `exclude: [{fold: 1, lr: 0.1}]`"),
            );
        }
    }

    fn axis(&mut self, entry: &Entry, vars: &IndexMap<String, Node>, found: &mut Vec<Diagnostic>) {
        let axis = &entry.key;
        if !name::is_legal(axis) {
            found.push(
                Diagnostic::error(format!("`{axis}` is no name for an axis"))
                    .at(entry.key_span, name::explain(axis))
                    .hint(name::RULE),
            );
            return;
        }
        if let Some(var) = vars.get(axis) {
            found.push(
                Diagnostic::error(format!("the axis `{axis}` bears a var's name"))
                    .at(entry.key_span, "an axis")
                    .at(var.span, "the var")
                    .hint("rename one of the two"),
            );
        }
        if entry.node.items().is_empty() {
            found.push(
                Diagnostic::error(format!("the axis `{axis}` must be a list of values")).at(
                    entry.node.span,
                    format!("found {}", entry.node.value.describe()),
                ),
            );
            return;
        }
        let mut row: Row = Vec::new();
        for item in entry.node.items() {
            if let Err(why) = check_value(&item.value) {
                found.push(
                    Diagnostic::error(format!("a value of the axis `{axis}` {why}"))
                        .at(item.span, format!("found {}", item.value.describe())),
                );
                continue;
            }
            let cell = Cell {
                text: item.value.canonical().into(),
                value: item.value.clone(),
            };
            if row.iter().any(|it| it.text == cell.text) {
                found.push(
                    Diagnostic::error(format!(
                        "the axis `{axis}` has {} twice",
                        item.value.describe()
                    ))
                    .at(item.span, "given again here"),
                );
                continue;
            }
            row.push(cell);
        }
        self.axes.insert(axis.clone(), (entry.key_span, row));
    }

    /// All places of the own axes.
    pub fn table(&self) -> Result<Table, usize> {
        let size = self
            .axes
            .values()
            .try_fold(1_usize, |size, (_, row)| size.checked_mul(row.len().max(1)))
            .unwrap_or(usize::MAX);
        if size > MOST_INSTANCES {
            return Err(size);
        }
        let mut table = Table::single();
        for (axis, (_, values)) in &self.axes {
            table.axes.push(axis.clone());
            table.rows = table
                .rows
                .iter()
                .flat_map(|row| {
                    values.iter().map(move |value| {
                        let mut row = row.clone();
                        row.push(value.clone());
                        row
                    })
                })
                .collect();
        }
        Ok(table)
    }
}

/// Values go into names and selectors.
fn check_value(value: &Value) -> Result<(), &'static str> {
    match value {
        Value::Null => Err("cannot be nothing"),
        Value::Map(_) => Err("cannot be a map"),
        Value::Float(it) if !it.is_finite() => Err("must be finite"),
        Value::Text(text) if text.is_empty() => Err("cannot be empty"),
        Value::Text(text) if text.contains('@') => Err("cannot have `@` in it"),
        Value::Text(text) if text.contains(char::is_control) => {
            Err("cannot have line breaks in it")
        }
        Value::List(items) => items.iter().try_for_each(|it| check_value(&it.value)),
        _ => Ok(()),
    }
}

/// Whether a selector's text means this value: `0.10` means 0.1.
pub fn is_meant(written: &str, cell: &Cell) -> bool {
    *cell.text == *written || *cell.text == *yaml::value_of(written).canonical()
}

impl Table {
    /// One place without axes.
    pub fn single() -> Self {
        Self {
            axes: Vec::new(),
            rows: vec![Vec::new()],
        }
    }

    pub fn column(&self, axis: &str) -> Option<usize> {
        self.axes.iter().position(|it| it == axis)
    }

    /// The values of an axis, each once, in order.
    pub fn values(&self, axis: &str) -> Vec<Arc<str>> {
        let mut seen = HashSet::new();
        let column = self.column(axis);
        self.rows
            .iter()
            .filter_map(|row| Some(Arc::clone(&row[column?].text)))
            .filter(|it| seen.insert(Arc::clone(it)))
            .collect()
    }

    /// The rows with these values, without these axes.
    pub fn select(&self, pins: &[(String, String)]) -> Self {
        let columns: Vec<(usize, &str)> = pins
            .iter()
            .filter_map(|(axis, value)| Some((self.column(axis)?, value.as_str())))
            .collect();
        let rows = self
            .rows
            .iter()
            .filter(|row| {
                columns
                    .iter()
                    .all(|(column, value)| is_meant(value, &row[*column]))
            })
            .cloned()
            .collect();
        let pinned: Vec<&str> = pins.iter().map(|it| it.0.as_str()).collect();
        Self {
            axes: self.axes.clone(),
            rows,
        }
        .without(&pinned)
    }

    /// Without these axes; equal rows become one.
    pub fn without(&self, ended: &[&str]) -> Self {
        let kept: Vec<usize> = (0..self.axes.len())
            .filter(|it| !ended.contains(&self.axes[*it].as_str()))
            .collect();
        if kept.len() == self.axes.len() {
            return self.clone();
        }
        let mut seen = HashSet::new();
        let rows = self
            .rows
            .iter()
            .map(|row| kept.iter().map(|it| row[*it].clone()).collect::<Row>())
            .filter(|row| seen.insert(texts(row)))
            .collect();
        Self {
            axes: kept.iter().map(|it| self.axes[*it].clone()).collect(),
            rows,
        }
    }

    /// Shared axes join by name, others cross. Axes of `other` come first: they are upstream.
    pub fn join(&self, other: &Self) -> Result<Self, usize> {
        if other.axes.is_empty() {
            let rows = if other.rows.is_empty() {
                Vec::new()
            } else {
                self.rows.clone()
            };
            return Ok(Self {
                axes: self.axes.clone(),
                rows,
            });
        }
        let shared: Vec<(usize, usize)> = (0..other.axes.len())
            .filter_map(|it| Some((it, self.column(&other.axes[it])?)))
            .collect();
        let own: Vec<usize> = (0..self.axes.len())
            .filter(|it| other.column(&self.axes[*it]).is_none())
            .collect();
        let mut groups: HashMap<Vec<Arc<str>>, Vec<&Row>> = HashMap::new();
        for row in &self.rows {
            let key = shared
                .iter()
                .map(|it| Arc::clone(&row[it.1].text))
                .collect();
            groups.entry(key).or_default().push(row);
        }
        let mut rows = Vec::new();
        for upstream in &other.rows {
            let key: Vec<_> = shared
                .iter()
                .map(|it| Arc::clone(&upstream[it.0].text))
                .collect();
            for row in groups.get(&key).into_iter().flatten() {
                let mut joined = upstream.clone();
                joined.extend(own.iter().map(|it| row[*it].clone()));
                rows.push(joined);
            }
            if rows.len() > MOST_INSTANCES {
                return Err(rows.len());
            }
        }
        let axes = other
            .axes
            .iter()
            .chain(own.iter().map(|it| &self.axes[*it]));
        Ok(Self {
            axes: axes.cloned().collect(),
            rows,
        })
    }

    /// Leaves out the rows that an entry of `exclude` names.
    pub fn exclude(&mut self, excludes: &[Node], found: &mut Vec<Diagnostic>) {
        for exclude in excludes {
            let mut wanted: Vec<(usize, String)> = Vec::new();
            for entry in exclude.entries() {
                let Some(column) = self.column(&entry.key) else {
                    let axes: Vec<&str> = self.axes.iter().map(String::as_str).collect();
                    found.push(unknown("axis", &entry.key, &axes, entry.key_span));
                    continue;
                };
                let text = entry.node.value.canonical();
                let values = self.values(&entry.key);
                if !values.iter().any(|it| **it == *text) {
                    let values: Vec<&str> = values.iter().map(|it| &**it).collect();
                    found.push(lacking(
                        &entry.key,
                        "value",
                        &text,
                        &values,
                        entry.node.span,
                    ));
                }
                wanted.push((column, text));
            }
            self.rows.retain(|row| {
                wanted.is_empty()
                    || !wanted
                        .iter()
                        .all(|(column, text)| *row[*column].text == **text)
            });
        }
    }
}

/// The texts of a row, to compare and to look up.
pub fn texts(row: &[Cell]) -> Vec<Arc<str>> {
    row.iter().map(|it| Arc::clone(&it.text)).collect()
}

/// `fold=0@lr=0.1`; empty where there are no axes.
pub fn instance<'a>(places: impl IntoIterator<Item = (&'a str, &'a Cell)>) -> String {
    let places: Vec<String> = places
        .into_iter()
        .map(|(axis, cell)| format!("{axis}={}", cell.text))
        .collect();
    places.join("@")
}
