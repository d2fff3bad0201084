//! How often a stage is there: its own axes and those of what it reads. Knows tables and references, not blocks.

use std::{collections::HashMap, sync::Arc};

use indexmap::IndexMap;
use pipe_schema::reference::Reference;

use super::{
    draft::{Draft, Link, Want},
    matrix::{Cell, MOST_INSTANCES, Table, instance, is_meant, texts},
};
use crate::spec::{Diagnostic, Node, Value, suggest::lacking};

/// The places of one stage, and where each is.
pub struct Places {
    pub table: Table,
    /// Rows by their texts, where there are axes.
    index: HashMap<Vec<Arc<str>>, usize>,
}

impl Places {
    pub fn new(table: Table) -> Self {
        let rows = if table.axes.is_empty() {
            &[][..]
        } else {
            &table.rows
        };
        let index = rows
            .iter()
            .enumerate()
            .map(|(i, row)| (texts(row), i))
            .collect();
        Self { table, index }
    }

    /// The axes of a row with their values.
    pub fn axes(&self, row: usize) -> IndexMap<String, Value> {
        let values = self.table.rows[row].iter().map(|it| it.value.clone());
        self.table.axes.iter().cloned().zip(values).collect()
    }

    /// `score@fold=0@lr=0.1`.
    pub fn id(&self, name: &str, row: usize) -> String {
        let row = &self.table.rows[row];
        let place = instance(self.table.axes.iter().map(String::as_str).zip(row));
        if place.is_empty() {
            name.to_owned()
        } else {
            format!("{name}@{place}")
        }
    }

    /// The rows that a reader in `row` of `reader` means; the axes `over` are left open.
    pub fn partners(
        &self,
        reader: &Table,
        row: &[Cell],
        reference: &Reference,
        over: &[String],
    ) -> Vec<usize> {
        let wanted: Vec<Option<Wanted<'_>>> = self
            .table
            .axes
            .iter()
            .map(|axis| {
                let pin = reference.selectors.iter().find(|it| it.0 == *axis);
                match (pin, reader.column(axis)) {
                    (Some((_, text)), _) => Some(Wanted::Written(text)),
                    (None, Some(column)) if !over.contains(axis) => {
                        Some(Wanted::Cell(&row[column]))
                    }
                    _ => None,
                }
            })
            .collect();
        let exact: Option<Vec<Arc<str>>> = wanted
            .iter()
            .map(|it| match it {
                Some(Wanted::Cell(cell)) => Some(Arc::clone(&cell.text)),
                _ => None,
            })
            .collect();
        if let Some(exact) = exact.filter(|it| !it.is_empty()) {
            return self.index.get(&exact).copied().into_iter().collect();
        }
        (0..self.table.rows.len())
            .filter(|it| {
                wanted
                    .iter()
                    .zip(&self.table.rows[*it])
                    .all(|(wanted, cell)| match wanted {
                        None => true,
                        Some(Wanted::Cell(it)) => it.text == cell.text,
                        Some(Wanted::Written(text)) => is_meant(text, cell),
                    })
            })
            .collect()
    }

    /// The place of a row on some axes, as it stands in a role.
    pub fn place_on(&self, axes: &[String], row: usize) -> String {
        let row = &self.table.rows[row];
        instance(axes.iter().filter_map(|axis| {
            let column = self.table.column(axis)?;
            Some((axis.as_str(), &row[column]))
        }))
    }
}

enum Wanted<'a> {
    Cell(&'a Cell),
    Written(&'a str),
}

/// The axes that a stage ends.
pub fn over(draft: &Draft) -> Vec<String> {
    let items = draft.block.get("over").map_or(&[][..], Node::items);
    items
        .iter()
        .filter_map(|it| it.as_text().map(str::to_owned))
        .collect()
}

/// The places of a stage, from its own axes and those of what it reads.
/// `targets` are the links with their stage's places; a link's text may still ask for axes.
pub fn places(
    draft: &Draft,
    targets: &dyn Fn(&Reference) -> Option<Table>,
    found: &mut Vec<Diagnostic>,
) -> Table {
    let at_first = found.len();
    let own = match draft.matrix.table() {
        Ok(own) => own,
        Err(size) => {
            found.push(too_large(draft, size));
            return Table::single();
        }
    };
    let over = over(draft);
    check_over(draft, &over, targets, found);
    let mut all: Option<Table> = None;
    let is_open = draft.links.iter().any(|it| it.text.contains("${matrix."));
    let parts: Vec<Table> = if is_open {
        own.rows
            .iter()
            .map(|row| Table {
                axes: own.axes.clone(),
                rows: vec![row.clone()],
            })
            .collect()
    } else {
        vec![own]
    };
    for part in parts {
        let mut table = part;
        for link in &draft.links {
            let text = bind_axes(&link.text, &table, table.rows.first());
            let Ok(reference) = text.parse::<Reference>() else {
                continue;
            };
            let Some(target) = targets(&reference) else {
                continue;
            };
            let before = found.len();
            let target = pinned(&target, &reference, link, found);
            let is_sound = found.len() == before;
            let ended: Vec<&str> = match link.want {
                Want::Reports | Want::Choices | Want::Metric => {
                    over.iter().map(String::as_str).collect()
                }
                _ => Vec::new(),
            };
            let target = target.without(&ended);
            check_shared(draft, link, &target, found);
            if draft.kind == "package" && is_sound {
                check_single(draft, link, &target, found);
            }
            match table.join(&target) {
                Ok(joined) => table = joined,
                Err(size) => {
                    found.push(too_large(draft, size));
                    return Table::single();
                }
            }
        }
        match &mut all {
            None => all = Some(table),
            Some(all) => all.rows.extend(table.rows),
        }
    }
    let mut table = all.unwrap_or_else(Table::single);
    if table.rows.len() > MOST_INSTANCES {
        found.push(too_large(draft, table.rows.len()));
        return Table::single();
    }
    table.exclude(&draft.matrix.excludes, found);
    if table.rows.is_empty() && found.len() == at_first {
        found.push(
            Diagnostic::error(format!("nothing is left of the stage `{}`", draft.name)).at(
                draft.span,
                "its axes have no place in common, or `exclude` leaves none",
            ),
        );
    }
    table
}

/// The text with the axes of a row in it; axes that are not in the row stay.
pub fn bind_axes(text: &str, table: &Table, row: Option<&Vec<Cell>>) -> String {
    let Some(row) = row.filter(|_| text.contains("${matrix.")) else {
        return text.to_owned();
    };
    let mut bound = text.to_owned();
    for (axis, cell) in table.axes.iter().zip(row) {
        bound = bound.replace(&format!("${{matrix.{axis}}}"), &cell.text);
    }
    bound
}

/// The rows that a reference's selectors leave. A selector that is still open ends its axis.
fn pinned(
    target: &Table,
    reference: &Reference,
    link: &Link,
    found: &mut Vec<Diagnostic>,
) -> Table {
    let mut closed = Vec::new();
    let mut open = Vec::new();
    for (axis, value) in &reference.selectors {
        let Some(column) = target.column(axis) else {
            let axes: Vec<&str> = target.axes.iter().map(String::as_str).collect();
            found.push(lacking(&reference.stage, "axis", axis, &axes, link.span));
            continue;
        };
        if value.contains("${") {
            open.push(axis.as_str());
            continue;
        }
        if !target.rows.iter().any(|row| is_meant(value, &row[column])) {
            let values = target.values(axis);
            let values: Vec<&str> = values.iter().map(|it| &**it).collect();
            found.push(lacking(axis, "value", value, &values, link.span));
        }
        closed.push((axis.clone(), value.clone()));
    }
    target.select(&closed).without(&open)
}

fn check_over(
    draft: &Draft,
    over: &[String],
    targets: &dyn Fn(&Reference) -> Option<Table>,
    found: &mut Vec<Diagnostic>,
) {
    let items = draft.block.get("over").map_or(&[][..], Node::items);
    if !matches!(draft.kind, "summarize" | "choose") {
        return;
    }
    if let (Some(node), true) = (draft.block.get("over"), items.is_empty()) {
        found.push(
            Diagnostic::error("`over` must name at least one axis")
                .at(node.span, "no axis ends here"),
        );
    }
    for link in &draft.links {
        let Some((reference, target)) = link
            .text
            .parse::<Reference>()
            .ok()
            .and_then(|it| targets(&it).map(|target| (it, target)))
        else {
            continue;
        };
        if target.axes.is_empty() {
            found.push(
                Diagnostic::error(format!("`{}` has no axes to end", reference.stage))
                    .at(link.span, "one instance only")
                    .hint(format!(
                        "`{}` takes a stage with a `matrix`, or a reader of one",
                        draft.kind
                    )),
            );
            continue;
        }
        for (axis, item) in over.iter().zip(items) {
            if target.column(axis).is_none() {
                let axes: Vec<&str> = target.axes.iter().map(String::as_str).collect();
                found.push(lacking(&reference.stage, "axis", axis, &axes, item.span));
            }
        }
    }
}

/// An axis that both have must have the reader's values upstream too.
fn check_shared(draft: &Draft, link: &Link, target: &Table, found: &mut Vec<Diagnostic>) {
    for (axis, (span, values)) in &draft.matrix.axes {
        if target.column(axis).is_none() {
            continue;
        }
        let upstream = target.values(axis);
        for value in values {
            if !upstream.contains(&value.text) {
                let known: Vec<&str> = upstream.iter().map(|it| &**it).collect();
                found.push(lacking(axis, "value", &value.text, &known, link.span).at(
                    *span,
                    format!(
                        "`{}` has an axis of that name too: the two join",
                        draft.name
                    ),
                ));
            }
        }
    }
}

/// A package holds one model: axes that are not its own must be pinned or ended.
fn check_single(draft: &Draft, link: &Link, target: &Table, found: &mut Vec<Diagnostic>) {
    let foreign = target
        .axes
        .iter()
        .find(|it| !draft.matrix.axes.contains_key(*it));
    if let Some(axis) = foreign {
        found.push(
            not_single(&format!("`{}`", link.text), link, target, axis)
                .hint("or end the axis: `choose` takes the best model of several"),
        );
    }
}

/// A reference to several instances where one is wanted.
pub fn not_single(name: &str, link: &Link, target: &Table, axis: &str) -> Diagnostic {
    let values = target.values(axis);
    let shown: Vec<&str> = values.iter().take(4).map(|it| &**it).collect();
    let first = shown.first().copied().unwrap_or_default();
    Diagnostic::error(format!(
        "one instance is wanted, but {name} has {}",
        target.rows.len()
    ))
    .at(
        link.span,
        format!(
            "the axis `{axis}` is open: {}{}",
            shown.join(", "),
            if values.len() > 4 { ", …" } else { "" }
        ),
    )
    .hint(format!("pin one: `{}@{axis}={first}`", link.text))
}

fn too_large(draft: &Draft, size: usize) -> Diagnostic {
    let size = if size == usize::MAX {
        "very many".to_owned()
    } else {
        format!("at least {size}")
    };
    Diagnostic::error(format!("the stage `{}` has {size} instances", draft.name))
        .at(draft.span, format!("at most {MOST_INSTANCES} are allowed"))
        .hint("leave some out with `exclude`, or search them with a sweep")
}
